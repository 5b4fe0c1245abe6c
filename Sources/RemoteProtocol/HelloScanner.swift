/// Finds the greeting in what a host sends first, and what it says until the first end marker.
///
/// Everything before the greeting is a profile's banner and is skipped. The boundary is known only from the greeting on, so
/// what the other stream brought earlier is kept until then.
package struct HelloScanner: Sendable {
    package struct Found: Sendable {
        package var hello: Hello
        /// Both stand just behind the hello; the session goes on with them.
        package var output: StreamScanner
        package var errors: StreamScanner
    }

    private var banner: [UInt8] = []
    private var complaints: [UInt8] = []
    private var boundary: String?
    private var output: StreamScanner?
    private var errors: StreamScanner?
    private var text: [UInt8] = []
    private var outputIsComplete = false
    private var errorsAreComplete = false

    /// A banner or hello beyond this is none.
    package static let limit = 4 << 20

    package init() {}

    /// What came on standard error before the greeting: sudo's words, if there never is one.
    package var refusal: String { String(decoding: complaints, as: UTF8.self) }
    package var hasGreeted: Bool { boundary != nil }

    package mutating func scan(output chunk: [UInt8]) throws(ProtocolError) -> Found? {
        if output == nil {
            banner += chunk
            if banner.count > Self.limit { throw .badHello("no greeting within \(Self.limit) bytes") }
            guard let (line, rest) = Self.greeting(in: banner) else { return nil }
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 3 else { throw .badHello(line) }
            guard words[1] == String(RemoteReader.version) else { throw .otherVersion(words[1]) }
            boundary = words[2]
            output = StreamScanner(boundary: words[2])
            errors = StreamScanner(boundary: words[2])
            let early = complaints
            complaints = []
            try take(output: rest)
            try take(errors: early)
        } else {
            try take(output: chunk)
        }
        return try found()
    }

    package mutating func scan(errors chunk: [UInt8]) throws(ProtocolError) -> Found? {
        if errors == nil {
            complaints += chunk.prefix(max(0, Self.limit - complaints.count))
            return nil
        }
        try take(errors: chunk)
        return try found()
    }

    private mutating func take(output chunk: [UInt8]) throws(ProtocolError) {
        for event in try output?.scan(chunk) ?? [] {
            switch event {
            case .bytes(let bytes): text += bytes
            case .marker: outputIsComplete = true
            }
        }
        if text.count > Self.limit { throw .badHello("it does not end") }
    }

    private mutating func take(errors chunk: [UInt8]) throws(ProtocolError) {
        for event in try errors?.scan(chunk) ?? [] {
            switch event {
            case .bytes(let bytes): complaints += bytes.prefix(max(0, Self.limit - complaints.count))
            case .marker: errorsAreComplete = true
            }
        }
    }

    private func found() throws(ProtocolError) -> Found? {
        guard outputIsComplete, errorsAreComplete, let boundary, let output, let errors else { return nil }
        return Found(hello: try Hello(text: text, boundary: boundary), output: output, errors: errors)
    }

    private static func greeting(in bytes: [UInt8]) -> (line: String, rest: [UInt8])? {
        let opening = Array("\n\(Hello.greeting) ".utf8)
        var start = 0
        while let index = bytes[start...].firstIndex(of: 0x0A) {
            if bytes[index...].starts(with: opening), let end = bytes[(index + 1)...].firstIndex(of: 0x0A) {
                return (String(decoding: bytes[(index + 1)..<end], as: UTF8.self), Array(bytes[(end + 1)...]))
            }
            start = index + 1
        }
        return nil
    }
}
