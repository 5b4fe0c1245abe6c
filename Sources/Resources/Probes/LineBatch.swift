package import Model

/// Lines in files. An argument is a ``LineQuery``. Keys: `lines` (those that are the line, without their ends), `binary`
/// (flag: the file holds NUL bytes), and `anchor` (flag: a line matches where a new one would be put; only if `lines` is
/// empty and there is such a place).
///
/// All lines that are known by their text or its beginning are found by one grep; each regular expression costs one more.
package enum LineBatch: ProbeBatch {
    package static let name: BatchName = "line"
    /// Seconds for all of them.
    static let limit = 20

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        let queries = arguments.map { LineQuery(argument: $0) }
        let paths = distinct(queries.map(\.path))
        // Nothing but files is opened: reading a fifo would wait for ever.
        var script: ShellText = """
            grep -IL -D skip -d skip -e '' -- \(words: paths)
            printf '=b\\000%s\\n' "$?"

            """
        let plain = queries.filter(\.isPlain)
        if !plain.isEmpty {
            script += """
                grep -HnaZE -D skip -d skip \(script: LineEdit.options(distinct(plain.flatMap(\.patterns)))) -- \(words: distinct(plain.map(\.path)))
                printf '=p\\000%s\\n' "$?"

                """
        }
        for (index, query) in queries.enumerated() where !query.isPlain {
            script += """
                grep -HnaZE -D skip -d skip \(script: LineEdit.options(query.patterns)) -- \(word: query.path)
                s=$?; printf '=%s\\000%s\\n' \(index) "$s"

                """
            guard let anchor = query.anchor else { continue }
            script += """
                if [ "$s" -eq 1 ]; then
                grep -qaE -D skip -d skip \(script: LineEdit.options([anchor])) -- \(word: query.path)
                printf '=a%s\\000%s\\n' \(index) "$?"
                fi

                """
        }
        return HostQuestion("timeout -s KILL \(limit) sh -c \(word: script.text)")
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        let answer = Answer(answer)
        return Dictionary(
            arguments.enumerated().map { ($1, observation(LineQuery(argument: $1), index: $0, answer)) },
            uniquingKeysWith: { first, _ in first })
    }

    private static func observation(_ query: LineQuery, index: Int, _ answer: Answer) -> Observation {
        let part = query.isPlain ? "p" : String(index)
        guard let status = answer.statuses[part], answer.statuses["b"] != nil else {
            let isHung = answer.status == 137
            return .unknown(reason: isHung ? "no answer (waited \(limit) s)" : "the answer is not complete")
        }
        // 2 = something was wrong, perhaps with another file of the same call.
        if status > 1, let line = answer.errorLines.first(where: { !query.isPlain || $0.contains(query.path + ": ") }) {
            return .unknown(reason: line)
        }
        var state: State = [
            "lines": .list(
                answer.lines[part, default: []].filter { $0.path == query.path && query.isIt($0.text) }.map(\.text)),
            "binary": .flag(answer.binaries.contains(query.path)),
        ]
        if query.anchor != nil, status == 1 {
            switch answer.statuses["a\(index)"] {
            case 0?: state["anchor"] = true
            case 1?: state["anchor"] = false
            default: return .unknown(reason: answer.errorLines.first ?? "the answer is not complete")
            }
        }
        return .present(state)
    }

    private static func distinct(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }
    }

    /// Records of a name, NUL, a line: a file's path with `NUMBER:TEXT`, or `=` and a part with grep's status.
    private struct Answer {
        var status: Int32
        var statuses: [String: Int] = [:]
        var lines: [String: [(path: String, text: String)]] = [:]
        var binaries: Set<String> = []
        var errorLines: [String]

        init(_ answer: HostAnswer) {
            status = answer.status
            errorLines = answer.errorLines
            var rest = answer.output[...]
            var found: [(path: String, text: String)] = []
            while let zero = rest.firstIndex(of: 0), let end = rest[zero...].firstIndex(of: 0x0A) {
                // What the first grep lists stands before its mark, a line each.
                var names = rest[..<zero].pieces(0x0A)
                let name = names.removeLast()
                let text = String(decoding: rest[rest.index(after: zero)..<end], as: UTF8.self)
                rest = rest[rest.index(after: end)...]
                if name.hasPrefix("="), let status = Int(text) {
                    let part = String(name.dropFirst())
                    if part == "b" { binaries = Set(names) }
                    statuses[part] = status
                    lines[part] = found
                    found = []
                } else if let colon = text.utf8.firstIndex(of: 0x3A), Int(text[..<colon]) != nil {
                    let line = text[text.index(after: colon)...].utf8
                    found.append((name, String(Substring(line.last == 0x0D ? line.dropLast() : line))))
                }
            }
        }
    }
}

/// Which line of which file is meant.
struct LineQuery: Sendable, Hashable {
    enum Key: Sendable, Hashable {
        /// Only lines of exactly the text.
        case text
        /// Also lines that begin so.
        case prefix(String)
        /// Also lines that match.
        case match(String)
    }
    var path: String
    var text: String
    var key: Key
    /// A pattern that a new line's neighbour must match.
    var anchor: String?

    init(path: String, text: String, key: Key, anchor: String? = nil) {
        self.path = path
        self.text = text
        self.key = key
        self.anchor = anchor
    }

    /// No part holds a NUL.
    var argument: String {
        let (sort, value) =
            switch key {
            case .text: ("t", "")
            case .prefix(let prefix): ("p", prefix)
            case .match(let pattern): ("m", pattern)
            }
        return ([path, text, sort, value] + (anchor.map { [$0] } ?? [])).joined(separator: "\0")
    }

    init(argument: String) {
        let parts = argument.columns("\0")
        let value = parts.count > 3 ? parts[3] : ""
        let sort = parts.count > 2 ? parts[2] : ""
        self.init(
            path: parts[0], text: parts.count > 1 ? parts[1] : "",
            key: sort == "p" ? .prefix(value) : sort == "m" ? .match(value) : .text,
            anchor: parts.count > 4 ? parts[4] : nil)
    }

    /// It needs no grep of its own: what it found can be told from others' lines.
    var isPlain: Bool {
        if case .match = key { return false }
        return anchor == nil
    }

    var patterns: [String] {
        let exact = ExtendedRegex.literal(text, isWholeLine: true)
        return switch key {
        case .text: [exact]
        case .prefix(let prefix): [exact, ExtendedRegex.literal(prefix, isWholeLine: false)]
        case .match(let pattern): [exact, pattern]
        }
    }

    /// Whether a line that one of many patterns found is this one.
    func isIt(_ line: String) -> Bool {
        switch key {
        case .text: line.utf8.elementsEqual(text.utf8)
        case .prefix(let prefix): line.utf8.elementsEqual(text.utf8) || line.utf8.starts(with: prefix.utf8)
        case .match: true
        }
    }
}
