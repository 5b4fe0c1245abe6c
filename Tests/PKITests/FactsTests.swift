import Model
import PKI
import TestSupport
import Testing

/// Certificates as others make them.
@Suite struct FactsTests {
    private func facts(_ extensions: String, days: Int = 365) async throws -> CertificateFacts {
        let openssl = try OpenSSL()
        _ = try await openssl.authority("ca")
        try await openssl.key("leaf.key")
        return try #require(
            CertificateFacts(
                pem: try await openssl.certificate(
                    "leaf.key", by: "ca", subject: "/CN=backend01.dev-ha.cso.internal", extensions: extensions,
                    days: days)))
    }

    @Test func aCommonNameIsNoName() async throws {
        let found = try await facts("basicConstraints=CA:FALSE")
        #expect(found.names == [])
        #expect(found.commonName == "backend01.dev-ha.cso.internal")
        #expect(found.issuerName == "Made by openssl")
        #expect(found.usage == [])
    }

    @Test func namesAreLowerCaseAndSortedAndOfEverySort() async throws {
        let found = try await facts(
            "subjectAltName=DNS:Z.Prod-HA.cso.ss,IP:10.1.0.2,DNS:*.a.b,IP:fd00::1,email:x@y\nextendedKeyUsage=clientAuth,serverAuth"
        )
        #expect(Array(found.names.prefix(4)) == ["DNS:*.a.b", "DNS:z.prod-ha.cso.ss", "IP:10.1.0.2", "IP:version 6"])
        #expect(found.names.last?.hasPrefix("other:") == true)
        #expect(found.usage == ["server", "client"])
    }

    @Test func anotherCAOfTheSameNameIsNotTheIssuer() async throws {
        let openssl = try OpenSSL()
        let first = try await openssl.authority("first")
        let second = try await openssl.authority("second")
        try await openssl.key("leaf.key")
        let leaf = try #require(
            CertificateFacts(
                pem: try await openssl.certificate(
                    "leaf.key", by: "first", extensions: "subjectAltName=DNS:a.b")))
        let (one, two) = (try #require(CertificateFacts(pem: first)), try #require(CertificateFacts(pem: second)))
        #expect(one.commonName == two.commonName && one.label != two.label)
        #expect(leaf.isSigned(by: one))
        #expect(!leaf.isSigned(by: two))
        // A certificate that is no CA's signs nothing, whatever its key did.
        #expect(!leaf.isSigned(by: leaf))
    }

    @Test func whatIsNoCertificateIsNone() async throws {
        for text in [
            "", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            #expect(CertificateFacts(pem: text.utf8) == nil, "\(text)")
            #expect(CertificateFacts.all(pem: text.utf8) == nil, "\(text)")
        }
        let openssl = try OpenSSL()
        let ca = try await openssl.authority("ca")
        let broken = Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
        #expect(CertificateFacts.all(pem: ca)?.count == 1)
        #expect(CertificateFacts.all(pem: ca + broken) == nil)
        #expect(CertificateFacts.all(pem: ca + ca)?.count == 2)
    }

    @Test func datesAreThoseOfOpenSSL() async throws {
        let found = try await facts("basicConstraints=CA:FALSE", days: 3)
        #expect(abs(found.notBefore.seconds - now.seconds) < 30)
        #expect(found.notAfter.seconds - found.notBefore.seconds == 3 * 86400)
    }

    /// Its first day ends with second 61, which ends a debug build of X509 when the date is asked for.
    @Test func secondsThatNoMinuteHasMakeNoCertificate() throws {
        let pem = """
            -----BEGIN CERTIFICATE-----
            MIIBqTCCAU+gAwIBAgIUS630VsUMQUMTH6af1nWXHNsD3Y0wCgYIKoZIzj0EAwIw
            EDEOMAwGA60EAwwFZWIwdzEwHhcNMjYxMTIzMTcyMjYxWhcNMzYxMTIwMTIxNjI3
            WjAQMQ4wDAYDVQQDDAV3ZWIwMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEtr
            J4AQv/HgOQUJF5JlKX86zrXg4LETv6SGpJs4SWPxDD/owRwd26jq7onSkp/1tqRE
            2Ykg/jMWpVo6WzmdlCijgYYwgYMwHQYDVR0OBBYEFFr+/////////6C7FDtYFO2+
            FGEpMB8GA1UdIwQYMBaAFFr3iWtLakpUpqC7FDtYFO2+FGEpMA8GA1UdEwEB/wQF
            MAMBAf8wGwYDVR0RBBQwEoIKd2ViMDEudGVzdIcECgAAATATBgNVHSUEDDAKBwgr
            BgEFBQcDATAKBggqhkjOPQQDAgNIADBFAiEAvUua+9ERkSz5tuj5WUU+XvgFR87v
            uxXFzRT3aC4OjQoCIHZk5JbhMqs0VwFbeToq6iE9VjeoeAooSeJhATcyqV73
            -----END CERTIFICATE-----

            """
        #expect(PEMText.certificates(Array(pem.utf8)).count == 1)
        #expect(CertificateFacts(pem: pem.utf8) == nil)
    }
}
