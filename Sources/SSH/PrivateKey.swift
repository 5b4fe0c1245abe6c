package import Model
internal import Transport
package import Trust

/// A private key file, read once. Whether it needs a passphrase is known before anything is connected, so that the
/// operator is asked before the run.
package struct PrivateKey: Sendable {
    package let path: String
    package let isEncrypted: Bool
    /// With a zero byte behind it: libssh2 1.10 takes the length of a key in memory and yet calls strlen on it.
    private let bytes: Secret

    package static func read(_ path: String) throws(SSHError) -> PrivateKey {
        let bytes: [UInt8]
        do throws(TransportError) { bytes = try Descriptors.contents(of: path) } catch {
            throw .keyUnusable(path: path, reason: error.description)
        }
        return try PrivateKey(path: path, bytes: bytes)
    }

    init(path: String, bytes: [UInt8]) throws(SSHError) {
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard
            let begin = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN ") && $0.hasSuffix(" PRIVATE KEY-----") })
                ?? lines.firstIndex(of: "-----BEGIN PRIVATE KEY-----")
        else { throw .keyUnusable(path: path, reason: "it holds no private key") }
        self.path = path
        self.bytes = Secret(bytes + [0])
        switch lines[begin].dropFirst("-----BEGIN ".count).dropLast("-----".count) {
        case "OPENSSH PRIVATE KEY":
            let body = lines[(begin + 1)...].prefix { !$0.hasPrefix("-") }.joined()
            guard let cipher = Self.cipher(ofOpenSSHKey: body) else {
                throw .keyUnusable(path: path, reason: "its OpenSSH header is broken")
            }
            isEncrypted = cipher != "none"
        case "ENCRYPTED PRIVATE KEY": isEncrypted = true
        default: isEncrypted = lines.contains { $0.hasPrefix("Proc-Type:") && $0.hasSuffix("ENCRYPTED") }
        }
    }

    /// Proves, without a network, that the key can be used; a wrong passphrase is found here. An encrypted key costs one
    /// run of its derivation function, about 0.1 s of CPU.
    package func unlocked(with passphrase: Secret? = nil) throws(SSHError) -> UnlockedKey {
        if isEncrypted, passphrase?.isEmpty ?? true { throw .passphraseNeeded(path: path) }
        let passphrase = isEncrypted ? passphrase : nil
        guard let publicKey = KeyProbe.publicKey(of: bytes, passphrase: passphrase) else {
            if isEncrypted { throw .passphraseWrong(path: path) }
            throw .keyUnusable(path: path, reason: "libssh2 cannot read it")
        }
        return UnlockedKey(path: path, publicKey: publicKey, bytes: bytes, passphrase: passphrase)
    }

    /// PROTOCOL.key of OpenSSH: `openssh-key-v1`, a zero byte, the cipher's name.
    private static func cipher(ofOpenSSHKey base64: String) -> String? {
        let magic = Array("openssh-key-v1\0".utf8)
        guard let bytes = Base64.decode(base64), bytes.starts(with: magic) else { return nil }
        var reader = WireReader(bytes.dropFirst(magic.count))
        return reader.string().flatMap { String(validating: $0, as: UTF8.self) }
    }
}

/// A private key with which a login can be made.
package struct UnlockedKey: Sendable {
    package let path: String
    package let publicKey: HostKey
    /// With a zero byte behind it.
    let bytes: Secret
    let passphrase: Secret?
}
