internal import Model
package import Resources
internal import Source

/// The reference in Markdown, from the declarations that the decoder reads.
package enum ReferenceText {
    /// One table: every key of a `role.yaml` outside of its kinds and gates.
    package static var role: String { table(of: rows(RoleDeclarations.role, below: "")) }

    /// One table: every key of an `inventory.yaml`.
    package static var inventory: String { table(of: rows(InventoryDeclarations.inventory, below: "")) }

    /// A section for each kind, in the catalogue's order.
    package static func kinds(_ catalogue: Catalogue = .standard) -> String {
        let common = beside(RoleDeclarations.everyResource)
        return "Every resource:\n\n" + header + common.joined(separator: "\n") + "\n\n"
            + catalogue.kinds.map { section($0.declaration, title: $0.name.rawValue) }.joined(separator: "\n")
    }

    /// A section for each gate; the fields that all of them have come once.
    package static var gates: String {
        let all = GateDeclarations.all
        let common = all[0].fields.filter { field in all.allSatisfy { $0.field(field.name) != nil } }
        let rows = common.map(row) + beside(RoleDeclarations.everyGate)
        return "Every gate:\n\n" + header + rows.joined(separator: "\n") + "\n\n"
            + all.map { section($0, title: "\($0.name) gate", without: common.map(\.name)) }.joined(separator: "\n")
    }

    /// Keys that stand beside those of a kind or a gate.
    private static func beside(_ keys: [KeyDeclaration]) -> [String] {
        keys.map { "| `\($0.name)` | \(words($0.shape)) | | \($0.documentation) |" }
    }

    // MARK: Kinds

    private static let header = "| key | value | default | meaning |\n|---|---|---|---|\n"

    private static func section(_ kind: KindDeclaration, title: String, without: [String] = []) -> String {
        let fields = kind.fields.filter { !without.contains($0.name) }
        let several = kind.allowsSubjectList ? "; a list: one each" : ""
        let subject =
            "| **`\(kind.name)`** | \(words(kind.subject.type))\(several) | required | \(cell(kind.subject.documentation)) |"
        return "### \(title)\n\n\(kind.summary)\n\n" + header
            + ([subject] + fields.map(row)).joined(separator: "\n") + "\n"
    }

    private static func row(_ field: FieldDeclaration) -> String {
        let value = field.isRequired ? "required" : field.defaultText.map { "`\($0)`" } ?? ""
        return "| `\(field.name)` | \(words(field.type)) | \(value) | \(cell(field.documentation)) |"
    }

    private static func words(_ type: FieldDeclaration.FieldType) -> String {
        switch type {
        case .text: "text"
        case .number: "number"
        case .flag: "flag"
        case .list: "list"
        case .mode: "mode"
        case .duration: "time"
        case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: ", ")
        case .path: "path"
        case .shell: "shell"
        case .content: "content"
        case .roleFile: "name below files/"
        case .roleTemplate: "name below templates/"
        }
    }

    // MARK: Maps

    private static func rows(_ map: MapDeclaration, below path: String) -> [String] {
        map.keys.flatMap { key in
            let value = key.isRequired ? "required" : key.defaultText.map { "`\($0)`" } ?? ""
            let row = "| `\(path)\(key.name)` | \(words(key.shape)) | \(value) | \(cell(key.documentation)) |"
            return [row] + nested(key.shape, below: path + key.name)
        }
    }

    /// The keys of maps inside: `zone.name`, `parameters.NAME.type`.
    private static func nested(_ shape: Shape, below path: String) -> [String] {
        switch shape {
        case .map(let map): rows(map, below: path + ".")
        case .named(_, let value): nested(value, below: path + ".NAME")
        case .list(let element, _): nested(element, below: path)
        case .either(let shapes): shapes.flatMap { nested($0, below: path) }
        default: []
        }
    }

    private static func words(_ shape: Shape) -> String {
        switch shape {
        case .text: "text"
        case .label, .identifier: "name"
        case .file: "file"
        case .address: "address"
        case .range: "range of addresses"
        case .number(let range): "number, \(range.lowerBound) to \(range.upperBound)"
        case .duration: "time"
        case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: ", ")
        case .list(let element, _): "list: \(words(element))"
        case .map: "map"
        case .named(_, let value): "map: a name each, \(words(value))"
        case .either(let shapes): shapes.map(words).joined(separator: ", or ")
        case .value: "value"
        case .expression: "expression"
        case .notification: "`reload UNIT`, `restart UNIT` or `reboot`"
        case .resource: "resource"
        case .gate: "gate"
        }
    }

    private static func table(of rows: [String]) -> String { header + rows.joined(separator: "\n") + "\n" }

    private static func cell(_ text: String) -> String {
        text.split(separator: "\n").joined(separator: " ").split(separator: "|", omittingEmptySubsequences: false)
            .joined(separator: "\\|")
    }
}
