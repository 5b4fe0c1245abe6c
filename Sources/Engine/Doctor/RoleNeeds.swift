internal import Compile
internal import Model
internal import Resources

/// What a host's role needs of others, read from what was compiled for it. Pure.
struct RoleNeeds: Sendable, Hashable {
    struct Endpoint: Sendable, Hashable {
        /// What is behind it: `database`, `file system`.
        var purpose: String
        var host: String
        var port: Int
    }

    /// TCP endpoints that the host itself must reach.
    var endpoints: [Endpoint] = []
    var writtenPaths: [String] = []
    /// Files that are certificates, by their names.
    var certificates: [String] {
        writtenPaths.filter { issuedPaths.contains($0) || $0.hasSuffix(".crt") || $0.hasSuffix("cert.pem") }
    }
    /// Those of kind certificate, whatever they are called.
    private var issuedPaths: Set<String> = []
    /// The role compiles for the host. If not, nothing is said of what it needs.
    var isKnown = false

    init() {}

    init(_ desired: DesiredHost, zone: String, facts: HostFacts) {
        isKnown = true
        let database = Self.databaseName(in: zone)
        for declared in desired.resources {
            writtenPaths += declared.resource.managedPaths + declared.resource.sharedPaths
            if let certificate = declared.resource as? CertificateResource {
                issuedPaths.formUnion([certificate.path, certificate.authorityPath])
            }
            // A file with secrets too: its text has their names in their places, and none of it is shown.
            let content = (declared.resource as? FileResource)?.content ?? declared.resource.managedContent?.content
            if let text = content?.placeholderText {
                for port in Self.ports(of: database, in: text) { add("database", database, port) }
            }
            if let server = Self.fileServer(of: declared, on: facts) { add("file system", server, 2049) }
        }
    }

    static func databaseName(in zone: String) -> String { "mysql.\(zone)" }

    private mutating func add(_ purpose: String, _ host: String, _ port: Int) {
        let endpoint = Endpoint(purpose: purpose, host: host, port: port)
        if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
    }

    /// The ports under which a text names the host; MySQL's own where it names none.
    static func ports(of host: String, in text: String) -> [Int] {
        text.ranges(of: host).map { range in
            let rest = text[range.upperBound...]
            // A properties file may write the colon as `\:`.
            let port = rest.drop { $0 == "\\" }
            guard port.first == ":" else { return 3306 }
            return Int(port.dropFirst().prefix { $0.isASCII && $0.isNumber }) ?? 3306
        }
    }

    /// A mount's state is flat as every kind's, so its source is known without knowing the kind: `SERVER:/PATH`.
    private static func fileServer(of declared: DeclaredResource, on facts: HostFacts) -> String? {
        guard declared.id.kind == "mount", let state = try? declared.resource.desired(with: SecretBook(), on: facts),
            ["nfs", "nfs4"].contains(state["type"]?.text), case .text(let source)? = state["source"],
            let colon = source.firstIndex(of: ":"),
            source[source.index(after: colon)...].hasPrefix("/")
        else { return nil }
        return String(source[..<colon])
    }
}
