/// One map of a `role.yaml` or an `inventory.yaml`: the keys that may stand in it. ``MapReader`` gives out only declared
/// keys and calls every other one unknown; the reference and the JSON Schema are made from the same value.
package struct MapDeclaration: Sendable {
    /// What must hold between keys. The decoder has a sentence of its own for each; the schema says it in its words.
    package indirect enum Rule: Sendable {
        case exactlyOne([String])
        case required([String])
        /// A key that means nothing without the other, and is unknown there.
        case only(String, with: String)
        /// A key that must be there if the other one is.
        case needed(String, with: String)
        /// Holds unless the value of that key is a map.
        case unlessMap(String, Rule)
    }

    /// How messages call the map: `a role`, `ssh`.
    package var name: String
    /// One sentence: what the map says.
    package var summary: String
    package var keys: [KeyDeclaration]
    package var rules: [Rule]

    package init(_ name: String, _ summary: String, keys: [KeyDeclaration], rules: [Rule] = []) {
        self.name = name
        self.summary = summary
        self.keys = keys
        self.rules = rules
    }

    package func key(_ name: String) -> KeyDeclaration? { keys.first { $0.name == name } }

    /// The key beside which `name` may stand, if it may not stand alone.
    func companion(of name: String) -> String? {
        for case .only(let key, let other) in rules where key == name { return other }
        return nil
    }
}

/// One key of a map that is not an entry of a kind; those have ``FieldDeclaration``s.
package struct KeyDeclaration: Sendable {
    package var name: String
    package var shape: Shape
    package var isRequired: Bool
    /// As it would be written; shown in the reference. The decoder applies it.
    package var defaultText: String?
    /// What a remedy proposes: `[10.1.0.0/16]`.
    package var example: String
    package var documentation: String

    package init(
        _ name: String, _ shape: Shape, isRequired: Bool = false, defaultText: String? = nil, example: String = "…",
        _ documentation: String
    ) {
        self.name = name
        self.shape = shape
        self.isRequired = isRequired
        self.defaultText = defaultText
        self.example = example
        self.documentation = documentation
    }
}

/// What may stand behind a key.
package indirect enum Shape: Sendable {
    case text
    /// Lower-case letters, digits, inner hyphens: names of roles, hosts, zones' labels.
    case label
    /// A letter, then letters, digits and `_`.
    case identifier
    /// A file; a relative one starts at the inventory's folder.
    case file
    /// `10.1.0.2`, with a port if that is said.
    case address
    /// `10.1.128.0/18`
    case range
    case number(ClosedRange<Int>)
    /// `500ms`, `30s`, `10m`, `1h`; more than nothing.
    case duration
    case choice([String])
    case list(of: Shape, minimum: Int = 0)
    case map(MapDeclaration)
    /// A map with free keys.
    case named(by: Shape, Shape)
    case either([Shape])
    /// What a parameter may be given: text, number, flag, list, or a map of these by OS family.
    case value
    /// An expression of the language, without braces.
    case expression
    /// `reload UNIT`, `restart UNIT` or `reboot`.
    case notification
    /// An entry of ``Catalogue``.
    case resource
    /// An entry of ``GateDeclarations``.
    case gate
}
