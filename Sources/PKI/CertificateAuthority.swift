package import Model
internal import X509

/// A CA as it lives in a secret: its certificate and its private key, both in PEM, one after the other in one value. The
/// key stays in the controller's memory; nothing here gives it out but ``make(named:at:with:)``, which returns it as a
/// secret.
package struct CertificateAuthority: Sendable, CustomStringConvertible, CustomReflectable {
    package let facts: CertificateFacts
    let key: Certificate.PrivateKey

    package enum Fault: Error, Sendable, Hashable, CustomStringConvertible {
        case noCertificate
        case noKey
        case unreadableKey
        case notAnAuthority
        case keyOfAnother
        case weak(String)

        package var description: String {
            switch self {
            case .noCertificate: "it holds no certificate in PEM that can be read"
            case .noKey: "it holds no private key in PEM beside the certificate"
            case .unreadableKey: "its private key cannot be read: it must be without a passphrase, EC or RSA"
            case .notAnAuthority: "its certificate may not sign others (basicConstraints, keyUsage)"
            case .keyOfAnother: "its private key is not that of its certificate"
            case .weak(let algorithm): "its key is too weak: \(algorithm)"
            }
        }
    }

    /// Whether a value is a CA with its private key, fit or not: such a thing goes to no host.
    package static func isHeld(in value: Secret) -> Bool {
        value.reveal(to: .digest) { bytes in
            PEMText.holdsPrivateKey(bytes)
                && CertificateFacts.all(pem: bytes)?.contains(where: \.isAuthority) ?? false
        }
    }

    package init(_ value: Secret) throws(Fault) {
        self = try value.reveal(to: .digest) { bytes in
            Result { () throws(Fault) in try CertificateAuthority(pem: bytes) }
        }.get()
    }

    private init(pem: [UInt8]) throws(Fault) {
        guard let facts = CertificateFacts(pem: pem) else { throw .noCertificate }
        guard let block = PEMText.blocks(pem).first(where: { $0.label.hasSuffix("PRIVATE KEY") }) else {
            throw .noKey
        }
        guard let key = try? Certificate.PrivateKey(pemEncoded: String(decoding: block.bytes, as: UTF8.self)) else {
            throw .unreadableKey
        }
        guard facts.isAuthority, (try? facts.certificate.extensions.keyUsage)?.keyCertSign ?? true else {
            throw .notAnAuthority
        }
        guard key.publicKey == facts.certificate.publicKey else { throw .keyOfAnother }
        guard KeyStrength.isEnough(facts.algorithm) else { throw .weak(facts.algorithm) }
        self.facts = facts
        self.key = key
    }

    package var description: String { facts.label }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What is accepted of keys that others made: RSA of 2048 bits, and the curves of NIST.
enum KeyStrength {
    static func isEnough(_ algorithm: String) -> Bool {
        if algorithm.hasPrefix("rsa-") { return Int(algorithm.dropFirst(4)).map { $0 >= 2048 } ?? false }
        return algorithm.hasPrefix("ec-") || algorithm == "ed25519"
    }
}
