package import Model

/// What the records of a release say; read by the shell alone. Keys: `state` (`marker` = in use, `previous` = an
/// installation did not end) and `releases`, the newest first, for ``records(in:)``.
package enum ReleaseBatch: ProbeBatch {
    package static let name: BatchName = "release"

    /// One line of the records.
    struct Record: Sendable, Hashable {
        var directory: String
        var version: String
        var sha256: String
        /// Its directory is there.
        var isThere: Bool
    }

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        HostQuestion(
            """
            look() {
            m=none
            for k in previous marker; do if [ -f "$1/$k" ]; then m=$k; fi; done
            echo "begin $m"
            if [ "$m" != none ]; then
            while read -r k d v h x; do
            if [ "$k" = release ]; then
            if [ -d "${1%/*}/$d" ]; then x=there; else x=gone; fi
            echo "release $d $v $h $x"
            fi
            done <"$1/$m" || echo "failed"
            fi
            echo end
            }
            for r in \(words: arguments); do look "$r"; done
            """)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        keyed(arguments, answer.blocks.map { observation($0[...]) })
    }

    private static func observation(_ block: ArraySlice<String>) -> Observation {
        let lines = block.dropFirst()
        switch block.first {
        case "begin none": return .absent
        case "begin marker" where lines.isEmpty || !lines.allSatisfy { record($0) != nil }:
            return .unknown(reason: "its marker is not readable")
        case "begin previous" where !lines.allSatisfy { record($0) != nil }:
            return .unknown(reason: "its records are not readable")
        case "begin marker": return .present(["state": "marker", "releases": .list(Array(lines))])
        case "begin previous": return .present(["state": "previous", "releases": .list(Array(lines))])
        default: return .unknown(reason: "the answer is not complete")
        }
    }

    private static func record(_ line: String) -> Record? {
        let words = line.columns(" ")
        guard words.count == 5, words[0] == "release", ["there", "gone"].contains(words[4]) else { return nil }
        return Record(directory: words[1], version: words[2], sha256: words[3], isThere: words[4] == "there")
    }

    static func records(in state: State) -> [Record] {
        guard case .list(let lines)? = state["releases"] else { return [] }
        return lines.compactMap(record)
    }
}
