internal import Model

/// Reads what ``BrokerBatch`` asks for, strictly: a line that is not of the grammar makes the whole answer unknown, since a
/// member that is taken for blank or alone by mistake could lose its data.
enum BrokerAnswer {
    static func observation(_ answer: HostAnswer) -> Observation {
        guard answer.status == 0, answer.outputLines.last == "end" else {
            return .unknown(reason: answer.errorLines.first ?? "the answer of the broker's host is not complete")
        }
        var reader = Reader()
        for line in answer.outputLines.dropLast() where !reader.take(line.columns(" ")) {
            return .unknown(reason: "the broker's answer has a line that is not understood: \(line.prefix(200))")
        }
        return reader.observation
    }

    /// The names in `{[all nodes],[nodes with a disk]}.`, RabbitMQ's own record of its cluster on the disk of a member.
    static func members(inRecord text: String) -> [String]? {
        let bytes = Array(text.utf8.filter { $0 != 0x20 && $0 != 0x09 })
        guard bytes.starts(with: Array("{[".utf8)), bytes.suffix(3).elementsEqual(Array("]}.".utf8)),
            let close = bytes.firstIndex(of: UInt8(ascii: "]")), close > 1
        else { return nil }
        let names = bytes[2..<close].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { part in
            var name = part
            if name.count > 2, name.first == UInt8(ascii: "'"), name.last == UInt8(ascii: "'") {
                name = name.dropFirst().dropLast()
            }
            return String(decoding: name, as: UTF8.self)
        }
        guard names.allSatisfy(isName) else { return nil }
        return names.sorted()
    }

    /// Of a node, as Erlang may have it: what is not in our own form has to be readable too, to be named.
    static func isName(_ text: String) -> Bool {
        let parts = text.columns("@")
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x40, 0x5F: true
                default: false
                }
            }
    }

    /// `x` and hexadecimal digits; `nil` = it is something else, or no UTF-8.
    static func decoded(_ word: some StringProtocol) -> String? {
        let bytes = Array(word.utf8)
        guard bytes.first == UInt8(ascii: "x"), bytes.count % 2 == 1 else { return nil }
        var result: [UInt8] = []
        for index in stride(from: 1, to: bytes.count, by: 2) {
            guard let high = digit(bytes[index]), let low = digit(bytes[index + 1]) else { return nil }
            result.append(high << 4 | low)
        }
        return String(validating: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// Lines in the order in which the host gives them.
    private struct Reader {
        var isInstalled = false
        var data: [String] = []
        var records: [String: [String]] = [:]
        var live: [String] = []
        /// What the node said, by key; the lists of lines keep their order.
        var said: [String: [[String]]] = [:]
        var isWhole = false
        var asked: Int?
        var isRegistered = false
        var error: [String]?

        /// How many words each line of the node has; `nil` = any number.
        private static let widths: [String: Int?] = [
            "node": 1, "state": 1, "members": nil, "running": nil, "partitions": nil, "away": nil, "alarms": nil,
            "cluster": 1,
            "drained": 1, "vhost": 2, "user": nil, "permission": 5, "policy": 6, "own": 2,
        ]
        private static let repeated: Set<String> = ["vhost", "user", "permission", "policy"]

        mutating func take(_ words: [String]) -> Bool {
            let rest = Array(words.dropFirst())
            switch (words[0], rest.count) {
            case ("installed", 0): isInstalled = true
            case ("data", 1) where isName(rest[0]) && asked == nil: data.append(rest[0])
            case ("record", _):
                guard let last = data.last, records[last] == nil, asked == nil else { return false }
                records[last] = members(inRecord: rest.joined(separator: " ")) ?? []
            case ("live", 1) where isName(rest[0]): live.append(rest[0])
            case ("asked", 1):
                guard let status = Int(rest[0]), asked == nil, !live.isEmpty else { return false }
                asked = status
            case ("registered", 0) where asked != nil: isRegistered = true
            // What rabbitmqctl prints for the value of the expression.
            case ("ok", 0) where isWhole && asked == nil: return true
            case ("whole", 0) where asked == nil && !isWhole: isWhole = true
            case ("error", 2) where asked == nil: error = rest.map { decoded($0) ?? "?" }
            default: return takeSaid(words[0], rest)
            }
            return true
        }

        private mutating func takeSaid(_ key: String, _ words: [String]) -> Bool {
            guard !live.isEmpty, asked == nil, !isWhole, let width = Self.widths[key],
                width == nil || width == words.count, words.allSatisfy({ decoded($0) != nil }),
                said[key] == nil || Self.repeated.contains(key), key != "user" || !words.isEmpty
            else { return false }
            said[key, default: []].append(words)
            return true
        }

        var observation: Observation {
            if live.count > 1 {
                return .unknown(reason: "more than one node runs on this host: \(live.joined(separator: ", "))")
            }
            var state: State = ["installed": .flag(isInstalled), "data": .list(data)]
            for node in data {
                guard let record = records[node] else { continue }
                if record.isEmpty { return .unknown(reason: "the record of the cluster of \(node) is not readable") }
                state["record \(node)"] = .list(record)
            }
            guard let node = live.first else { return .present(state) }
            state["live"] = .text(node)
            guard let asked else { return .unknown(reason: "the answer of \(node) is not complete") }
            if asked == 0 || isWhole || error != nil { return answered(node, state) }
            if asked == 137 || asked == 142 {
                return .unknown(reason: "\(node) gave no answer (waited \(BrokerBatch.patience) s)")
            }
            // It lives, is known to Erlang's port mapper, and refuses us: that is what another cookie looks like.
            state["refuses"] = .flag(isRegistered)
            return .present(state)
        }

        private func answered(_ node: String, _ state: State) -> Observation {
            if let error {
                return .unknown(reason: "\(node) could not answer: " + error.joined(separator: " ").prefix(300))
            }
            guard isWhole, asked == 0, let own = said["node"]?.first?.first.flatMap({ decoded($0) }),
                let word = said["state"]?.first?.first.flatMap({ decoded($0) })
            else { return .unknown(reason: "the answer of \(node) is not complete") }
            var state = state
            state["node"] = .text(own)
            state["state"] = .text(word)
            for key in ["members", "running", "partitions", "away"] {
                guard let words = said[key]?.first else { continue }
                let names = words.compactMap { decoded($0) }
                // A list that holds something else than names is a fault of its version, not an empty cluster.
                guard names.allSatisfy(isName) else {
                    return .unknown(reason: "\(node) gave something else than node names as its \(key)")
                }
                state[key] = .list(names)
            }
            if let alarms = said["alarms"]?.first { state["alarms"] = .list(alarms.compactMap { decoded($0) }) }
            for key in ["cluster", "drained"] {
                if let text = said[key]?.first?.first.flatMap({ decoded($0) }) { state[key] = .text(text) }
            }
            for key in ["vhost", "user", "permission", "policy", "own"] {
                if word == "running" || said[key] != nil {
                    state[key] = .list((said[key] ?? []).map { $0.joined(separator: " ") })
                }
            }
            let needed = ["members", "running", "partitions", "cluster"]
            let isComplete =
                switch word {
                case "running": needed.allSatisfy { state[$0] != nil }
                case "waiting": state["members"] != nil && state["away"] != nil
                case "booting", "stopped": true
                default: false
                }
            return isComplete ? .present(state) : .unknown(reason: "the answer of \(node) is not complete")
        }
    }
}
