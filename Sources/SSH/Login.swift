internal import CLibSSH2
internal import Glibc
internal import Model
internal import Trust

/// The two ways of libssh2 to log in with a public key, as single non-blocking calls.
enum Login {
    /// With a private key from memory, which ends in a zero byte. `publicLine` saves libssh2 from deriving the public part, which for an encrypted
    /// key means a second run of the derivation function.
    static func send(
        _ user: String, key: Secret, publicLine: String?, passphrase: Secret?, on session: OpaquePointer
    ) -> Int {
        key.reveal(to: .client) { bytes in
            bytes.withUnsafeBytes { buffer in
                let data = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
                func call(_ passphrase: UnsafePointer<CChar>?) -> Int {
                    Int(
                        libssh2_userauth_publickey_frommemory(
                            session, user, user.utf8.count, publicLine, publicLine?.utf8.count ?? 0, data,
                            buffer.count - 1,
                            passphrase))
                }
                guard let passphrase else { return call(nil) }
                return passphrase.reveal(to: .client) { word in
                    (word + [0]).withUnsafeBytes { call($0.baseAddress?.assumingMemoryBound(to: CChar.self)) }
                }
            }
        }
    }

    /// With a signature that somebody else makes. When libssh2 wants one, the wire holds what is to be signed and the call
    /// answers EAGAIN; the same call continues once the wire has the signature.
    static func send(_ user: String, publicKey: HostKey, on session: OpaquePointer) -> Int {
        let sign: Sign = { _, signature, length, data, count, abstract in
            guard let wire = Wire.of(abstract), let signature, let length, let data else { return LIBSSH2_ERROR_INVAL }
            guard let made = wire.signature else {
                wire.toSign = Array(UnsafeBufferPointer(start: data, count: count))
                return LIBSSH2_ERROR_EAGAIN
            }
            // libssh2 frees it with the session's allocator, which is malloc's.
            guard let copy = malloc(made.count) else { return LIBSSH2_ERROR_ALLOC }
            made.withUnsafeBytes { if let base = $0.baseAddress { memcpy(copy, base, made.count) } }
            signature.pointee = copy.assumingMemoryBound(to: UInt8.self)
            length.pointee = made.count
            return 0
        }
        return Int(
            libssh2_userauth_publickey(
                session, user, publicKey.blob, publicKey.blob.count, sign, libssh2_session_abstract(session)))
    }

    private typealias Sign =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, UnsafeMutablePointer<Int>?,
            UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Int32
}
