import Compile
import Model
import Planning
import Resources

/// What a host answered: nothing is owed and nothing was managed unless it says so; what was not recorded is unknown.
struct Seen: Sendable {
    private var answers = ProbeAnswers()

    static let facts = HostFacts(
        osID: "debian", osVersion: "12", family: .debian, architecture: "x86_64", hostname: "host", bootID: "boot",
        userID: 0, hasSystemd: true, mounts: [])

    init(owed: [Notification] = [], ledger: [String] = []) {
        answers[OwedNotes.request] = .present(["notes": .list(owed.map(\.noteName))])
        answers[Ledger.request] = ledger.isEmpty ? .absent : .present(["lines": .list(ledger)])
    }

    func file(_ path: String, _ content: String = "new\n", mode: String = "0644", owner: String = "root") -> Seen {
        var seen = self
        seen.answers[ProbeRequest(PathBatch.name, path)] = .present([
            "type": "file", "mode": .text(mode), "owner": .text(owner), "uid": 0, "group": "root", "gid": 0,
            "size": .number(content.utf8.count),
        ])
        seen.answers[ProbeRequest(DigestBatch.name, path)] = .present([
            "sha256": .text(Digest.sha256(Array(content.utf8)))
        ])
        return seen
    }

    func nothing(at path: String) -> Seen {
        with(ProbeRequest(PathBatch.name, path), .absent).with(ProbeRequest(DigestBatch.name, path), .absent)
    }

    func package(_ name: String, installed: Bool) -> Seen {
        with(
            ProbeRequest(PackageBatch.name, name),
            installed ? .present(["version": "1", "condition": "installed"]) : .absent)
    }

    func unit(_ name: String, _ active: String, enabled: Bool = true) -> Seen {
        with(
            ProbeRequest(UnitBatch.name, name),
            .present([
                "id": .text(name), "load": "loaded", "active": .text(active),
                "sub": active == "active" ? "running" : "dead", "file": enabled ? "enabled" : "disabled",
                "reload": false,
            ]))
    }

    func script(_ text: String, _ status: Int) -> Seen {
        with(ScriptBatch.request(ShellText(script: text)), .present(["status": .number(status), "errors": ""]))
    }

    func unknown(_ request: ProbeRequest, _ reason: String) -> Seen { with(request, .unknown(reason: reason)) }

    func with(_ request: ProbeRequest, _ observation: Observation) -> Seen {
        var seen = self
        seen.answers[request] = observation
        return seen
    }

    func view(_ host: HostName, _ resources: [DeclaredResource], gates: [Gate] = []) -> HostView {
        HostView(
            desired: DesiredHost(host: host, role: "backend", resources: resources, gates: gates), facts: Self.facts,
            answers: answers)
    }
}

extension RolePlanner {
    /// The plan of one host that is alone in its role.
    func plan(_ resources: [DeclaredResource], _ seen: Seen) -> HostPlan {
        plan("backend", members: [.seen(seen.view("backend01", resources))]).hosts[0]
    }

    init() { self.init(book: SecretBook()) }
}

extension HostPlan {
    /// `create file:/a`, with `?` before what is known later.
    var lines: [String] { changes.map(\.line) }
    var steps: [HostStep] { groups.flatMap(\.steps) }
}

extension PlannedChange {
    var line: String { "\(knownAfter == nil ? "" : "? ")\(action.rawValue) \(resource)" }
}
