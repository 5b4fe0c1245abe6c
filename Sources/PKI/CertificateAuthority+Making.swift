internal import Crypto
package import Model
internal import X509

extension CertificateAuthority {
    /// Ten years: a CA is replaced on purpose (see `also_trusted`), never because it has run out in passing.
    package static let lifetime = Duration.seconds(3652 * 86400)

    /// A new CA: EC P-256, which all servers and clients of the fleet take; it may sign hosts' certificates, and no CA
    /// below it. The value is its certificate and its key in PEM. The generator must be a cryptographic one; the
    /// signature itself takes its randomness from the crypto library.
    package static func make(
        named name: String, at now: Moment, with random: inout some RandomNumberGenerator
    ) throws -> Secret {
        let key = newKey(with: &random)
        let subject = try DistinguishedName {
            OrganizationName("CSO")
            CommonName(name)
        }
        let publicKey = Certificate.PublicKey(key.publicKey)
        let certificate = try Certificate(
            version: .v3, serialNumber: serial(with: &random), publicKey: publicKey,
            notValidBefore: (now - .backdating).foundation, notValidAfter: (now + lifetime).foundation,
            issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: publicKey)
            }, issuerPrivateKey: Certificate.PrivateKey(key))
        return Secret(try certificate.serializeAsPEM().pemString + "\n" + key.pemRepresentation)
    }

    /// A scalar of the curve is as good as any; those that are none (one in 2^32) are thrown again.
    private static func newKey(with random: inout some RandomNumberGenerator) -> P256.Signing.PrivateKey {
        while true {
            let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            if let key = try? P256.Signing.PrivateKey(rawRepresentation: bytes) { return key }
        }
    }

    /// 127 random bits: positive, unique, and not to be guessed (CA/Browser Forum asks for 64).
    static func serial(with random: inout some RandomNumberGenerator) -> Certificate.SerialNumber {
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        bytes[0] = bytes[0] & 0x3F | 0x40
        return Certificate.SerialNumber(bytes: bytes)
    }
}

extension Duration {
    /// Certificates begin to be valid this much before they are made: a host's clock may be late.
    package static let backdating = Duration.seconds(3600)
}
