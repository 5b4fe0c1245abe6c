/// The blocks of a text in PEM (RFC 7468), found by their boundaries alone; what is in them is not looked at.
package enum PEMText {
    package struct Block: Sendable, CustomReflectable {
        /// `CERTIFICATE`, `PRIVATE KEY`.
        package var label: String
        /// With both boundaries, ending in a line break.
        package var bytes: [UInt8]
        /// Nothing: it may be a private key.
        package var customMirror: Mirror { Mirror(self, children: [:]) }
    }

    /// All blocks, in their order. A block without its end is left out.
    package static func blocks(_ bytes: some Sequence<UInt8>) -> [Block] {
        var blocks: [Block] = []
        var open: Block?
        for line in Array(bytes).split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            if let label = label(line, "-----BEGIN ") {
                open = Block(label: label, bytes: [])
            } else if open == nil {
                continue
            }
            open?.bytes += line + [0x0A]
            guard let label = label(line, "-----END ") else { continue }
            if let block = open, block.label == label { blocks.append(block) }
            open = nil
        }
        return blocks
    }

    /// The certificates among them, one after another.
    package static func certificates(_ bytes: some Sequence<UInt8>) -> [[UInt8]] {
        blocks(bytes).filter { $0.label == "CERTIFICATE" }.map(\.bytes)
    }

    package static func holdsPrivateKey(_ bytes: some Sequence<UInt8>) -> Bool {
        blocks(bytes).contains { $0.label.hasSuffix("PRIVATE KEY") }
    }

    private static func label(_ line: ArraySlice<UInt8>, _ begin: String) -> String? {
        let end = Array("-----".utf8)
        guard line.starts(with: begin.utf8), line.count > begin.utf8.count + end.count,
            line.suffix(end.count).elementsEqual(end)
        else { return nil }
        return String(decoding: line.dropFirst(begin.utf8.count).dropLast(end.count), as: UTF8.self)
    }
}
