/// The beginning and the end of an output of any length; what lay between is counted and dropped.
package struct BoundedOutput: Sendable, Hashable {
    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    private let limit: Int
    private var count = 0

    /// `limit` bytes are kept of each end.
    package init(limit: Int = 64 << 10) { self.limit = limit }

    package mutating func append(_ bytes: [UInt8]) {
        count += bytes.count
        let room = limit - head.count
        if room > 0 { head += bytes.prefix(room) }
        if bytes.count > room { tail += bytes.dropFirst(max(0, room)) }
        // Cut in strides, so that a stream of small pieces does not move the tail each time.
        if tail.count > 2 * limit { tail.removeFirst(tail.count - limit) }
    }

    package var bytes: [UInt8] {
        let end = tail.suffix(limit)
        let omitted = count - head.count - end.count
        return omitted == 0 ? head + end : head + Array("\n[... \(omitted) bytes omitted ...]\n".utf8) + end
    }
}
