import Model
import Source
import Testing

struct InventoryDecoderTests {
    static let good = """
        fleet: local
        zone: {name: Prod-HA.CSO.ss., server: "10.1.0.2:53", deadline: 2s, hosted_zone_id: Z1}
        network: [10.1.0.0/16]
        availability_zones: {eu-west-2a: 10.1.128.0/18, eu-west-2c: 10.1.192.0/18}
        az_order: [eu-west-2c, eu-west-2a]
        ssh:
          user: provision
          port: 2222
          identity: ${KEY}
          known_hosts: [known_hosts, ~/hosts, /etc/hosts]
          proxy_command: ssh -W %h:%p ${JUMP}
          connect_deadline: 500ms
        secrets:
          passwords: {aws: env-v2, region: eu-west-2}
          own: {file: secrets.json}
          stdin: {file: "-"}
          stack: {terraform: ../tf.json, output: passwords}
        roles:
          backend:
            hosts: [Backend01, backend02]
            parameters: {release: "2.4.4", text: "${NOT_EXPANDED}"}
            host_parameters: {backend02: {release: "2.4.5"}}
          rabbitmq: {hosts: [rabbitmq01]}
        """
    static let environment = ["HOME": "/home/op", "KEY": "/keys/id", "JUMP": "jump"]

    @Test func readsEveryPart() throws {
        let decoded = InventoryDecoder.decode(inventoryTree(Self.good), environment: Self.environment)
        #expect(brief(decoded.diagnostics) == [])
        let inventory = try #require(decoded.value)
        #expect(inventory.fleet == "local")
        #expect(inventory.zone.name == "prod-ha.cso.ss")
        #expect(inventory.zone.server == "10.1.0.2:53")
        #expect(inventory.zone.deadline == .seconds(2))
        #expect(inventory.azOrder == ["eu-west-2c", "eu-west-2a"])
        #expect(inventory.ssh.user == "provision")
        #expect(inventory.ssh.port == 2222)
        #expect(inventory.ssh.identity == .keyFile("/keys/id"))
        #expect(inventory.ssh.knownHosts == ["Inventory/x/known_hosts", "/home/op/hosts", "/etc/hosts"])
        #expect(inventory.ssh.proxyCommand == "ssh -W %h:%p jump")
        #expect(inventory.ssh.connectDeadline == .milliseconds(500))
        #expect(
            inventory.secretSources.map(\.kind) == [
                .aws(secretID: "env-v2", region: "eu-west-2"), .file(path: "Inventory/x/secrets.json"),
                .file(path: "-"),
                .terraform(path: "Inventory/x/../tf.json", output: "passwords"),
            ])
        #expect(inventory.roles.map(\.role) == ["backend", "rabbitmq"])
        #expect(inventory.roles[0].hosts == ["backend01", "backend02"])
        #expect(inventory.roles[0].parameters.keys.sorted() == ["release", "text"])
        #expect(inventory.roles[0].hostParameters["backend02"]?.keys.sorted() == ["release"])
    }

    @Test func leavesOutWhatHasADefault() throws {
        let yaml = """
            fleet: f
            zone: {name: z.test}
            network: [10.0.0.0/8]
            availability_zones: {a: 10.0.0.0/9}
            az_order: [a]
            ssh: {transport: {command: [nsenter, -a]}}
            roles: {web: {hosts: [web01]}}
            """
        let decoded = InventoryDecoder.decode(inventoryTree(yaml), environment: [:])
        #expect(brief(decoded.diagnostics) == [])
        let inventory = try #require(decoded.value)
        #expect(inventory.ssh.transport == .command(prefix: ["nsenter", "-a"]))
        #expect(inventory.ssh.port == 22)
        #expect(inventory.ssh.identity == nil)
        #expect(inventory.zone.server == nil)
        #expect(inventory.zone.deadline == .seconds(5))
        #expect(inventory.secretSources.isEmpty)
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        var from: String
        var to: String
        var expected: [String]
        var testDescription: String { to }
    }

    static let mistakes = [
        Mistake(
            from: "fleet: local", to: "flet: local",
            expected: [
                "1:1 an inventory has no key \"fleet\"; add fleet: NAME",
                "1:1 unknown key \"flet\" in an inventory; did you mean \"fleet\"?",
            ]),
        Mistake(from: "Prod-HA.CSO.ss.", to: "prod_ha.ss", expected: ["2:14 \"prod_ha.ss\" is not a zone's name"]),
        Mistake(
            from: "10.1.0.2:53", to: "resolver",
            expected: [
                "2:39 \"resolver\" is not an address; write 10.1.0.2 or 10.1.0.2:53, or remove the key to use the system's resolver"
            ]),
        Mistake(
            from: "[10.1.0.0/16]", to: "[10.1.0.1/16]",
            expected: [
                "3:11 \"10.1.0.1/16\" is not a range of addresses; write 10.1.128.0/18, with no bits set behind the prefix",
                "4:34 10.1.128.0/18 of eu-west-2a is not inside the network; network is ",
                "4:61 10.1.192.0/18 of eu-west-2c is not inside the network; network is ",
            ]),
        Mistake(
            from: "eu-west-2c: 10.1.192.0/18", to: "eu-west-2c: 10.1.128.0/17",
            expected: [
                "4:61 10.1.128.0/17 of eu-west-2c overlaps 10.1.128.0/18 of eu-west-2a"
            ]),
        Mistake(
            from: "[eu-west-2c, eu-west-2a]", to: "[eu-west-2c, eu-west-2b]",
            expected: [
                "5:11 az_order does not name eu-west-2a; the order of all zones is your decision: add it",
                "5:24 availability zone \"eu-west-2b\" is not declared; did you mean \"eu-west-2a\"?",
            ]),
        Mistake(from: "port: 2222", to: "port: 70000", expected: ["8:9 port must be a number from 1 to 65535"]),
        Mistake(
            from: "${KEY}", to: "${NO_KEY}",
            expected: [
                "9:13 identity: the environment variable NO_KEY is not set; export NO_KEY=…, or write the value"
            ]),
        Mistake(
            from: "identity: ${KEY}", to: "identity: ${KEY", expected: ["9:13 identity: ${ without }; write ${NAME}"]),
        Mistake(
            from: "identity: ${KEY}", to: "port_x: 1",
            expected: [
                "7:3 ssh names no key; add identity: PATH, or agent_key: PATH.pub",
                "9:3 unknown key \"port_x\" in ssh; did you mean \"port\"?",
            ]),
        Mistake(
            from: "identity: ${KEY}", to: "identity: a\n  agent_key: b.pub",
            expected: [
                "10:14 both identity and agent_key; one key is offered; choose one"
            ]),
        Mistake(
            from: "500ms", to: "500",
            expected: [
                "12:21 connect_deadline must be a time, not \"500\"; for example 500ms, 5s, 10m, 1h"
            ]),
        Mistake(
            from: "{file: secrets.json}", to: "{fil: secrets.json}",
            expected: [
                "15:8 secret source \"own\" does not say where it comes from; write exactly one of aws, file, terraform",
                "15:9 unknown key \"fil\" in secret source \"own\"; did you mean \"file\"?",
            ]),
        Mistake(
            from: "[rabbitmq01]", to: "[rabbitmq01, backend02]",
            expected: [
                "23:34 host backend02 has role backend already; a host has one role; a role takes in others with includes"
            ]),
        Mistake(
            from: "[rabbitmq01]", to: "[rabbitmq01, RabbitMQ01]",
            expected: [
                "23:34 host rabbitmq01 stands twice; a host has one role; a role takes in others with includes"
            ]),
        Mistake(
            from: "[rabbitmq01]", to: "[a.b, -c]",
            expected: [
                "23:22 \"a.b\" cannot be the name of a host; write the short name, without the zone: letters, digits and hyphens",
                "23:27 \"-c\" cannot be the name of a host; write the short name, without the zone: letters, digits and hyphens",
            ]),
        Mistake(
            from: "[rabbitmq01]", to: "[]",
            expected: [
                "23:21 role \"rabbitmq\" has no hosts; name one, or remove the role"
            ]),
        Mistake(
            from: "{backend02: {release: \"2.4.5\"}}", to: "{backend2: {}}",
            expected: [
                "22:23 host \"backend2\" is not one of the role's hosts; did you mean \"backend02\"?"
            ]),
    ]

    @Test(arguments: mistakes) func findsTheMistake(_ mistake: Mistake) throws {
        #expect(Self.good.contains(mistake.from))
        let yaml = Self.good.split(separator: mistake.from, maxSplits: 1, omittingEmptySubsequences: false)
            .joined(separator: mistake.to)
        let decoded = InventoryDecoder.decode(inventoryTree(yaml), environment: Self.environment)
        #expect(brief(decoded.diagnostics) == mistake.expected)
    }

    @Test func findsMistakesOfAllPartsInOneRun() {
        let yaml = "fleet: yes\nzone: []\nnetwork: x\nroles: []\n"
        let decoded = InventoryDecoder.decode(inventoryTree(yaml), environment: [:])
        #expect(
            brief(decoded.diagnostics).map { String($0.prefix { $0 != ";" }) } == [
                "1:1 an inventory has no key \"availability_zones\"", "1:1 an inventory has no key \"az_order\"",
                "1:1 an inventory has no key \"ssh\"", "1:8 fleet must be text, not yes",
                "2:7 zone has no key \"name\"", "2:7 zone must be a map of keys and values, not a list",
                "3:10 network must be a list, not \"x\"", "4:8 roles must be a map, not a list",
            ])
    }

    @Test func saysWhatToDoWithoutAnInventory() {
        let tree = SourceTree(rolesFolder: "Roles", inventoryFile: "nowhere/inventory.yaml", files: [:])
        let decoded = InventoryDecoder.decode(tree, environment: [:])
        #expect(decoded.value == nil)
        #expect(decoded.diagnostics.map(\.message) == ["there is no nowhere/inventory.yaml"])
    }
}
