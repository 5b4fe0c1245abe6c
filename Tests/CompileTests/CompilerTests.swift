import Compile
import Model
import Resources
import Testing

struct CompilerTests {
    static let recipe = """
        role: base
        parameters:
          id: {type: number, default: 1}
          who: {type: text, default: "{{ host.name }}-{{ id }}"}
        resources:
          - sample: base
            number: "{{ id }}"
            text: "{{ who }}"
        gates:
          - tcp: 22
        """

    private func base(_ web: String, parameters: String = "", family: HostFacts.OSFamily = .debian) throws -> Fields {
        let world = World(web, files: ["Roles/base/role.yaml": Self.recipe], parameters: parameters)
        let resources = try world.compile(family: family).resources
        return try #require((resources.first?.resource as? Sample)?.fields)
    }

    @Test func appliesWhatIsIncludedFirst() throws {
        let world = World(
            "includes: [base]\nresources:\n  - sample: web\ngates:\n  - tcp: 80\n",
            files: ["Roles/base/role.yaml": Self.recipe])
        let host = try world.compile()
        #expect(host.resources.map(\.id) == ["sample:base", "sample:web"])
        #expect(host.gates.map(\.check) == [.tcp(port: 22), .tcp(port: 80)])
        #expect(host.role == "web")
    }

    @Test func givesParametersInOneOrder() throws {
        // Default; the including role; the inventory's role; the inventory's host.
        #expect(try base("includes: [base]\n").number("id") == nil)
        #expect(try base("includes: [base]\n").number("number") == 1)
        #expect(try base("includes: [base]\n").text("text") == "web01-1")
        let with = "includes: [{role: base, with: {id: \"{{ n }}\"}}]\nparameters: {n: {type: number, default: 2}}\n"
        #expect(try base(with).number("number") == 2)
        #expect(try base(with).text("text") == "web01-2")
        #expect(try base(with, parameters: ", parameters: {n: 3}").number("number") == 3)
        #expect(try base(with, parameters: ", parameters: {id: 4}").number("number") == 4)
        let host = ", parameters: {id: 4}, host_parameters: {web01: {id: 5}, web02: {id: 6}}"
        #expect(try base(with, parameters: host).number("number") == 5)
        #expect(
            try base(with, parameters: ", parameters: {id: {debian: 7, amazon: 8}}", family: .amazon).number("number")
                == 8)
        #expect(try base(with, parameters: ", parameters: {who: \"{{ fleet.name }}\"}").text("text") == "test")
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var world: World
        var expected: [String]
        var testDescription: String { name }
    }

    static let mistakes = [
        Case(
            name: "a parameter without a value", world: World("parameters: {n: {type: number}}\n"),
            expected: [
                "inventory.yaml:9:3 role \"web\" needs parameter \"n\"; set it below parameters: of the role in the inventory"
            ]),
        Case(
            name: "a parameter that nobody knows",
            world: World("parameters: {size: {type: number, default: 1}}\n", parameters: ", parameters: {sice: 2}"),
            expected: ["inventory.yaml:9:51 role \"web\" has no parameter \"sice\"; did you mean \"size\"?"]),
        Case(
            name: "a parameter of another host that nobody knows",
            world: World("", parameters: ", host_parameters: {web02: {x: 2}}"),
            expected: ["inventory.yaml:9:61 role \"web\" has no parameter \"x\"; there are none"]),
        Case(
            name: "a parameter of another type",
            world: World("parameters: {n: {type: number, default: a}}\n"),
            expected: ["role.yaml:2:41 n must be a number, not \"a\""]),
        Case(
            name: "an unknown argument",
            world: World("includes: [{role: base, with: {idd: 1}}]\n", files: ["Roles/base/role.yaml": recipe]),
            expected: ["role.yaml:2:32 role \"base\" has no parameter \"idd\"; did you mean \"id\"?"]),
        Case(
            name: "an unknown role", world: World("includes: [bsae]\n", files: ["Roles/base/role.yaml": recipe]),
            expected: ["role.yaml:2:12 there is no role \"bsae\"; did you mean \"base\"?"]),
        Case(
            name: "a circle of roles",
            world: World("includes: [a]\n", files: ["Roles/a/role.yaml": "role: a\nincludes: [web]\n"]),
            expected: ["role.yaml:2:12 roles include each other: web -> a -> web; remove one of them"]),
        Case(
            name: "twice with different parameters",
            world: World(
                "includes: [a, {role: base, with: {id: 2}}]\n",
                files: [
                    "Roles/a/role.yaml": "role: a\nincludes: [{role: base, with: {id: 1}}]\n",
                    "Roles/base/role.yaml": recipe,
                ]),
            expected: [
                "role.yaml:2:15 role \"base\" is included twice with different parameters; it is applied once; a includes it at Roles/a/role.yaml:2:12"
            ]),
        Case(
            name: "mistakes of all places at once",
            world: World(
                "resources:\n  - sample: a\n    mode: 1\n  - sample: b\n    number: x\n    text: \"{{ y }}\"\ngates:\n  - tcp: 0\n"
            ),
            expected: [
                "role.yaml:4:11 mode must be quoted: without quotes YAML readers see a number; write mode: \"0644\"",
                "role.yaml:6:13 number must be a number, not \"x\"",
                "role.yaml:7:15 unknown name \"y\"; known are fleet, host, machine, os, zone",
                "role.yaml:9:10 tcp must be a port from 1 to 65535, not 0",
            ]),
    ]

    @Test(arguments: mistakes) func refuses(_ item: Case) {
        #expect(item.world.mistakes() == item.expected)
    }

    @Test func includesTheSameRoleOnce() throws {
        let world = World(
            "includes: [a, base]\n",
            files: ["Roles/a/role.yaml": "role: a\nincludes: [base]\n", "Roles/base/role.yaml": Self.recipe])
        #expect(try world.compile().resources.map(\.id) == ["sample:base"])
    }

    @Test func ordersMembersByTheInventorysZones() throws {
        let role = try World("after: [db]\n").compiler().compile(
            "web", families: ["web01": .debian, "web02": .amazon], placements: World.placements)
        #expect(role.hosts.map(\.host) == ["web02", "web01"])
        #expect(role.after == ["db"])
        // Members that could not be asked for their facts are left out.
        let some = try World("").compiler().compile("web", families: ["web01": .debian], placements: World.placements)
        #expect(some.hosts.map(\.host) == ["web01"])
    }

    @Test func refusesHostsAndRolesThatAreNotThere() throws {
        let compiler = try World("").compiler()
        #expect(throws: Diagnostics.self) {
            try compiler.compile("web", on: "db01", family: .debian, placements: World.placements)
        }
    }

    // MARK: Gates

    @Test func readsGates() throws {
        let gates = try World(
            """
            parameters: {port: {type: number, default: 8102}}
            gates:
              - unit: [a.service, b.timer]
              - tcp: "{{ port }}"
                deadline: 5s
                interval: 100ms
                successes: 3
              - http: ["http://{{ host.address }}:{{ port }}/a", "https://x/b"]
                status: 204
                contains: '"v": "{{ port }}"'
                lacks: Loading
                scope: role
                vantage: peer
              - http: "https://{{ host.fqdn }}/"
                at: "{{ host.address }}"
                ca: /etc/ca.crt
              - command: test -f {{ host.name }}
            """
        ).compile().gates
        #expect(
            gates.map(\.check) == [
                .unit("a.service"), .unit("b.timer"), .tcp(port: 8102),
                .http(url: "http://10.1.0.1:8102/a", status: 204, contains: "\"v\": \"8102\"", lacks: "Loading"),
                .http(url: "https://x/b", status: 204, contains: "\"v\": \"8102\"", lacks: "Loading"),
                .http(
                    url: "https://web01.z.test/", status: 200, contains: nil, lacks: nil,
                    route: .init(at: Address("10.1.0.1"), authority: "/etc/ca.crt")),
                .command("test -f web01"),
            ])
        #expect(gates[2].deadline == .seconds(5))
        #expect(gates[2].interval == .milliseconds(100))
        #expect(gates[2].successes == 3)
        #expect(gates[3].scope == .role)
        #expect(gates[3].vantage == .peer)
        #expect(gates[0].deadline == .seconds(60))
        #expect(gates[0].successes == 2)
    }

    static let badGates: [(yaml: String, expected: String)] = [
        ("unit: nginx", "3:11 \"nginx\" is not the name of a unit; write it with its suffix: nginx.service"),
        ("tcp: http", "3:10 tcp must be a number, not \"http\""),
        ("tcp: 65536", "3:10 tcp must be a port from 1 to 65535, not 65536"),
        ("http: example.org", "3:11 \"example.org\" is not a URL; write http://HOST:PORT/PATH, or https://"),
        (
            "http: http://x\n    ca: /a",
            "4:9 ca is for https, and http://x shows no certificate; leave it out, or ask https"
        ),
        (
            "http: https://x\n    at: web01",
            "4:9 \"web01\" is not an IPv4 address; for example \"{{ host.address }}\""
        ),
        ("http: http://x\n    status: 20", "4:13 status must be from 100 to 599"),
        ("tcp: 1\n    successes: 0", "4:16 successes must be from 1 to 1000"),
        (
            "tcp: 1\n    deadline: 5s\n    interval: 5s",
            "4:15 the gate can never hold: 2 successes need longer than its deadline; raise deadline, or lower interval or successes"
        ),
        ("tcp: 1\n    vantage: mine", "4:14 vantage cannot be \"mine\"; known are controller, peer, self"),
        ("unit: a.service\n    vantage: peer", "4:14 a unit can only be asked on the host itself; vantage: self"),
    ]

    @Test(arguments: badGates.map(\.yaml)) func refusesGates(_ yaml: String) throws {
        let expected = try #require(Self.badGates.first { $0.yaml == yaml }).expected
        #expect(World("gates:\n  - \(yaml)\n").mistakes() == ["role.yaml:" + expected])
    }
}
