package import Model

/// The text of small files, for diffs; asked only for files that differ and are not sensitive. Key: `text`.
package enum TextBatch: ProbeBatch {
    package static let name: BatchName = "text"
    /// Bytes; what is larger is not worth a diff on a terminal.
    static let largest = 65536

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        var script: ShellText = ""
        for (index, path) in arguments.enumerated() {
            script += """
                printf '/%s\\000' \(index)
                if [ -f \(word: path) ] && ! [ -L \(word: path) ]; then
                timeout -s KILL 5 head -c \(largest + 1) -- \(word: path)
                printf '\\000%s\\000' "$?"
                else printf '\\000%s\\000' 1; fi

                """
        }
        return HostQuestion(script)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        var tokens = answer.output.split(separator: 0, omittingEmptySubsequences: false)[...]
        var found: [String: Observation] = [:]
        for (index, path) in arguments.enumerated() {
            // A file with a NUL in it is not text, and shifts what follows; the next mark is looked for. It begins with a
            // slash, since the status of the file before it may be the same number.
            let mark = Array("/\(index)".utf8)
            while let token = tokens.first, !token.elementsEqual(mark) { tokens = tokens.dropFirst() }
            guard tokens.count >= 3 else { break }
            let body = tokens[tokens.startIndex + 1]
            let status = Int(String(decoding: tokens[tokens.startIndex + 2], as: UTF8.self))
            tokens = tokens.dropFirst()
            if status != 0 {
                found[path] = .unknown(reason: "not text, or not readable")
            } else if body.count > largest {
                found[path] = .unknown(reason: "too large for a diff")
            } else if let text = String(validating: body, as: UTF8.self) {
                found[path] = .present(["text": .text(text)])
            } else {
                found[path] = .unknown(reason: "not UTF-8")
            }
        }
        return Dictionary(
            arguments.map { ($0, found[$0] ?? .unknown(reason: "not text, or not readable")) },
            uniquingKeysWith: { first, _ in first })
    }
}
