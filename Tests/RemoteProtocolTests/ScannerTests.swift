import Model
import Testing

@testable import RemoteProtocol

private let boundary = "cso:0f5c2c1a-7d1e-4c58-9d33-5a4e5f6b7a88"

/// Neighbouring pieces of output joined, so that only the cut matters and not how the bytes arrived.
private func joined(_ events: [StreamScanner.Event]) -> [StreamScanner.Event] {
    events.reduce(into: []) { result, event in
        if case .bytes(let more) = event, case .bytes(let sofar)? = result.last {
            result[result.count - 1] = .bytes(sofar + more)
        } else {
            result.append(event)
        }
    }
}

@Suite struct ScannerTests {
    static let texts: [String] = [
        "",
        "no line break at the end",
        "one\ntwo\n",
        "\n",
        "\n\n\n",
        "\u{1}\u{1}",
        "looks like it: \u{1}cso:",
        "\u{1}\(boundary)",
        "\u{1}\(boundary)x end 1 0\n",
        "\n\(boundary) end 1 0\n",
        "\u{1}cso:0f5c2c1a-7d1e-4c58-9d33-5a4e5f6b7a89 end 1 0\n",
        "\u{1}\u{1}\(boundary.dropLast())\n\n",
    ]

    /// The text stands between two markers; the stream is cut in two at every place.
    @Test(arguments: texts) func everySplitGivesTheSameEvents(text: String) throws {
        let stream = Array("\(text)\u{1}\(boundary) part 0 3\n\(text)\u{1}\(boundary) end 1 0\n".utf8)
        let body: [StreamScanner.Event] = text.isEmpty ? [] : [.bytes(Array(text.utf8))]
        let expected = body + [.marker(Marker(.part, "0", "3"))] + body + [.marker(Marker(.end, "1", "0"))]
        for split in 0...stream.count {
            var scanner = StreamScanner(boundary: boundary)
            let first = try scanner.scan(Array(stream[..<split]))
            let second = try scanner.scan(Array(stream[split...]))
            #expect(joined(first + second) == expected, "split at \(split)")
        }
        var scanner = StreamScanner(boundary: boundary)
        var events: [StreamScanner.Event] = []
        for byte in stream { events += try scanner.scan([byte]) }
        #expect(joined(events) == expected)
    }

    @Test func outputIsPassedOnBeforeItsMarkerComes() throws {
        var scanner = StreamScanner(boundary: boundary)
        #expect(try scanner.scan(Array("progress 10%".utf8)) == [.bytes(Array("progress 10%".utf8))])
        #expect(try scanner.scan(Array("\u{1}cso".utf8)) == [])
        #expect(try scanner.scan(Array("ial\n".utf8)) == [.bytes(Array("\u{1}csoial\n".utf8))])
        #expect(try scanner.scan(Array("x".utf8)) == [.bytes(Array("x".utf8))])
    }

    @Test(arguments: [
        "\u{1}\(boundary) what 1 2\n", "\u{1}\(boundary) end 1\n",
        "\u{1}\(boundary) \(String(repeating: "9", count: 300))",
    ])
    func aMarkerThatMeansNothingIsAnError(text: String) {
        var scanner = StreamScanner(boundary: boundary)
        #expect(throws: ProtocolError.self) { try scanner.scan(Array(text.utf8)) }
    }

    @Test func numbersOfAMarkerAreNumbers() {
        #expect(throws: ProtocolError.self) { try Marker(.end, "one", "0").numbers() }
    }

    @Test(arguments: [0, 1, 9, 10, 11, 19, 20, 21, 22, 1000]) func boundedOutputKeepsBothEnds(count: Int) {
        let bytes = (0..<count).map { UInt8($0 % 251) }
        for stride in [1, 3, 7, 1000] {
            var kept = BoundedOutput(limit: 10)
            for start in Swift.stride(from: 0, to: count, by: stride) {
                kept.append(Array(bytes[start..<min(count, start + stride)]))
            }
            let expected =
                count <= 20
                ? bytes
                : Array(bytes.prefix(10)) + Array("\n[... \(count - 20) bytes omitted ...]\n".utf8)
                    + Array(bytes.suffix(10))
            #expect(kept.bytes == expected, "stride \(stride)")
        }
    }
}
