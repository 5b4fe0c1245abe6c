package import Model

/// TCP ports that something on the host listens on. Key: `addresses`.
package enum PortBatch: ProbeBatch {
    package static let name: BatchName = "tcp"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        HostQuestion("timeout -s KILL 10 ss -Hltn")
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        var addresses: [String: [String]] = [:]
        for line in answer.outputLines {
            // State, Recv-Q, Send-Q, local address:port, peer.
            let columns = line.split(separator: " ", omittingEmptySubsequences: true)
            guard columns.count >= 5, columns[0] == "LISTEN", let colon = columns[3].lastIndex(of: ":") else {
                continue
            }
            let port = String(columns[3][columns[3].index(after: colon)...])
            addresses[port, default: []].append(String(columns[3][..<colon]))
        }
        return Dictionary(
            arguments.map { port in
                if let found = addresses[port] { return (port, .present(["addresses": .list(found)])) }
                if answer.status == 0 { return (port, .absent) }
                return (port, .unknown(reason: BatchFailure.reason(answer, program: "ss", limit: 10)))
            }, uniquingKeysWith: { first, _ in first })
    }
}
