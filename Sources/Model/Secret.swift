/// A value that no output accepts: it has no text form, and reflection shows nothing.
///
/// The bytes leave only through ``reveal(to:_:)``, whose argument names why, so that every place where a secret becomes
/// bytes is found by searching for that word.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
    package init(_ text: String) { self.bytes = Array(text.utf8) }

    package var isEmpty: Bool { bytes.isEmpty }
    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Why bytes of a secret are needed in the clear.
    package enum Disclosure: Sendable {
        /// They are about to leave for the host that needs them.
        case host
        /// Only their digest, or a comparison, leaves the closure.
        case digest
        /// The masker needs the forms that must never be shown.
        case masking
        /// A client program on the controller takes them on its standard input.
        case client
    }

    package func reveal<Result>(to disclosure: Disclosure, _ body: ([UInt8]) throws -> Result) rethrows -> Result {
        try body(bytes)
    }
}

/// The name of a secret as recipes write it: `passwords.db_password`, where `passwords` is a source that the inventory
/// declares and `db_password` a key in it.
package struct SecretName: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package init(source: String, key: String) { self.rawValue = "\(source).\(key)" }

    package var source: String { String(rawValue.prefix { $0 != "." }) }
    package var key: String { String(rawValue.dropFirst(source.count + 1)) }
}

/// All secrets of one run, each source pinned to one version for the whole run.
package struct SecretBook: Sendable {
    private var values: [SecretName: Secret]
    /// Source name -> version id (a UUID in Secrets Manager, a digest-free label such as `file` elsewhere). Not secret.
    package private(set) var versions: [String: String]

    package init(values: [SecretName: Secret] = [:], versions: [String: String] = [:]) {
        self.values = values
        self.versions = versions
    }

    package subscript(name: SecretName) -> Secret? { values[name] }
    package var names: [SecretName] { values.keys.sorted() }
    package var secrets: [Secret] { names.compactMap { values[$0] } }

    /// For sources that have no version of their own.
    package mutating func pin(_ source: String, to version: String) { versions[source] = version }

    package mutating func merge(_ other: SecretBook) {
        values.merge(other.values) { _, new in new }
        versions.merge(other.versions) { _, new in new }
    }
}
