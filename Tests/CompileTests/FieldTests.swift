import Compile
import Model
import Resources
import Testing

struct FieldTests {
    static let parameters = """
        parameters:
          n: {type: number, default: 8080}
          t: {type: text, default: "a b"}
          f: {type: flag, default: yes}
          l: {type: list, default: [x, "y z"]}
        """

    /// One sample with one field, on web01.
    static func world(_ field: String) -> World {
        let lines = field.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n    ")
        return World(
            "\(parameters)\nresources:\n  - sample: a\n    \(lines)\n",
            files: ["Roles/web/files/x": "bytes", "Roles/web/files/deep/y": "deep", "Roles/web/templates/t": "{{ t }}"])
    }

    struct Good: Sendable, CustomTestStringConvertible {
        var field: String
        var name: String
        var value: FieldValue
        var testDescription: String { field }
        init(_ field: String, _ value: FieldValue) {
            self.field = field
            self.value = value
            name = String(field.prefix { $0 != ":" })
        }
    }

    static let good = [
        Good("text: abc", .text("abc")), Good("text: 1.10", .text("1.10")), Good("text: \"yes\"", .text("yes")),
        Good("text: \"\"", .text("")), Good("text: \"{{ n }}\"", .text("8080")),
        Good("text: \"-{{ n }}-{{ f }}\"", .text("-8080-true")),
        Good("text: {debian: a, amazon: b}", .text("a")), Good("text: |\n  a {{ t }}\n  b\n", .text("a a b\nb\n")),
        Good("text: ${#x} {% y %}", .text("${#x} {% y %}")),
        Good("number: 42", .number(42)), Good("number: -1", .number(-1)), Good("number: \"{{ n }}\"", .number(8080)),
        Good("number: \"{{ count(l) }}\"", .number(2)), Good("number: {debian: 1, amazon: ~}", .number(1)),
        Good("flag: yes", .flag(true)), Good("flag: false", .flag(false)),
        Good("flag: \"{{ n == 8080 }}\"", .flag(true)),
        Good("list: [a, \"b c\", 3]", .list(["a", "b c", "3"])), Good("list: \"{{ l }}\"", .list(["x", "y z"])),
        Good("list: [a, \"{{ l }}\", \"{{ n }}\", {debian: d, amazon: e}]", .list(["a", "x", "y z", "8080", "d"])),
        Good("list: [a, {debian: ~, amazon: e}]", .list(["a"])), Good("list: []", .list([])),
        Good("list: {debian: [a], amazon: [b]}", .list(["a"])),
        Good("mode: \"0644\"", .mode(0o644)), Good("mode: \"4755\"", .mode(0o4755)),
        Good("mode: \"06{{ 40 }}\"", .mode(0o640)),
        Good("duration: 500ms", .duration(.milliseconds(500))), Good("duration: 90s", .duration(.seconds(90))),
        Good("duration: 10m", .duration(.seconds(600))), Good("duration: 1h", .duration(.seconds(3600))),
        Good("choice: two", .text("two")), Good("path: /a/{{ n }}/b", .text("/a/8080/b")), Good("path: /", .text("/")),
        Good("content: \"a {{ t }}\"", .content(Content("a a b"))),
        Good("content: |\n  {% for x in l %}\n  {{ x }}\n  {% endfor %}\n", .content(Content("x\ny z\n"))),
        Good("encoding: json\ncontent: '{\"a\": \"{{ \"\\\"\" }}\"}'", .text("json")),
        Good("source: x", .content(Content("bytes"))), Good("source: deep/y", .content(Content("deep"))),
        Good("template: t", .content(Content("a b"))),
        // Shell: a value is one word whatever it holds.
        Good("shell: echo {{ n }} {{ t }}", .text("echo 8080 'a b'")),
        Good("shell: \"echo \\\"{{ n }}\\\"\"", .text("echo \"8080\"")),
        Good("shell: echo \"x\"{{ t }}'y'", .text("echo \"x\"'a b''y'")),
        Good("shell: echo /a-{{ t }}.jar", .text("echo /a-'a b'.jar")),
        Good("shell: \"it # isn't {{ n }}\\necho {{ t }}\"", .text("it # isn't 8080\necho 'a b'")),
        Good("shell: echo \\\"{{ t }}", .text("echo \\\"'a b'")),
        Good("shell: \"echo '{{ t | raw }}'\"", .text("echo 'a b'")),
        Good("shell: \"{{ t }}\"", .text("'a b'")),
    ]

    @Test(arguments: good) func evaluates(_ field: Good) throws {
        let samples = try Self.world(field.field).samples()
        #expect(samples.count == 1)
        #expect(samples.first?[field.name] == field.value)
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var field: String
        var mistake: String
        var testDescription: String { field }
        init(_ field: String, _ mistake: String) {
            self.field = field
            self.mistake = "role.yaml:" + mistake
        }
    }

    static let bad = [
        Bad("text: yes", "9:11 text must be text, not yes; quote it: \"yes\""),
        Bad("text: ~", "9:11 text has no value; give one, or remove the key"),
        Bad("text:", "9:10 text has no value; give one, or remove the key"),
        Bad("text: [a]", "9:11 text must be text, not a list"),
        Bad("text: \"{{ l }}\"", "9:11 text must be text, not a list"),
        Bad("text: \"a {{ l }}\"", "9:17 a list has no text form; use join(LIST, \",\"), or a loop"),
        Bad(
            "text: \"{{ secret('passwords.x') }}\"",
            "9:11 secret passwords.x cannot stand here; secrets are allowed in templates and contents"),
        Bad(
            "text: \"x{{ secret('passwords.x') }}\"",
            "9:16 secret passwords.x cannot stand here; secrets are allowed in templates and contents"),
        Bad("text: {debian: a}", ""), Bad("text: {debian: a, ubuntu: b}", ""), Bad("text: {amazon: a}", ""),
        Bad("number: \"42\"", "9:13 number must be a number, not the text \"42\"; remove the quotes"),
        Bad("number: 0x2a", "9:13 number must be a number, not \"0x2a\""),
        Bad("number: 007", "9:13 number must be a number, not \"007\""),
        Bad("number: \"{{ t }}\"", "9:13 number must be a number, not text"),
        Bad("number: \"4{{ n }}\"", "9:13 number must be a number, not \"48080\""),
        Bad("flag: on", "9:11 flag must be true or false, not \"on\""),
        Bad("flag: \"true\"", "9:11 flag must be true or false, not \"true\"; remove the quotes"),
        Bad("list: a", "9:11 list must be a list, not \"a\"; write [a]"),
        Bad("list: [a, [b]]", "9:15 a list inside list"),
        Bad("list: [no]", "9:12 list must hold texts, not no; quote it"),
        Bad("list: \"{{ t }}\"", "9:11 list must be a list, not \"{{ t }}\"; write [{{ t }}]"),
        Bad("list: [\"{{ hosts('web') }}\"]", "9:12 list must hold texts, not a host"),
        Bad("mode: 0644", "9:11 mode must be quoted: without quotes YAML readers see a number; write mode: \"0644\""),
        Bad("mode: 644", "9:11 mode must be quoted: without quotes YAML readers see a number; write mode: \"0644\""),
        Bad("mode: \"0888\"", "9:11 mode must be four octal digits, not \"0888\"; for example \"0644\""),
        Bad("mode: \"u+x\"", "9:11 mode must be four octal digits, not \"u+x\"; for example \"0644\""),
        Bad("duration: 30", "9:15 duration must be a time, not \"30\"; for example 500ms, 30s, 10m, 1h"),
        Bad("choice: tow", "9:13 choice cannot be \"tow\"; did you mean \"two\"?"),
        Bad(
            "path: a/b",
            "9:11 path must be an absolute path, not \"a/b\"; begin it with /, without . and .. in it, and without a / at the end"
        ),
        Bad(
            "path: /a/../b",
            "9:11 path must be an absolute path, not \"/a/../b\"; begin it with /, without . and .. in it, and without a / at the end"
        ),
        Bad(
            "path: /a/",
            "9:11 path must be an absolute path, not \"/a/\"; begin it with /, without . and .. in it, and without a / at the end"
        ),
        Bad("source: z", "9:13 there is no Roles/web/files/z; did you mean \"x\"?"),
        Bad(
            "source: ../role.yaml",
            "9:13 \"../role.yaml\" is not the name of a file below files/; write it without . and .."),
        Bad("template: x", "9:15 there is no Roles/web/templates/x; did you mean \"t\"?"),
        Bad(
            "content: |\n  one\n  two {{ nix }}\n",
            "11:14 unknown name \"nix\"; known are f, fleet, host, l, machine, n, os, t, zone"),
        Bad(
            "content: >\n  one {{ nothing }}\n",
            "9:14 unknown name \"nothing\"; known are f, fleet, host, l, machine, n, os, t, zone"),
        Bad(
            "shell: |\n  a\n  echo \"{{ t }}\"\n",
            "11:16 the value needs quoting, and stands inside quotes or behind <<; close the quotes before it: values are quoted for the shell by themselves"
        ),
        Bad(
            "shell: \"cat <<E\\n{{ t }}\\nE\"",
            "9:12 the value needs quoting, and stands inside quotes or behind <<; close the quotes before it: values are quoted for the shell by themselves"
        ),
        Bad(
            "shell: echo {{ secret('passwords.x') }}",
            "9:20 secret passwords.x cannot stand here; scripts are visible to every process; give it to the step's input"
        ),
        Bad("when: n", "9:11 a condition must be a flag, not a number; compare it with something"),
        Bad("when: n ==", "9:15 the expression ends too early"),
        Bad("when: m == 1", "9:11 unknown name \"m\"; did you mean \"f\"?"),
        Bad(
            "when: false\ntext: \"{{ nothing }}\"",
            "10:15 unknown name \"nothing\"; known are f, fleet, host, l, machine, n, os, t, zone"),
        Bad(
            "notify: [relaod nginx.service]",
            "9:14 notify cannot be \"relaod nginx.service\"; did you mean \"reload …\"?"),
        Bad(
            "notify: [reboot]",
            "8:5 sample:a notifies reboot, which no reboot of this host declares; declare it: `- reboot: after updates`"
        ),
        Bad("notify: [reload]", "9:14 notify cannot be \"reload\"; did you mean \"reload …\"?"),
        Bad(
            "notify: [reload nginx]",
            "9:14 \"nginx\" is not the name of a unit; write it with its suffix: nginx.service"),
        Bad(
            "notify: [reload nginx.service]",
            "8:5 sample:a notifies nginx.service, which no service of this host declares; there are none"),
    ]

    @Test(arguments: bad.filter { $0.mistake != "role.yaml:" }) func refuses(_ field: Bad) {
        #expect(Self.world(field.field).mistakes() == [field.mistake])
    }

    @Test func choosesByFamily() throws {
        let world = Self.world("text: {debian: d, amazon: ~}\nlist: {debian: ~, amazon: [a]}")
        #expect(try world.samples(family: .debian).first?["text"] == .text("d"))
        #expect(try world.samples(family: .debian).first?["list"] == nil)
        #expect(try world.samples(family: .amazon).first?["text"] == nil)
        #expect(try world.samples(family: .amazon).first?["list"] == .list(["a"]))
        #expect(
            Self.world("text: {debian: a}").mistakes(family: .amazon) == [
                "role.yaml:9:11 text has no value for amazon; add amazon: VALUE, or amazon: ~ to leave it out there"
            ])
        #expect(
            Self.world("text: {debian: a, amazno: b}").mistakes() == [
                "role.yaml:9:23 text: a map is possible only with the OS families as keys, not \"amazno\"; did you mean \"amazon\"?"
            ])
    }

    @Test func expandsSubjects() throws {
        func subjects(_ subject: String, family: HostFacts.OSFamily = .debian) throws -> [String] {
            let world = World("\(Self.parameters)\nresources:\n  - sample: \(subject)\n")
            return try world.samples(family: family).map(\.subject)
        }
        #expect(try subjects("a") == ["a"])
        #expect(try subjects("[a, b]") == ["a", "b"])
        #expect(try subjects("\"{{ l }}\"") == ["x", "y z"])
        #expect(
            try subjects("[a, \"{{ l }}\", {debian: d, amazon: e}, {debian: ~, amazon: f}]") == ["a", "x", "y z", "d"])
        #expect(try subjects("{debian: ~, amazon: [b, c]}") == [])
        #expect(try subjects("{debian: ~, amazon: [b, c]}", family: .amazon) == ["b", "c"])
        #expect(try subjects("\"{{ host.name }}-{{ n }}\"") == ["web01-8080"])
    }

    @Test func asksTheKindItself() {
        #expect(
            World("resources:\n  - service: [a.service]\n    level: 1\n").mistakes() == [
                "role.yaml:3:14 service takes one name, not a list; write one entry for each"
            ])
        #expect(
            World("resources:\n  - service: a.service\n").mistakes() == [
                "role.yaml:3:5 service needs level; add level: a number"
            ])
        #expect(
            World("resources:\n  - service: a.service\n    level: 13\n").mistakes() == ["role.yaml:4:12 13 is no level"]
        )
    }

    @Test func conditionsDecideWhetherAResourceIsThere() throws {
        let world = World(
            "resources:\n  - sample: a\n    when: os.family == \"debian\"\n  - sample: b\n    when: host.index == 2\n")
        #expect(try world.samples().map(\.subject) == ["a"])
        #expect(try world.samples(on: "web02").map(\.subject) == ["a", "b"])
        #expect(try world.samples(on: "web02", family: .amazon).map(\.subject) == ["b"])
    }

    @Test func notesWhatIsNotifiedAndWhichSecretsAreUsed() throws {
        let host = try World(
            """
            resources:
              - service: nginx.service
                level: 1
              - sample: a
                content: "{{ secret('passwords.b') }}{{ secret('passwords.a') }}"
                notify: [reload nginx.service, {debian: restart nginx.service, amazon: ~}]
            """
        ).compile()
        let sample = try #require(host.resources.last)
        #expect(sample.notifies.map(\.description) == ["reload nginx.service", "restart nginx.service"])
        #expect(sample.secretNames == ["passwords.a", "passwords.b"])
        #expect(host.secretNames == ["passwords.a", "passwords.b"])
        #expect(sample.location.line == 5)
    }

    @Test func findsTwoResourcesOfOneName() {
        let world = World(
            "resources:\n  - sample: a\n    path: /x\n  - sample: a\n  - sample: b\n    path: /x\n")
        #expect(
            world.mistakes() == [
                "role.yaml:5:5 sample:a is declared twice; it stands at Roles/web/role.yaml:3:5 already",
                "role.yaml:6:5 sample:b and sample:a both manage /x; the other stands at Roles/web/role.yaml:3:5",
            ])
    }
}
