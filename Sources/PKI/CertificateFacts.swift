internal import Crypto
internal import FoundationEssentials
package import Model
internal import SwiftASN1
internal import X509
internal import _CryptoExtras

/// What stands in one certificate. Read from its bytes alone: nothing of it is believed before ``isSigned(by:)``.
package struct CertificateFacts: Sendable {
    let certificate: Certificate

    /// The subject alternative names, sorted: `DNS:` in lower case, `IP:`, `other:`. A common name is none.
    package let names: [String]
    package let commonName: String?
    package let notBefore: Moment
    package let notAfter: Moment
    /// `ec-p256`, `rsa-2048`.
    package let algorithm: String
    /// `server`, `client`; empty if it may be used for anything or for nothing of both.
    package let usage: [String]
    package let isAuthority: Bool

    /// The first certificate of a text; `nil` if there is none that can be read.
    package init?(pem: some Sequence<UInt8>) {
        guard let first = PEMText.certificates(pem).first else { return nil }
        self.init(block: first)
    }

    /// All certificates of a text, in their order; `nil` if there is none, or one that cannot be read.
    package static func all(pem: some Sequence<UInt8>) -> [CertificateFacts]? {
        let blocks = PEMText.certificates(pem)
        let facts = blocks.compactMap { CertificateFacts(block: $0) }
        return facts.isEmpty || facts.count != blocks.count ? nil : facts
    }

    private init?(block: [UInt8]) {
        guard let document = try? PEMDocument(pemString: String(decoding: block, as: UTF8.self)),
            Self.hasOrdinaryTimes(document.derBytes), let certificate = try? Certificate(pemDocument: document)
        else { return nil }
        self.init(certificate)
    }

    init(_ certificate: Certificate) {
        self.certificate = certificate
        names = Self.names(certificate.extensions)
        commonName = certificate.subject.commonName
        notBefore = Moment(certificate.notValidBefore)
        notAfter = Moment(certificate.notValidAfter)
        algorithm = Self.algorithm(of: certificate.publicKey)
        let usages = (try? certificate.extensions.extendedKeyUsage).map { Array($0) } ?? []
        usage = [(ExtendedKeyUsage.Usage.serverAuth, "server"), (.clientAuth, "client")]
            .filter { usages.contains($0.0) }.map(\.1)
        isAuthority =
            switch try? certificate.extensions.basicConstraints {
            case .isCertificateAuthority?: true
            default: false
            }
    }

    /// How output names it: `CSO CA (sha256 1f0c2a9b4d5e6f70)`, sixteen of the fingerprint's digits.
    package var label: String {
        let name = commonName ?? names.first ?? "without a name"
        return "\(name) (sha256 \(fingerprint.prefix(16)))"
    }

    /// Whom it says to be from.
    package var issuerName: String { certificate.issuer.commonName ?? certificate.issuer.description }

    /// SHA-256 of its DER, 64 lower-case hex digits.
    package var fingerprint: String {
        guard let document = try? certificate.serializeAsPEM() else { return "" }
        let digits = Array("0123456789abcdef".utf8)
        let text = SHA256.hash(data: document.derBytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether the key that `publicKey` (SubjectPublicKeyInfo, PEM) is the public half of is the certificate's.
    package func isOf(publicKey pem: String) -> Bool {
        (try? Certificate.PublicKey(pemEncoded: pem)) == certificate.publicKey
    }

    /// Whether `issuer` has signed it, and may sign certificates. Dates are not looked at.
    package func isSigned(by issuer: CertificateFacts) -> Bool {
        let usage = try? issuer.certificate.extensions.keyUsage
        return issuer.isAuthority && usage?.keyCertSign ?? true
            && certificate.issuer == issuer.certificate.subject
            && issuer.certificate.publicKey.isValidSignature(certificate.signature, for: certificate)
    }

    // MARK: Parts

    /// X509 1.21 reads a time with 60 or more seconds, which RFC 5280 (4.1.2.5) does not allow, and in a debug build ends
    /// the process when such a date is asked for.
    private static func hasOrdinaryTimes(_ der: [UInt8]) -> Bool {
        guard case .constructed(let certificate)? = try? DER.parse(der).content,
            case .constructed(let parts)? = certificate.first(where: { _ in true })?.content
        else { return false }
        for part in parts {
            // Of the parts of a TBSCertificate only the validity begins with a time.
            guard case .constructed(let times) = part.content else { continue }
            for time in times where [.utcTime, .generalizedTime].contains(time.identifier) {
                guard case .primitive(let text) = time.content else { return false }
                let digits = text.prefix { (0x30...0x39).contains($0) }
                guard digits.count >= 12, let tens = digits.suffix(2).first, tens < 0x36 else { return false }
            }
        }
        return true
    }

    static func names(_ extensions: Certificate.Extensions) -> [String] {
        guard let found = try? extensions.subjectAlternativeNames else { return [] }
        return found.map { name in
            switch name {
            case .dnsName(let name): "DNS:\(name.lowercased())"
            case .ipAddress(let bytes) where bytes.bytes.count == 4:
                "IP:\(bytes.bytes.map(String.init).joined(separator: "."))"
            case .ipAddress: "IP:version 6"
            default: "other:\(name)"
            }
        }.sorted()
    }

    static func algorithm(of key: Certificate.PublicKey) -> String {
        if P256.Signing.PublicKey(key) != nil { return "ec-p256" }
        if P384.Signing.PublicKey(key) != nil { return "ec-p384" }
        if P521.Signing.PublicKey(key) != nil { return "ec-p521" }
        if let rsa = _RSA.Signing.PublicKey(key) { return "rsa-\(rsa.keySizeInBits)" }
        return "ed25519"
    }
}

extension DistinguishedName {
    var commonName: String? {
        for part in self {
            for attribute in part where attribute.type == .RDNAttributeType.commonName {
                return String(attribute.value)
            }
        }
        return nil
    }
}

extension Moment {
    init(_ date: Date) { self.init(seconds: Int(date.timeIntervalSince1970)) }
    var foundation: Date { Date(timeIntervalSince1970: Double(seconds)) }
}
