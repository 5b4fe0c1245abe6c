internal import CLibSSH2
internal import Glibc
internal import Synchronization
internal import Transport

/// What passes between libssh2 and the socket of one session: libssh2 calls in here, and the facts that it does not tell
/// (what the peer said first, how the stream ended) are kept. Confined to the connection that owns it; only `received`
/// is read from elsewhere.
final class Wire {
    /// The peer's first bytes until a banner was seen, for messages.
    private(set) var opening: [UInt8] = []
    private(set) var hasBanner = false
    /// How the stream ended, once it has: 0 for an end of file, else errno of the read or write that failed.
    private(set) var endOfStream: Int32?
    /// The reason of an SSH_MSG_DISCONNECT (RFC 4253 11.1) that the peer sent.
    private(set) var disconnectReason: String?
    /// Counts reads that brought something.
    let received: ReceiveCount

    /// Set when libssh2 asked for a signature; it asks again with the same data until there is an answer.
    var toSign: [UInt8]?
    var signature: [UInt8]?

    private var ahead: ArraySlice<UInt8> = []

    init(received: ReceiveCount = ReceiveCount()) { self.received = received }

    /// The first line that the peer said, as far as it came, made printable.
    var firstLine: String {
        let line = opening.prefix { $0 != 0x0A && $0 != 0x0D }.prefix(80)
        return String(decoding: line.map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
    }

    /// How the stream ended in words, if it has.
    var endingText: String? {
        endOfStream.map { code in
            code == 0 || code == EPIPE ? "the other side closed the connection" : TransportError.text(of: code)
        }
    }

    static func of(_ abstract: UnsafeMutablePointer<UnsafeMutableRawPointer?>?) -> Wire? {
        guard let pointer = abstract?.pointee else { return nil }
        return Unmanaged<Wire>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Has libssh2 read and write through us.
    func attach(to session: OpaquePointer) {
        let send: Send = { descriptor, bytes, length, flags, abstract in
            while true {
                let count = Glibc.send(descriptor, bytes, length, flags)
                guard count < 0 else { return count }
                let code = errno
                if code == EINTR { continue }
                if code != EAGAIN { Wire.of(abstract)?.endOfStream = code }
                return -Int(code)
            }
        }
        let receive: Receive = { descriptor, buffer, length, flags, abstract in
            guard let wire = Wire.of(abstract), let buffer else { return -Int(EINVAL) }
            return wire.receive(descriptor, buffer, length, flags)
        }
        let disconnect: Disconnect = { _, reason, message, length, _, _, abstract in
            guard let wire = Wire.of(abstract) else { return }
            let bytes = UnsafeRawBufferPointer(start: message, count: max(0, Int(length)))
            let text = String(decoding: bytes.prefix(200).filter { (0x20...0x7E).contains($0) }, as: UTF8.self)
            wire.disconnectReason = text.isEmpty ? "disconnect reason \(reason)" : text
        }
        libssh2_session_callback_set(
            session, LIBSSH2_CALLBACK_SEND, unsafeBitCast(send, to: UnsafeMutableRawPointer.self))
        libssh2_session_callback_set(
            session, LIBSSH2_CALLBACK_RECV, unsafeBitCast(receive, to: UnsafeMutableRawPointer.self))
        libssh2_session_callback_set(
            session, LIBSSH2_CALLBACK_DISCONNECT, unsafeBitCast(disconnect, to: UnsafeMutableRawPointer.self))
    }

    /// recv(2) for libssh2, which wants -errno. It reads the banner one byte at a time; that much is read ahead.
    private func receive(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ length: Int, _ flags: Int32) -> Int {
        if ahead.isEmpty, length == 1, !hasBanner {
            var chunk = [UInt8](repeating: 0, count: 1024)
            let count = read(descriptor, &chunk, chunk.count, flags)
            guard count > 0 else { return count }
            ahead = chunk[..<count]
            note(ahead)
        }
        guard !ahead.isEmpty else { return read(descriptor, buffer, length, flags) }
        let count = min(length, ahead.count)
        ahead.prefix(count).withUnsafeBytes { buffer.copyMemory(from: $0.baseAddress!, byteCount: count) }
        ahead = ahead.dropFirst(count)
        return count
    }

    private func read(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ length: Int, _ flags: Int32
    ) -> Int {
        while true {
            let count = recv(descriptor, buffer, length, flags)
            if count > 0 {
                received.increment()
                return count
            }
            let code = count == 0 ? 0 : errno
            if code == EINTR { continue }
            if code != EAGAIN { endOfStream = code }
            return count == 0 ? 0 : -Int(code)
        }
    }

    /// RFC 4253 4.2 lets other lines come before the one that begins with `SSH-`.
    private func note(_ bytes: ArraySlice<UInt8>) {
        opening += bytes.prefix(4096 - opening.count)
        let prefix = Array("SSH-".utf8)
        hasBanner = opening.split(separator: 0x0A).contains { $0.starts(with: prefix) }
    }

    private typealias Send =
        @convention(c) (
            Int32, UnsafeRawPointer?, Int, Int32, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Int
    private typealias Receive =
        @convention(c) (
            Int32, UnsafeMutableRawPointer?, Int, Int32, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Int
    private typealias Disconnect =
        @convention(c) (
            OpaquePointer?, Int32, UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, Int32,
            UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Void
}

/// How often a session's socket gave something. A waiter compares it to know whether another call took what it waits for.
final class ReceiveCount: Sendable {
    // Written by the session's calls, read under the reactor's lock by waiters that are about to sleep.
    private let count = Atomic<UInt64>(0)

    func increment() { count.add(1, ordering: .releasing) }
    var value: UInt64 { count.load(ordering: .acquiring) }
}
