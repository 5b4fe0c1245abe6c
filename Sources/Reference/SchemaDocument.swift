package import Model
package import Resources
internal import Source

/// JSON Schema (2020-12) of an input file, for editors: what may stand where, and what it means. It knows structure and
/// forms only; names, combinations and places are `check`'s.
package enum SchemaDocument: String, Sendable, CaseIterable {
    case role, inventory

    package func json(_ catalogue: Catalogue = .standard) -> JSONValue {
        let shapes = SchemaShapes(expandsEnvironment: self == .inventory)
        switch self {
        case .role:
            let kinds = catalogue.kinds.map { $0.declaration }
            let every = RoleDeclarations.everyResource
            func references(_ keys: [KeyDeclaration]) -> JSONValue {
                .members(keys.map { ($0.name, ["$ref": .text("#/$defs/every-\($0.name)")]) })
            }
            let everyOne = shapes.properties(every).object?.map { ("every-\($0.key)", $0.value) } ?? []
            let entries = JSONValue.members(
                everyOne + [
                    ("resource", entry("resource", kinds, beside: references(every))),
                    ("gate", entry("gate", GateDeclarations.all, beside: references(RoleDeclarations.everyGate))),
                ])
            return document(shapes.map(RoleDeclarations.role), definitions: SchemaFields().definitions.merging(entries))
        case .inventory:
            return document(shapes.map(InventoryDeclarations.inventory), definitions: .members([]))
        }
    }

    private func document(_ map: JSONValue, definitions: JSONValue) -> JSONValue {
        let head: JSONValue = [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": .text("urn:cso-provision:\(rawValue)"),
            "title": .text("\(rawValue).yaml of cso-provision"),
        ]
        let tail: JSONValue = definitions.object?.isEmpty == false ? ["$defs": definitions] : [:]
        return head.merging(map).merging(tail)
    }

    /// Exactly one key is the kind, and the others are that kind's. One `if` for each kind, so that an editor's message
    /// is about the kind that was written and not about all that it is not.
    private func entry(_ what: String, _ kinds: [KindDeclaration], beside common: JSONValue) -> JSONValue {
        let conditions = kinds.map { kind in condition(for: kind, among: kinds) }
        let names = JSONValue.members(kinds.map { ($0.name.rawValue, ["description": .text($0.summary)]) })
        return [
            "type": "object", "description": .text("One \(what): exactly one key is its kind."), "properties": names,
            "oneOf": .list(conditions),
            "allOf": .list(
                zip(kinds, conditions).map { ["if": $1, "then": SchemaFields().kind($0, beside: common)] }),
        ]
    }

    /// A key that is also a field of another kind (`group` of `file`) counts as the kind only if that one is not there.
    private func condition(for kind: KindDeclaration, among kinds: [KindDeclaration]) -> JSONValue {
        let name = kind.name.rawValue
        let others = kinds.filter { $0.name != kind.name && $0.field(name) != nil }.map(\.name.rawValue)
        let present: JSONValue = ["required": [.text(name)]]
        guard !others.isEmpty else { return present }
        return present.merging(["not": ["anyOf": .list(others.map { ["required": [.text($0)]] })]])
    }
}
