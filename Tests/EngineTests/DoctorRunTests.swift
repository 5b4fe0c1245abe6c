import Cloud
import Model
import Synchronization
import Testing
import Zone

@testable import Engine

@Suite("Doctor: all of it, over hosts that allow questions only")
struct DoctorRunTests {
    /// Like a fresh host's, as far as the checks need it.
    static func answer(_ question: HostQuestion) -> HostAnswer {
        let script = question.script.text
        if script == ClockJudgement.question.script.text { return Subjects.answer("1000.2\n") }
        if script.contains("df -P") {
            return Subjects.answer("Filesystem 1 2 3 4 5\n/dev/a 50000000 1 40000000 20% /\ninodes\n")
        }
        if script.contains("dpkg-query") { return Subjects.answer("installed bash\n") }
        if script.contains("cloud-init") || script.contains("timedatectl") { return Subjects.answer("absent\n") }
        return Subjects.answer("")
    }

    static func outside(
        replies: [HostName: ZoneReply] = [
            "app01": Inventories.address("10.1.128.1"), "app02": Inventories.address("10.1.192.1"),
            "db01": Inventories.address("10.1.128.9"),
        ],
        connect: DoctorOutside.Connect?
    ) -> DoctorOutside {
        let clock = Mutex(1000.0)
        return DoctorOutside(
            resolve: { hosts, _ in ZoneAnswer(replies: replies.filter { hosts.contains($0.key) }) },
            alias: { _, _ in .noSuchName },
            local: { _, _ in [.ok("key", of: "this machine", "readable")] },
            connect: connect,
            cloud: { _, _ in
                Issue.record("without recipes no secret is known")
                return CloudFacts()
            },
            now: {
                clock.withLock { time in
                    time += 0.1; return time
                }
            })
    }

    @Test("one host is fine, one cannot be reached, and the other role is not looked at")
    func mixed() async throws {
        let link = QuestionsOnly(Subjects.facts(hostname: "app01"), answer: { Self.answer($0) })
        let outside = Self.outside { (place, _) async throws(HostFailure) in
            if place.host == "app01" { return link }
            var failure = HostFailure(.unreachable, "timed out", remedy: "look")
            failure.stage = .route
            throw failure
        }
        let report = try await Doctor(
            inventory: Inventories.make(), fleet: nil, selection: Selection(roles: ["app"]), outside: outside
        ).execute()
        #expect(report.exitCode == 4)
        #expect(report.findings.filter { $0.severity == .blocker }.map(\.subject) == ["app02"])
        #expect(!report.findings.contains { $0.subject == "db01" })
        #expect(link.timesClosed == 1)
        let fine = report.findings.filter { $0.subject == "app01" }
        #expect(fine.allSatisfy { $0.severity == .ok || $0.severity == .notApplicable }, "\(fine)")
        #expect(Set(fine.map(\.check)).isSuperset(of: ["port", "sudo", "clock", "disk /", "lock", "zone"]))
        // No recipe was read, so nothing is said of secrets, rather than that they are fine.
        #expect(report.findings.first { $0.subject == "secrets" }?.severity == .notApplicable)
    }

    @Test("one host of a role alone")
    func single() async throws {
        let asked = Mutex<[HostName]>([])
        let outside = Self.outside { (place, _) async throws(HostFailure) in
            asked.withLock { $0.append(place.host) }
            throw HostFailure(.unreachable, "down")
        }
        let report = try await Doctor(
            inventory: Inventories.make(), fleet: nil, selection: Selection(hosts: ["app02"]), outside: outside
        ).execute()
        #expect(asked.withLock { $0 } == ["app02"])
        #expect(!report.findings.contains { $0.subject == "app01" })
    }

    @Test("a host that the zone does not have is told, and the other is looked at all the same")
    func halfAZone() async throws {
        let link = QuestionsOnly(Subjects.facts(hostname: "app01"), answer: { Self.answer($0) })
        let outside = Self.outside(
            replies: ["app01": Inventories.address("10.1.128.1"), "app02": .noSuchName],
            connect: { (_, _) async throws(HostFailure) in link })
        let report = try await Doctor(
            inventory: Inventories.make(), fleet: nil, selection: Selection(roles: ["app"]), outside: outside
        ).execute()
        #expect(report.exitCode == 1)
        #expect(report.findings.contains { $0.subject == "app01" && $0.check == "clock" && $0.severity == .ok })
        #expect(report.findings.contains { $0.subject == "app02" && $0.check == "zone" && $0.severity == .blocker })
    }

    @Test("a session that ends in the middle is that host's finding")
    func cut() async throws {
        let link = QuestionsOnly(
            Subjects.facts(hostname: "app01"),
            answer: { (_) throws(HostFailure) in throw HostFailure(.unreachable, "cut in the middle") })
        let outside = Self.outside { (_, _) async throws(HostFailure) in link }
        let report = try await Doctor(
            inventory: Inventories.make(), fleet: nil, selection: Selection(hosts: ["app01"]), outside: outside
        ).execute()
        #expect(report.exitCode == 4)
        #expect(report.findings.last { $0.subject == "app01" }?.found == "cut in the middle")
        #expect(link.timesClosed == 1)
    }

    @Test("without an identity hosts are not asked, and not called fine")
    func noIdentity() async throws {
        let report = try await Doctor(
            inventory: Inventories.make(), fleet: nil, selection: Selection(hosts: ["app01"]),
            outside: Self.outside(connect: nil)
        ).execute()
        #expect(report.findings.contains { $0.subject == "app01" && $0.severity == .notApplicable })
        #expect(!report.findings.contains { $0.subject == "app01" && $0.check == "port" })
    }

    @Test("an unknown role is a mistake in the call")
    func unknown() async throws {
        let doctor = Doctor(
            inventory: Inventories.make(), fleet: nil, selection: Selection(roles: ["ap"]),
            outside: Self.outside(connect: nil))
        await #expect(throws: Diagnostics.self) { try await doctor.execute() }
    }

    @Test("what a role needs is read from its recipes: secrets, and the database that a file names")
    func needs() async throws {
        let files = try DoctorFiles()
        let fleet = try Fleet.load(roles: files.roles, inventory: files.inventory, environment: [:])
        let asked = Mutex<Set<SecretName>>([])
        let reached = Mutex<[String]>([])
        let link = QuestionsOnly(
            Subjects.facts(hostname: "app01"),
            answer: { question in
                if question.script.text.contains("/dev/tcp/") {
                    reached.withLock { $0.append(question.script.text) }
                    return Subjects.answer("tcp 0 0\n")
                }
                return Self.answer(question)
            })
        var outside = Self.outside(
            replies: ["app01": Inventories.address("10.1.128.1"), "app02": Inventories.address("10.1.192.1")],
            connect: { (_, _) async throws(HostFailure) in link })
        outside.cloud = { names, _ in
            asked.withLock { $0 = names }
            return CloudFacts()
        }
        let report = try await Doctor(
            inventory: fleet.inventory, fleet: fleet, selection: Selection(hosts: ["app01"]), outside: outside
        ).execute()
        #expect(asked.withLock { $0 } == ["passwords.db"])
        #expect(reached.withLock { $0.contains { $0.contains("mysql.test.ss 3307") } })
        #expect(report.findings.contains { $0.check == "database mysql.test.ss:3307" && $0.severity == .ok })
        #expect(report.findings.contains { $0.check == "alias mysql.test.ss" && $0.severity == .warning })
    }

    @Test("all mistakes of the recipes are findings with their places, and the hosts are looked at all the same")
    func mistakes() async throws {
        let files = try DoctorFiles(role: "role: app\nresources:\n  - fil: /etc/x\n  - file: /y\n    mod: '0644'\n")
        let report = try await Doctor.examine(
            roles: files.roles, inventory: files.inventory, selection: Selection(), environment: [:],
            passphrase: { _ in nil }, progress: { _ in })
        let mistakes = report.findings.filter { $0.subject == "recipes and inventory" }
        #expect(mistakes.count >= 2)
        #expect(mistakes.allSatisfy { $0.severity == .blocker && $0.check.contains("role.yaml:") })
        #expect(report.exitCode == 1)
        // The name server of these files is a closed port, and it is told too.
        #expect(report.findings.contains { $0.check == "resolver" && $0.severity == .blocker })
    }
}
