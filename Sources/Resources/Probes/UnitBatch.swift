package import Model

/// What systemd knows of units. Keys: `id` (differs from the name asked for if that is an alias), `load`, `active`, `sub`,
/// `file` (UnitFileState: enabled, disabled, static, masked, empty if there is no file), `reload` (flag: its files on disk
/// are newer than what systemd has read).
package enum UnitBatch: ProbeBatch {
    package static let name: BatchName = "unit"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        guard facts.hasSystemd else { return HostQuestion(":") }
        return HostQuestion(
            """
            timeout -s KILL 20 systemctl show \
            -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p NeedDaemonReload -- \(words: arguments)
            """)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        func all(_ reason: String) -> [String: Observation] {
            Dictionary(arguments.map { ($0, .unknown(reason: reason)) }, uniquingKeysWith: { first, _ in first })
        }
        guard facts.hasSystemd else { return all("the host does not run systemd") }
        let blocks = blocks(Array(answer.output.pieces(0x0A).dropLast()))
        // Blocks are told apart by their order only, since an alias answers under another name.
        guard answer.status == 0, blocks.count == arguments.count else {
            return all(BatchFailure.reason(answer, program: "systemctl", limit: 20))
        }
        return Dictionary(
            zip(arguments, blocks).map { ($0, observation($1)) }, uniquingKeysWith: { first, _ in first })
    }

    private static func observation(_ block: [String: String]) -> Observation {
        guard block.count == 6, let load = block["LoadState"], let active = block["ActiveState"] else {
            return .unknown(reason: "systemctl did not give all properties")
        }
        if load == "not-found" && active == "inactive" { return .absent }
        return .present([
            "id": .text(block["Id"] ?? ""), "load": .text(load), "active": .text(active),
            "sub": .text(block["SubState"] ?? ""), "file": .text(block["UnitFileState"] ?? ""),
            "reload": .flag(block["NeedDaemonReload"] == "yes"),
        ])
    }

    private static func blocks(_ lines: [String]) -> [[String: String]] {
        var blocks: [[String: String]] = []
        var block: [String: String] = [:]
        for line in lines {
            if line.isEmpty {
                if !block.isEmpty { blocks.append(block) }
                block = [:]
            } else if let equals = line.firstIndex(of: "=") {
                block[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
        }
        if !block.isEmpty { blocks.append(block) }
        return blocks
    }
}
