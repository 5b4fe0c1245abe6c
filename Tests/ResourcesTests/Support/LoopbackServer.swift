import Glibc

/// A small HTTP server on 127.0.0.1: one answer a connection, the bytes that the closure gives for the request's path.
final class LoopbackServer: Sendable {
    let port: Int
    private let descriptor: Int32

    init(answer: @escaping @Sendable (String) -> [UInt8]) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isReady = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isReady else { throw Unfit("cannot listen on 127.0.0.1") }
        self.descriptor = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
        let serve = Unmanaged.passRetained(Serving(descriptor: descriptor, answer: answer))
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Serving>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, serve.toOpaque())
        pthread_detach(thread)
    }

    // accept(2) in the thread returns with an error then; the thread closes the socket.
    deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

    static func answer(_ status: Int, _ body: String) -> [UInt8] {
        Array("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)".utf8)
    }

    private final class Serving: Sendable {
        let descriptor: Int32
        let answer: @Sendable (String) -> [UInt8]

        init(descriptor: Int32, answer: @escaping @Sendable (String) -> [UInt8]) {
            self.descriptor = descriptor
            self.answer = answer
        }

        func run() {
            while true {
                let client = accept(descriptor, nil, nil)
                if client < 0 { break }
                var request = [UInt8](repeating: 0, count: 8192)
                let count = recv(client, &request, request.count, 0)
                let line = String(decoding: request.prefix(max(0, count)).prefix { $0 != 0x0D }, as: UTF8.self)
                let words = line.split(separator: " ")
                let bytes = answer(words.count > 1 ? String(words[1]) : "")
                _ = send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                close(client)
            }
            close(descriptor)
        }
    }
}
