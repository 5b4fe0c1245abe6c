package import Model
internal import PKI

/// How the value of a secret that nobody has made yet is made: of which characters, and how many. Chosen by the key's
/// name, from what the servers that read it can take.
package struct SecretRecipe: Sendable, Hashable {
    package enum Alphabet: Sendable, Hashable {
        /// A-Z, a-z, 0-9: no reader of these secrets (INI, URL, SQL, shell, properties) gives any of them a meaning.
        case alphanumeric
        /// Random bytes as two lower-case digits each; `length` counts the bytes.
        case hexadecimal
        /// A CA's certificate and its private key, both in PEM in one value, so that one is never there without the other.
        case certificateAuthority
    }

    package var alphabet: Alphabet
    package var length: Int
    /// Why not simply something else; for the list that is shown before anything is made.
    package var note: String?

    package var description: String {
        let size =
            switch alphabet {
            case .alphanumeric: "\(length) of A-Z a-z 0-9"
            case .hexadecimal: "\(length) random bytes in hexadecimal"
            case .certificateAuthority: "a CA, its certificate for ten years and its private key (EC P-256) in PEM"
            }
        return note.map { "\(size) (\($0))" } ?? size
    }

    /// What can be made for a key, by its name.
    package enum Choice: Sendable, Hashable {
        case made(SecretRecipe)
        /// Something else makes it; the phrase says what.
        case madeElsewhere(String)
        case unknown
    }

    /// The first line whose pattern the key ends in counts.
    private static let table: [(ending: String, choice: Choice)] = [
        (
            "erlang_cookie",
            // rabbitmq-server's maintainer script takes 20 capitals for Erlang's own weak form, and replaces them.
            .made(SecretRecipe(alphabet: .alphanumeric, length: 40, note: "the same on all members of a cluster"))
        ),
        (
            "password_encryption_key",
            .made(
                SecretRecipe(
                    alphabet: .hexadecimal, length: 32, note: "encrypts data in the database: never to be changed again"
                ))
        ),
        (
            "ca_key",
            .madeElsewhere("a CA's key is made together with its certificate, as one value: \"ca\", or \"…_ca\"")
        ),
        (
            "ca_cert",
            .madeElsewhere("a CA's certificate is made together with its key, as one value: \"ca\", or \"…_ca\"")
        ),
        ("_ca", .made(authority)),
        ("_key", .made(SecretRecipe(alphabet: .hexadecimal, length: 32))),
        ("password", .made(SecretRecipe(alphabet: .alphanumeric, length: 40))),
    ]

    private static let authority = SecretRecipe(
        alphabet: .certificateAuthority, length: 1,
        note: "it signs the hosts' certificates; its key goes to no host, and it is never to be made again")

    package static func choice(for key: String) -> Choice {
        let key = key.lowercased()
        if key == "ca" { return .made(authority) }
        return table.first { key.hasSuffix($0.ending) }?.choice ?? .unknown
    }

    /// A new value. The generator must be a cryptographic one; `SystemRandomNumberGenerator` is (getrandom(2)). A CA bears
    /// the name, and begins at the moment.
    package func make(
        named name: String, at now: Moment, with random: inout some RandomNumberGenerator
    ) throws -> Secret {
        if alphabet == .certificateAuthority {
            return try CertificateAuthority.make(named: name, at: now, with: &random)
        }
        while true {
            let text: [UInt8] =
                switch alphabet {
                case .certificateAuthority: []
                case .alphanumeric: (0..<length).map { _ in Self.letters[Int.random(in: 0..<62, using: &random)] }
                case .hexadecimal:
                    (0..<length).flatMap { _ in
                        let byte = UInt8.random(in: .min ... .max, using: &random)
                        return [Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
                    }
                }
            if !Self.looksMadeByErlang(text) { return Secret(text) }
        }
    }

    /// `^[A-Z]{20}$`: what Erlang makes by itself, and what Debian's package therefore replaces.
    package static func looksMadeByErlang(_ value: [UInt8]) -> Bool {
        value.count == 20 && value.allSatisfy { (0x41...0x5A).contains($0) }
    }

    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let digits = Array("0123456789abcdef".utf8)
}
