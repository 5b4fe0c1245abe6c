internal import CLibSSH2
internal import Glibc

/// The parts of libssh2 that are not a session's.
enum Library {
    // libssh2_init sets a global counter and OpenSSL's tables and is not thread-safe: once, before the first session.
    private static let isReady: Bool = libssh2_init(0) == 0

    static let wouldBlock = Int(LIBSSH2_ERROR_EAGAIN)

    /// A new session in non-blocking mode, whose callbacks are given `abstract`.
    static func makeSession(abstract: UnsafeMutableRawPointer) -> OpaquePointer? {
        guard isReady, let session = libssh2_session_init_ex(nil, nil, nil, abstract) else { return nil }
        libssh2_session_set_blocking(session, 0)
        return session
    }

    /// Frees what may ask to be called again. On a socket that was shut down every call gets further, so a few are enough;
    /// a bound keeps a fault in the library from becoming an endless loop. What is left then is lost memory.
    static func free(_ attempt: () -> Int32) {
        for _ in 0..<16 where attempt() != LIBSSH2_ERROR_EAGAIN { return }
    }

    /// The last error's text, copied at once because the next call overwrites it.
    static func lastError(_ session: OpaquePointer) -> String {
        var text: UnsafeMutablePointer<CChar>?
        var length: Int32 = 0
        let code = libssh2_session_last_error(session, &text, &length, 0)
        guard let text, length > 0 else { return "libssh2 error \(code)" }
        let bytes = UnsafeRawBufferPointer(start: text, count: Int(length))
        return "\(String(decoding: bytes, as: UTF8.self)) (libssh2 \(code))"
    }
}
