/// Reads SSH's data types (RFC 4251 5) from the front of some bytes.
struct WireReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func number() -> UInt32? {
        guard rest.count >= 4 else { return nil }
        defer { rest = rest.dropFirst(4) }
        return rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func string() -> ArraySlice<UInt8>? {
        let before = rest
        guard let length = number(), rest.count >= Int(length) else {
            rest = before
            return nil
        }
        defer { rest = rest.dropFirst(Int(length)) }
        return rest.prefix(Int(length))
    }
}

extension [UInt8] {
    mutating func appendNumber(_ number: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
    mutating func appendString(_ bytes: some Collection<UInt8>) {
        appendNumber(UInt32(bytes.count))
        append(contentsOf: bytes)
    }
}
