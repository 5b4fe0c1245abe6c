package import Model

/// A kernel parameter, now and after a boot.
package struct SysctlResource: ResourceKind {
    /// Its path below /proc/sys.
    let key: String
    package let value: String
    package let isAbsent: Bool

    package static let declaration = KindDeclaration(
        name: "sysctl", summary: "A kernel parameter, now and after a boot.",
        subject: FieldDeclaration(
            "sysctl", .text,
            "Its name, with dots or slashes: `net.ipv4.tcp_keepalive_time`, `net/ipv4/conf/eth0.100/forwarding`."
        ),
        fields: [
            FieldDeclaration("value", .text, "Its value. Several numbers stand with blanks between them."),
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` removes our file below /etc/sysctl.d; the value that the kernel has now stays until the next boot."
            ),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        let path = SysctlKey.path(fields.subject)
        checks.require(
            path != nil, "\"\(fields.subject)\" is not the name of one kernel parameter",
            remedy: "for example \"net.ipv4.ip_forward\"")
        key = path ?? "-"
        isAbsent = fields.isAbsent
        value = SysctlKey.normalized(fields.text("value") ?? "")
        if isAbsent {
            checks.require(fields["value"] == nil, "a parameter that shall be absent has no value", at: "value")
        } else {
            checks.require(!value.isEmpty, "its value is missing", at: "value")
            checks.requireOneLine(fields.text("value") ?? "", "a value", at: "value")
        }
        try checks.finish()
    }

    /// The same for all ways to write it.
    package var identity: String { SysctlKey.dotted(key) }
    private var file: String { SysctlKey.file(for: key) }
    package var managedPaths: [String] { [file] }

    private var request: ProbeRequest { ProbeRequest(SysctlBatch.name, key) }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [request] }

    /// Keys `live`, `persisted` (by our file) and `boot`: what `sysctl --system` ends with, and the file if that is not ours.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard case .present(let found) = answers[request] else { return answers[request] }
        if isAbsent {
            return found["persisted"].map { .present(["persisted": $0]) } ?? .absent
        }
        guard let live = found["live"] else {
            return .unknown(reason: "this kernel has no \(identity); load the module that brings it before")
        }
        var state: State = ["live": live]
        state["persisted"] = found["persisted"]
        if let boot = found["boot"]?.text, let by = found["file"]?.text {
            state["boot"] = .text(boot == value || by == file ? boot : "\(boot) (by \(by))")
        }
        state["overridden"] = .list(overriders(found))
        return .present(state)
    }

    /// Files read after ours that set another value.
    private func overriders(_ found: State) -> [String] {
        guard case .list(let later)? = found["later"] else { return [] }
        return stride(from: 0, to: later.count - 1, by: 2).filter { later[$0 + 1] != value }.map { later[$0] }
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        isAbsent ? nil : ["live": .text(value), "persisted": .text(value), "boot": .text(value)]
    }

    /// The kernel is asked first: what it refuses is not written down.
    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        let set = changes.filter { $0.action != .remove && $0.differs(in: "live") }
        var steps = set.isEmpty ? [] : [setting(set.map(\.resource))]
        for change in changes {
            let parameter = change.resource
            if change.action == .remove {
                var step = FileSteps.remove(parameter.file)
                step.script += """
                    echo \(word: parameter.identity)" keeps its value until the next boot: $(cat \(word: "/proc/sys/" + parameter.key) 2>&1)"

                    """
                steps.append(step)
                continue
            }
            if change.differs(in: "persisted") { steps.append(parameter.writing) }
            if change.differs(in: "boot"), case .present(let found) = change.observed,
                case .list(let files)? = found["overridden"], !files.isEmpty
            {
                steps.append(parameter.complaining(about: files))
            }
        }
        return steps
    }

    private static func setting(_ parameters: [Self]) -> HostStep {
        var script = StepText.opening
        script += """
            put() {
            f=/proc/sys/$1
            [ -e "$f" ] || die "$2: this kernel does not have it"
            printf '%s\\n' "$3" >"$f" || die "$2: the kernel does not take $3"
            now=$(set -f; set -- $(cat -- "$f"); printf '%s\\n' "$*")
            [ "$now" = "$3" ] || die "$2: the kernel made $now of $3; declare what it makes"
            }

            """
        for parameter in parameters {
            script += "put \(words: [parameter.key, parameter.identity, parameter.value])\n"
        }
        return HostStep("set \(StepText.list(parameters.map(\.identity)))", script: script)
    }

    private var writing: HostStep {
        let write = FileWrite(
            path: file, content: Content("# Kept by cso-provision.\n\(identity) = \(value)\n"),
            attributes: FileAttributes(mode: 0o644, owner: "root", group: "root"), makesDirectory: true)
        return FileWriting.step([write], summary: "write \(file)")
    }

    /// An earlier resource of the recipe may have mended it by now.
    private func complaining(about files: [String]) -> HostStep {
        let name = key.utf8.map { $0 == 0x2F || $0 == 0x2E ? "[./]" : String(UnicodeScalar($0)) }.joined()
        return HostStep(
            "see that nothing sets \(identity) otherwise at boot",
            script: """
                \(script: StepText.opening)for f in \(words: files); do
                if [ -e "$f" ] && grep -qE \(word: "^[[:space:]]*-?[[:space:]]*\(name)[[:space:]]*=") -- "$f"; then
                die "$f sets "\(word: identity)" otherwise, and is read later at boot; take the line out of it"
                fi
                done

                """)
    }
}
