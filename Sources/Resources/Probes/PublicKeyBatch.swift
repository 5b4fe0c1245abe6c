package import Model

/// The public half of private keys, and the host's clock. The private half never leaves the file: openssl on the host
/// prints what is public. Keys: `now` (seconds since 1970), and `public` (PEM) or `trouble`.
package enum PublicKeyBatch: ProbeBatch {
    package static let name: BatchName = "public-key"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        var script: ShellText = """
            printf '%s\\000' "$(date -u +%s)"
            if command -v openssl >/dev/null; then printf 'openssl\\000'; else printf '\\000'; fi

            """
        for (index, path) in arguments.enumerated() {
            script += """
                printf '%s\\000' \(index)
                if [ -f \(word: path) ] && ! [ -L \(word: path) ]; then
                timeout -s KILL 10 openssl pkey -in \(word: path) -pubout </dev/null 2>/dev/null
                printf '\\000%s\\000' "$?"
                else printf '\\000none\\000'; fi

                """
        }
        return HostQuestion(script)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        let parts = answer.output.pieces(0)
        // Clock, openssl, three for each argument, and what follows the last NUL: nothing.
        guard parts.count == 3 + 3 * arguments.count, let now = Int(parts[0]) else {
            return Dictionary(
                arguments.map { ($0, .unknown(reason: "the answer is not complete")) },
                uniquingKeysWith: { first, _ in first })
        }
        return Dictionary(
            arguments.enumerated().map { index, path in
                var state: State = ["now": .number(now)]
                let (key, status) = (parts[3 + 3 * index], parts[4 + 3 * index])
                if parts[1].isEmpty {
                    return (path, .unknown(reason: "the host has no openssl; declare package: openssl before it"))
                } else if status == "none" {
                    state["trouble"] = "absent"
                } else if status == "0", key.hasPrefix("-----BEGIN PUBLIC KEY-----") {
                    state["public"] = .text(key)
                } else if status == "137" {
                    return (path, .unknown(reason: "openssl did not read it within 10 s"))
                } else {
                    state["trouble"] = "not a private key that openssl can read"
                }
                return (path, .present(state))
            }, uniquingKeysWith: { first, _ in first })
    }
}
