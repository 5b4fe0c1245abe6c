internal import CLibSSH2
internal import Glibc
internal import Model
internal import Trust

/// Asks libssh2 whether it can read a private key, without a network: it is told to log in over a socket that is a
/// function, and the key was readable if it comes as far as sending the public part.
final class KeyProbe {
    private var sent: [UInt8]?

    /// `nil` if the key cannot be read, or not with this passphrase.
    static func publicKey(of key: Secret, passphrase: Secret?) -> HostKey? {
        let probe = KeyProbe()
        guard let session = Library.makeSession(abstract: Unmanaged.passUnretained(probe).toOpaque()) else {
            return nil
        }
        defer {
            Library.free { libssh2_session_free(session) }
            withExtendedLifetime(probe) {}
        }
        let send: Send = { _, bytes, length, _, abstract in
            guard let pointer = abstract?.pointee, let bytes else { return -Int(EINVAL) }
            let probe = Unmanaged<KeyProbe>.fromOpaque(pointer).takeUnretainedValue()
            probe.sent = Array(UnsafeRawBufferPointer(start: bytes, count: length))
            return -Int(EPIPE)
        }
        // Nothing may be read from descriptor 0, which is what a session without a socket has.
        let receive: Receive = { _, _, _, _, _ in 0 }
        libssh2_session_callback_set(
            session, LIBSSH2_CALLBACK_SEND, unsafeBitCast(send, to: UnsafeMutableRawPointer.self))
        libssh2_session_callback_set(
            session, LIBSSH2_CALLBACK_RECV, unsafeBitCast(receive, to: UnsafeMutableRawPointer.self))
        _ = Login.send("probe", key: key, publicLine: nil, passphrase: passphrase, on: session)
        return probe.sent.flatMap(publicKey(inPacket:))
    }

    /// An unencrypted packet (RFC 4253 6) with a publickey request (RFC 4252 7).
    private static func publicKey(inPacket packet: [UInt8]) -> HostKey? {
        var reader = WireReader(packet[...])
        guard reader.number() != nil, reader.byte() != nil, reader.byte() == requestMessage,
            reader.string() != nil, reader.string() != nil, reader.string() != nil, reader.byte() != nil,
            reader.string() != nil, let blob = reader.string()
        else { return nil }
        return HostKey(blob: Array(blob))
    }

    /// SSH_MSG_USERAUTH_REQUEST.
    private static let requestMessage: UInt8 = 50

    private typealias Send =
        @convention(c) (
            Int32, UnsafeRawPointer?, Int, Int32, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Int
    private typealias Receive =
        @convention(c) (
            Int32, UnsafeMutableRawPointer?, Int, Int32, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Int
}
