package import Model

/// What lies at a path, not followed if it is a symbolic link. Keys: `type` (file, directory, symlink, fifo, socket, device),
/// `mode` (four octal digits), `owner`, `uid`, `group`, `gid`, `size` (bytes), `mtime` (seconds since 1970, with fraction),
/// `device`, `inode`, and `target` of a symlink.
package enum PathBatch: ProbeBatch {
    package static let name: BatchName = "path"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        PathSearch.question(
            arguments,
            expression: #"-printf '%y\t%m\t%u\t%U\t%g\t%G\t%s\t%T@\t%D\t%i\0%p\0%l\0.\0'"#, on: facts)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        let answer = PathSearch.Answer(answer)
        var states: [String: State] = [:]
        var index = 0
        while index + 3 < answer.tokens.count {
            let record = answer.tokens[index..<index + 4]
            if record[index + 3] == ".", let state = state(record[index], target: record[index + 2]) {
                states[record[index + 1]] = state
                index += 4
            } else {
                index += 1
            }
        }
        return Dictionary(
            arguments.map { path in
                let silence = Observation.unknown(reason: "find said nothing about it")
                return (
                    path,
                    states[path].map { .present($0) }
                        ?? answer.observation(ofUnmentioned: path, silence: silence)
                )
            }, uniquingKeysWith: { first, _ in first })
    }

    private static func state(_ header: String, target: String) -> State? {
        let parts = header.columns("\t")
        guard parts.count == 10, let type = types[parts[0]], let mode = UInt16(parts[1], radix: 8),
            let uid = Int(parts[3]), let gid = Int(parts[5]), let size = Int(parts[6]), let device = Int(parts[8]),
            let inode = Int(parts[9])
        else { return nil }
        var state: State = [
            "type": .text(type), "mode": .text(ModeText.text(mode)), "owner": .text(parts[2]), "uid": .number(uid),
            "group": .text(parts[4]), "gid": .number(gid), "size": .number(size), "mtime": .text(parts[7]),
            "device": .number(device), "inode": .number(inode),
        ]
        if type == "symlink" { state["target"] = .text(target) }
        return state
    }

    private static let types = [
        "f": "file", "d": "directory", "l": "symlink", "p": "fifo", "s": "socket", "b": "device", "c": "device",
    ]
}

/// File modes as recipes write them.
enum ModeText {
    /// Four octal digits.
    static func text(_ mode: UInt16) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
