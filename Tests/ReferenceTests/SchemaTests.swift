import Model
import Reference
import Resources
import Testing

/// What a validator cannot see. Tests/Fleet/tests/schema.py validates real files with a real one.
struct SchemaTests {
    private let role = SchemaDocument.role.json()

    @Test func everyKindAndGateIsAskedForByItsKey() throws {
        for (name, declarations) in [
            ("resource", Catalogue.standard.kinds.map { $0.declaration }), ("gate", GateDeclarations.all),
        ] {
            let entry = try #require(role["$defs"]?[name])
            #expect(entry["oneOf"]?.list?.count == declarations.count)
            let branches = try #require(entry["allOf"]?.list)
            for (branch, declaration) in zip(branches, declarations) {
                let properties = try #require(branch["then"]?["properties"]?.object)
                #expect(properties[declaration.name.rawValue] != nil)
                for field in declaration.fields { #expect(properties[field.name]?["description"] != nil) }
                #expect(branch["then"]?["additionalProperties"] == false)
            }
        }
    }

    /// The decoder takes the first of two kinds that are fields of each other; a schema could not say that.
    @Test func noTwoKindsAreFieldsOfEachOther() {
        let kinds = Catalogue.standard.kinds.map { $0.declaration }
        for kind in kinds {
            for other in kinds where kind.field(other.name.rawValue) != nil {
                #expect(other.field(kind.name.rawValue) == nil, "\(kind.name) and \(other.name)")
            }
        }
    }

    @Test(arguments: SchemaDocument.allCases) func everyReferenceLeadsSomewhere(_ document: SchemaDocument) {
        let schema = document.json()
        var count = 0
        func walk(_ value: JSONValue) {
            if let target = value["$ref"]?.text {
                count += 1
                #expect(target.hasPrefix("#/$defs/") && schema["$defs"]?[String(target.dropFirst(8))] != nil)
            }
            value.object?.values.forEach(walk)
            value.list?.forEach(walk)
        }
        walk(schema)
        #expect(document == .inventory || count > 20)
    }
}
