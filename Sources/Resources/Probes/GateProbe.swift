package import Model

/// What a gate found.
package enum GateVerdict: Sendable, Hashable {
    case passed
    /// What was found instead, as a phrase.
    case failed(String)
    case unknown(String)
}

/// How a gate is asked where its vantage is, and what the answer means.
package enum GateProbe {
    package static func request(for gate: Gate) -> ProbeRequest {
        switch gate.check {
        case .unit(let unit): ProbeRequest(UnitBatch.name, unit.rawValue)
        case .tcp(let port):
            gate.address.map { ProbeRequest(ReachBatch.name, "\($0) \(port)") }
                ?? ProbeRequest(PortBatch.name, String(port))
        case .http(let url, _, _, _, let route): HTTPBatch.request(url, route)
        case .command(let script): ScriptBatch.request(script)
        }
    }

    package static func verdict(_ gate: Gate, _ observation: Observation) -> GateVerdict {
        let state: State
        switch observation {
        case .unknown(let reason): return .unknown(reason)
        case .absent: return .failed(absence(gate.check))
        case .present(let found): state = found
        }
        switch gate.check {
        case .unit: return unit(state)
        case .tcp: return state["error"]?.text.map { .failed($0) } ?? .passed
        case .http(_, let status, let contains, let lacks, _): return http(state, status, contains, lacks)
        case .command: return command(state)
        }
    }

    private static func absence(_ check: Gate.Check) -> String {
        switch check {
        case .unit: "there is no such unit"
        case .tcp: "nothing listens"
        case .http, .command: "no answer"
        }
    }

    private static func unit(_ state: State) -> GateVerdict {
        let active = state["active"]?.text ?? ""
        let sub = state["sub"]?.text ?? ""
        if active == "active" && (sub == "running" || sub == "exited") { return .passed }
        return .failed("\(active) (\(sub))")
    }

    private static func http(_ state: State, _ wanted: Int, _ contains: String?, _ lacks: String?) -> GateVerdict {
        if let error = state["error"]?.text { return .failed(error) }
        guard case .number(let status)? = state["status"], let body = state["body"]?.text else {
            return .unknown("no status")
        }
        if status != wanted { return .failed("status \(status) instead of \(wanted)") }
        if let contains, !body.contains(contains) { return .failed("the body does not contain \"\(contains)\"") }
        if let lacks, body.contains(lacks) { return .failed("the body contains \"\(lacks)\"") }
        return .passed
    }

    private static func command(_ state: State) -> GateVerdict {
        guard case .number(let status)? = state["status"] else { return .unknown("no status") }
        if status == 0 { return .passed }
        if status == 137 { return .failed("did not end within \(ScriptBatch.limit) s") }
        let errors = state["errors"]?.text ?? ""
        return .failed("status \(status)" + (errors.isEmpty ? "" : ": \(errors)"))
    }
}
