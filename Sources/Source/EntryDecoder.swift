internal import Model
internal import Resources

/// One entry below `resources:` or `gates:`: exactly one key names the kind, all others are what the kind declares.
enum EntryDecoder {
    static func resource(_ value: SpecValue, catalogue: Catalogue) -> (ResourceSpec?, [Diagnostic]) {
        let kinds = catalogue.kinds.map { $0.declaration }
        var (found, diagnostics) = entry(value, what: "resource", kinds: kinds)
        guard let found else { return (nil, diagnostics) }
        let (kind, entries) = found
        var fields: [SpecEntry] = []
        var notify: [SpecValue] = []
        var when: SpecValue?
        var each: SpecValue?
        var confirm: PermissionName?
        for entry in entries {
            switch entry.key {
            case "notify":
                if case .list(let elements) = entry.value.form {
                    notify = elements
                } else {
                    diagnostics.append(
                        Diagnostic(
                            "notify must be a list, not \(entry.value.formName)", at: entry.value.location,
                            remedy: "write [reload UNIT], [restart UNIT] or [reboot]"))
                }
            case "when": when = entry.value
            case "each": each = entry.value
            case "confirm": confirm = permission(entry.value, &diagnostics)
            default:
                if kind.declaration.field(entry.key) != nil {
                    fields.append(entry)
                } else {
                    let known = kind.declaration.fields.map(\.name) + RoleDeclarations.everyResource.map(\.name)
                    diagnostics.append(unknown(entry, of: kind.declaration, known: known))
                }
            }
        }
        var spec = ResourceSpec(
            kind: kind.declaration.name, subject: kind.subject, fields: fields, notify: notify, when: when,
            location: value.location)
        spec.each = each
        spec.confirm = confirm
        return (spec, diagnostics)
    }

    /// A name that can stand behind `--allow` as it is.
    private static func permission(_ value: SpecValue, _ diagnostics: inout [Diagnostic]) -> PermissionName? {
        guard case .scalar(let text, let isQuoted) = value.form,
            isQuoted || !(ScalarText.isNull(text) || ScalarText.looksLikeFlag(text)), ScalarText.isLabel(text)
        else {
            diagnostics.append(
                Diagnostic(
                    "confirm must be a name, not \(value.formName)", at: value.location,
                    remedy: "lower-case letters, digits and hyphens: operators write --allow NAME"))
            return nil
        }
        return PermissionName(text)
    }

    static func gate(_ value: SpecValue) -> (GateSpec?, [Diagnostic]) {
        var (found, diagnostics) = entry(value, what: "gate", kinds: GateDeclarations.all)
        guard let found else { return (nil, diagnostics) }
        let (kind, entries) = found
        var fields: [SpecEntry] = []
        var when: SpecValue?
        var each: SpecValue?
        for entry in entries {
            switch entry.key {
            case "when": when = entry.value
            case "each": each = entry.value
            case let key where kind.declaration.field(key) != nil: fields.append(entry)
            default:
                let known = kind.declaration.fields.map(\.name) + RoleDeclarations.everyGate.map(\.name)
                diagnostics.append(unknown(entry, of: kind.declaration, known: known))
            }
        }
        var spec = GateSpec(
            check: kind.declaration.name.rawValue, subject: kind.subject, fields: fields, location: value.location)
        spec.when = when
        spec.each = each
        return (spec, diagnostics)
    }

    private typealias Found = (kind: (declaration: KindDeclaration, subject: SpecValue), rest: [SpecEntry])

    /// The kind's own key may stand anywhere. A key that is a field of one kind and the name of another (`file` has
    /// none, but `package` might) counts as the kind only if no other key does.
    private static func entry(
        _ value: SpecValue, what: String, kinds: [KindDeclaration]
    ) -> (Found?, [Diagnostic]) {
        guard case .map(let entries) = value.form else {
            return (
                nil,
                [
                    Diagnostic(
                        "a \(what) must be a map of keys and values, not \(value.formName)", at: value.location,
                        remedy: "write KIND: NAME")
                ]
            )
        }
        let names = kinds.map(\.name.rawValue)
        let candidates = entries.compactMap { entry in
            kinds.first { $0.name.rawValue == entry.key }.map { (entry: entry, declaration: $0) }
        }
        let isKind = candidates.filter { candidate in
            !candidates.contains {
                $0.entry.key != candidate.entry.key && $0.declaration.field(candidate.entry.key) != nil
            }
        }
        guard let chosen = isKind.first ?? candidates.first else {
            let first = entries.first
            let nearest = entries.lazy.compactMap { Diagnostic.nearest(to: $0.key, among: names) }.first
            return (
                nil,
                [
                    Diagnostic(
                        "no kind of \(what) among the keys " + entries.map { "\"\($0.key)\"" }.joined(separator: ", "),
                        at: first?.keyLocation ?? value.location,
                        remedy: nearest.map { "did you mean \"\($0)\"?" }
                            ?? "known are \(names.joined(separator: ", "))")
                ]
            )
        }
        var diagnostics: [Diagnostic] = []
        for other in isKind.dropFirst() {
            diagnostics.append(
                Diagnostic(
                    "a second kind \"\(other.entry.key)\" in one \(what)", at: other.entry.keyLocation,
                    remedy: "begin a new entry with a dash"))
        }
        let taken = Set(isKind.map(\.entry.key) + [chosen.entry.key])
        return (
            ((chosen.declaration, chosen.entry.value), entries.filter { !taken.contains($0.key) }), diagnostics
        )
    }

    private static func unknown(_ entry: SpecEntry, of kind: KindDeclaration, known: [String]) -> Diagnostic {
        var mistake = Diagnostic(
            "unknown key \"\(entry.key)\" of \(kind.name)", at: entry.keyLocation,
            remedy: Diagnostic.suggestion(for: entry.key, among: known))
        mistake.hidesNothing = true
        return mistake
    }
}
