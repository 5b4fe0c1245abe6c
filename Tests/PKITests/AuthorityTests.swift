import Model
import PKI
import TestSupport
import Testing

/// A CA as a secret, ours and others'.
@Suite struct AuthorityTests {
    @Test func aNewOneIsAcceptedByOpenSSLAndIsATenYearsCAWithNothingBelowIt() async throws {
        let openssl = try OpenSSL()
        var random = SystemRandomNumberGenerator()
        let value = try CertificateAuthority.make(named: "CSO CA local pki.ca", at: now, with: &random)
        let bytes = value.reveal(to: .digest) { $0 }
        try openssl.write(bytes, "ca")
        let text = try await openssl("x509", "-in", openssl.path("ca"), "-noout", "-text")
        for part in [
            "CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "prime256v1",
            "Subject: O = CSO, CN = CSO CA local pki.ca",
            "X509v3 Basic Constraints: critical", "X509v3 Key Usage: critical",
        ] { #expect(text.contains(part), "\(part) is not in\n\(text)") }
        try await openssl("verify", "-CAfile", openssl.path("ca"), openssl.path("ca"))
        // The key belongs to it, and is without a passphrase.
        #expect(
            try await openssl("pkey", "-in", openssl.path("ca"), "-pubout")
                == openssl("x509", "-in", openssl.path("ca"), "-noout", "-pubkey"))
        let made = try CertificateAuthority(value)
        #expect(made.facts.isAuthority && made.facts.isSigned(by: made.facts))
        let days = (made.facts.notAfter.seconds - made.facts.notBefore.seconds) / 86400
        #expect(days == 3652)
        #expect(made.facts.notBefore < now)
        #expect(CertificateAuthority.isHeld(in: value))
        // A final line break would be one that other readers cut off.
        #expect(bytes.last == UInt8(ascii: "-"))
    }

    @Test func noTwoAreAlikeAndTheKeyComesFromTheGenerator() throws {
        var random = SystemRandomNumberGenerator()
        let first = try CertificateAuthority.make(named: "a", at: now, with: &random)
        let second = try CertificateAuthority.make(named: "a", at: now, with: &random)
        #expect(first != second)
        func key(_ seed: UInt64) throws -> [UInt8] {
            var random = Counting(state: seed)
            let value = try CertificateAuthority.make(named: "a", at: Moment(seconds: 0), with: &random)
            return value.reveal(to: .digest) { PEMText.blocks($0).last?.bytes ?? [] }
        }
        #expect(try key(7) == key(7))
        #expect(try key(7) != key(8))
    }

    @Test func nothingOfItCanBePrinted() throws {
        var random = SystemRandomNumberGenerator()
        let value = try CertificateAuthority.make(named: "a", at: now, with: &random)
        let made = try CertificateAuthority(value)
        var dumped = "\(made) \(String(reflecting: made)) "
        dump(made, to: &dumped)
        let block = try #require(value.reveal(to: .digest) { PEMText.blocks($0).last?.bytes })
        let line = String(decoding: block.split(separator: 0x0A)[1], as: UTF8.self)
        #expect(!dumped.contains(line) && !dumped.contains("PRIVATE"))
        _ = value.reveal(to: .digest) { dump(PEMText.blocks($0), to: &dumped) }
        #expect(!dumped.contains(line))
    }

    @Test(arguments: [
        ["-algorithm", "RSA"], ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
        ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ])
    func onesThatOthersMadeAreTaken(key: [String]) async throws {
        let openssl = try OpenSSL()
        let bytes = try await openssl.authority("ca", key: key)
        #expect(try authority(bytes).facts.commonName == "Made by openssl")
        // In whatever order, with text around, and with the line breaks of another system.
        let blocks = PEMText.blocks(bytes).map(\.bytes)
        #expect(throws: Never.self) { try authority(Array("# key\n".utf8) + blocks[1] + blocks[0]) }
        #expect(throws: Never.self) { try authority(bytes.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }) }
    }

    @Test func whatIsNoneIsRefusedWithTheReason() async throws {
        let openssl = try OpenSSL()
        let whole = try await openssl.authority("ca")
        let other = try await openssl.authority("other")
        func fault(_ bytes: [UInt8]) -> CertificateAuthority.Fault? {
            do { _ = try CertificateAuthority(Secret(bytes)) } catch { return error }
            return nil
        }
        let (certificate, key) = (PEMText.blocks(whole)[0].bytes, PEMText.blocks(whole)[1].bytes)
        #expect(fault([]) == .noCertificate)
        #expect(fault(Array("p%40$(id)\"'\\@:/?#&é x".utf8)) == .noCertificate)
        #expect(fault(key) == .noCertificate)
        #expect(fault(certificate) == .noKey)
        #expect(fault(certificate + PEMText.blocks(other)[1].bytes) == .keyOfAnother)
        let broken = Array("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".utf8)
        #expect(fault(certificate + broken) == .unreadableKey)
        try await openssl(
            "pkcs8", "-topk8", "-in", openssl.path("ca.key"), "-passout", "pass:x", "-out", openssl.path("locked"))
        #expect(fault(certificate + (try openssl.read("locked"))) == .unreadableKey)
        try await openssl.key("leaf.key")
        let leaf = try await openssl.certificate("leaf.key", by: "ca", extensions: "basicConstraints=CA:FALSE")
        #expect(fault(leaf + (try openssl.read("leaf.key"))) == .notAnAuthority)
        #expect(!CertificateAuthority.isHeld(in: Secret(leaf + (try openssl.read("leaf.key")))))
        #expect(!CertificateAuthority.isHeld(in: Secret(certificate)))
        #expect(CertificateAuthority.isHeld(in: Secret(certificate + PEMText.blocks(other)[1].bytes)))
        let weak = try await openssl.authority("weak", key: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"])
        #expect([.weak("rsa-1024"), .noCertificate, .unreadableKey].contains(fault(weak)))
    }
}

private struct Counting: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &*= 6_364_136_223_846_793_005
        state &+= 1_442_695_040_888_963_407
        return state
    }
}
