import Model
import PKI
import TestSupport
import Testing

/// What is signed, and what is not.
@Suite struct IssuingTests {
    let sans = "DNS:backend01.prod-ha.cso.ss,IP:10.1.128.11"

    private func issue(
        _ order: CertificateOrder, _ request: [UInt8], by value: [UInt8], at moment: Moment? = nil
    ) throws -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return try authority(value).issue(order, request: request, at: moment ?? now, with: &random)
    }

    private func made() throws -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return try CertificateAuthority.make(named: "CSO CA", at: now, with: &random).reveal(to: .digest) { $0 }
    }

    private static let options: [(CertificateOrder.Algorithm, [String])] = [
        (.p256, ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        (.p384, ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        (.rsa2048, ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        (.rsa3072, ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"]),
    ]

    @Test func openSSLBelievesItForTheNamesAndUsesOrderedAndNoOthers() async throws {
        let openssl = try OpenSSL()
        let ours = try made()
        let theirs = try await openssl.authority("theirs")
        for (index, (algorithm, options)) in Self.options.enumerated() {
            try await openssl.key("leaf.key", options)
            let usage = CertificateOrder.Usage.allCases[index % 3]
            let ca = index % 2 == 0 ? ours : theirs
            let order = order(["backend01.prod-ha.cso.ss", "10.1.128.11"], algorithm, usage)
            let pem = try issue(order, try await openssl.request("leaf.key", sans), by: ca)
            try openssl.write(pem, "leaf.crt")
            try openssl.write(PEMText.certificates(ca)[0], "ca.crt")
            let verify = ["verify", "-no-CApath", "-x509_strict", "-CAfile", openssl.path("ca.crt")]
            let leaf = openssl.path("leaf.crt")
            for (purpose, word) in [("sslserver", "server"), ("sslclient", "client")] {
                let isAccepted = try await openssl.succeeds(verify + ["-purpose", purpose, leaf])
                #expect(isAccepted == usage.words.contains(word), "\(algorithm) \(usage) as \(word)")
            }
            let check = verify + ["-purpose", usage == .client ? "sslclient" : "sslserver"]
            #expect(try await openssl.succeeds(check + ["-verify_hostname", "backend01.prod-ha.cso.ss", leaf]))
            #expect(try await openssl.succeeds(check + ["-verify_ip", "10.1.128.11", leaf]))
            #expect(try await !openssl.succeeds(check + ["-verify_hostname", "backend02.prod-ha.cso.ss", leaf]))
            let facts = try #require(CertificateFacts(pem: pem))
            #expect(facts.names == ["DNS:backend01.prod-ha.cso.ss", "IP:10.1.128.11"])
            #expect(facts.commonName == "backend01.prod-ha.cso.ss")
            #expect(facts.algorithm == algorithm.rawValue && facts.usage == usage.words && !facts.isAuthority)
            #expect(facts.isSigned(by: try authority(ca).facts))
            #expect(facts.isOf(publicKey: try await openssl("pkey", "-in", openssl.path("leaf.key"), "-pubout")))
            #expect(!facts.isOf(publicKey: try await openssl("pkey", "-in", openssl.path("theirs.key"), "-pubout")))
        }
    }

    @Test func itBeginsAnHourAgoAndNeverOutlivesItsCA() async throws {
        let openssl = try OpenSSL()
        try await openssl.key("leaf.key")
        let request = try await openssl.request("leaf.key", sans)
        let ca = try await openssl.authority("ca", days: 100)
        let end = try authority(ca).facts.notAfter
        let later = now + .seconds(86400)
        let short = try #require(
            CertificateFacts(pem: try issue(order(days: 10, renewBefore: 1), request, by: ca, at: later)))
        #expect(short.notBefore == later - .seconds(3600))
        #expect(short.notAfter == later + .seconds(10 * 86400))
        #expect(CertificateFacts(pem: try issue(order(), request, by: ca))?.notAfter == end)
        #expect(throws: IssueFault.authorityEnds(end)) {
            try issue(order(renewBefore: 120), request, by: ca)
        }
        #expect(throws: IssueFault.authorityEnds(end)) {
            try issue(order(), request, by: ca, at: end + .seconds(5))
        }
    }

    @Test func whatWasNotOrderedIsNotSigned() async throws {
        let openssl = try OpenSSL()
        try await openssl.key("leaf.key")
        let ca = try made()
        let request = try await openssl.request("leaf.key", sans)
        let more = try await openssl.request("leaf.key", sans + ",DNS:admin.prod-ha.cso.ss")
        #expect(throws: IssueFault.self) { try issue(order(), more, by: ca) }
        let others = try await openssl.request("leaf.key", "DNS:backend02.prod-ha.cso.ss,IP:10.1.128.11")
        #expect(
            throws: IssueFault.wrongNames(["DNS:backend02.prod-ha.cso.ss", "IP:10.1.128.11"])
        ) { try issue(order(), others, by: ca) }
        #expect(throws: IssueFault.wrongAlgorithm("ec-p256")) {
            try issue(order(["backend01.prod-ha.cso.ss", "10.1.128.11"], .rsa2048), request, by: ca)
        }
        try await openssl.key("weak.key", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"])
        let weak = try await openssl.request("weak.key", sans)
        #expect(throws: IssueFault.self) { try issue(order(), weak, by: ca) }
        for garbage in [[], Array("garbage".utf8), Array(request.dropLast(40)), PEMText.certificates(ca)[0]] {
            #expect(throws: IssueFault.notARequest) { try issue(order(), garbage, by: ca) }
        }
        // A request for somebody else's key: the names are right, the signature is not the key's.
        try await openssl.key("other.key")
        let other = try await openssl.request("other.key", sans)
        let (der, otherDER) = (try await openssl.der(request), try await openssl.der(other))
        let grafted = Array(der.dropLast(64)) + otherDER.suffix(64)
        let pem = try await openssl.pem(grafted)
        #expect(throws: IssueFault.self) { try issue(order(), pem, by: ca) }
    }

    /// What a host sends may be anything.
    @Test func damagedRequestsAndCertificatesAreSurvived() async throws {
        let openssl = try OpenSSL()
        try await openssl.key("leaf.key")
        let ca = try made()
        let request = try await openssl.request("leaf.key", sans)
        let whole = try issue(order(), request, by: ca)
        var random = SystemRandomNumberGenerator()
        let signer = try authority(ca)
        for _ in 0..<600 {
            var (damaged, certificate) = (request, whole)
            for _ in 0..<Int.random(in: 1...3) {
                damaged[Int.random(in: 28..<(damaged.count - 28))] = UInt8.random(in: 0x2B...0x7A)
                certificate[Int.random(in: 28..<(certificate.count - 28))] = UInt8.random(in: 0x2B...0x7A)
            }
            if let issued = try? signer.issue(order(), request: damaged, at: now, with: &random) {
                #expect(CertificateFacts(pem: issued)?.names == ["DNS:backend01.prod-ha.cso.ss", "IP:10.1.128.11"])
            }
            if let facts = CertificateFacts(pem: certificate), certificate != whole {
                #expect(
                    !facts.isSigned(by: signer.facts) || facts.fingerprint == CertificateFacts(pem: whole)?.fingerprint)
            }
        }
    }
}

extension OpenSSL {
    func der(_ request: [UInt8]) async throws -> [UInt8] {
        try write(request, "r.pem")
        try await self("req", "-in", path("r.pem"), "-outform", "DER", "-out", path("r.der"))
        return try read("r.der")
    }
    func pem(_ der: [UInt8]) async throws -> [UInt8] {
        try write(der, "r.der")
        let base64 = try await self("base64", "-in", path("r.der"))
        return Array("-----BEGIN CERTIFICATE REQUEST-----\n\(base64)-----END CERTIFICATE REQUEST-----\n".utf8)
    }
}
