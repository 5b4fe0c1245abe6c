import Glibc
import Model
import PKI
import TestSupport
import Testing

/// Keys, requests and certificates made by openssl, in a folder of their own.
struct OpenSSL {
    let folder: TemporaryFolder

    init() throws {
        try Tool.require("/usr/bin/openssl", from: "openssl")
        folder = try TemporaryFolder()
    }

    func path(_ name: String) -> String { folder.file(name) }

    @discardableResult
    func callAsFunction(_ words: String...) async throws -> String { try await Tool.run(["openssl"] + words) }

    func succeeds(_ words: [String]) async throws -> Bool {
        try await Tool.outcome(["openssl"] + words).status == .exited(0)
    }

    func key(_ name: String, _ options: [String] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        async throws
    {
        try await Tool.run(["openssl", "genpkey"] + options + ["-out", path(name)])
    }

    func request(_ key: String, _ names: String, subject: String = "/CN=any") async throws -> [UInt8] {
        try await self(
            "req", "-new", "-key", path(key), "-subj", subject, "-addext", "subjectAltName=\(names)", "-out",
            path("csr"))
        return try read("csr")
    }

    /// A CA of openssl's own making; certificate and key, as a secret holds them.
    func authority(
        _ name: String, subject: String = "/CN=Made by openssl", key options: [String] = ["-algorithm", "RSA"],
        days: Int = 3650
    ) async throws -> [UInt8] {
        try await key("\(name).key", options)
        try await self(
            "req", "-x509", "-new", "-key", path("\(name).key"), "-subj", subject, "-days", "\(days)", "-out",
            path("\(name).crt"), "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        return try read("\(name).crt") + read("\(name).key")
    }

    /// A certificate by that CA, with these extensions.
    func certificate(
        _ key: String, by authority: String, subject: String = "/CN=any", extensions: String, days: Int = 365
    ) async throws -> [UInt8] {
        try await self("req", "-new", "-key", path(key), "-subj", subject, "-out", path("leaf.csr"))
        _ = try folder.write(extensions + "\n", to: "extensions")
        try await self(
            "x509", "-req", "-in", path("leaf.csr"), "-CA", path("\(authority).crt"), "-CAkey",
            path("\(authority).key"), "-days", "\(days)", "-extfile", path("extensions"), "-out", path("leaf.crt"))
        return try read("leaf.crt")
    }

    func read(_ name: String) throws -> [UInt8] {
        let descriptor = open(path(name), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TestSupportError.odd("cannot read \(name)") }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return Array(buffer.prefix(max(0, count)))
    }

    func write(_ bytes: [UInt8], _ name: String) throws { _ = try folder.write(bytes, to: name) }
}

var now: Moment { Moment(seconds: Int(time(nil))) }

func order(
    _ names: [String] = ["backend01.prod-ha.cso.ss", "10.1.128.11"],
    _ algorithm: CertificateOrder.Algorithm = .p256, _ usage: CertificateOrder.Usage = .server,
    days: Int = 365, renewBefore: Int = 30
) -> CertificateOrder {
    CertificateOrder(
        path: "/etc/tls/server.crt", names: names, algorithm: algorithm, usage: usage,
        validity: .seconds(days * 86400), renewBefore: .seconds(renewBefore * 86400), authority: "pki.ca", request: "")
}

func authority(_ bytes: [UInt8]) throws -> CertificateAuthority { try CertificateAuthority(Secret(bytes)) }
