import Model
import Testing

@testable import Engine

/// What checks are tried with.
enum Subjects {
    static func facts(
        _ family: HostFacts.OSFamily? = .debian, version: String = "12", hostname: String = "backend01",
        mounts: [HostFacts.Mount] = []
    ) -> HostFacts {
        HostFacts(
            osID: family == .amazon ? "amzn" : "debian", osVersion: version, family: family, architecture: "x86_64",
            hostname: hostname, bootID: "b", userID: 0, hasSystemd: true, mounts: mounts)
    }

    static func subject(_ facts: HostFacts = facts(), lockHolder: LockHolder? = nil) -> HostSubject {
        HostSubject(
            host: "backend01", fullName: "backend01.prod-ha.cso.ss", facts: facts, needs: RoleNeeds(),
            lockHolder: lockHolder)
    }

    static func answer(_ text: String, status: Int32 = 0) -> HostAnswer {
        HostAnswer(output: Array(text.utf8), status: status)
    }
}

/// `severity check: found`, for comparison with what is expected.
func brief(_ findings: [Finding]) -> [String] { findings.map { "\($0.severity.rawValue) \($0.check)" } }

@Suite("Doctor: what a host answers, judged")
struct DoctorHostCheckTests {
    typealias Severity = Finding.Severity

    @Test(
        "system",
        arguments: [
            (HostFacts.OSFamily.amazon, "2023", Severity.ok), (.debian, "12", .ok), (.debian, "13", .warning),
            (.amazon, "2", .warning), (nil, "9", .blocker),
        ] as [(HostFacts.OSFamily?, String, Severity)])
    func system(family: HostFacts.OSFamily?, version: String, severity: Severity) {
        let facts = Subjects.facts(family, version: version)
        #expect(SystemCheck().judge(Subjects.answer(""), about: Subjects.subject(facts)).map(\.severity) == [severity])
    }

    @Test("without systemd nothing can be managed")
    func noSystemd() {
        var facts = Subjects.facts()
        facts.hasSystemd = false
        let findings = SystemCheck().judge(Subjects.answer(""), about: Subjects.subject(facts))
        #expect(brief(findings) == ["ok system", "blocker systemd"])
    }

    static let head = "Filesystem 1024-blocks Used Available Capacity Mounted on\n"

    @Test(
        "disk",
        arguments: [
            (
                head + "/dev/a 50000000 10000000 40000000 20% /\ninodes\n" + head + "/dev/a 1000 10 990 1% /\n",
                ["ok disk /"]
            ),
            // One file system behind three names is one finding.
            (head + "/dev/a 9 1 40000000 20% /\n/dev/a 9 1 40000000 20% /\ninodes\n", ["ok disk /"]),
            (head + "/dev/a 50000000 1 1000000 2% /\ninodes\n", ["warning disk /"]),
            (head + "/dev/a 50000000 1 4000000 96% /var\ninodes\n", ["warning disk /var"]),
            (head + "tmpfs 64 64 0 100% /opt\ninodes\n", ["blocker disk /opt"]),
            (
                head + "/dev/a 1 1 40000000 2% /\ninodes\n" + head + "/dev/a 9 9 0 100% /\n",
                ["ok disk /", "blocker inodes /"]
            ),
            // An overlay counts no inodes.
            (head + "overlay 1 1 40000000 2% /\ninodes\n" + head + "overlay 0 0 0 - /\n", ["ok disk /"]),
            (head + "name with blanks 1 1 40000000 2% /a b\ninodes\n", ["ok disk /a b"]),
            ("", ["warning disk"]), ("garbage\ninodes\n", ["warning disk"]),
        ])
    func disk(answer: String, expected: [String]) {
        #expect(brief(DiskCheck().judge(Subjects.answer(answer), about: Subjects.subject())) == expected)
    }

    @Test("a file system that became read-only blocks, however empty it is")
    func readOnly() {
        let facts = Subjects.facts(mounts: [
            .init(point: "/", type: "ext4", source: "/dev/a", options: ["ro", "noatime"])
        ])
        let answer = Subjects.answer(Self.head + "/dev/a 9 1 40000000 2% /\ninodes\n")
        #expect(brief(DiskCheck().judge(answer, about: Subjects.subject(facts))) == ["blocker disk /"])
    }

    @Test(
        "clock: only what lies outside of question and answer is skew",
        arguments: [
            ("100.5\n", Severity.ok), ("101.9\n", .ok), ("99.1\n", .ok), ("103\n", .warning), ("98\n", .warning),
            ("163\n", .blocker), ("10\n", .blocker), ("soon\n", .warning), ("", .warning),
        ])
    func clock(answer: String, severity: Severity) {
        let finding = ClockJudgement.judge(Subjects.answer(answer), asked: 100, answered: 101, of: "h")
        #expect(finding.severity == severity)
    }

    @Test("a skew says which way")
    func direction() {
        #expect(
            ClockJudgement.judge(Subjects.answer("90\n"), asked: 100, answered: 101, of: "h").found.contains(
                "10.0 s behind"))
        #expect(
            ClockJudgement.judge(Subjects.answer("111\n"), asked: 100, answered: 101, of: "h").found.contains(
                "10.0 s ahead"))
    }

    @Test(
        "time service",
        arguments: [
            ("container none\nNTP=yes\nNTPSynchronized=yes\n", Severity.ok),
            ("container none\nNTP=no\nNTPSynchronized=no\n", .warning),
            ("container none\nNTP=yes\nNTPSynchronized=no\n", .warning),
            ("container systemd-nspawn\nNTP=no\nNTPSynchronized=no\n", .notApplicable), ("absent\n", .notApplicable),
            ("container none\n", .warning),
        ])
    func timeService(answer: String, severity: Severity) {
        #expect(
            ClockServiceCheck().judge(Subjects.answer(answer), about: Subjects.subject()).map(\.severity) == [severity])
    }

    @Test("package manager: who holds it, each once")
    func packageLock() throws {
        let check = PackageLockCheck()
        #expect(brief(check.judge(Subjects.answer(""), about: Subjects.subject())) == ["ok package manager"])
        let held = check.judge(
            Subjects.answer("held 12 apt-get\nheld 12 apt-get\nheld 9 dpkg\n"), about: Subjects.subject())
        #expect(held.map(\.outcome) == [.refused])
        #expect(held.first?.found == "held by apt-get (process 12), dpkg (process 9)")
        #expect(
            check.judge(Subjects.answer(""), about: Subjects.subject(Subjects.facts(nil))).map(\.severity) == [
                .notApplicable
            ])
        #expect(check.judge(Subjects.answer("", status: 137), about: Subjects.subject()).map(\.severity) == [.warning])
    }

    @Test("packages left half-way")
    func packages() {
        let check = PackageStateCheck()
        #expect(
            brief(check.judge(Subjects.answer("installed bash\nconfig-files old\n"), about: Subjects.subject())) == [
                "ok packages"
            ])
        let broken = check.judge(
            Subjects.answer("half-configured nginx\ninstalled bash\nunpacked x\n"), about: Subjects.subject())
        #expect(broken.first?.found == "left half-way: nginx, x")
        #expect(check.judge(Subjects.answer("", status: 2), about: Subjects.subject()).map(\.severity) == [.warning])
        #expect(check.question(about: Subjects.subject(Subjects.facts(.amazon))) == nil)
    }

    @Test(
        "cloud-init: what is not there is never called fine",
        arguments: [
            ("status: done\n", Severity.ok), ("status: running\n", .blocker), ("absent\n", .notApplicable),
            ("status: disabled\n", .notApplicable), ("status: error\n", .warning), ("", .warning),
            ("status: degraded done\n", .warning),
        ])
    func boot(answer: String, severity: Severity) {
        #expect(BootCheck().judge(Subjects.answer(answer), about: Subjects.subject()).map(\.severity) == [severity])
    }

    @Test("lock")
    func lock() {
        #expect(brief(LockCheck().judge(Subjects.answer(""), about: Subjects.subject())) == ["ok lock"])
        let held = LockCheck().judge(
            Subjects.answer(""), about: Subjects.subject(lockHolder: LockHolder("run 7 of ann")))
        #expect(held.map(\.outcome) == [.locked])
        #expect(held.first?.found == "held by run 7 of ann")
    }

    @Test("leftovers, which are none while somebody is at work")
    func leftovers() {
        let answer = Subjects.answer(
            "open r-1\nended r-2\nhalf /etc/x.cso-tmp\ninput /var/lib/cso-provision/input.r-1\n")
        let findings = LeftoverCheck().judge(answer, about: Subjects.subject())
        #expect(findings.map(\.severity) == [.warning, .warning, .warning])
        #expect(findings[1].found == "of a dead run: r-2, /etc/x.cso-tmp")
        let busy = LeftoverCheck().judge(answer, about: Subjects.subject(lockHolder: LockHolder("x")))
        #expect(brief(busy) == ["ok leftovers"])
        #expect(brief(LeftoverCheck().judge(Subjects.answer(""), about: Subjects.subject())) == ["ok leftovers"])
    }

    @Test("hostname and /etc/hosts")
    func hostname() {
        let fine = Subjects.answer("127.0.0.1 localhost\n10.1.128.11 backend01.prod-ha.cso.ss backend01\n")
        func judge(_ answer: HostAnswer, _ name: String) -> [String] {
            brief(HostnameCheck().judge(answer, about: Subjects.subject(Subjects.facts(hostname: name))))
        }
        #expect(judge(fine, "backend01") == ["ok hostname"])
        #expect(judge(fine, "backend01.prod-ha.cso.ss") == ["ok hostname"])
        #expect(judge(fine, "ip-10-1-128-11") == ["warning hostname"])
        #expect(judge(fine, "backend01.prod-ha.CSO.ss") == ["warning hostname"])
        let looped = Subjects.answer("127.0.1.1 Backend01.prod-ha.cso.ss backend01 # by cloud-init\n")
        #expect(judge(looped, "backend01") == ["ok hostname", "warning /etc/hosts"])
        #expect(
            judge(Subjects.answer("127.0.0.1 localhost # backend01.prod-ha.cso.ss\n"), "backend01") == ["ok hostname"])
        #expect(judge(Subjects.answer("127.0.1.1 backend01\n"), "backend01") == ["ok hostname"])
    }

    @Test("what the role needs of others")
    func reach() {
        var subject = Subjects.subject()
        #expect(ReachCheck().question(about: subject) == nil)
        #expect(ReachCheck().judge(Subjects.answer(""), about: subject).map(\.severity) == [.notApplicable])
        subject.needs.endpoints = ["a", "b", "c", "d", "e"].map { .init(purpose: "database", host: $0, port: 3306) }
        let findings = ReachCheck().judge(Subjects.answer("tcp 0 0\ntcp 1 137\ntcp 2 1\nname 3 2\n"), about: subject)
        #expect(findings.map(\.severity) == [.ok, .warning, .warning, .warning, .warning])
        #expect(findings[1].remedy?.contains("from_port = 3306") == true)
        #expect(ReachCheck().judge(Subjects.answer("absent\n"), about: subject).map(\.severity) == [.notApplicable])
    }

    static let end = "notAfter=Nov 23 08:00:00 2027 GMT\n"

    @Test(
        "certificates",
        arguments: [
            (
                "certificate 0 fine\n" + end
                    + "X509v3 Subject Alternative Name: \n    DNS:a, DNS:Backend01.prod-ha.cso.ss\n", Severity.ok
            ),
            ("certificate 0 fine\n" + end + "    DNS:backend01.dev-ha.cso.internal\n", .warning),
            ("certificate 0 fine\n" + end, .warning),
            ("certificate 0 fine\n" + end + "X509v3 Basic Constraints: critical\n    CA:TRUE\n", .ok),
            ("certificate 0 soon\n" + end + "    DNS:backend01.prod-ha.cso.ss\n", .warning),
            ("certificate 0 expired\n" + end, .warning), ("certificate 0 unreadable\n", .warning),
            ("certificate 0 absent\n", .notApplicable), ("absent\n", .notApplicable), ("", .warning),
        ])
    func certificates(answer: String, severity: Severity) {
        var subject = Subjects.subject()
        #expect(CertificateCheck().question(about: subject) == nil)
        subject.needs.writtenPaths = ["/etc/x/server.crt", "/etc/x/server.key"]
        #expect(CertificateCheck().judge(Subjects.answer(answer), about: subject).map(\.severity) == [severity])
    }

    @Test("ports of a name in a text")
    func ports() {
        #expect(RoleNeeds.ports(of: "mysql.z", in: "url=jdbc:mysql://mysql.z:3307/x other=mysql.z") == [3307, 3306])
        #expect(RoleNeeds.ports(of: "mysql.z", in: "nothing").isEmpty)
        #expect(RoleNeeds.ports(of: "mysql.z", in: #"url=jdbc\:mysql\://mysql.z\:3308/x"#) == [3308])
        #expect(RoleNeeds.ports(of: "mysql.z", in: "mysql.z:") == [3306])
    }
}
