internal import Crypto

/// A public key in SSH's wire form (RFC 4253 6.6), of a host or of a login.
package struct HostKey: Sendable, Hashable, CustomStringConvertible {
    package let blob: [UInt8]
    /// The first field of the blob: `ssh-ed25519`, `ecdsa-sha2-nistp256`.
    package let algorithm: String

    /// `nil` if the blob does not begin with a name and something behind it.
    package init?(blob: [UInt8]) {
        guard blob.count > 4 else { return nil }
        let length = blob[0..<4].reduce(0) { $0 << 8 | Int($1) }
        guard length > 0, length <= 64, blob.count > 4 + length,
            let name = String(validating: blob[4..<(4 + length)], as: UTF8.self)
        else { return nil }
        self.blob = blob
        self.algorithm = name
    }

    /// The two words of a public key file or of a line of known_hosts. They must name the same algorithm.
    package init?(algorithm: some StringProtocol, base64: some StringProtocol) {
        guard let blob = Base64.decode(base64), let key = HostKey(blob: blob), key.algorithm == algorithm else {
            return nil
        }
        self = key
    }

    /// As `ssh-keygen -l` prints it: `SHA256:` and 43 characters.
    package var fingerprint: String {
        var hash = SHA256()
        blob.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return "SHA256:" + Base64.encode(hash.finalize(), padded: false)
    }

    /// The line that a public key file or known_hosts would hold, without names and comment.
    package var line: String { "\(algorithm) \(Base64.encode(blob))" }

    package var isRSA: Bool { algorithm == "ssh-rsa" }

    /// `ED25519 SHA256:...`, in the words of OpenSSH.
    package var description: String {
        let type =
            switch algorithm {
            case "ssh-ed25519": "ED25519"
            case "ssh-rsa": "RSA"
            case let name where name.hasPrefix("ecdsa-sha2-"): "ECDSA"
            default: algorithm
            }
        return "\(type) \(fingerprint)"
    }
}
