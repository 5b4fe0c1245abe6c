internal import Model

/// Which of two versions a package manager takes for the newer one: deb-version(7), and rpm's rpmvercmp.
enum VersionOrder {
    /// Negative: `left` is older. `release` of either is left out of an rpm comparison if the other has none.
    static func compare(_ left: String, _ right: String, on family: HostFacts.OSFamily) -> Int {
        let (leftEpoch, leftRest) = epoch(left[...])
        let (rightEpoch, rightRest) = epoch(right[...])
        if leftEpoch != rightEpoch { return leftEpoch < rightEpoch ? -1 : 1 }
        let (leftVersion, leftRelease) = release(leftRest)
        let (rightVersion, rightRelease) = release(rightRest)
        switch family {
        case .debian:
            let order = debian(leftVersion, rightVersion)
            return order != 0 ? order : debian(leftRelease ?? "", rightRelease ?? "")
        case .amazon:
            let order = rpm(leftVersion, rightVersion)
            guard order == 0, let leftRelease, let rightRelease else { return order }
            return rpm(leftRelease, rightRelease)
        }
    }

    private static func epoch(_ version: Substring) -> (Int, Substring) {
        guard let colon = version.firstIndex(of: ":"), let epoch = Int(version[..<colon]) else { return (0, version) }
        return (epoch, version[version.index(after: colon)...])
    }
    private static func release(_ version: Substring) -> (Substring, Substring?) {
        guard let dash = version.lastIndex(of: "-") else { return (version, nil) }
        return (version[..<dash], version[version.index(after: dash)...])
    }

    // MARK: dpkg

    private static func debian(_ left: Substring, _ right: Substring) -> Int {
        var left = left.utf8[...]
        var right = right.utf8[...]
        func weight(_ byte: UInt8?) -> Int {
            guard let byte, !isDigit(byte) else { return 0 }
            return byte == 0x7E ? -1 : isLetter(byte) ? Int(byte) : Int(byte) + 256
        }
        while !left.isEmpty || !right.isEmpty {
            while left.first.map({ !isDigit($0) }) ?? false || right.first.map({ !isDigit($0) }) ?? false {
                let order = weight(left.first) - weight(right.first)
                if order != 0 { return order }
                left = left.dropFirst()
                right = right.dropFirst()
            }
            let order = number(&left, &right)
            if order != 0 { return order }
        }
        return 0
    }

    // MARK: rpm

    private static func rpm(_ left: Substring, _ right: Substring) -> Int {
        var left = left.utf8[...]
        var right = right.utf8[...]
        func isPart(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) || byte == 0x7E || byte == 0x5E }
        while !left.isEmpty || !right.isEmpty {
            left = left.drop { !isPart($0) }
            right = right.drop { !isPart($0) }
            // A tilde is older than the end, a caret newer than the end and older than anything else.
            if left.first == 0x7E || right.first == 0x7E {
                guard left.first == right.first else { return left.first == 0x7E ? -1 : 1 }
                (left, right) = (left.dropFirst(), right.dropFirst())
                continue
            }
            if left.first == 0x5E || right.first == 0x5E {
                if left.isEmpty { return -1 }
                if right.isEmpty { return 1 }
                guard left.first == right.first else { return left.first == 0x5E ? -1 : 1 }
                (left, right) = (left.dropFirst(), right.dropFirst())
                continue
            }
            guard let first = left.first, let second = right.first else { break }
            // A number is newer than a word.
            guard isDigit(first) == isDigit(second) else { return isDigit(first) ? 1 : -1 }
            if isDigit(first) {
                let order = number(&left, &right)
                if order != 0 { return order }
            } else {
                let words = (left.prefix(while: isLetter), right.prefix(while: isLetter))
                if !words.0.elementsEqual(words.1) { return words.0.lexicographicallyPrecedes(words.1) ? -1 : 1 }
                (left, right) = (left.dropFirst(words.0.count), right.dropFirst(words.1.count))
            }
        }
        return left.isEmpty ? (right.isEmpty ? 0 : -1) : 1
    }

    // MARK: Both

    /// Compares the digits that both begin with, and drops them. No digits count as 0.
    private static func number(_ left: inout Substring.UTF8View, _ right: inout Substring.UTF8View) -> Int {
        let numbers = (left.prefix(while: isDigit), right.prefix(while: isDigit))
        (left, right) = (left.dropFirst(numbers.0.count), right.dropFirst(numbers.1.count))
        let plain = (numbers.0.drop { $0 == 0x30 }, numbers.1.drop { $0 == 0x30 })
        if plain.0.count != plain.1.count { return plain.0.count - plain.1.count }
        return plain.0.elementsEqual(plain.1) ? 0 : plain.0.lexicographicallyPrecedes(plain.1) ? -1 : 1
    }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }
}

/// A version as recipes pin it: whole, or with `*` for any end.
struct VersionPin: Sendable, Hashable {
    let text: String
    var isPattern: Bool { text.hasSuffix("*") }
    private var stem: String { isPattern ? String(text.dropLast()) : text }

    init(_ text: String) { self.text = text }

    /// What an rpm pin without a release, or without an epoch, leaves open is not compared.
    func matches(_ version: String, on family: HostFacts.OSFamily?) -> Bool {
        let version = comparable(version, on: family)
        if isPattern { return version.hasPrefix(stem) }
        return version == text || (family == .amazon && !text.contains("-") && version.hasPrefix(text + "-"))
    }

    func isOlder(than version: String, on family: HostFacts.OSFamily) -> Bool {
        VersionOrder.compare(stem, comparable(version, on: family), on: family) < 0
    }

    private func comparable(_ version: String, on family: HostFacts.OSFamily?) -> String {
        guard family == .amazon, !text.contains(":"), let colon = version.firstIndex(of: ":") else { return version }
        return String(version[version.index(after: colon)...])
    }

    /// The pattern of `case` in sh that a package manager's own version matches.
    func shellPattern(on family: HostFacts.OSFamily) -> ShellText {
        var pattern: ShellText = "\(word: stem)"
        if isPattern { pattern += "*" } else if family == .amazon, !text.contains("-") { pattern += "-*" }
        // dnf prints an epoch always.
        return family == .amazon && !text.contains(":") ? "*:\(script: pattern)" : pattern
    }
}
