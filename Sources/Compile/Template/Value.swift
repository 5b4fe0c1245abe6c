internal import Model

/// What an expression can be.
enum Value: Sendable, Hashable {
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([Value])
    case record(Record)
    /// Only the name: its value is bound when a digest is taken or the bytes leave for the host.
    case secret(SecretName)

    /// A thing with attributes.
    enum Record: Sendable, Hashable {
        case host(HostName)
        /// `fleet`, `zone`, `os`, `loop`.
        case plain(name: String, [String: Value])
    }

    /// How messages call it.
    var typeName: String {
        switch self {
        case .text: "text"
        case .number: "a number"
        case .flag: "a flag"
        case .list: "a list"
        case .record(.host): "a host"
        case .record(.plain(let name, _)): "\"\(name)\""
        case .secret: "a secret"
        }
    }

    /// The form in which it is written out; `nil` if it has none.
    var written: String? {
        switch self {
        case .text(let text): text
        case .number(let number): String(number)
        case .flag(let flag): flag ? "true" : "false"
        case .list, .record, .secret: nil
        }
    }
}

/// The attributes of a host in expressions.
enum HostAttribute: String, CaseIterable {
    case name, fqdn, address, az, index, role
}
