import Compile
import Glibc
import Model
import Resources
import Source
import Testing

/// What lies in Roles/ and Inventory/, checked as `cso-provision check` does it, and looked at from the inside.
struct ShippedRolesTests {
    static let fleets = ["local", "prod-ha"]
    static let environment = [
        "HOME": "/home/op", "CSO_SSH_KEY": "/k", "CSO_KNOWN_HOSTS": "/h", "CSO_HOSTED_ZONE": "Z1",
    ]

    static func compiler(_ fleet: String) throws -> Compiler {
        let tree = try Disk.tree(inventory: "Inventory/\(fleet)/inventory.yaml")
        let roles = RecipeDecoder.decode(tree, catalogue: .standard)
        let inventory = InventoryDecoder.decode(tree, environment: environment)
        let mistakes = roles.diagnostics + inventory.diagnostics
        #expect(mistakes.isEmpty, "\(DiagnosticRenderer(tree).render(mistakes))")
        return Compiler(
            roles: roles.value, inventory: try #require(inventory.value), catalogue: .standard, tree: tree)
    }

    static let placements: [HostName: Placement] = [
        "backend01": Placement(address: Address(number: 0x0A01_800B), availabilityZone: "eu-west-2a"),
        "backend02": Placement(address: Address(number: 0x0A01_C00B), availabilityZone: "eu-west-2c"),
        "frontend01": Placement(address: Address(number: 0x0A01_8015), availabilityZone: "eu-west-2a"),
        "frontend02": Placement(address: Address(number: 0x0A01_C015), availabilityZone: "eu-west-2c"),
    ]
    static func backend(
        _ host: HostName = "backend01", family: HostFacts.OSFamily = .debian
    ) throws -> DesiredHost {
        try compiler("local").compile("backend", on: host, family: family, placements: placements)
    }
    static func frontend(
        _ family: HostFacts.OSFamily = .debian, fleet: String = "local", backend02 address: UInt32 = 0x0A01_C00B
    ) throws -> DesiredHost {
        var placements = placements
        placements["backend02"]?.address = Address(number: address)
        return try compiler(fleet).compile("frontend", on: "frontend01", family: family, placements: placements)
    }

    @Test(arguments: fleets) func haveNoMistakes(_ fleet: String) throws {
        let compiler = try Self.compiler(fleet)
        let mistakes = compiler.check()
        #expect(mistakes.isEmpty, "\(DiagnosticRenderer(compiler.tree).render(mistakes))")
    }

    @Test func backendNeedsOnlyItsOwnAddressesAndTheFleetsSecrets() throws {
        let compiler = try Self.compiler("local")
        #expect(compiler.hostsAskedFor(by: "backend") == ["backend01", "backend02"])
        // The keys of env-prod-ha-passwords-v2 that setup.properties needs. Not key_password: a PKCS12 store has one password.
        let keys = [
            "db_password", "keystone_password", "keystore_password", "password_encryption_key", "rabbitmq_password",
            "service_password",
        ]
        let wanted = keys.map { "passwords.\($0)" } + ["pki.ca"]
        #expect(compiler.secretNames(of: "backend").map(\.rawValue).sorted() == wanted)
        #expect(compiler.secretNames(of: "frontend").map(\.rawValue).sorted() == wanted)
        #expect(compiler.providers(of: "backend") == ["rabbitmq", "keystone"])
        // Every backend's address is in the frontends' files.
        #expect(compiler.hostsAskedFor(by: "frontend") == ["backend01", "backend02", "frontend01", "frontend02"])
        #expect(compiler.providers(of: "frontend") == ["backend"])
    }

    @Test func setupPropertiesHasEveryKeyOfTheInstaller() throws {
        let content = try #require(try Self.content("/opt/ecs/setup.properties", on: "backend01"))
        let lines = try #require(content.placeholderText).split(separator: "\n").filter { !$0.hasPrefix("#") }
        let keys = lines.map { $0.prefix { $0 != "=" } }
        // As the stand-in's installer demands them, which is what is known of the vendor's.
        let installer = String(decoding: try Disk.read("Tests/Fleet/standin/installer_p3.py"), as: UTF8.self)
        let demanded = installer.components(between: "KEYS = \"\"\"", and: "\"\"\"").split { $0 == " " || $0 == "\n" }
        #expect(demanded.count == 21)
        #expect(Set(keys) == Set(demanded))
        #expect(keys.count == demanded.count)
        #expect(lines.contains("backendHostname=backend01.prod-ha.cso.ss"))
        #expect(lines.contains("rabbitmqHosts=rabbitmq01.prod-ha.cso.ss,rabbitmq02.prod-ha.cso.ss"))
        // Every secret is in the encoding that java.util.Properties reads.
        let encodings = content.segments.compactMap { segment in
            if case .secret(_, let encoding) = segment { encoding } else { nil }
        }
        #expect(encodings.count == 8)
        #expect(Set(encodings) == [.properties])
    }

    @Test func aTransferNamesTheOnceThatMakesIt() throws {
        var tree = try Disk.tree(inventory: "Inventory/local/inventory.yaml")
        let recipe = String(decoding: try #require(tree.files["Roles/backend/role.yaml"]), as: UTF8.self)
        let changed = recipe.split(separator: "made_by: make the").joined(separator: "made_by: made the")
        #expect(changed != recipe)
        tree.files["Roles/backend/role.yaml"] = Array(changed.utf8)
        let roles = RecipeDecoder.decode(tree, catalogue: .standard)
        let inventory = try #require(InventoryDecoder.decode(tree, environment: Self.environment).value)
        let mistakes = Compiler(roles: roles.value, inventory: inventory, catalogue: .standard, tree: tree).check()
        #expect(
            mistakes.map(\.message) == [
                "transfer:/opt/ecs/security/cluster.key is made by \"made the cluster key\", but no once before it has that label"
            ])
        #expect(mistakes.map(\.remedy) == ["did you mean \"make the cluster key\"?"])
    }

    @Test func differsByFamilyWhereItMust() throws {
        func packages(_ family: HostFacts.OSFamily) throws -> Set<String> {
            Set(try Self.backend(family: family).resources.map(\.id).filter { $0.kind == "package" }.map(\.identity))
        }
        let common: Set = ["ca-certificates", "openssl", "unzip", "python3"]
        #expect(try packages(.debian) == common.union(["curl", "nginx-light", "openjdk-17-jre-headless"]))
        #expect(try packages(.amazon) == common.union(["curl-minimal", "nginx", "java-21-amazon-corretto-headless"]))
        let site: ResourceID = "symlink:/etc/nginx/sites-enabled/default"
        #expect(try Self.backend().resources.contains { $0.id == site })
        #expect(try !Self.backend(family: .amazon).resources.contains { $0.id == site })
    }

    @Test func gatesAskTheConfigurationServiceFirstAndEveryOther() throws {
        let urls = try Self.backend().gates.compactMap { gate -> String? in
            guard case .http(let url, 200, "\"version\": \"2.4.4\"", nil, let route) = gate.check else { return nil }
            #expect(route == .init(at: Address("10.1.128.11"), authority: "/opt/ecs/security/ca.crt"))
            return url
        }
        #expect(urls.first == "https://backend01.prod-ha.cso.ss:8103/system/info")
        #expect(urls.last == "https://backend.prod-ha.cso.ss:8080/config/system/info")
        let ports = [8103, 8090, 8091, 8092, 8093, 8094, 8096, 8097, 8099, 8100, 8101, 8105, 8098, 8080]
        #expect(urls.map { Int($0.split(separator: ":")[2].prefix { $0 != "/" }) } == ports)
        // The services that the stand-in offers, which are those of the vendor.
        let services = String(decoding: try Disk.read("Tests/Fleet/standin/standin_backend.py"), as: UTF8.self)
            .components(between: "SERVICES = {", and: "}")
        for port in ports where port != 8080 { #expect(services.contains("\(port): ")) }
        #expect(services.split(separator: ": \"").count == ports.count)
    }

    @Test func aFrontendHasEveryBackendByAddressAndNoHeaderOfItsOwnInALocation() throws {
        func site(_ host: DesiredHost) throws -> String {
            let file = host.resources.lazy.compactMap { $0.resource as? FileResource }
                .first { $0.path == "/etc/nginx/conf.d/cso.conf" }
            return try #require(file?.content?.placeholderText)
        }
        let text = try site(Self.frontend())
        #expect(text.contains("server 10.1.128.11:8080 max_fails=2 fail_timeout=3s; # backend01.prod-ha.cso.ss\n"))
        #expect(text.contains("server 10.1.192.11:8080 max_fails=2 fail_timeout=3s; # backend02.prod-ha.cso.ss\n"))
        #expect(text.contains("listen 8102 ssl default_server;"))
        // A backend at another address is another file, and so a reload.
        let moved = try site(Self.frontend(backend02: 0x0A01_C04D))
        #expect(moved.contains("server 10.1.192.77:8080") && !moved.contains("10.1.192.11"))
        // nginx takes the headers of the server only in locations that have none of their own.
        let ready = text.components(between: "location = /backend-ready {", and: "\n    }\n")
        #expect(ready.contains("proxy_pass_request_headers off;"))
        let locations = text.components(between: "    location ", and: "\n}\n").replacing(ready, with: "")
        #expect(!locations.isEmpty && !locations.contains("proxy_set_header") && !locations.contains("return 200 \"L"))
        for header in ["Identity", "Accesstoken", "Data"] {
            #expect(text.contains("proxy_set_header X-Amzn-Oidc-\(header) \"\";"))
        }
    }

    /// HTTP or HTTPS is the owner's to say: nothing may be guessed.
    @Test func aFrontendIsNotConfiguredWhileTheTargetGroupIsUndecided() throws {
        func asks(_ fleet: String) throws -> Bool {
            try Self.frontend(fleet: fleet).resources.contains { $0.id == "command:know what the target group speaks" }
        }
        #expect(try asks("prod-ha"))
        #expect(try !asks("local"))
    }

    /// What the shell itself says of every script that the role sends, and of the installer's guard with real files.
    @Test func scriptsAreShell() throws {
        for family in HostFacts.OSFamily.allCases {
            for declared in try Self.backend(family: family).resources + Self.frontend(family).resources {
                for change in Self.scripts(of: declared.resource) {
                    #expect(try Disk.shell(change, options: "-n") == 0, "\(declared.id): \(change)")
                }
            }
        }
        // Control: this shell does find a mistake.
        #expect(try Disk.shell("if true; then", options: "-n") != 0)
    }

    private static func scripts(of resource: any ResourceKind) -> [String] {
        switch resource {
        case let command as CommandResource:
            var scripts = [command.run.text]
            if case .unless(let text) = command.condition { scripts.append(text.text) }
            return scripts
        case let once as OnceResource: return [once.run.text, once.evidence.text]
        case let release as ReleaseResource: return [release.install, release.ready?.command].compactMap { $0?.text }
        case let file as FileResource: return file.validate.map { [$0.text] } ?? []
        default: return []
        }
    }

    private static func content(_ path: String, on host: HostName) throws -> Content? {
        try backend(host).resources.lazy.compactMap { $0.resource as? FileResource }.first { $0.path == path }?.content
    }
}

/// The repository's own files.
enum Disk {
    static var root: String { String(#filePath.components(before: "/Tests/CompileTests/")) }

    struct Unreadable: Error { var path: String }

    static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen("\(root)/\(path)", "r") else { throw Unreadable(path: path) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return bytes
    }

    static func tree(inventory: String) throws -> SourceTree {
        var files = [inventory: try read(inventory)]
        for path in try list("Roles") { files[path] = try read(path) }
        return SourceTree(rolesFolder: "Roles", inventoryFile: inventory, files: files)
    }

    private static func list(_ folder: String) throws -> [String] {
        guard let stream = opendir("\(root)/\(folder)") else { throw Unreadable(path: folder) }
        defer { closedir(stream) }
        var paths: [String] = []
        while let entry = readdir(stream) {
            let type = Int32(entry.pointee.d_type)
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(".") { continue }
            paths += type == Int32(DT_DIR) ? try list("\(folder)/\(name)") : ["\(folder)/\(name)"]
        }
        return paths
    }

    /// The exit status of `sh` with the script on its standard input.
    static func shell(_ script: String, options: String) throws -> Int32 {
        guard let pipe = popen("sh \(options) 2>/dev/null", "w") else { throw Unreadable(path: "sh") }
        fputs(script, pipe)
        return pclose(pipe) >> 8
    }
}

extension String {
    func components(before end: String) -> Substring {
        firstRange(of: end).map { self[..<$0.lowerBound] } ?? self[...]
    }
    func components(between start: String, and end: String) -> Substring {
        guard let first = firstRange(of: start) else { return "" }
        let rest = String(self[first.upperBound...])
        return Substring(String(rest.components(before: end)))
    }
}
