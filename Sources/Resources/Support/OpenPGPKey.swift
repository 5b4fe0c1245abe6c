internal import Crypto
internal import Model

/// A public key as vendors publish it, armoured or not: enough of RFC 4880 to know its fingerprint.
struct OpenPGPKey {
    /// Of the primary keys, 40 (version 4) or 64 (version 6) upper-case hex digits.
    let fingerprints: [String]
    let isArmored: Bool

    /// `nil` if it is no such key.
    init?(_ bytes: [UInt8]) {
        isArmored = bytes.starts(with: "-----BEGIN PGP PUBLIC KEY BLOCK-----".utf8)
        guard let packets = isArmored ? Self.dearmored(bytes) : bytes else { return nil }
        var found: [String] = []
        var rest = packets[...]
        while !rest.isEmpty {
            guard let (tag, body) = Self.packet(&rest) else { return nil }
            // 6 = a primary public key; version 5 was never standard.
            if tag == 6 {
                guard let version = body.first, version == 4, body.count <= 0xFFFF else { return nil }
                var hash = Insecure.SHA1()
                hash.update(data: [0x99, UInt8(body.count >> 8), UInt8(body.count & 0xFF)])
                hash.update(data: Array(body))
                found.append(
                    hash.finalize().map { byte in
                        let digits = String(byte, radix: 16, uppercase: true)
                        return digits.count == 1 ? "0" + digits : digits
                    }.joined())
            }
            // 5 and 7 are private keys, which do not belong onto hosts.
            if tag == 5 || tag == 7 { return nil }
        }
        guard !found.isEmpty else { return nil }
        fingerprints = found
    }

    /// All blocks of base64 between headers and checksum, one after the other.
    private static func dearmored(_ bytes: [UInt8]) -> [UInt8]? {
        var packets: [UInt8] = []
        var isBody = false
        var text: [UInt8] = []
        for line in bytes.pieces(0x0A).map(\.trimmed) {
            if line.hasPrefix("-----BEGIN ") {
                isBody = false
                text = []
            } else if line.hasPrefix("-----END ") {
                guard let block = base64(text) else { return nil }
                packets += block
                isBody = false
            } else if line.isEmpty {
                isBody = true
            } else if isBody, !line.hasPrefix("=") {
                text += Array(line.utf8)
            }
        }
        return packets
    }

    private static func base64(_ text: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits = 0
        var count = 0
        for byte in text where byte != 0x3D {
            let value: Int
            switch byte {
            case 0x41...0x5A: value = Int(byte) - 0x41
            case 0x61...0x7A: value = Int(byte) - 0x61 + 26
            case 0x30...0x39: value = Int(byte) - 0x30 + 52
            case 0x2B: value = 62
            case 0x2F: value = 63
            default: return nil
            }
            bits = (bits << 6 | value) & 0xFFFFFF
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(bits >> count & 0xFF))
            }
        }
        return bytes
    }

    /// The next packet of definite length; `nil` if there is none.
    private static func packet(_ rest: inout ArraySlice<UInt8>) -> (tag: UInt8, body: ArraySlice<UInt8>)? {
        guard let head = rest.popFirst(), head & 0x80 != 0 else { return nil }
        func number(_ size: Int) -> Int? {
            guard rest.count >= size else { return nil }
            let value = rest.prefix(size).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(size)
            return value
        }
        let tag: UInt8
        let length: Int?
        if head & 0x40 != 0 {
            tag = head & 0x3F
            guard let first = number(1) else { return nil }
            switch first {
            case 0..<192: length = first
            case 192..<224: length = number(1).map { ((first - 192) << 8) + $0 + 192 }
            case 255: length = number(4)
            default: return nil
            }
        } else {
            tag = head >> 2 & 0x0F
            switch head & 0x03 {
            case 0: length = number(1)
            case 1: length = number(2)
            case 2: length = number(4)
            default: return nil
            }
        }
        guard let length, length <= rest.count else { return nil }
        let body = rest.prefix(length)
        rest = rest.dropFirst(length)
        return (tag, body)
    }
}
