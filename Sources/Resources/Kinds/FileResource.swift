package import Model

/// A regular file with its content.
package struct FileResource: ResourceKind {
    package let path: String
    package let isAbsent: Bool
    /// `nil` only if it shall be absent.
    package let content: Content?
    package let validate: ShellText?
    package let isSensitive: Bool
    let attributes: FileAttributes

    package static let declaration = KindDeclaration(
        name: "file", summary: "A regular file with its content.",
        subject: FieldDeclaration("file", .path, "Where it lies. Its directory must exist."),
        allowsSubjectList: true,
        fields: [
            FieldDeclaration("content", .content, "The content itself. One of content, source, template is needed."),
            FieldDeclaration("source", .roleFile, "A file of the role, taken byte for byte."),
            FieldDeclaration("template", .roleTemplate, "A template of the role."),
            FieldDeclaration(
                "encoding", .choice(SinkEncoding.allCases.map(\.rawValue)), defaultText: "raw",
                "How values are written into the content or template so that its reader gets their exact bytes."),
        ] + FileAttributes.fields + [
            FieldDeclaration(
                "validate", .shell,
                "Run before the file is put in place, with the new file as `$1`; if it fails, the old file stays."),
            FieldDeclaration(
                "sensitive", .flag, "Differences are not shown. Left out: yes if the content holds secrets."),
            .state,
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        path = fields.subject
        checks.requirePath(path)
        isAbsent = fields.isAbsent
        let given = ["content", "source", "template"].filter { fields[$0] != nil }
        content = given.first.flatMap { fields.content($0) }
        if isAbsent {
            checks.require(given.isEmpty, "a file that shall be absent has no content", at: given.first)
        } else {
            checks.require(
                given.count == 1,
                "\(given.isEmpty ? "none" : "more than one") of content, source and template is given",
                at: given.last, remedy: "give exactly one")
        }
        var attributes = FileAttributes(fields, &checks)
        // An existing file's mode would be kept otherwise, and it may be anything.
        if content?.holdsSecrets == true, attributes.mode == nil { attributes.mode = 0o600 }
        self.attributes = attributes
        validate = fields.text("validate").map { ShellText(script: $0) }
        isSensitive = fields.flag("sensitive") ?? (content?.holdsSecrets ?? false)
        if let mode = attributes.mode, content?.holdsSecrets == true, isSensitive {
            checks.require(
                mode & 0o007 == 0, "it holds secrets and its mode \(ModeText.text(mode)) lets everybody in", at: "mode",
                remedy: "\"\(ModeText.text(mode & 0o770))\", with a group if others must read it")
        }
        try checks.finish()
    }

    package var identity: String { path }
    package var managedPaths: [String] { [path] }
    package var managedContent: (path: String, content: Content)? {
        isSensitive ? nil : content.map { (path, $0) }
    }

    package func probes(on facts: HostFacts) -> [ProbeRequest] { FileState.probes(path, content: content) }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        FileState.observation(path, content: content, attributes: attributes, from: answers)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) throws(BindingError) -> State? {
        isAbsent ? nil : try FileState.desired(content: content, attributes: attributes, with: book)
    }

    /// Neighbouring files are written by one step, except that a validation may look at what earlier files say: it waits
    /// until they are in their places.
    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        FileBatch.steps(for: changes) { change in
            let file = change.resource
            if change.action == .remove { return .step(FileSteps.remove(file.path)) }
            if FileAttributes.isOnly(in: change.differences), change.action == .update {
                return .step(FileSteps.adjust(file.path, attributes: file.attributes))
            }
            return file.write.map { .write($0) } ?? .nothing
        }
    }

    private var write: FileWrite? {
        content.map {
            FileWrite(
                path: path, content: $0, attributes: attributes, creationMode: isSensitive ? 0o600 : 0o644,
                validate: validate)
        }
    }
}
