import Model
import SSH
import Testing
import Trust
import Zone

@testable import Engine

/// An inventory of two roles, with nobody behind it.
enum Inventories {
    static func make(server: String? = "10.1.0.2", user: String = "provision", proxy: String? = nil) -> Inventory {
        let location = SourceLocation(file: "inventory.yaml", line: 9)
        return Inventory(
            fleet: "test",
            zone: .init(name: "test.ss", server: server, deadline: .seconds(1), hostedZoneID: nil),
            network: [AddressRange("10.1.0.0/16")].compactMap(\.self),
            availabilityZones: [("a", AddressRange("10.1.128.0/18")), ("c", AddressRange("10.1.192.0/18"))]
                .compactMap { entry in entry.1.map { (AvailabilityZone(entry.0), $0) } },
            azOrder: ["c", "a"],
            ssh: .init(
                transport: .ssh, user: user, port: 22, identity: .keyFile("/nonexistent"), knownHosts: [],
                proxyCommand: proxy,
                connectDeadline: .seconds(1)),
            secretSources: [
                SecretSource(
                    name: "passwords", kind: .aws(secretID: "env-passwords", region: "eu-west-2"), location: location),
                SecretSource(
                    name: "other",
                    kind: .aws(secretID: "arn:aws:secretsmanager:eu-west-2:1:secret:o-abcdef", region: nil),
                    location: location),
            ],
            roles: [
                .init(role: "app", hosts: ["app01", "app02"], location: location),
                .init(role: "db", hosts: ["db01"], location: location),
            ], folder: "/")
    }

    static func address(_ text: String) -> ZoneReply { .addresses([Address(text)].compactMap(\.self), alias: nil) }
    static let place = PlacedHost(host: "app01", address: Address(number: 0x0A01_8001), availabilityZone: "a")
}

@Suite("Doctor: the way to a host")
struct DoctorContactTests {
    func judge(_ error: SSHError, user: String = "provision", proxy: String? = nil) -> [Finding] {
        ContactJudgement.judge(
            HostFailure(error), of: Inventories.place, Inventories.make(user: user, proxy: proxy).ssh)
    }

    @Test("a drop and a refusal are told apart, and the first names the security group's line")
    func port() {
        let dropped = judge(.timedOut(peer: "p", phase: .connect, after: .seconds(10)))
        #expect(brief(dropped) == ["blocker port"])
        #expect(dropped[0].remedy?.contains("ingress { from_port = 22") == true)
        #expect(dropped[0].outcome == .unreachable)
        let refused = judge(.connectionRefused(peer: "p"))
        #expect(brief(refused) == ["blocker port"])
        #expect(refused[0].remedy?.contains("sshd") == true)
        #expect(refused[0].remedy?.contains("ingress") == false)
    }

    @Test(
        "what came before a failure went well",
        arguments: [
            (SSHError.noBanner(peer: "p", .closed), ["ok port", "blocker banner"]),
            (.keyExchangeFailed(peer: "p", reason: "r"), ["ok port", "ok banner", "blocker key exchange"]),
            (
                .timedOut(peer: "p", phase: .login, after: .seconds(1)),
                ["ok port", "ok banner", "ok key exchange", "ok host key", "blocker login"]
            ),
            (
                .channelRefused(peer: "p", reason: "r"),
                ["ok port", "ok banner", "ok key exchange", "ok host key", "ok login", "blocker command channel"]
            ),
            (.outOfMemory(peer: "p"), ["blocker session"]),
        ])
    func stages(error: SSHError, expected: [String]) { #expect(brief(judge(error)) == expected) }

    @Test("an untrusted host is a refusal, and sudo a failure")
    func outcomes() {
        let untrusted = judge(.knownHostsUnusable(peer: "p", .unreadable(file: "f", reason: "r")))
        #expect(untrusted.last?.check == "host key")
        #expect(untrusted.last?.outcome == .refused)
        let sudo = ContactJudgement.judge(
            HostFailure(.sudoRefused("sudo: a password is required")), of: Inventories.place, Inventories.make().ssh)
        #expect(brief(sudo).suffix(2) == ["ok login", "blocker sudo"])
        #expect(sudo.last?.outcome == .failed)
        #expect(sudo.last?.remedy?.contains("NOPASSWD") == true)
    }

    @Test("all well; root needs no sudo, a proxy stands for the port")
    func well() {
        func judge(_ inventory: Inventory) -> [String] {
            brief(ContactJudgement.judge(nil, of: Inventories.place, inventory.ssh))
        }
        #expect(
            judge(Inventories.make())
                == ["port", "banner", "key exchange", "host key", "login", "sudo"].map { "ok \($0)" })
        #expect(judge(Inventories.make(user: "root")).last == "ok login")
        #expect(judge(Inventories.make(proxy: "x")).first == "ok proxy command")
    }
}

@Suite("Doctor: the zone")
struct DoctorZoneTests {
    func judge(_ replies: [HostName: ZoneReply], selected: [HostName] = ["app01", "app02"]) -> [Finding] {
        ZoneJudgement.judge(ZoneAnswer(replies: replies), selected: selected, in: Inventories.make())
    }

    @Test("no resolver is one finding, not one a host")
    func noResolver() {
        let findings = judge([
            "app01": .failed(.timedOut(after: .seconds(5))), "app02": .failed(.timedOut(after: .seconds(5))),
        ])
        #expect(brief(findings) == ["blocker resolver"])
        #expect(findings[0].found.contains("10.1.0.2"))
    }

    @Test("SERVFAIL for one, NXDOMAIN, a public answer: each its own words, and exit 1")
    func problems() {
        let findings = judge(
            [
                "app01": .failed(.serverFailure), "app02": .noSuchName, "db01": Inventories.address("203.0.113.5"),
            ], selected: ["app01", "app02", "db01"])
        let blockers = findings.filter { $0.severity == .blocker }
        #expect(blockers.map(\.subject) == ["app01", "app02", "db01"])
        #expect(blockers.map(\.outcome) == [nil, nil, nil])
        #expect(blockers[0].found.contains("SERVFAIL"))
        #expect(blockers[1].found.contains("does not exist"))
        #expect(blockers[2].remedy?.contains("left the VPC") == true)
    }

    @Test("members in one availability zone are a warning")
    func undivided() {
        let findings = judge(["app01": Inventories.address("10.1.128.1"), "app02": Inventories.address("10.1.128.2")])
        #expect(brief(findings) == ["ok resolver", "ok zone", "ok zone", "warning availability zones"])
    }

    @Test("a host that nobody asked about is not judged")
    func unselected() {
        #expect(
            brief(judge(["app01": Inventories.address("10.1.128.1"), "db01": .noSuchName], selected: ["app01"])) == [
                "ok resolver", "ok zone",
            ])
    }

    @Test(
        "the database's name",
        arguments: [
            (AliasReply.alias("x.abc.eu-west-2.rds.amazonaws.com"), Finding.Severity.ok),
            (.alias("x.abc.eu-west-2.rds.amazonaws.com."), .ok),
            (.alias("x.abc.eu-west-2.rds.amazonaws.com:3306"), .blocker), (.alias("db.example.com"), .warning),
            (.alias("rds.amazonaws.com.evil.example"), .warning), (.noAlias, .warning), (.noSuchName, .warning),
            (.failed(.serverFailure), .warning),
        ])
    func database(reply: AliasReply, severity: Finding.Severity) {
        let finding = ZoneJudgement.database(reply, name: "mysql.test.ss", in: "test.ss", isNeeded: true)
        #expect(finding.severity == severity)
        #expect((finding.remedy == nil) == (severity == .ok))
        let unneeded = ZoneJudgement.database(reply, name: "mysql.test.ss", in: "test.ss", isNeeded: false)
        #expect(unneeded.severity == .notApplicable)
    }
}

@Suite("Doctor: this machine")
struct DoctorIdentityTests {
    func judge(mode: UInt32?, rsa: Bool? = false, encrypted: Bool = false, fault: String? = nil) -> [String] {
        var facts = IdentityFacts(path: "/k", mode: mode)
        facts.isRSA = rsa
        facts.isEncrypted = encrypted
        facts.fault = fault
        return facts.judge().map(\.severity.rawValue)
    }

    @Test("key files")
    func keys() {
        #expect(judge(mode: 0o600) == ["ok"])
        #expect(judge(mode: 0o600, rsa: nil, encrypted: true) == ["ok"])
        #expect(judge(mode: 0o644) == ["warning"])
        #expect(judge(mode: 0o600, rsa: true) == ["blocker"])
        #expect(judge(mode: 0o640, rsa: true) == ["warning", "blocker"])
        #expect(judge(mode: nil, fault: "no such file") == ["blocker"])
        #expect(IdentityFacts.read("/nonexistent/key").judge().map(\.severity) == [.blocker])
    }

    @Test("known_hosts that is not there, that has a marker, that does not know the host")
    func knownHosts() {
        let host = (name: "app01", identity: HostIdentity(names: ["app01.test.ss", "app01"]))
        #expect(
            brief(KnownHostsJudgement.judge(KnownHosts.read(["/nonexistent/known_hosts"]), [host, host])) == [
                "blocker known_hosts"
            ])
        #expect(brief(KnownHostsJudgement.judge(KnownHosts(), [host])) == ["warning known_hosts"])
        var marked = KnownHosts()
        marked.add(Array("@revoked app01 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE\n".utf8), from: "f")
        let findings = KnownHostsJudgement.judge(marked, [host])
        #expect(brief(findings) == ["blocker known_hosts"])
        #expect(findings[0].subject == "app01")
    }
}
