internal import Model

/// Takes the declared keys of one map, each at most once; what is not declared is unknown. Every mistake becomes a
/// diagnostic and the reading goes on.
struct MapReader {
    /// How messages call the map: `a role`, `ssh`.
    let name: String
    let declaration: MapDeclaration
    let location: SourceLocation
    private(set) var diagnostics: [Diagnostic] = []
    private let entries: [SpecEntry]
    private var asked: Set<String> = []

    init(_ value: SpecValue?, _ declaration: MapDeclaration, name: String? = nil) {
        self.name = name ?? declaration.name
        self.declaration = declaration
        location = value?.location ?? SourceLocation(file: "")
        guard let value else {
            entries = []
            return
        }
        if case .map(let entries) = value.form {
            self.entries = entries
        } else {
            entries = []
            diagnostics.append(
                Diagnostic("\(self.name) must be a map of keys and values, not \(value.formName)", at: value.location))
        }
    }

    var keys: [String] { entries.map(\.key) }

    mutating func report(_ message: String, at place: SourceLocation? = nil, remedy: String? = nil) {
        diagnostics.append(Diagnostic(message, at: place ?? location, remedy: remedy))
    }
    mutating func absorb(_ others: [Diagnostic]) { diagnostics += others }

    /// The value of a key that may be missing.
    mutating func value(_ key: String) -> SpecValue? {
        assert(declaration.key(key) != nil, "\(name) has no declaration of \(key)")
        asked.insert(key)
        return entries.first { $0.key == key }?.value
    }

    /// The value of a key that must be there.
    mutating func required(_ key: String, _ example: String? = nil) -> SpecValue? {
        if let value = value(key) { return value }
        let example = example ?? declaration.key(key)?.example ?? "…"
        report("\(name) has no key \"\(key)\"", remedy: "add \(key): \(example)")
        return nil
    }

    /// Ends the reading: keys that are not declared, or not for what stands beside them, are unknown.
    mutating func finish() {
        let present = Set(keys)
        let known = declaration.keys.map(\.name).filter { key in
            declaration.companion(of: key).map(present.contains) ?? true
        }
        assert(
            entries.isEmpty || known.allSatisfy(asked.contains),
            "\(name) does not read \(known.filter { !asked.contains($0) }), which are declared")
        for entry in entries where !known.contains(entry.key) {
            report(
                "unknown key \"\(entry.key)\" in \(name)", at: entry.keyLocation,
                remedy: Diagnostic.suggestion(for: entry.key, among: known))
        }
    }

    // MARK: Scalars

    /// A text. Unquoted `yes` and the like are refused, since other readers of YAML see a truth value there.
    mutating func text(_ value: SpecValue?, _ what: String) -> String? {
        guard let value else { return nil }
        guard case .scalar(let text, let isQuoted) = value.form else {
            report("\(what) must be text, not \(value.formName)", at: value.location)
            return nil
        }
        if !isQuoted, ScalarText.isNull(text) {
            report("\(what) has no value", at: value.location, remedy: "give one, or remove the key")
            return nil
        }
        if !isQuoted, ScalarText.looksLikeFlag(text) {
            report("\(what) must be text, not \(text)", at: value.location, remedy: "quote it: \"\(text)\"")
            return nil
        }
        return text
    }

    mutating func number(_ value: SpecValue?, _ what: String, in range: ClosedRange<Int>) -> Int? {
        guard let value else { return nil }
        guard case .scalar(let text, false) = value.form, let number = ScalarText.number(text), range.contains(number)
        else {
            report("\(what) must be a number from \(range.lowerBound) to \(range.upperBound)", at: value.location)
            return nil
        }
        return number
    }

    mutating func duration(_ value: SpecValue?, _ what: String) -> Duration? {
        guard let text = text(value, what) else { return nil }
        guard let duration = ScalarText.duration(text), duration > .zero else {
            report(
                "\(what) must be a time, not \"\(text)\"", at: value?.location, remedy: "for example 500ms, 5s, 10m, 1h"
            )
            return nil
        }
        return duration
    }

    mutating func list(_ value: SpecValue?, _ what: String) -> [SpecValue] {
        guard let value else { return [] }
        guard case .list(let elements) = value.form else {
            report("\(what) must be a list, not \(value.formName)", at: value.location, remedy: "write [a, b]")
            return []
        }
        return elements
    }
}

extension SpecValue {
    /// How messages call what stands there.
    var formName: String {
        switch form {
        case .scalar(let text, _): text.isEmpty ? "nothing" : "\"\(text.prefix(40))\""
        case .list: "a list"
        case .map: "a map"
        }
    }
}
