package import Model

/// Whether files are as they were when something was made of them; see ``InputMarks``. The argument is the file of marks and
/// the paths, between NULs. Key: `changed`, the paths that are not; absent if there are no marks. No process but one `stat`
/// for all of a host while nothing has changed.
package enum InputBatch: ProbeBatch {
    package static let name: BatchName = "inputs"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        question(arguments, isDeep: false)
    }
    package static func deepQuestion(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        question(arguments, isDeep: true)
    }

    private static func question(_ arguments: [String], isDeep: Bool) -> HostQuestion {
        var paths: [String] = []
        for path in arguments.flatMap({ parts($0).dropFirst() }) where !paths.contains(path) { paths.append(path) }
        var script = InputMarks.looking(at: paths, isDeep: isDeep)
        for argument in arguments { script += "look \(words: parts(argument))\n" }
        return HostQuestion(script)
    }

    private static func parts(_ argument: String) -> [String] {
        argument.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        keyed(arguments, zip(answer.blocks, arguments).map { observation($0, $1) })
    }

    private static let unfinished = Observation.unknown(reason: "the answer is not complete")

    private static func observation(_ words: [String], _ argument: String) -> Observation {
        if words == ["none"] { return .absent }
        let paths = parts(argument).dropFirst()
        guard words.count == paths.count, words.allSatisfy(["same", "changed", "gone", "new"].contains) else {
            return unfinished
        }
        return .present(["changed": .list(zip(paths, words).filter { $0.1 != "same" }.map(\.0))])
    }
}
