import Compile
import Model
import Resources
import Testing

@testable import Planning

@Suite("Whether a host serves")
struct HealthTests {
    private static let place = SourceLocation(file: "role.yaml")
    private static let port = ProbeRequest(PortBatch.name, "8080")
    private static let gate = Gate(check: .tcp(port: 8080), location: place)

    struct Case: Sendable {
        var seen: Seen
        var health: String
    }
    private static let listening = Seen().with(port, .present([:]))
    static let cases = [
        Case(seen: listening.unit("a.service", "active"), health: "healthy"),
        Case(
            seen: Seen().with(port, .absent).unit("a.service", "active"),
            health: "unhealthy: gate tcp 8080: nothing listens"),
        Case(seen: listening.unit("a.service", "failed"), health: "unhealthy: a.service is not running"),
        Case(seen: Seen().unit("a.service", "active"), health: "unknown: gate tcp 8080: not asked"),
        Case(seen: listening, health: "unknown: state of a.service is unknown"),
        // What is known to be broken counts, whatever else is unknown.
        Case(seen: Seen().unit("a.service", "inactive"), health: "unhealthy: a.service is not running"),
    ]

    @Test("is decided by its gates and by every service that shall run", arguments: cases)
    func health(of one: Case) throws {
        let view = one.seen.view("backend01", [try Declared.service("a.service")], gates: [Self.gate])
        let text =
            switch view.health {
            case .healthy: "healthy"
            case .unhealthy(let reason): "unhealthy: \(reason)"
            case .unknown(let reason): "unknown: \(reason)"
            }
        #expect(text == one.health)
    }

    @Test("gates of the role, and those that others ask, say nothing about the host alone")
    func otherGates() {
        var ofRole = Self.gate
        ofRole.scope = .role
        var fromPeer = Self.gate
        fromPeer.vantage = .peer
        #expect(Seen().with(Self.port, .absent).view("backend01", [], gates: [ofRole, fromPeer]).health == .healthy)
    }

    @Test("a service that shall not run is no reason to be unhealthy")
    func stopped() throws {
        let seen = Seen().unit("a.service", "inactive")
        #expect(seen.view("backend01", [try Declared.service("a.service", running: false)]).health == .healthy)
    }

    @Test("a member that was not seen is unknown, with the reason")
    func notSeen() {
        #expect(MemberView.notSeen("backend01", reason: "timed out").health == .unknown("timed out"))
    }
}
