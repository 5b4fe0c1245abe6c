/// A unified diff of two texts, by lines.
package enum TextDiff {
    /// `nil` when they are equal. `context` lines are shown around each change; longer results are cut at `limit` lines and
    /// say so.
    package static func unified(from old: String, to new: String, context: Int = 2, limit: Int = 200) -> String? {
        guard old != new else { return nil }
        let before = old.split(separator: "\n", omittingEmptySubsequences: false)
        let after = new.split(separator: "\n", omittingEmptySubsequences: false)
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
                lines.append("\(entry.mark)\(entry.text)")
            }
            isOpen = shown[index]
            if entry.mark != "+" { oldLine += 1 }
        }
        if lines.count > limit {
            lines = lines.prefix(limit) + ["… \(lines.count - limit) more lines"]
        }
        return lines.joined(separator: "\n")
    }

    private static func edit(_ before: [Substring], _ after: [Substring]) -> [(mark: Character, text: Substring)] {
        let difference = after.difference(from: before)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var entries: [(mark: Character, text: Substring)] = []
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
