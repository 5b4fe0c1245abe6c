package import Model

/// What the zone said about one name.
package enum ZoneReply: Sendable, Hashable {
    /// At least one A record. `alias` is the name that has them, if the asked one is a CNAME.
    case addresses([Address], alias: String?)
    /// NXDOMAIN: the name does not exist. The only answer that means so.
    case noSuchName
    /// The name exists and has no A record (NODATA).
    case noAddress
    /// A CNAME whose target has no A record in the answer.
    case danglingAlias(String)
    case failed(ZoneFailure)
}

/// Why there is no answer. None of these says anything about the name, so each stops the run.
package enum ZoneFailure: Error, Sendable, Hashable, CustomStringConvertible {
    case serverFailure
    case refused
    case timedOut(after: Duration)
    /// Nobody listens at the server's address, or there is no way to it.
    case unreachable
    case malformed
    /// The inventory's `server` is no address.
    case badServer(String)
    case cancelled
    /// Another of c-ares's codes, with its words.
    case other(Int32, String)

    package var description: String {
        switch self {
        case .serverFailure: "the resolver answered SERVFAIL"
        case .refused: "the resolver refused the query"
        case .timedOut(let allowance): "no answer within \(allowance.seconds) s"
        case .unreachable: "no resolver can be reached"
        case .malformed: "the answer is not well-formed"
        case .badServer(let text): "\"\(text)\" is not ADDRESS or ADDRESS:PORT"
        case .cancelled: "interrupted"
        case .other(let code, let words): "\(words) (c-ares status \(code))"
        }
    }

    /// What to look at, as a phrase.
    package var remedy: String {
        switch self {
        case .serverFailure: "look at the resolver's log: the zone did not load, or its own servers are out of reach"
        case .refused: "ask the VPC's resolver (the network's base address plus 2), from inside of the VPC"
        case .timedOut, .unreachable: "check the zone's `server` in the inventory and that UDP and TCP 53 reach it"
        case .malformed, .other: "ask by hand with `dig`"
        case .badServer: "write for instance 10.1.0.2 or 10.1.0.2:53"
        case .cancelled: "run it again"
        }
    }
}

/// The answers about all hosts that were asked for.
package struct ZoneAnswer: Sendable, Hashable {
    package var replies: [HostName: ZoneReply]
    package init(replies: [HostName: ZoneReply]) { self.replies = replies }
}

/// What a CNAME query said.
package enum AliasReply: Sendable, Hashable {
    case alias(String)
    /// The name exists and is no alias.
    case noAlias
    case noSuchName
    case failed(ZoneFailure)
}

extension Duration {
    /// With one decimal where it matters: `0.5`, `5`.
    var seconds: String {
        let (whole, attoseconds) = components
        let tenth = attoseconds / 100_000_000_000_000_000
        return tenth == 0 ? "\(whole)" : "\(whole).\(tenth)"
    }
}
