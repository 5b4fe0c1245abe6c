internal import Model
internal import Resources

extension FieldEvaluator {
    /// What stands behind the kind's key: one text, or several where the kind allows a list. Empty for a family that leaves
    /// it out, and after a mistake.
    mutating func subjects(_ spec: SpecValue, of kind: KindDeclaration) -> [String] {
        guard case .value(let chosen) = choice(spec, kind.subject.name) else { return [] }
        var elements = [chosen]
        if case .list(let list) = chosen.form {
            guard kind.allowsSubjectList else {
                report(
                    "\(kind.name) takes one name, not a list", at: chosen.location, remedy: "write one entry for each")
                return []
            }
            if list.isEmpty { report("\(kind.name) has an empty list", at: chosen.location) }
            elements = list
        }
        var subjects: [String] = []
        for element in elements {
            if kind.allowsSubjectList, let several = listValue(element, kind.subject.name) {
                subjects += several
            } else if let value = value(element, as: kind.subject) {
                switch value {
                case .text(let text): subjects.append(text)
                case .number(let number): subjects.append(String(number))
                default: report("\(kind.name) cannot have this as its name", at: element.location)
                }
            }
        }
        for subject in subjects where subject.isEmpty { report("\(kind.name) has no name", at: chosen.location) }
        return subjects
    }

    /// The texts of a value that is one expression with a list.
    private mutating func listValue(_ spec: SpecValue, _ name: String) -> [String]? {
        guard case .scalar(let text, _) = spec.form, text.contains("{{") else { return nil }
        // A mistake in the text is reported when it is read again as a single value.
        var trial = self
        guard let template = trial.template(text, at: spec.location, .values),
            case .list? = trial.soleValue(template)
        else { return nil }
        return list(spec, name)
    }

    /// All fields of an entry, with their places.
    mutating func fields(
        _ spec: ResourceSpec, of kind: KindDeclaration
    ) -> (values: [String: FieldValue], locations: [String: SourceLocation]) {
        fields(spec.fields, declared: kind.fields, at: spec.location, kind)
    }

    mutating func fields(
        _ entries: [SpecEntry], declared: [FieldDeclaration], at location: SourceLocation, _ kind: KindDeclaration
    ) -> (values: [String: FieldValue], locations: [String: SourceLocation]) {
        var values: [String: FieldValue] = [:]
        var locations: [String: SourceLocation] = [:]
        var encoding: SinkEncoding?
        // The encoding first: it says how the contents are written.
        for entry in entries.filter({ $0.key == "encoding" }) + entries.filter({ $0.key != "encoding" }) {
            locations[entry.key] = entry.value.location
            guard let declaration = declared.first(where: { $0.name == entry.key }) else {
                report(
                    "unknown key \"\(entry.key)\" of \(kind.name)", at: entry.keyLocation,
                    remedy: Diagnostic.suggestion(for: entry.key, among: declared.map(\.name)))
                continue
            }
            guard let value = value(entry.value, as: declaration, encoding: encoding) else { continue }
            values[entry.key] = value
            if entry.key == "encoding", case .text(let name) = value { encoding = SinkEncoding(rawValue: name) }
        }
        for declaration in declared
        where declaration.isRequired && !entries.contains(where: { $0.key == declaration.name }) {
            report(
                "\(kind.name) needs \(declaration.name)", at: location,
                remedy: "add \(declaration.name): \(declaration.type.words)")
        }
        return (values, locations)
    }

    /// Looks only at the names in a resource that its `when` leaves out here, so that a slip in it is found all the same.
    mutating func checkNames(_ spec: ResourceSpec, of kind: KindDeclaration) {
        checkNames(spec.subject, .values)
        for value in spec.notify { checkNames(value, .values) }
        for entry in spec.fields {
            let type = kind.field(entry.key)?.type
            checkNames(entry.value, type == .content ? .templates : .values)
            guard type == .roleTemplate || type == .roleFile else { continue }
            for (name, location) in entry.value.texts {
                checkFile(name, isTemplate: type == .roleTemplate, at: location)
            }
        }
    }

    private mutating func checkFile(_ name: String, isTemplate: Bool, at location: SourceLocation) {
        // Which file an expression names is not known here.
        if name.contains("{{") || ScalarText.isNull(name) { return }
        let subfolder = "\(folder)/\(isTemplate ? "templates" : "files")"
        let path = "\(subfolder)/\(name)"
        guard let bytes = tree.files[path] else {
            report(
                "there is no \(path)", at: location,
                remedy: Diagnostic.suggestion(for: name, among: tree.names(below: subfolder)))
            return
        }
        scope.surroundings.usage?.files.insert(path)
        if isTemplate { _ = parsed(TemplateSource(file: path, bytes: bytes), .templates) }
    }

    /// The same of a gate.
    mutating func checkNames(_ spec: GateSpec) {
        checkNames(spec.subject, .values)
        for entry in spec.fields { checkNames(entry.value, .values) }
    }

    private mutating func checkNames(_ value: SpecValue, _ dialect: TemplateParser.Dialect) {
        switch value.form {
        case .scalar(let text, _): _ = template(text, at: value.location, dialect)
        case .list(let elements): for element in elements { checkNames(element, dialect) }
        case .map(let entries): for entry in entries { checkNames(entry.value, dialect) }
        }
    }

    /// `[reload nginx.service]`
    mutating func notifications(_ specs: [SpecValue]) -> [Notification] {
        var notifications: [Notification] = []
        for spec in specs {
            guard case .value(let chosen) = choice(spec, "notify") else { continue }
            guard case .scalar(let raw, _) = chosen.form else {
                report("notify must hold texts", at: chosen.location, remedy: "write [reload UNIT]")
                continue
            }
            guard let text = self.text(template(raw, at: chosen.location, .values)) else { continue }
            let words = text.split(separator: " ")
            if text == "reboot" {
                notifications.append(.reboot)
                continue
            }
            let actions = Notification.Action.allCases.filter { $0 != .reboot }.map(\.rawValue)
            guard words.count == 2, let action = Notification.Action(rawValue: String(words[0])), action != .reboot
            else {
                let word = words.first.map(String.init) ?? ""
                let nearest = Diagnostic.nearest(to: word, among: actions).map { "did you mean \"\($0) …\"?" }
                report(
                    "notify cannot be \"\(text)\"", at: chosen.location,
                    remedy: nearest ?? "write \"reload UNIT\", \"restart UNIT\" or \"reboot\"")
                continue
            }
            guard UnitNameText.isValid(String(words[1])) else {
                report(
                    "\"\(words[1])\" is not the name of a unit", at: chosen.location,
                    remedy: "write it with its suffix: \(words[1]).service")
                continue
            }
            notifications.append(Notification(action, UnitName(String(words[1]))))
        }
        return notifications
    }
}

extension SpecValue {
    /// Its texts, for whatever OS family.
    fileprivate var texts: [(text: String, location: SourceLocation)] {
        switch form {
        case .scalar(let text, _): [(text, location)]
        case .list(let elements): elements.flatMap(\.texts)
        case .map(let entries): entries.flatMap(\.value.texts)
        }
    }
}

/// The form of a systemd unit's name (systemd.unit(5)).
enum UnitNameText {
    private static let suffixes = [
        "service", "socket", "timer", "mount", "automount", "swap", "target", "path", "slice", "scope", "device",
    ]

    static func isValid(_ text: String) -> Bool {
        guard let dot = text.lastIndex(of: "."), dot != text.startIndex, text.utf8.count <= 255 else { return false }
        return suffixes.contains(String(text[text.index(after: dot)...]))
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x3A, 0x2D, 0x5F, 0x2E, 0x5C, 0x40: true
                default: false
                }
            }
    }
}
