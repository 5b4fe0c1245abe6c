package import Model

/// The SHA-256 of regular files, as `sha256` in hex. Nothing else is ever opened: no link is followed, no fifo waited for.
///
/// A file over 16 MB cannot equal any content that is compared here and is not read: it is `unknown`, and whoever asks
/// compares its size.
package enum DigestBatch: ProbeBatch {
    package static let name: BatchName = "digest"
    static let largest = 16 << 20

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        // -size counts started units of 1 KiB, so "fewer than 16385" is "at most 16 MiB".
        PathSearch.question(
            arguments, expression: "-type f -size -16385k -exec sha256sum -z -- {} +", on: facts)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        DigestAnswer.parse(answer, arguments: arguments, silence: "not a regular file of at most 16 MB")
    }
}

/// The same without a limit of size, for content that is itself larger than what ``DigestBatch`` reads. A batch of its
/// own, so that reading long files cannot take the others' answers with it. What a mark tells (``FileMarks``) is not read
/// again, and has `isMarked` beside `sha256`.
package enum WholeDigestBatch: ProbeBatch {
    package static let name: BatchName = "digest-whole"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        PathSearch.question(
            arguments, expression: "-type f -exec sh -c \(word: FileMarks.lookup(arguments).text) sh {} +", on: facts)
    }

    package static func deepQuestion(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        PathSearch.question(arguments, expression: "-type f -exec sha256sum -z -- {} +", on: facts)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        DigestAnswer.parse(answer, arguments: arguments, silence: "not a regular file")
    }
}

private enum DigestAnswer {
    static func parse(_ answer: HostAnswer, arguments: [String], silence: String) -> [String: Observation] {
        let answer = PathSearch.Answer(answer)
        var found: [String: State] = [:]
        for token in answer.tokens {
            // 64 hex digits, a blank, a blank or `=`, the path.
            guard token.utf8.count > 66, let digest = Digest.hex(token.utf8.prefix(64)) else { continue }
            var state: State = ["sha256": .text(digest)]
            switch Array(token.utf8.dropFirst(64).prefix(2)) {
            case [0x20, 0x20]: break
            case [0x20, 0x3D]: state["isMarked"] = true
            default: continue
            }
            found[String(decoding: token.utf8.dropFirst(66), as: UTF8.self)] = state
        }
        return Dictionary(
            arguments.map { path in
                (
                    path,
                    found[path].map { .present($0) }
                        ?? answer.observation(ofUnmentioned: path, silence: .unknown(reason: silence))
                )
            }, uniquingKeysWith: { first, _ in first })
    }
}
