/// Base64 as OpenSSH writes keys and salts (RFC 4648, standard alphabet).
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each byte in the alphabet, 255 for the others.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (index, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(index) }
        return values
    }()

    /// Fingerprints are written without padding, keys with it.
    package static func encode(_ bytes: some Sequence<UInt8>, padded: Bool = true) -> String {
        var output: [UInt8] = []
        var group: UInt32 = 0
        var held = 0
        for byte in bytes {
            group = group << 8 | UInt32(byte)
            held += 1
            guard held == 3 else { continue }
            for shift in [18, 12, 6, 0] { output.append(alphabet[Int(group >> UInt32(shift) & 63)]) }
            (group, held) = (0, 0)
        }
        if held == 1 {
            output += [alphabet[Int(group >> 2)], alphabet[Int(group << 4 & 63)]]
        } else if held == 2 {
            output += [alphabet[Int(group >> 10)], alphabet[Int(group >> 4 & 63)], alphabet[Int(group << 2 & 63)]]
        }
        if padded, held > 0 { output += [UInt8](repeating: 0x3D, count: 3 - held) }
        return String(decoding: output, as: UTF8.self)
    }

    /// `nil` for a character outside the alphabet, wrong padding or a length that no encoder makes.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes = Array(text.utf8)
        guard bytes.count % 4 == 0 else { return nil }
        for _ in 0..<2 where bytes.last == 0x3D { bytes.removeLast() }
        guard bytes.count % 4 != 1 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 3 / 4)
        var group: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            let value = values[Int(byte)]
            guard value != 255 else { return nil }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: group >> bits))
            }
        }
        return output
    }
}
