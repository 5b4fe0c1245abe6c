internal import Model
internal import Source

/// Declarations of maps and keys as JSON Schema.
struct SchemaShapes {
    /// `${NAME}` may stand in any text, so that no form can be demanded where it does.
    let expandsEnvironment: Bool

    func map(_ declaration: MapDeclaration) -> JSONValue {
        var schema: JSONValue = [
            "description": .text(declaration.summary), "type": "object",
            "properties": properties(declaration.keys), "additionalProperties": false,
        ]
        let required = declaration.keys.filter(\.isRequired).map { JSONValue.text($0.name) }
        if !required.isEmpty { schema = schema.merging(["required": .list(required)]) }
        let rules = declaration.rules.map(rule)
        return rules.isEmpty ? schema : schema.merging(["allOf": .list(rules)])
    }

    func properties(_ keys: [KeyDeclaration]) -> JSONValue {
        .members(
            keys.map { key in
                let about: JSONValue = ["description": .text(key.documentation.plain)]
                let value: JSONValue = key.defaultText.map { ["default": .text($0)] } ?? [:]
                return (key.name, shape(key.shape).merging(about).merging(value))
            })
    }

    private func rule(_ rule: MapDeclaration.Rule) -> JSONValue {
        switch rule {
        case .exactlyOne(let keys): ["oneOf": .list(keys.map { ["required": [.text($0)]] })]
        case .required(let keys): ["required": .list(keys.map { .text($0) })]
        case .only(let key, let other): ["dependentRequired": .members([(key, .list([.text(other)]))])]
        case .needed(let key, let other): ["dependentRequired": .members([(other, .list([.text(key)]))])]
        case .unlessMap(let key, let rule):
            [
                "if": [
                    "required": [.text(key)], "properties": .members([(key, JSONValue.object(["type": "object"]))]),
                ],
                "else": self.rule(rule),
            ]
        }
    }

    private func shape(_ shape: Shape) -> JSONValue {
        switch shape {
        case .text, .file: ["type": ["string", "number"]]
        case .label: text("[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
        case .identifier: text("[A-Za-z_][A-Za-z0-9_]*")
        case .address: text(Self.address + "(:[1-9][0-9]{0,4})?")
        case .range: text(Self.address + "/([0-9]|[12][0-9]|3[0-2])")
        case .number(let range):
            ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
        case .duration: ["type": "string", "pattern": "^([1-9][0-9]{0,5}|1000000)(ms|s|m|h)$"]
        case .choice(let choices): ["enum": .list(choices.map { .text($0) })]
        case .list(let element, let minimum):
            (["type": "array", "items": self.shape(element)] as JSONValue).merging(
                minimum > 0 ? ["minItems": .integer(minimum)] : [:])
        case .map(let declaration): map(declaration)
        case .named(let key, let value):
            ["type": "object", "propertyNames": self.shape(key), "additionalProperties": self.shape(value)]
        case .either(let shapes): ["anyOf": .list(shapes.map { self.shape($0) })]
        case .value: SchemaFields.anyValue
        case .expression: ["type": ["string", "boolean"]]
        case .notification:
            SchemaFields.byFamily(["type": "string", "pattern": "^(reload|restart) \\S+$|^reboot$|\\{\\{"])
        case .resource: ["$ref": "#/$defs/resource"]
        case .gate: ["$ref": "#/$defs/gate"]
        }
    }

    private static let address = "[0-9]{1,3}(\\.[0-9]{1,3}){3}"

    private func text(_ pattern: String) -> JSONValue {
        ["type": "string", "pattern": .text("^\(pattern)$" + (expandsEnvironment ? "|\\$\\{" : ""))]
    }
}

extension JSONValue {
    static func members(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(.init(members) { first, _ in first })
    }

    /// The keys of both; those of the other win.
    func merging(_ other: JSONValue) -> JSONValue {
        guard var members = object, let added = other.object else { return self }
        for (key, value) in added { members[key] = value }
        return .object(members)
    }
}

extension String {
    /// Editors show descriptions as they are.
    var plain: String { filter { $0 != "`" } }
}
