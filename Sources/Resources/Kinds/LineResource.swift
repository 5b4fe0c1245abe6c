package import Model

/// One line of a file that somebody else owns: a package's configuration, /etc/environment.
package struct LineResource: ResourceKind {
    package let text: String
    package let path: String
    package let isAbsent: Bool
    package let creates: Bool
    package let isSensitive: Bool
    let key: LineQuery.Key
    let place: LineEdit.Place
    let attributes: FileAttributes
    let validate: ShellText?

    package static let declaration = KindDeclaration(
        name: "line", summary: "One line of a file that somebody else owns; every other byte of it stays.",
        subject: FieldDeclaration(
            "line", .text,
            "The line, without its end, or a list of lines. A file that ends its lines in CR LF keeps that."),
        allowsSubjectList: true,
        fields: [
            FieldDeclaration(
                "in", .path, isRequired: true, "The file. A symbolic link is refused: name what it points to."),
            FieldDeclaration(
                "prefix", .text,
                "Lines that begin so are older forms of the line: the first becomes the line, the others go."),
            FieldDeclaration(
                "match", .text,
                "The same for lines that match this extended regular expression (`grep -E`). Not together with prefix."),
            FieldDeclaration(
                "before", .text, "A new line is put before the first line that matches this. Left out: at the end."),
            FieldDeclaration(
                "after", .text, "A new line is put after the last line that matches this. Not together with before."),
            FieldDeclaration(
                "create", .flag, defaultText: "no",
                "Makes the file if it does not exist. Mode, owner and group are for that alone."),
        ]
            + FileAttributes.fields.map { field in
                var field = field
                field.documentation = "Of a file that is made; an existing one keeps its own."
                return field
            } + [
                FieldDeclaration(
                    "validate", .shell,
                    "Run before the file is put in place, with the new file as `$1`; if it fails, the old file stays."),
                FieldDeclaration("sensitive", .flag, defaultText: "no", "Differences are not shown."),
                FieldDeclaration(
                    "state", .choice(["present", "absent"]), defaultText: "present",
                    "`absent` removes the line and all that prefix or match find; the file stays."),
            ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        text = fields.subject
        checks.require(!text.isEmpty, "a line cannot be empty")
        checks.requireOneLine(text, "a line")
        path = fields.text("in") ?? "/"
        checks.requirePath(path, at: "in")
        checks.requireOneLine(path, "a path", at: "in")
        isAbsent = fields.isAbsent
        creates = fields.flag("create") ?? false
        isSensitive = fields.flag("sensitive") ?? false
        validate = fields.text("validate").map { ShellText(script: $0) }
        attributes = FileAttributes(fields, &checks)
        let prefix = fields.text("prefix")
        let match = fields.text("match")
        checks.require(
            prefix == nil || match == nil, "prefix and match are both given", at: "match", remedy: "give one")
        if let prefix {
            checks.require(!prefix.isEmpty, "an empty prefix would replace every line", at: "prefix")
            checks.requireOneLine(prefix, "a prefix", at: "prefix")
        }
        let before = fields.text("before")
        let after = fields.text("after")
        checks.require(
            before == nil || after == nil, "before and after are both given", at: "after", remedy: "give one")
        for (field, pattern) in [("match", match), ("before", before), ("after", after)] {
            guard let pattern else { continue }
            let problem = ExtendedRegex.problem(pattern)
            checks.require(problem == nil, "\"\(pattern)\" is no regular expression: \(problem ?? "")", at: field)
        }
        key = prefix.map { .prefix($0) } ?? match.map { .match($0) } ?? .text
        place = before.map { .before($0) } ?? after.map { .after($0) } ?? .end
        checks.require(
            !isAbsent || !creates, "a line that shall be absent makes no file", at: "create")
        checks.require(
            !isAbsent || place == .end, "a line that shall be absent has no place",
            at: before == nil ? "after" : "before")
        let firstOfFile = ["mode", "owner", "group"].first { fields[$0] != nil }
        checks.require(
            creates || firstOfFile == nil, "the file's \(firstOfFile ?? "") is set only when it is made",
            at: firstOfFile, remedy: "add `create: yes`, or leave it out")
        try checks.finish()
    }

    /// The key and not the text, so that a line whose value changes stays the same resource.
    package var identity: String {
        switch key {
        case .text: "\(path): \(text)"
        case .prefix(let prefix): "\(path): \(prefix)"
        case .match(let pattern): "\(path): \(pattern)"
        }
    }
    package var sharedPaths: [String] { [path] }

    /// Two lines of one file of which each would replace the other. What a regular expression finds is known on the host
    /// only; there the second run would differ again, and says so.
    package func objection(among resources: [any ResourceKind]) -> Objection? {
        for case let other as LineResource in resources where other.path == path && other.identity != identity {
            guard !other.isAbsent, LineQuery(path: path, text: text, key: key).isIt(other.text) else { continue }
            if case .match = key { continue }
            return Objection(
                isAbsent ? "removes what \(other.id) puts there" : "replaces what \(other.id) puts there",
                remedy: "choose prefixes of which none begins the other's line")
        }
        return nil
    }

    private var anchor: String? {
        switch place {
        case .end: nil
        case .before(let pattern), .after(let pattern): pattern
        }
    }
    private var query: LineQuery { LineQuery(path: path, text: text, key: key, anchor: anchor) }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        [ProbeRequest(PathBatch.name, path), ProbeRequest(LineBatch.name, query.argument)]
    }

    /// Key `line`: what stands there, a list if there are several.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        let file: State
        switch answers[ProbeRequest(PathBatch.name, path)] {
        case .unknown(let reason): return .unknown(reason: reason)
        case .absent where isAbsent || creates: return .absent
        case .absent:
            return .unknown(reason: "\(path) does not exist; declare what makes it before, or add `create: yes`")
        case .present(let found): file = found
        }
        switch file["type"] {
        case "file"?: break
        case "symlink"?:
            return .unknown(
                reason: "\(path) is a symbolic link to \(file["target"] ?? ""); name the file that it points to")
        default: return .unknown(reason: "\(path) is a \(file["type"] ?? ""), not a file")
        }
        guard case .present(let found) = answers[ProbeRequest(LineBatch.name, query.argument)],
            case .list(let lines)? = found["lines"]
        else { return answers[ProbeRequest(LineBatch.name, query.argument)] }
        // An empty file is listed with the binary ones.
        if found["binary"] == true, file["size"] != 0 { return .unknown(reason: "\(path) is not a text file") }
        if lines.isEmpty, found["anchor"] == false, let anchor {
            return .unknown(reason: "no line of \(path) matches \"\(anchor)\", where the new one belongs")
        }
        if lines.isEmpty { return .absent }
        return .present(["line": lines.count == 1 ? .text(lines[0]) : .list(lines)])
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        isAbsent ? nil : ["line": .text(text)]
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let line = change.resource
            let edit = LineEdit(
                path: line.path, text: line.isAbsent ? nil : line.text, patterns: line.query.patterns,
                place: line.place, creates: line.creates, attributes: line.attributes, validate: line.validate)
            let verb = line.isAbsent ? "remove" : change.action == .update ? "change" : "add"
            return edit.step(
                "\(verb) a line \(line.isAbsent ? "from" : change.action == .update ? "of" : "to") \(line.path)")
        }
    }
}

extension FieldChecks {
    mutating func requireOneLine(_ text: String, _ what: String, at field: String? = nil) {
        require(
            !text.utf8.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F },
            "\(what) cannot hold a line break or a control character", at: field)
    }
}
