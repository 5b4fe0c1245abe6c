import Compile
import Model
import Resources
import Source

/// A kind with a field of every type, that keeps what it was given.
struct Sample: ResourceKind {
    static let declaration = KindDeclaration(
        name: "sample", summary: "", subject: FieldDeclaration("sample", .text, ""), allowsSubjectList: true,
        fields: [
            FieldDeclaration("text", .text, ""), FieldDeclaration("number", .number, ""),
            FieldDeclaration("flag", .flag, ""), FieldDeclaration("list", .list, ""),
            FieldDeclaration("mode", .mode, ""), FieldDeclaration("duration", .duration, ""),
            FieldDeclaration("choice", .choice(["one", "two"]), ""), FieldDeclaration("path", .path, ""),
            FieldDeclaration("shell", .shell, ""), FieldDeclaration("content", .content, ""),
            FieldDeclaration("source", .roleFile, ""), FieldDeclaration("template", .roleTemplate, ""),
            FieldDeclaration("encoding", .choice(SinkEncoding.allCases.map(\.rawValue)), ""),
        ])
    let fields: Fields
    init(_ fields: Fields) throws(Diagnostics) { self.fields = fields }
    var identity: String { fields.subject }
    var managedPaths: [String] { fields.text("path").map { [$0] } ?? [] }
    func probes(on facts: HostFacts) -> [ProbeRequest] { [] }
    func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation { .absent }
    func desired(with book: SecretBook, on facts: HostFacts) throws(BindingError) -> State? { nil }
    static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] { [] }
}

/// A kind with a field that must be there, and an opinion of its own.
struct Service: ResourceKind {
    static let declaration = KindDeclaration(
        name: "service", summary: "", subject: FieldDeclaration("service", .text, ""),
        fields: [FieldDeclaration("level", .number, isRequired: true, "")])
    let unit: String
    init(_ fields: Fields) throws(Diagnostics) {
        unit = fields.subject
        if fields.number("level") == 13 {
            throw Diagnostics(Diagnostic("13 is no level", at: fields.location(of: "level")))
        }
    }
    var identity: String { unit }
    func probes(on facts: HostFacts) -> [ProbeRequest] { [] }
    func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation { .absent }
    func desired(with book: SecretBook, on facts: HostFacts) throws(BindingError) -> State? { nil }
    static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] { [] }
}

/// Recipes and an inventory in memory: two web hosts and one database host in two availability zones.
struct World {
    var files: [String: String]
    var parameters = ""
    var catalogue = Catalogue([Sample.self, Service.self])

    /// `web` is the recipe of the role web, without its first line.
    init(_ web: String, files: [String: String] = [:], parameters: String = "") {
        self.files = ["Roles/web/role.yaml": "role: web\n" + web, "Roles/db/role.yaml": "role: db\n"]
        self.files.merge(files) { $1 }
        self.parameters = parameters
    }

    var tree: SourceTree {
        let inventory = """
            fleet: test
            zone: {name: z.test}
            network: [10.0.0.0/8]
            availability_zones: {a: 10.1.0.0/16, b: 10.2.0.0/16}
            az_order: [b, a]
            ssh: {transport: {command: [sh]}}
            secrets: {passwords: {file: s.json}}
            roles:
              web: {hosts: [web01, web02]\(parameters)}
              db: {hosts: [db01]}
            """
        var bytes = files.mapValues { Array($0.utf8) }
        bytes["Inventory/inventory.yaml"] = Array(inventory.utf8)
        return SourceTree(rolesFolder: "Roles", inventoryFile: "Inventory/inventory.yaml", files: bytes)
    }

    static let placements: [HostName: Placement] = [
        "web01": Placement(address: Address(number: 0x0A01_0001), availabilityZone: "a"),
        "web02": Placement(address: Address(number: 0x0A02_0002), availabilityZone: "b"),
    ]

    func compiler() throws(Diagnostics) -> Compiler {
        let tree = tree
        let roles = RecipeDecoder.decode(tree, catalogue: catalogue)
        let inventory = InventoryDecoder.decode(tree, environment: [:])
        guard let value = inventory.value, roles.diagnostics.isEmpty, inventory.diagnostics.isEmpty else {
            throw Diagnostics(roles.diagnostics + inventory.diagnostics)
        }
        return Compiler(roles: roles.value, inventory: value, catalogue: catalogue, tree: tree)
    }

    func compile(
        on host: HostName = "web01", family: HostFacts.OSFamily = .debian
    ) throws(Diagnostics) -> DesiredHost {
        try compiler().compile("web", on: host, family: family, placements: Self.placements)
    }

    /// The fields of the host's samples.
    func samples(on host: HostName = "web01", family: HostFacts.OSFamily = .debian) throws(Diagnostics) -> [Fields] {
        try compile(on: host, family: family).resources.compactMap { ($0.resource as? Sample)?.fields }
    }

    /// What stands in the way on web01, as `FILE:LINE:COLUMN MESSAGE; REMEDY` without the folder.
    func mistakes(on host: HostName = "web01", family: HostFacts.OSFamily = .debian) -> [String] {
        do throws(Diagnostics) {
            _ = try compile(on: host, family: family)
            return []
        } catch {
            return Self.brief(error.all)
        }
    }

    func check() throws(Diagnostics) -> [String] { Self.brief(try compiler().check()) }

    static func brief(_ diagnostics: [Diagnostic]) -> [String] {
        diagnostics.map { diagnostic in
            var place = ""
            if let location = diagnostic.location {
                place = "\(location.file.split(separator: "/").last ?? ""):\(location.line):\(location.column) "
            }
            return place + diagnostic.message + (diagnostic.remedy.map { "; \($0)" } ?? "")
        }
    }
}
