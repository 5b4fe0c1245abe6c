internal import Model
internal import Resources

/// Declarations of kinds, gates and their fields as JSON Schema. Each type of field is a definition of its own: the value
/// itself, a text with an expression in it, or a map with one of these for each OS family.
struct SchemaFields {
    private static let hasExpression = "\\{\\{"

    func kind(_ kind: KindDeclaration, beside common: JSONValue) -> JSONValue {
        let name = kind.name.rawValue
        let fields = kind.fields.map { ($0.name, field($0)) }
        let subject = subject(kind).merging(about(kind.subject))
        let required = [name] + kind.fields.filter(\.isRequired).map(\.name)
        return [
            "description": .text(kind.summary.plain),
            "properties": JSONValue.members([(name, subject)] + fields).merging(common),
            "required": .list(required.map { .text($0) }), "additionalProperties": false,
        ]
    }

    private func field(_ field: FieldDeclaration) -> JSONValue { reference(field.type).merging(about(field)) }

    private func about(_ field: FieldDeclaration) -> JSONValue {
        let text = field.documentation.plain
        guard let value = field.defaultText else { return ["description": .text(text)] }
        return ["description": .text("\(text) Default: \(value).")]
    }

    private func subject(_ kind: KindDeclaration) -> JSONValue {
        guard kind.allowsSubjectList else { return reference(kind.subject.type) }
        let one = here(kind.subject.type)
        return Self.byFamily(["anyOf": [one, ["type": "array", "minItems": 1, "items": Self.byFamily(one)]]])
    }

    // MARK: Types

    /// All types that need no choices of their own.
    private static let named: [(String, FieldDeclaration.FieldType)] = [
        ("text", .text), ("number", .number), ("flag", .flag), ("list", .list), ("mode", .mode),
        ("duration", .duration), ("path", .path), ("shell", .shell), ("content", .content),
        ("file", .roleFile), ("template", .roleTemplate),
    ]

    var definitions: JSONValue {
        .members(Self.named.map { name, type in (name, Self.byFamily(here(type))) })
    }

    private func reference(_ type: FieldDeclaration.FieldType) -> JSONValue {
        if let name = Self.named.first(where: { $0.1 == type })?.0 { return ["$ref": .text("#/$defs/\(name)")] }
        return Self.byFamily(here(type))
    }

    /// The value where no map of families can stand.
    private func here(_ type: FieldDeclaration.FieldType) -> JSONValue {
        switch type {
        case .text, .shell, .content: ["type": ["string", "number"]]
        case .number: ["type": ["integer", "string"], "pattern": .text(Self.hasExpression)]
        case .flag: ["anyOf": [["enum": [true, false, "yes", "no"]], Self.expression]]
        case .list:
            [
                "type": ["array", "string"], "pattern": .text(Self.hasExpression),
                "items": Self.byFamily(["type": ["string", "number"]]),
            ]
        case .mode: text("[0-7]{4}")
        case .duration: text("(0|[1-9][0-9]{0,5}|1000000)(ms|s|m|h)")
        case .choice(let choices): ["anyOf": [["enum": .list(choices.map { .text($0) })], Self.expression]]
        case .path: text("(/|(/(?!\\.{1,2}(/|$))[^/]+)+)")
        case .roleFile, .roleTemplate: text("((?!\\.{1,2}(/|$))[^/]+)(/(?!\\.{1,2}(/|$))[^/]+)*")
        }
    }

    private static let expression: JSONValue = ["type": "string", "pattern": .text(hasExpression)]

    private func text(_ pattern: String) -> JSONValue {
        ["type": "string", "pattern": .text("^\(pattern)$|\(Self.hasExpression)")]
    }

    /// The value, or one for each OS family; `~` leaves it out there.
    static func byFamily(_ value: JSONValue) -> JSONValue {
        let families = HostFacts.OSFamily.allCases.map(\.rawValue)
        return [
            "if": ["type": "object"],
            "then": [
                "properties": .members(families.map { ($0, ["anyOf": [value, ["type": "null"]]]) }),
                "required": .list(families.map { .text($0) }), "additionalProperties": false,
            ],
            "else": value,
        ]
    }

    /// What a parameter may be given; its type is known only where it is declared.
    static var anyValue: JSONValue {
        let scalar: JSONValue = ["type": ["string", "number", "boolean"]]
        return byFamily(["anyOf": [scalar, ["type": "array", "items": byFamily(scalar)]]])
    }
}
