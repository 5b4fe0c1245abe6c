import Compile
import Model
import Resources
import Testing

@Suite("Where a value comes from")
struct ValueSourceTests {
    /// Where role base's parameter `size` is said, and what wins. The order of the README, one line each.
    struct Row: Sendable, CustomTestStringConvertible {
        var with = false
        var role = false
        var host = false
        var value: Int
        var testDescription: String { "with \(with), role \(role), host \(host)" }
    }

    static let rows = [
        Row(value: 1), Row(with: true, value: 2), Row(role: true, value: 3), Row(host: true, value: 4),
        Row(with: true, role: true, value: 3), Row(with: true, host: true, value: 4),
        Row(role: true, host: true, value: 4), Row(with: true, role: true, host: true, value: 4),
    ]

    private static let base = """
        role: base
        parameters:
          size: {type: number, default: 1}
        variables:
          double: {type: number, value: "{{ size * 2 }}"}
        resources:
          - sample: base
            number: "{{ size }}"
            duration: "{{ double }}s"
        """

    @Test("default, with, the inventory's role, its host: the later wins, and variables follow", arguments: rows)
    func precedence(_ row: Row) throws {
        var parameters = row.role ? ", parameters: {size: 3}" : ""
        if row.host { parameters += ", host_parameters: {web01: {size: 4}}" }
        let world = World(
            row.with ? "includes: [{role: base, with: {size: 2}}]\n" : "includes: [base]\n",
            files: ["Roles/base/role.yaml": Self.base], parameters: parameters)
        let fields = try #require(try world.samples().first)
        #expect(fields.number("number") == row.value)
        #expect(fields.duration("duration") == .seconds(row.value * 2))
        // What is said for one host is no other's.
        let other = try #require(try world.samples(on: "web02").first)
        #expect(other.number("number") == (row.role ? 3 : row.with ? 2 : 1))
    }

    @Test("variables have types, see parameters, facts, hosts and each other in any order")
    func variables() throws {
        let world = World(
            """
            parameters:
              share: {type: number, default: 2}
            variables:
              heap: {type: number, value: "{{ memory / share }}"}
              memory: {type: number, value: "{{ machine.memory }}", description: MiB.}
              peers: {type: list, value: "{{ hosts('web').fqdn }}"}
              last: {type: flag, value: "{{ host.index == count(peers) }}"}
              tool: {type: text, value: {debian: apt, amazon: dnf}}
            resources:
              - sample: x
                number: "{{ heap }}"
                list: "{{ peers }}"
                flag: "{{ last }}"
                text: "{{ tool }}"
            """)
        let debian = try #require(try world.samples().first)
        #expect(debian.number("number") == 3800)
        #expect(debian.list("list") == ["web01.z.test", "web02.z.test"])
        #expect(debian.flag("flag") == false)
        #expect(debian.text("text") == "apt")
        let amazon = try #require(try world.samples(on: "web02", family: .amazon).first)
        #expect(amazon.flag("flag") == true)
        #expect(amazon.text("text") == "dnf")
    }

    @Test("facts are the host's own")
    func facts() throws {
        let world = World(
            "resources:\n  - sample: big\n    when: machine.memory >= 4096 and os.selinux != \"enforcing\"\n")
        var facts = RecordedFacts.usual(.debian)
        let compiler = try world.compiler()
        func resources() throws -> Int {
            try compiler.compile("web", on: "web01", facts: facts, placements: World.placements).resources.count
        }
        #expect(try resources() == 1)
        facts.memory = 2048
        #expect(try resources() == 0)
        facts.memory = nil
        let mistake = #expect(throws: Diagnostics.self) { try resources() }
        #expect(
            mistake.map { World.brief($0.all) } == [
                "role.yaml:4:19 machine.memory of web01 is not known; the host does not tell it: do not depend on it there"
            ])
    }
}

@Suite("Entries that are declared once for each element")
struct EachTests {
    private func subjects(_ entry: String, on host: HostName = "web01") throws -> [String] {
        try World("uses: [db]\nparameters: {l: {type: list, default: [p, q]}}\nresources:\n" + entry)
            .samples(on: host).map(\.subject)
    }

    @Test("hosts of a role are objects, and when is asked for each")
    func hosts() throws {
        let entry = "  - sample: \"{{ peer.name }}-{{ loop.index }}\"\n    each: peer in hosts('web')\n"
        #expect(try subjects(entry) == ["web01-1", "web02-2"])
        #expect(try subjects(entry + "    when: peer != host\n") == ["web02-2"])
        #expect(try subjects(entry + "    when: peer != host\n", on: "web02") == ["web01-1"])
        #expect(try subjects("  - sample: \"{{ peer.fqdn }}\"\n    each: peer in hosts('db')\n") == ["db01.z.test"])
    }

    @Test("lists in YAML and lists of expressions call their elements item")
    func lists() throws {
        #expect(try subjects("  - sample: \"x{{ item + 1 }}\"\n    each: [8090, 8091]\n") == ["x8091", "x8092"])
        #expect(
            try subjects("  - sample: \"{{ item }}\"\n    each: [a, \"{{ host.name }}\", \"7\"]\n") == [
                "a", "web01", "7",
            ])
        #expect(try subjects("  - sample: \"{{ item }}\"\n    each: l\n") == ["p", "q"])
        #expect(try subjects("  - sample: \"{{ item }}\"\n    each: []\n") == [])
        #expect(
            try subjects("  - sample: [\"{{ item }}1\", \"{{ item }}2\"]\n    each: l\n") == ["p1", "p2", "q1", "q2"])
    }

    @Test("gates too")
    func gates() throws {
        let world = World("gates:\n  - tcp: \"{{ item }}\"\n    each: [80, 81, 82]\n    when: item != 81\n")
        #expect(try world.compile().gates.map(\.check) == [.tcp(port: 80), .tcp(port: 82)])
    }

    @Test(
        "mistakes are found, in elements that are not there too",
        arguments: [
            (
                "  - sample: x\n    each: [a, b]\n",
                "role.yaml:3:5 sample:x is declared twice; each element needs a name of its own: put {{ item }}, or whatever it is called, into it"
            ),
            (
                "  - sample: x\n    each: os.family\n",
                "role.yaml:4:14 each needs a list; for example each: peer in hosts(\"backend\")"
            ),
            (
                "  - sample: x\n    each: {a: b}\n",
                "role.yaml:4:11 each must be a list or an expression with one; for example each: peer in hosts(\"backend\")"
            ),
            (
                "  - sample: x\n    each: peer in host('web')\n",
                "role.yaml:4:19 unknown function \"host\"; did you mean \"hosts\"?"
            ),
            (
                "  - sample: x\n    each: os in hosts('web')\n",
                "role.yaml:4:11 \"os\" is a name of the language; choose another one"
            ),
            (
                "  - sample: \"{{ p.nam }}\"\n    each: p in hosts('web')\n    when: false\n",
                "role.yaml:3:19 a host has no \"nam\"; did you mean \"name\"?"
            ),
            (
                "  - sample: \"{{ itm }}\"\n    each: []\n",
                "role.yaml:3:17 unknown name \"itm\"; did you mean \"item\"?"
            ),
            (
                "  - sample: \"{{ p.name }}\"\n    each: p in hosts('db')\n",
                "role.yaml:4:22 role \"web\" does not say that it needs \"db\"; add uses: [db] to its role.yaml, or after: [db] if that one is to be changed first"
            ),
        ])
    func mistakes(_ entry: String, _ expected: String) {
        #expect(World("resources:\n" + entry).mistakes() == [expected])
    }
}
