/// An IPv4 address, as a number in host byte order. The fleet's network is IPv4 only.
package struct Address: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var number: UInt32
    package init(number: UInt32) { self.number = number }

    /// Dotted quad, strictly four decimal parts without leading zeros; anything else is `nil`.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var number: UInt32 = 0
        for part in parts {
            guard !part.isEmpty, part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = UInt8(part),
                part.count == 1 || part.first != "0"
            else { return nil }
            number = number << 8 | UInt32(value)
        }
        self.number = number
    }

    package var isLoopback: Bool { number >> 24 == 127 }

    package var description: String {
        [24, 16, 8, 0].map { String(number >> UInt32($0) & 255) }.joined(separator: ".")
    }
    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// A CIDR block: `10.1.128.0/18`. Host bits must be zero.
package struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    package var base: Address
    package var prefix: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let base = Address(String(parts[0])), let prefix = Int(parts[1]),
            (0...32).contains(prefix),
            base.number & ~Self.mask(prefix) == 0
        else { return nil }
        self.base = base
        self.prefix = prefix
    }

    package func contains(_ address: Address) -> Bool { address.number & Self.mask(prefix) == base.number }
    package var description: String { "\(base)/\(prefix)" }

    private static func mask(_ prefix: Int) -> UInt32 { prefix == 0 ? 0 : ~0 << UInt32(32 - prefix) }
}
