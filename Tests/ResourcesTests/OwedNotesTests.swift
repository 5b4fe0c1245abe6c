import Model
import Resources
import Testing

/// What settles a note, against a systemctl that is told what to answer.
@Suite struct OwedNotesTests {
    private struct Service: RunningService {
        static let declaration = KindDeclaration(
            name: "service", summary: "", subject: FieldDeclaration("service", .text, ""), fields: [])
        var unit: UnitName = "x.service"
        var shallRun = true
        var check: ShellText?
        init() {}
        init(_ fields: Fields) throws(Diagnostics) {}
        var identity: String { unit.rawValue }
        var influence: Influence { .itself }
        func probes(on facts: HostFacts) -> [ProbeRequest] { [] }
        func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation { .absent }
        func desired(with book: SecretBook, on facts: HostFacts) -> State? { nil }
        static func steps(for changes: [Change<Service>], on facts: HostFacts) -> [HostStep] { [] }
        func isRunning(_ answers: ProbeAnswers, on facts: HostFacts) -> Bool? { nil }
    }

    /// Notes for x.service and one for another; systemctl writes down what it is told and ends with `status`.
    private func world(loadState: String = "loaded", status: Int = 0) async throws -> World {
        let world = try await World()
        let set = try await world.run(
            """
            mkdir -p /var/lib/cso-provision/owed && cd /var/lib/cso-provision/owed && : >restart:x.service && : >reload:x.service && : >reload:y.service
            cat >/usr/bin/systemctl <<'END'
            #!/bin/sh
            case $1 in
            show) echo \(word: loadState) ;;
            *) echo "$*" >>/tmp/calls; case $1 in *re*start) exit \(status) ;; esac ;;
            esac
            END
            chmod 755 /usr/bin/systemctl; : >/tmp/calls
            """)
        try #require(set.status == 0, "\(set.errorText)")
        return world
    }

    private let all = "reload:x.service\nreload:y.service\nrestart:x.service\n"
    private let settled = "reload:y.service\n"

    private func settle(
        _ action: Notification.Action, _ service: Service?, in world: World
    ) async throws -> (status: Int32, calls: [String], notes: String) {
        let step = OwedNotes.settle(Notification(action, "x.service"), service: service)
        let status = try await world.run(step.script).status
        let calls = try await world.run("cat /tmp/calls").outputText.split(separator: "\n").map(String.init)
        return (status, calls, try await world.run("ls /var/lib/cso-provision/owed").outputText)
    }

    @Test func whatIsOwedIsDoneAndStruckOff() async throws {
        let restart = try await settle(.restart, Service(), in: try await world())
        #expect(restart == (0, ["daemon-reload", "restart -- x.service"], settled))
        let reload = try await settle(.reload, Service(), in: try await world())
        #expect(reload == (0, ["daemon-reload", "reload-or-restart -- x.service"], settled))
    }

    @Test func aFailedRestartIsStillOwed() async throws {
        let failed = try await settle(.restart, Service(), in: try await world(status: 1))
        #expect(failed.status == 1)
        #expect(failed.notes == all)
    }

    @Test func aFailedCheckLetsNothingBeLoaded() async throws {
        var service = Service()
        service.check = "false"
        let failed = try await settle(.reload, service, in: try await world())
        #expect(failed == (1, [], all))
    }

    @Test func aUnitThatShallNotRunIsNotTouched() async throws {
        var service = Service()
        service.shallRun = false
        #expect(try await settle(.restart, service, in: try await world()) == (0, [], settled))
    }

    @Test func aUnitThatNobodyDeclaresIsNotStartedAndMayBeGone() async throws {
        let there = try await settle(.restart, nil, in: try await world())
        #expect(there == (0, ["daemon-reload", "try-restart -- x.service"], settled))
        let gone = try await settle(.restart, nil, in: try await world(loadState: "not-found"))
        #expect(gone == (0, [], settled))
    }

    @Test func notesThatCannotBeListedAreUnknown() {
        let facts = HostFacts.test()
        let parsed = OwedBatch.parse(
            HostAnswer(output: [], errors: Array("no".utf8), status: 1), arguments: [""], on: facts)
        #expect(parsed[""] == .unknown(reason: "notes of owed restarts not readable: no"))
        let fine = OwedBatch.parse(
            HostAnswer(output: Array("restart:x.service\nodd\n".utf8)), arguments: [""], on: facts)
        #expect(OwedNotes.notifications(from: fine[""] ?? .absent) == [Notification(.restart, "x.service")])
    }
}
