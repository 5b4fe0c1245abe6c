package import Model

/// A unit file or drop-in of the administrator, below /etc/systemd/system.
package struct UnitFileResource: ResourceKind {
    /// `x.service` or `x.service.d/y.conf`.
    package let name: String
    package let isAbsent: Bool
    package let content: Content?
    package let isSensitive: Bool

    static let folder = "/etc/systemd/system"
    private let attributes = FileAttributes(mode: 0o644, owner: "root", group: "root")

    package static let declaration = KindDeclaration(
        name: "unit",
        summary: "A unit file below /etc/systemd/system; systemd reads it again whenever it has changed.",
        subject: FieldDeclaration("unit", .text, "`name.service`, or `name.service.d/part.conf` for a drop-in."),
        fields: [
            FieldDeclaration("content", .content, "The content itself. One of content, source, template is needed."),
            FieldDeclaration("source", .roleFile, "A file of the role, taken byte for byte."),
            FieldDeclaration("template", .roleTemplate, "A template of the role. Secrets are refused in it."),
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` removes the file; stop and disable the service before it."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        name = fields.subject
        isAbsent = fields.isAbsent
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let isDropIn =
            parts.count == 2 && parts[0].hasSuffix(".d") && parts[1].hasSuffix(".conf") && !parts[1].hasPrefix(".")
        checks.require(
            isDropIn ? UnitText.isUnit(String(parts[0].dropLast(2))) : parts.count == 1 && UnitText.isUnit(name),
            "\"\(name)\" is neither a unit nor a drop-in of one",
            remedy: "\"name.service\" or \"name.service.d/part.conf\"")
        checks.requirePath(Self.folder + "/" + name)
        let given = ["content", "source", "template"].filter { fields[$0] != nil }
        content = given.first.flatMap { fields.content($0) }
        checks.require(
            given.count == (isAbsent ? 0 : 1),
            isAbsent
                ? "a unit that shall be absent has no content"
                : "exactly one of content, source and template is needed",
            at: given.last)
        // Unit files are readable by everybody, through systemctl cat even if their mode says otherwise.
        checks.require(
            content?.holdsSecrets != true, "a unit file cannot keep a secret", at: given.first,
            remedy: "put it into a file of mode 0600 that the service reads")
        isSensitive = false
        try checks.finish()
    }

    package var identity: String { name }
    package var path: String { "\(Self.folder)/\(name)" }
    package var managedPaths: [String] { [path] }
    package var managedContent: (path: String, content: Content)? { content.map { (path, $0) } }

    /// The unit that reads the file; `nil` for a template, which has no state of its own.
    private var unit: String? {
        let unit = name.columns("/")[0]
        let stem = unit.hasSuffix(".d") ? String(unit.dropLast(2)) : unit
        return UnitText.isTemplate(stem) ? nil : stem
    }
    private var unitRequest: ProbeRequest? { unit.map { ProbeRequest(UnitBatch.name, $0) } }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        FileState.probes(path, content: content) + (unitRequest.map { [$0] } ?? [])
    }

    /// Beside the file's own keys `daemon-reload`: whether systemd has read what lies there. A run that died between the two
    /// is so found out.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        let file = FileState.observation(path, content: content, attributes: attributes, from: answers)
        let answer = unitRequest.map { answers[$0] } ?? .absent
        switch (file, answer) {
        case (.unknown, _): return file
        case (_, .unknown(let reason)): return .unknown(reason: reason)
        case (.absent, .present(let unit)) where unit["reload"] == true && isAbsent:
            return .present(["type": "absent", "daemon-reload": "owed"])
        case (.absent, _): return .absent
        case (.present(var state), .present(let unit)):
            state["daemon-reload"] = unit["reload"] == true ? "owed" : "done"
            return .present(state)
        case (.present(var state), .absent):
            state["daemon-reload"] = "done"
            return .present(state)
        }
    }

    package func desired(with book: SecretBook, on facts: HostFacts) throws(BindingError) -> State? {
        if isAbsent { return nil }
        var state = try FileState.desired(content: content, attributes: attributes, with: book)
        state["daemon-reload"] = "done"
        return state
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        let reload: ShellText = "systemctl daemon-reload || { echo 'systemctl daemon-reload failed' >&2; exit 1; }\n"
        // systemd reads them all in one go, in the step that wrote the last of them where there is one.
        var steps = FileBatch.steps(for: changes, then: reload) { change in
            let file = change.resource
            if change.action == .remove { return .step(FileSteps.remove(file.path)) }
            let differences = change.differences.filter { $0.key != "daemon-reload" }
            guard !differences.isEmpty, let content = file.content else { return .nothing }
            if FileAttributes.isOnly(in: differences), change.action == .update {
                return .step(FileSteps.adjust(file.path, attributes: file.attributes))
            }
            return .write(
                FileWrite(
                    path: file.path, content: content, attributes: file.attributes,
                    makesDirectory: PathText.parent(of: file.path) != Self.folder))
        }
        if !changes.isEmpty, steps.last?.script.text.hasSuffix(reload.text) != true {
            steps.append(HostStep("daemon-reload", script: reload))
        }
        return steps
    }
}
