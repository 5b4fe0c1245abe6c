package import Model

/// Packages that `excludepkgs` of dnf.conf keeps from being changed: present, or absent. The shell itself reads the file.
package enum DnfExclusionBatch: ProbeBatch {
    package static let name: BatchName = "dnf-exclusion"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        HostQuestion(
            """
            if [ -r \(word: DnfSteps.configuration) ]; then
            while IFS= read -r l || [ "$l" ]; do printf '%s\\n' "$l"; done <\(word: DnfSteps.configuration)
            echo '[end]'
            fi
            """)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        guard answer.outputLines.last == "[end]" else {
            let reason = "\(DnfSteps.configuration) could not be read"
            return Dictionary(arguments.map { ($0, .unknown(reason: reason)) }, uniquingKeysWith: { first, _ in first })
        }
        let names = excluded(answer.outputLines)
        return Dictionary(
            arguments.map { ($0, names.contains($0) ? .present([:]) : .absent) },
            uniquingKeysWith: { first, _ in first })
    }

    /// dnf.conf(5): `excludepkgs`, of old `exclude`, of section main; a line that begins with a blank goes on with the last one.
    private static func excluded(_ lines: [String]) -> Set<String> {
        var names: Set<String> = []
        var isMain = false
        var isInside = false
        for line in lines {
            guard let first = line.utf8.first else { continue }
            if first == 0x20 || first == 0x09 {
                if isInside { names.formUnion(words(line)) }
            } else if first == 0x5B {
                isMain = line.hasPrefix("[main]")
                isInside = false
            } else if first != 0x23, first != 0x3B, let equals = line.firstIndex(of: "=") {
                isInside = isMain && ["exclude", "excludepkgs"].contains(String(line[..<equals]).trimmed)
                if isInside { names.formUnion(words(String(line[line.index(after: equals)...]))) }
            }
        }
        return names
    }

    private static func words(_ text: String) -> [String] {
        text.utf8.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x2C }.map { String(decoding: $0, as: UTF8.self) }
    }
}
