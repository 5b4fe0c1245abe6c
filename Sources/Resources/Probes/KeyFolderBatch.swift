package import Model

/// What lies in folders of keystone's keys. Keys: `keys`, a list of `NUMBER SHA-256` of what keystone takes for a key (a
/// file that is not empty, named by a number), and `access`, a list of `NUMBER MODE OWNER GROUP` of the same.
package enum KeyFolderBatch: ProbeBatch {
    package static let name: BatchName = "key-folder"
    /// Seconds for all folders.
    static let limit = 20

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        // The folders themselves are printed too, which proves that they were read.
        HostQuestion(
            #"""
            timeout -s KILL \#(limit) find \#(words: arguments) -maxdepth 1 \
            -printf 'e\t%H\t%P\t%y\t%m\t%u\t%g\t%s\n' -name '[0-9]*' -type f -size -17 -exec sha256sum -- {} +
            echo "end $?"
            """#)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        let lines = answer.outputLines
        guard let status = lines.last.flatMap({ $0.hasPrefix("end ") ? Int($0.dropFirst(4)) : nil }) else {
            return all(arguments, .unknown(reason: "the answer is not complete"))
        }
        var entries: [String: [[String]]] = [:]
        var digests: [String: String] = [:]
        for line in lines {
            let columns = line.columns("\t")
            if columns.count == 8, columns[0] == "e" {
                entries[columns[1], default: []].append(Array(columns.dropFirst(2)))
            } else if line.utf8.count > 66, let digest = Digest.hex(line.utf8.prefix(64)) {
                digests[String(line.dropFirst(66))] = digest
            }
        }
        // find complains of each folder that is not there, and ends with 1; anything more is trouble with what is there.
        let missing = arguments.filter { entries[$0] == nil }.count
        let isWhole = status == 0 || (status == 1 && answer.errorLines.count == missing)
        return Dictionary(
            arguments.map { folder in
                guard let found = entries[folder] else { return (folder, Observation.absent) }
                guard isWhole else {
                    let reason = answer.errorLines.last ?? "find ended with status \(status)"
                    return (folder, .unknown(reason: reason))
                }
                return (folder, observation(folder, found, digests))
            }, uniquingKeysWith: { first, _ in first })
    }

    private static func observation(
        _ folder: String, _ entries: [[String]], _ digests: [String: String]
    ) -> Observation {
        var keys: [Int: String] = [:]
        var access: [Int: String] = [:]
        for entry in entries {
            guard let number = KeySet.number(entry[0]), entry[5] != "0" else { continue }
            guard entry[1] == "f" else { return .unknown(reason: "\(folder)/\(number) is not a file") }
            guard let digest = digests["\(folder)/\(number)"] else {
                return .unknown(reason: "\(folder)/\(number) could not be read as a key")
            }
            guard let mode = UInt16(entry[2], radix: 8) else {
                return .unknown(reason: "the mode of \(folder)/\(number) is not readable")
            }
            keys[number] = digest
            access[number] = "\(number) \(ModeText.text(mode)) \(entry[3]) \(entry[4])"
        }
        return .present([
            "keys": .list(KeySet(keys).lines), "access": .list(access.keys.sorted().compactMap { access[$0] }),
        ])
    }

    private static func all(_ arguments: [String], _ observation: Observation) -> [String: Observation] {
        Dictionary(arguments.map { ($0, observation) }, uniquingKeysWith: { first, _ in first })
    }
}
