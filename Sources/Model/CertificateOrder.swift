/// What a CA is asked to sign for a host: the key stays where it is, and only a request for it travels to the controller.
package struct CertificateOrder: Sendable, Hashable {
    package enum Algorithm: String, Sendable, Hashable, CaseIterable {
        case p256 = "ec-p256"
        case p384 = "ec-p384"
        case rsa2048 = "rsa-2048"
        case rsa3072 = "rsa-3072"
        case rsa4096 = "rsa-4096"
    }

    /// Extended key usage: what the certificate may be shown for.
    package enum Usage: String, Sendable, Hashable, CaseIterable {
        case server, client, both

        /// As they are named in a state.
        package var words: [String] { self == .both ? ["server", "client"] : [rawValue] }
    }

    /// The certificate's file, for messages.
    package var path: String
    /// DNS names in lower case and IPv4 addresses; the first DNS name is the common name too.
    package var names: [String]
    package var algorithm: Algorithm
    package var usage: Usage
    package var validity: Duration
    /// What must be left of the CA's own time.
    package var renewBefore: Duration
    package var authority: SecretName
    /// Prints a certificate signing request (PKCS #10, PEM) for the host's key. Changes nothing.
    package var request: ShellText

    package init(
        path: String, names: [String], algorithm: Algorithm, usage: Usage, validity: Duration, renewBefore: Duration,
        authority: SecretName, request: ShellText
    ) {
        self.path = path
        self.names = names
        self.algorithm = algorithm
        self.usage = usage
        self.validity = validity
        self.renewBefore = renewBefore
        self.authority = authority
        self.request = request
    }

    /// As RFC 5280 and openssl write them: `DNS:backend01.prod-ha.cso.ss`, `IP:10.1.128.11`.
    package var labelledNames: [String] { names.map { Address($0) == nil ? "DNS:\($0)" : "IP:\($0)" } }
}
