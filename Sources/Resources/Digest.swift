internal import Crypto

/// SHA-256 as text.
package enum Digest {
    /// 64 lower-case hex digits.
    package static func sha256(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in SHA256.hash(data: bytes) {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The digits if they are all lower-case hex.
    static func hex(_ bytes: some Sequence<UInt8>) -> String? {
        let digits = Array(bytes)
        let allHex = digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return allHex && digits.count == 64 ? String(decoding: digits, as: UTF8.self) : nil
    }
}
