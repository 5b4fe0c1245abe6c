/// A place in an input file. Lines and columns count from 1, columns in characters.
package struct SourceLocation: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var file: String
    package var line: Int
    package var column: Int

    package init(file: String, line: Int = 1, column: Int = 1) {
        self.file = file
        self.line = line
        self.column = column
    }

    package var description: String { "\(file):\(line):\(column)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}

/// One mistake in the input: where, what was found, what would be right.
package struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
    package var location: SourceLocation?
    /// One sentence without a full stop: `unknown key "modee"`.
    package var message: String
    /// What would be right or what to do next, as a phrase: `did you mean "mode"?`.
    package var remedy: String?

    /// It says that something is not declared: where other mistakes hid declarations, it may be their consequence.
    package var isAboutAbsence = false

    /// Nothing was lost by it that something else could be looking for: a key of an entry that was read all the same.
    package var hidesNothing = false

    /// The same, marked as being about something that is not declared.
    package var aboutAbsence: Diagnostic {
        var marked = self
        marked.isAboutAbsence = true
        return marked
    }

    package init(_ message: String, at location: SourceLocation?, remedy: String? = nil) {
        self.message = message
        self.location = location
        self.remedy = remedy
    }

    package var description: String {
        (location.map { "\($0): " } ?? "") + message + (remedy.map { "; \($0)" } ?? "")
    }
}

/// All mistakes that one pass found. Never empty when thrown.
package struct Diagnostics: Error, Sendable, CustomStringConvertible {
    package var all: [Diagnostic]
    /// The files that the places are in, to show their lines; `nil` where no file is meant.
    package var source: SourceTree?
    package init(_ all: [Diagnostic], in source: SourceTree? = nil) {
        self.all = all
        self.source = source
    }
    package init(_ one: Diagnostic) { self.all = [one] }
    package var description: String { all.map(\.description).joined(separator: "\n") }
}

extension Diagnostic {
    /// The candidate nearest to `word`, if one is near enough to be a slip: at most a third of its length away.
    package static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        // Longer words are no slips, and comparing them costs their length times the candidate's.
        guard word.utf8.count <= 100 else { return nil }
        let ranked = candidates.map { (name: $0, distance: editDistance(word.lowercased(), $0.lowercased())) }
        guard let best = ranked.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else { return nil }
        return best.distance <= max(1, word.count / 3) ? best.name : nil
    }

    /// Levenshtein distance over characters, in which two neighbours that changed places count as one slip.
    static func editDistance(_ left: String, _ right: String) -> Int {
        let left = Array(left)
        let right = Array(right)
        var before: [Int] = []
        var row = Array(0...right.count)
        for index in left.indices {
            var next = [index + 1]
            for column in right.indices {
                var best = min(
                    row[column] + (left[index] == right[column] ? 0 : 1), row[column + 1] + 1, next[column] + 1)
                if index > 0, column > 0, left[index] == right[column - 1], left[index - 1] == right[column] {
                    best = min(best, before[column - 1] + 1)
                }
                next.append(best)
            }
            before = row
            row = next
        }
        return row[right.count]
    }
}

extension [Diagnostic] {
    /// In the order of the files and lines, each mistake once; those without a place first.
    package func sortedByPlace() -> [Diagnostic] {
        var seen: Set<Diagnostic> = []
        return filter { seen.insert($0).inserted }.sorted { left, right in
            switch (left.location, right.location) {
            case (let left?, let right?) where left != right: left < right
            case (nil, _?): true
            case (_?, nil): false
            default: left.message < right.message
            }
        }
    }
}

extension Diagnostic {
    /// The usual remedy for a word that is none of those that are known.
    package static func suggestion(for word: String, among candidates: some Sequence<String>) -> String {
        let sorted = candidates.sorted()
        if let nearest = nearest(to: word, among: sorted) { return "did you mean \"\(nearest)\"?" }
        return sorted.isEmpty ? "there are none" : "known are \(sorted.joined(separator: ", "))"
    }
}
