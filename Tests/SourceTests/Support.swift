import Glibc
import Model
import Resources
import Source

/// A kind that accepts what its declaration says.
protocol PlainKind: ResourceKind {
    init(fields: Fields)
}

extension PlainKind {
    init(_ fields: Fields) throws(Diagnostics) { self.init(fields: fields) }
    var identity: String { "x" }
    func probes(on facts: HostFacts) -> [ProbeRequest] { [] }
    func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation { .absent }
    func desired(with book: SecretBook, on facts: HostFacts) throws(BindingError) -> State? { nil }
    static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] { [] }
}

struct FileKind: PlainKind {
    static let declaration = KindDeclaration(
        name: "file", summary: "", subject: FieldDeclaration("file", .path, ""),
        fields: [
            FieldDeclaration("content", .content, ""), FieldDeclaration("mode", .mode, ""),
            FieldDeclaration("group", .text, ""), .state,
        ])
    init(fields: Fields) {}
}

struct GroupKind: PlainKind {
    static let declaration = KindDeclaration(
        name: "group", summary: "", subject: FieldDeclaration("group", .text, ""),
        fields: [FieldDeclaration("gid", .number, "")])
    init(fields: Fields) {}
}

let catalogue = Catalogue([FileKind.self, GroupKind.self])

func recipeTree(_ yaml: String) -> SourceTree {
    SourceTree(
        rolesFolder: "Roles", inventoryFile: "Inventory/x/inventory.yaml",
        files: ["Roles/web/role.yaml": Array(yaml.utf8)])
}

func inventoryTree(_ yaml: String) -> SourceTree {
    SourceTree(
        rolesFolder: "Roles", inventoryFile: "Inventory/x/inventory.yaml",
        files: ["Inventory/x/inventory.yaml": Array(yaml.utf8)])
}

/// `LINE:COLUMN MESSAGE; REMEDY`, as the cases write it.
func brief(_ diagnostics: [Diagnostic]) -> [String] {
    diagnostics.map { diagnostic in
        let place = diagnostic.location.map { "\($0.line):\($0.column) " } ?? ""
        return place + diagnostic.message + (diagnostic.remedy.map { "; \($0)" } ?? "")
    }
}
