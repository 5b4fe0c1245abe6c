/// How /etc/fstab (fstab(5)) and mountinfo (proc(5)) write a word that holds blanks: as `\` and three octal digits.
enum MountText {
    static func encoded(_ word: String) -> String {
        var text: [UInt8] = []
        for byte in word.utf8 {
            switch byte {
            case 0x20, 0x09, 0x0A, 0x5C, 0x23:
                let octal = String(byte, radix: 8)
                text += Array(("\\" + String(repeating: "0", count: 3 - octal.count) + octal).utf8)
            default: text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func decoded(_ word: some StringProtocol) -> String {
        let bytes = Array(word.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let digits = bytes[index...].dropFirst().prefix(3)
            if bytes[index] == 0x5C, digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                output.append(value)
                index += 4
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The words of a line, between blanks and tabs.
    static func words(_ line: some StringProtocol) -> [String] {
        line.utf8.split { $0 == 0x20 || $0 == 0x09 }.map { String(decoding: $0, as: UTF8.self) }
    }

    static func withoutFinalSlashes(_ path: String) -> String {
        var path = path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}

/// A line of /etc/fstab.
struct FstabLine: Sendable, Hashable {
    var source: String
    var point: String
    var type: String
    var options: [String]
    var dump = "0"
    var pass = "0"

    init(source: String, point: String, type: String, options: [String]) {
        self.source = source
        self.point = point
        self.type = type
        self.options = options
    }

    /// `nil` for comments, empty lines, and what is no entry.
    init?(_ line: String) {
        let words = MountText.words(line)
        guard words.count >= 3, !words[0].hasPrefix("#") else { return nil }
        source = MountText.decoded(words[0])
        point = MountText.withoutFinalSlashes(MountText.decoded(words[1]))
        type = words[2]
        options = words.count > 3 ? words[3].columns(",") : ["defaults"]
        if words.count > 4 { dump = words[4] }
        if words.count > 5 { pass = words[5] }
    }

    var text: String {
        let words = [
            MountText.encoded(source), MountText.encoded(point), type, options.joined(separator: ","), dump, pass,
        ]
        return words.joined(separator: " ")
    }

    /// Whether both say the same, however they are written.
    func means(_ other: FstabLine) -> Bool {
        func options(_ line: FstabLine) -> Set<String> {
            Set(line.options.filter { $0 != "defaults" }.map(MountOption.normalized))
        }
        return source == other.source && point == other.point && type == other.type && dump == other.dump
            && pass == other.pass && options(self) == options(other)
    }

    /// Finds the lines of a mount point.
    static func pattern(for point: String) -> String {
        let word = String(ExtendedRegex.literal(MountText.encoded(point), isWholeLine: false).dropFirst())
        return "^[[:blank:]]*[^#[:blank:]][^[:blank:]]*[[:blank:]]+\(word)/*([[:blank:]]|$)"
    }
}

/// One entry of mountinfo.
package struct MountEntry: Sendable, Hashable {
    /// `major:minor` of the file system.
    package var device: String
    /// Where in the file system the mount begins.
    package var root: String
    package var point: String
    package var type: String
    package var source: String
    /// Of the mount itself.
    package var flags: [String]
    /// Of the file system.
    package var superOptions: [String]

    /// `ID PARENT DEVICE ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER`.
    package init?(_ line: String) {
        let words = MountText.words(line)
        guard words.count >= 9, let dash = words[6...].firstIndex(of: "-"), words.count > dash + 2 else { return nil }
        device = words[2]
        root = MountText.decoded(words[3])
        point = MountText.decoded(words[4])
        flags = words[5].columns(",")
        type = words[dash + 1]
        source = MountText.decoded(words[dash + 2])
        superOptions = words.count > dash + 3 ? words[dash + 3].columns(",") : []
    }

    /// The place in its file system that a path names, if this is the mount that the path lies on.
    func place(of path: String) -> String {
        let rest = point == "/" ? path : String(path.dropFirst(point.count))
        let joined = root == "/" ? rest : root + rest
        return joined.isEmpty ? "/" : joined
    }

    package func holds(_ path: String) -> Bool { point == "/" || path == point || path.hasPrefix(point + "/") }
}
