/// A line of the reader's own between the output of commands, on both streams: a byte 1, then `BOUNDARY KIND FIRST SECOND`.
/// It begins wherever the output before it ended. The byte 1 keeps a shell's tracing of the command that prints a marker
/// from looking like one, and is rare enough in output that hardly anything is ever held back.
package struct Marker: Sendable, Hashable {
    package enum Kind: String, Sendable {
        /// A frame's output begins: its sequence number. What came since the last end was written late, by something that an
        /// earlier step left behind or that was still dying.
        case begin
        /// One question's output ends: its index and status.
        case part
        /// The frame's output ends: its sequence number and status.
        case end
        /// A supervised step still runs.
        case beat
        /// A supervised step has ended: systemd's result, and `CODE:STATUS` (systemd.exec(5), "Environment Variables
        /// Set or Propagated by the Service Manager").
        case done
    }

    package var kind: Kind
    package var first: String
    package var second: String

    package init(_ kind: Kind, _ first: String, _ second: String) {
        self.kind = kind
        self.first = first
        self.second = second
    }

    /// From the line after the boundary and its blank.
    init(line: some Sequence<UInt8>) throws(ProtocolError) {
        let text = String(decoding: Array(line), as: UTF8.self)
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 3, let kind = Kind(rawValue: words[0]) else { throw .badMarker(text) }
        self.init(kind, words[1], words[2])
    }

    /// For `part` and `end`.
    package func numbers() throws(ProtocolError) -> (Int, Int32) {
        guard let first = Int(first), let second = Int32(second) else {
            throw .badMarker("\(kind.rawValue) \(first) \(second)")
        }
        return (first, second)
    }
}
