/// A unified diff of two texts, by lines. Lines are compared byte by byte: what Unicode calls equal is not equal in a file.
package enum TextDiff {
    private typealias Line = Substring.UnicodeScalarView

    /// More lines than this, once equal beginnings and ends are left out, are shown as all going and all coming: finding
    /// the smallest difference of two long texts that have little in common takes too long.
    private static let mostLines = 1000

    /// `nil` when they are equal. `context` lines are shown around each change; longer results are cut at `limit` lines and
    /// say so.
    package static func unified(from old: String, to new: String, context: Int = 2, limit: Int = 200) -> String? {
        let before = lines(of: old)
        let after = lines(of: new)
        guard before.map(Array.init) != after.map(Array.init) else { return nil }
        let entries = edit(before, after)
        var shown: [Bool] = Array(repeating: false, count: entries.count)
        for (index, entry) in entries.enumerated() where entry.mark != " " {
            for near in max(0, index - context)...min(entries.count - 1, index + context) { shown[near] = true }
        }
        var lines: [String] = []
        var oldLine = 1
        var isOpen = false
        for (index, entry) in entries.enumerated() {
            if shown[index] {
                if !isOpen { lines.append("@@ line \(oldLine) @@") }
                lines.append("\(entry.mark)\(String(entry.text))")
            }
            isOpen = shown[index]
            if entry.mark != "+" { oldLine += 1 }
        }
        if lines.count > limit {
            lines = lines.prefix(limit) + ["… \(lines.count - limit) more lines"]
        }
        return lines.joined(separator: "\n")
    }

    /// By the line feed alone: to Swift, `\r\n` is one character that is no line feed.
    private static func lines(of text: String) -> [Line] {
        text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { Line($0) }
    }

    private typealias Entry = (mark: Character, text: Line)

    private static func edit(_ before: [Line], _ after: [Line]) -> [Entry] {
        let head = zip(before, after).prefix { $0.elementsEqual($1) }.count
        let most = min(before.count, after.count) - head
        let tail = zip(before.reversed(), after.reversed()).prefix(most).prefix { $0.elementsEqual($1) }.count
        let middle = edit(middle: before[head..<(before.count - tail)], after[head..<(after.count - tail)])
        return before[..<head].map { (" ", $0) } + middle + before.suffix(tail).map { (" ", $0) }
    }

    private static func edit(middle before: ArraySlice<Line>, _ after: ArraySlice<Line>) -> [Entry] {
        guard before.count + after.count <= mostLines else {
            return before.map { ("-", $0) } + after.map { ("+", $0) }
        }
        let before = Array(before)
        let after = Array(after)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in after.difference(from: before, by: { $0.elementsEqual($1) }) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var entries: [Entry] = []
        var left = 0
        var right = 0
        while left < before.count || right < after.count {
            if left < before.count, removed.contains(left) {
                entries.append(("-", before[left]))
                left += 1
            } else if right < after.count, inserted.contains(right) {
                entries.append(("+", after[right]))
                right += 1
            } else {
                entries.append((" ", before[left]))
                left += 1
                right += 1
            }
        }
        return entries
    }
}
