internal import Glibc
internal import Transport
package import Trust

/// One key that an ssh-agent holds, chosen by its public key. The others are never offered.
package struct AgentIdentity: Sendable {
    package let socketPath: String
    package let publicKey: HostKey

    package init(socketPath: String, publicKey: HostKey) {
        self.socketPath = socketPath
        self.publicKey = publicKey
    }

    /// `socketPath` is the value of SSH_AUTH_SOCK; the file is a `.pub` as ssh-keygen writes it.
    package static func read(publicKeyFile path: String, socketPath: String?) throws(SSHError) -> AgentIdentity {
        let bytes: [UInt8]
        do throws(TransportError) { bytes = try Descriptors.contents(of: path) } catch {
            throw .keyUnusable(path: path, reason: error.description)
        }
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, let key = HostKey(algorithm: words[0], base64: words[1]) else {
            throw .keyUnusable(path: path, reason: "it is not a public key file")
        }
        guard let socketPath, !socketPath.isEmpty else {
            throw .keyUnusable(path: path, reason: "it names a key of the ssh-agent, and SSH_AUTH_SOCK is not set")
        }
        return AgentIdentity(socketPath: socketPath, publicKey: key)
    }
}
