package import Model
internal import X509

/// Why a request was not signed.
package enum IssueFault: Error, Sendable, Hashable, CustomStringConvertible {
    case notARequest
    case badSignature
    case wrongNames([String])
    case wrongAlgorithm(String)
    case authorityEnds(Moment)
    case notSigned(String)

    package var description: String {
        switch self {
        case .notARequest: "what the host sent is no certificate signing request"
        case .badSignature: "the host's request is not signed by its own key"
        case .wrongNames(let names): "the host's request is for \(names.joined(separator: ", "))"
        case .wrongAlgorithm(let algorithm): "the host's request has a key \(algorithm)"
        case .authorityEnds(let end): "the CA itself ends on \(end.date)"
        case .notSigned(let reason): "it could not be signed: \(reason)"
        }
    }
}

extension CertificateAuthority {
    /// Signs the request of a host for what was ordered: it must be for exactly these names, hold a key of that kind, and
    /// be signed by it. Of the request only its key is taken; everything else is what the order says. PEM, one certificate.
    package func issue(
        _ order: CertificateOrder, request pem: [UInt8], at now: Moment, with random: inout some RandomNumberGenerator
    ) throws(IssueFault) -> [UInt8] {
        let text = String(decoding: pem, as: UTF8.self)
        guard let request = try? CertificateSigningRequest(pemEncoded: text) else { throw .notARequest }
        guard request.publicKey.isValidSignature(request.signature, for: request) else { throw .badSignature }
        let wanted = order.labelledNames.sorted()
        let asked = (try? request.attributes.extensionRequest).map { CertificateFacts.names($0.extensions) } ?? []
        guard asked == wanted else { throw .wrongNames(asked) }
        let algorithm = CertificateFacts.algorithm(of: request.publicKey)
        guard algorithm == order.algorithm.rawValue else { throw .wrongAlgorithm(algorithm) }
        // A certificate that outlives its CA is none in its last days, and one that is due at once would never be right.
        let end = min(now + order.validity, facts.notAfter)
        guard end > now + order.renewBefore else { throw .authorityEnds(facts.notAfter) }
        do {
            let certificate = try Certificate(
                version: .v3, serialNumber: Self.serial(with: &random), publicKey: request.publicKey,
                notValidBefore: max(now - .backdating, facts.notBefore).foundation, notValidAfter: end.foundation,
                issuer: facts.certificate.subject, subject: try Self.subject(order),
                extensions: try extensions(order, of: request.publicKey), issuerPrivateKey: key)
            guard CertificateFacts(certificate).isSigned(by: facts) else { throw IssueFault.badSignature }
            return Array(try certificate.serializeAsPEM().pemString.utf8) + [0x0A]
        } catch let fault as IssueFault {
            throw fault
        } catch {
            throw .notSigned("\(error)")
        }
    }

    /// A common name has at most 64 characters (RFC 5280); clients read the alternative names anyway.
    private static func subject(_ order: CertificateOrder) throws -> DistinguishedName {
        guard let name = order.names.first(where: { Address($0) == nil }) ?? order.names.first, name.utf8.count <= 64
        else { return DistinguishedName() }
        return try DistinguishedName { CommonName(name) }
    }

    private func extensions(
        _ order: CertificateOrder, of key: Certificate.PublicKey
    ) throws -> Certificate.Extensions {
        var usages: [ExtendedKeyUsage.Usage] = []
        if order.usage != .client { usages.append(.serverAuth) }
        if order.usage != .server { usages.append(.clientAuth) }
        let names = order.names.map { name -> GeneralName in
            guard let address = Address(name) else { return .dnsName(name) }
            let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address.number >> UInt32($0)) }
            return .ipAddress(.init(contentBytes: bytes[...]))
        }
        let isRSA = order.algorithm.rawValue.hasPrefix("rsa-")
        let identifier =
            try facts.certificate.extensions.subjectKeyIdentifier ?? SubjectKeyIdentifier(hash: self.key.publicKey)
        return try Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            // Without a subject the names are all that identifies it, and RFC 5280 wants them critical.
            if try Self.subject(order).isEmpty {
                Critical(SubjectAlternativeNames(names))
            } else {
                SubjectAlternativeNames(names)
            }
            Critical(KeyUsage(digitalSignature: true, keyEncipherment: isRSA))
            try ExtendedKeyUsage(usages)
            SubjectKeyIdentifier(hash: key)
            AuthorityKeyIdentifier(keyIdentifier: identifier.keyIdentifier)
        }
    }
}
