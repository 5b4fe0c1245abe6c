package import Model

/// Users by name, or by uid if the argument is a number. Keys: `name`, `uid`, `gid`, `comment`, `home`, `shell`.
package enum UserBatch: ProbeBatch {
    package static let name: BatchName = "passwd"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        AccountAnswer.question("passwd", arguments)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        AccountAnswer.parse(answer, arguments: arguments, columns: 7) { columns in
            guard let uid = Int(columns[2]), let gid = Int(columns[3]) else { return nil }
            return [
                "name": .text(columns[0]), "uid": .number(uid), "gid": .number(gid), "comment": .text(columns[4]),
                "home": .text(columns[5]), "shell": .text(columns[6]),
            ]
        }
    }
}

/// Groups by name, or by gid if the argument is a number. Keys: `name`, `gid`, `members`.
package enum GroupBatch: ProbeBatch {
    package static let name: BatchName = "group"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        AccountAnswer.question("group", arguments)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        AccountAnswer.parse(answer, arguments: arguments, columns: 4) { columns in
            guard let gid = Int(columns[2]) else { return nil }
            return [
                "name": .text(columns[0]), "gid": .number(gid),
                "members": .list(columns[3].columns(",").filter { !$0.isEmpty }),
            ]
        }
    }
}

private enum AccountAnswer {
    /// Where the name service has no other source than the local file, the shell reads that file itself and starts no
    /// process (`systemd` only adds users that no recipe manages). Else getent asks all sources. Both print the file's
    /// lines.
    static func question(_ database: String, _ arguments: [String]) -> HostQuestion {
        let file = ShellText.word("/etc/\(database)")
        let patterns = ShellText(script: arguments.map { ShellText.word($0).text }.joined(separator: "|"))
        return HostQuestion(
            """
            s=
            if [ -r /etc/nsswitch.conf ] && [ -r \(script: file) ]; then
            while read -r k v; do if [ "$k" = \(word: database + ":") ]; then s=$v; fi; done </etc/nsswitch.conf
            fi
            case $s in
            files | "files systemd")
            while IFS= read -r l || [ "$l" ]; do
            n=${l%%:*} i=${l#*:*:}; i=${i%%:*}
            case $n in \(script: patterns)) printf '%s\\n' "$l"; continue ;; esac
            case $i in \(script: patterns)) printf '%s\\n' "$l" ;; esac
            done <\(script: file)
            : ;;
            *) timeout -s KILL 10 getent \(word: database) -- \(words: arguments) ;;
            esac
            """)
    }

    /// getent(1): status 2 = at least one key was not found; only 0 and 2 prove that a missing line means absence.
    static func parse(
        _ answer: HostAnswer, arguments: [String], columns count: Int, state: ([String]) -> State?
    ) -> [String: Observation] {
        var found: [String: State] = [:]
        for line in answer.outputLines {
            let columns = line.columns(":")
            guard columns.count == count, let state = state(columns) else { continue }
            found[columns[0]] = state
            // A name that looks like a number wins over the id.
            if found[columns[2]] == nil { found[columns[2]] = state }
        }
        let isComplete = answer.status == 0 || answer.status == 2
        return Dictionary(
            arguments.map { argument in
                if let state = found[argument] { return (argument, .present(state)) }
                if isComplete { return (argument, .absent) }
                return (argument, .unknown(reason: BatchFailure.reason(answer, program: "getent", limit: 10)))
            }, uniquingKeysWith: { first, _ in first })
    }
}
