internal import Model

/// What one host shows of its broker, as its kinds read it.
struct BrokerView {
    let state: State

    init(_ state: State) { self.state = state }

    func text(_ key: String) -> String? { state[key]?.text }
    func list(_ key: String) -> [String] {
        if case .list(let list)? = state[key] { list } else { [] }
    }

    /// `running`, `waiting`, `booting` or `stopped`, by the node itself.
    var life: String? { text("state") }
    var isRunning: Bool { life == "running" }
    var members: [String] { list("members") }

    /// Rows of a table: their words decoded.
    func rows(_ key: String) -> [[String]] {
        list(key).map { row in row.columns(" ").compactMap { BrokerAnswer.decoded($0) } }
    }

    var vhosts: [String] { rows("vhost").map { $0[0] } }
    var users: [String] { rows("user").map { $0[0] } }

    /// Whether a node that stands alone has nothing that anybody could miss: no queue, no exchange beyond the given ones,
    /// and no users and virtual hosts but these.
    func isBlank(besides vhosts: [String], _ users: [String]) -> Bool {
        guard let own = rows("own").first, own.allSatisfy({ $0 == "0" }) else { return false }
        return Set(self.vhosts).isSubset(of: ["/"] + vhosts) && Set(self.users).isSubset(of: ["guest"] + users)
    }

    /// In place of what cannot be seen of a node that does not run.
    var whyNotSeen: String {
        if let refusal { return refusal }
        return switch life {
        case "booting"?: "the broker of this host is starting"
        case "waiting"?: "the broker of this host waits for \(list("away").joined(separator: ", "))"
        case "stopped"?: "the application of this host's broker is stopped"
        default: "the broker does not run on this host"
        }
    }

    /// Why a node that lives does not answer.
    var refusal: String? {
        guard let known = state["refuses"] else { return nil }
        let node = text("live") ?? "the node"
        return known == true
            ? "\(node) runs and refuses the cookie of \(Broker.cookie): it was started with another one"
            : "\(node) runs and is not known to Erlang's port mapper (epmd); it is only just starting, or it will make "
                + "itself known again within a minute"
    }
}
