internal import Model

/// The keys of a keystone repository (fernet or credential): number -> SHA-256 in hex. `0` is staged, the highest is the
/// primary, which new tokens are made with; the others are only read with. Digests stay inside of the controller.
struct KeySet: Sendable, Hashable {
    private(set) var digests: [Int: String]

    init(_ digests: [Int: String]) { self.digests = digests }

    /// From a state's list of `NUMBER DIGEST`; what is no such line makes it `nil`.
    init?(lines: [String]) {
        var digests: [Int: String] = [:]
        for line in lines {
            let words = line.columns(" ")
            guard words.count == 2, let number = Self.number(words[0]), digests[number] == nil else { return nil }
            digests[number] = words[1]
        }
        self.digests = digests
    }

    var lines: [String] { digests.keys.sorted().map { "\($0) \(digests[$0] ?? "")" } }
    var isEmpty: Bool { digests.isEmpty }
    /// The highest number; `0` if there is only a staged key.
    var highest: Int { digests.keys.max() ?? 0 }
    /// A staged key and a primary one. Less is what a run left that was cut off while it made them.
    var isComplete: Bool { digests[0] != nil && highest > 0 }
    /// `0, 3, 4`, for people.
    var names: String { digests.keys.sorted().map(String.init).joined(separator: ", ") }

    /// The name of a key's file: a number as keystone writes it.
    static func number(_ name: String) -> Int? {
        guard !name.isEmpty, name.utf8.count <= 9, name.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            name == "0" || !name.hasPrefix("0")
        else { return nil }
        return Int(name)
    }

    /// `older` is an earlier state of this very repository, or one that a distribution of it left half-way: every key that
    /// it has is here, under its number or, if it was staged there, under the number that it got when it was promoted; or
    /// it is older than all that is kept here. So nothing is lost by giving it this set, and what it signed stays readable.
    func isAhead(of older: KeySet) -> Bool {
        guard highest > 0, !older.isEmpty, older != self, older.highest <= highest else { return false }
        let oldest = digests.keys.filter { $0 > 0 }.min() ?? 0
        for (number, digest) in older.digests where number > 0 {
            if let here = digests[number] {
                guard here == digest else { return false }
            } else if number >= oldest {
                return false
            }
        }
        let isSameAge = older.highest == highest
        guard let staged = older.digests[0] else { return isSameAge }
        // Its staged key was promoted here, or it has that already beside the staged one.
        if staged == digests[older.highest + 1] || staged == digests[older.highest] { return true }
        // The staged key is written last: whoever has it has all the others, and perhaps one that was removed here.
        return isSameAge && staged == digests[0] && digests.keys.allSatisfy { older.digests[$0] != nil }
    }
}
