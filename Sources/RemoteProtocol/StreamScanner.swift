/// Cuts one stream of a session at the markers, byte for byte, however the bytes arrive.
///
/// Output is passed on as it comes; held back is only what may yet turn out to be the beginning of a marker.
package struct StreamScanner: Sendable {
    package enum Event: Sendable, Hashable {
        case bytes([UInt8])
        case marker(Marker)
    }

    /// A byte 1, boundary, blank.
    private let opening: [UInt8]
    /// Starts with the part of a marker that has come so far, or is empty.
    private var held: [UInt8] = []
    /// More than any line that `cso_mark` writes.
    private static let longestMarker = 200

    package init(boundary: String) { opening = [1] + Array("\(boundary) ".utf8) }

    package mutating func scan(_ chunk: [UInt8]) throws(ProtocolError) -> [Event] {
        let bytes = held.isEmpty ? chunk : held + chunk
        held = []
        var events: [Event] = []
        var start = 0
        while start < bytes.count {
            let candidate = Self.position(of: opening, in: bytes, from: start)
            if candidate > start { events.append(.bytes(Array(bytes[start..<candidate]))) }
            guard candidate < bytes.count else { break }
            let line = candidate + opening.count
            guard line <= bytes.count, let end = bytes[line...].firstIndex(of: 0x0A) else {
                held = Array(bytes[candidate...])
                if held.count > Self.longestMarker { throw .badMarker(String(decoding: held, as: UTF8.self)) }
                break
            }
            events.append(.marker(try Marker(line: bytes[line..<end])))
            start = end + 1
        }
        return events
    }

    /// Where `opening` stands, wholly or with as much of it as fits before the end; the end if nowhere.
    private static func position(of opening: [UInt8], in bytes: [UInt8], from start: Int) -> Int {
        // Pointers, since this loop sees every byte that a host sends.
        bytes.withUnsafeBufferPointer { bytes in
            opening.withUnsafeBufferPointer { opening in
                var index = start
                while index < bytes.count {
                    if bytes[index] == opening[0] {
                        var length = 1
                        let limit = min(opening.count, bytes.count - index)
                        while length < limit, bytes[index + length] == opening[length] { length += 1 }
                        if length == limit { return index }
                    }
                    index += 1
                }
                return bytes.count
            }
        }
    }
}
