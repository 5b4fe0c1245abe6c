internal import CLibSSH2

/// Owns a libssh2 session with its socket: the last one to let go of it frees the session and only then closes the socket.
/// Not Sendable; one actor holds it.
final class Session {
    let raw: OpaquePointer
    let wire: Wire
    let socket: SessionSocket
    /// libssh2 hands out at most one packet's payload a call; OpenSSH's packets carry up to 32 KiB.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32768, alignment: 16)

    init?(_ socket: SessionSocket, received: ReceiveCount) {
        let wire = Wire(received: received)
        guard let raw = Library.makeSession(abstract: Unmanaged.passUnretained(wire).toOpaque()) else { return nil }
        wire.attach(to: raw)
        self.raw = raw
        self.wire = wire
        self.socket = socket
    }

    deinit {
        // First: both the freeing of channels (libssh2_session_free does it) and of the session wait for the peer's
        // answer for ever, unless the socket says at once that there is none.
        socket.shutDown()
        Library.free { libssh2_session_free(raw) }
        socket.close()
        buffer.deallocate()
    }

    /// A packet is half in the socket: only the call that began it may go on.
    var isHalfSent: Bool {
        libssh2_session_block_directions(raw) & LIBSSH2_SESSION_BLOCK_OUTBOUND != 0
    }

    /// Why a call failed, by the best witness: the peer's own words, the socket, libssh2.
    var failureReason: String {
        if let said = wire.disconnectReason { return "the host said: \(said)" }
        return wire.endingText ?? Library.lastError(raw)
    }

    func setPreferences(hostKeyAlgorithms: [String]) {
        // curve25519 is the cheapest for both sides. No cipher or MAC of the kind that CVE-2023-48795 (Terrapin) needs
        // (chacha20-poly1305, encrypt-then-mac) is among these; libssh2 drops from a list what it does not have.
        let lists: [(Int32, String)] = [
            (
                LIBSSH2_METHOD_KEX,
                "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"
                    + "ecdh-sha2-nistp521,diffie-hellman-group16-sha512,diffie-hellman-group14-sha256"
            ),
            (LIBSSH2_METHOD_HOSTKEY, hostKeyAlgorithms.joined(separator: ",")),
            (LIBSSH2_METHOD_CRYPT_CS, "aes128-ctr,aes256-ctr"), (LIBSSH2_METHOD_CRYPT_SC, "aes128-ctr,aes256-ctr"),
            (LIBSSH2_METHOD_MAC_CS, "hmac-sha2-256,hmac-sha2-512"),
            (LIBSSH2_METHOD_MAC_SC, "hmac-sha2-256,hmac-sha2-512"),
        ]
        for (method, list) in lists { libssh2_session_method_pref(raw, method, list) }
    }

    func method(_ kind: Int32) -> String {
        libssh2_session_methods(raw, kind).map { String(cString: $0) } ?? "none"
    }
}
