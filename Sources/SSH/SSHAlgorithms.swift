/// The algorithms that a key exchange agreed on, by their SSH names.
package struct SSHAlgorithms: Sendable, Hashable {
    package var keyExchange: String
    package var hostKey: String
    /// From us to the host; both directions have the same preferences.
    package var cipher: String
    package var mac: String
}
