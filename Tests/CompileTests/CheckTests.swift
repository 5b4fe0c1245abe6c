import Compile
import Model
import Resources
import Testing

struct CheckTests {
    @Test func findsNothingWrongInWhatIsRight() throws {
        let world = World(
            "after: [db]\nparameters: {p: {type: text, default: x}}\nresources:\n  - sample: a\n    text: \"{{ p }}{{ host.address }}\"\n"
        )
        #expect(try world.check() == [])
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var world: World
        var expected: [String]
        var testDescription: String { name }
    }

    static let mistakes = [
        Case(
            name: "a parameter that nobody uses",
            world: World(
                "parameters:\n  a: {type: text, default: x}\n  b: {type: text, default: x}\nresources:\n  - sample: x\n    content: \"{% if false %}{{ a }}{% endif %}\"\n"
            ),
            expected: ["role.yaml:4:3 parameter \"b\" is never used; use it, or remove it"]),
        Case(
            name: "one that only a template uses, another only a left-out resource",
            world: World(
                "parameters:\n  a: {type: text, default: x}\n  b: {type: text, default: x}\nresources:\n  - sample: x\n    template: t\n    when: os.family == \"none\"\n  - sample: y\n    text: \"{{ b }}\"\n    when: false\n",
                files: ["Roles/web/templates/t": "{{ a }}"]),
            expected: []),
        Case(
            name: "wrong on the other family only",
            world: World("resources:\n  - sample: x\n    text: {debian: a}\n"),
            expected: [
                "role.yaml:4:11 text has no value for amazon; add amazon: VALUE, or amazon: ~ to leave it out there"
            ]),
        Case(
            name: "wrong on the other host only",
            world: World(
                "resources:\n  - sample: x\n    content: \"{% if host.index == 2 %}{{ hosts('web') }}{% endif %}\"\n"),
            expected: ["role.yaml:4:42 a list has no text form; use join(LIST, \",\"), or a loop"]),
        Case(
            name: "roles that no host has", world: World("", files: ["Roles/spare/role.yaml": "role: spare\n"]),
            expected: [
                "role.yaml:1:1 no host has role \"spare\"; name its hosts in the inventory, or include it in a role that has some"
            ]),
        Case(
            name: "a circle of orders",
            world: World("after: [db]\n", files: ["Roles/db/role.yaml": "role: db\nafter: [web]\n"]),
            expected: ["role.yaml:2:9 roles come after each other: db -> web -> db; remove one of them"]),
        Case(
            name: "after a role that is not there", world: World("after: [bd]\n"),
            expected: ["role.yaml:2:9 there is no role \"bd\"; did you mean \"db\"?"]),
    ]

    @Test(arguments: mistakes) func finds(_ item: Case) throws {
        #expect(try item.world.check() == item.expected)
    }

    @Test func findsARoleWithoutRecipe() throws {
        var world = World("")
        world.files["Roles/db/role.yaml"] = nil
        #expect(try world.check() == ["inventory.yaml:10:3 there is no recipe for role \"db\"; known are web"])
    }

    @Test func saysWhichHostsMustBeResolvedAndWhichSecretsFetched() throws {
        let world = World(
            """
            uses: [db]
            resources:
              - sample: x
                content: "{% for h in hosts('db') %}{{ h.address }}{% endfor %}{{ join(hosts('web').fqdn, ',') }}"
              - sample: y
                content: {debian: "{{ secret('passwords.d') }}", amazon: "{{ secret('passwords.a') }}"}
            """)
        let compiler = try world.compiler()
        #expect(compiler.hostsAskedFor(by: "web") == ["db01"])
        #expect(compiler.hostsAskedFor(by: "db") == [])
        #expect(compiler.secretNames(of: "web") == ["passwords.a", "passwords.d"])
    }
}
