import Model
import Source
import Testing

struct RecipeDecoderTests {
    @Test func readsEveryPart() throws {
        let decoded = RecipeDecoder.decode(
            recipeTree(
                """
                role: web
                description: Serves.
                includes: [base, {role: efs, with: {share: "{{ host.name }}"}}]
                after: [rabbitmq]
                parameters:
                  port: {type: number, default: 80, description: Where it listens.}
                  name: {type: text}
                resources:
                  - mode: "0644"
                    file: /etc/motd
                    group: ecs
                    content: |
                      one
                      two
                    notify: [reload nginx.service]
                    when: port == 80
                  - group: [a, b]
                gates:
                  - tcp: 80
                    deadline: 5s
                """), catalogue: catalogue)
        #expect(brief(decoded.diagnostics) == [])
        let role = try #require(decoded.value["web"])
        #expect(role.includes.map(\.role) == ["base", "efs"])
        #expect(role.includes[1].arguments.map(\.key) == ["share"])
        #expect(role.after.map(\.role) == ["rabbitmq"])
        #expect(role.parameters.map(\.name) == ["port", "name"])
        #expect(role.parameters[0].type == .number)
        #expect(role.parameters[1].defaultValue == nil)
        // `group` is a kind of its own, and here a field of the file.
        #expect(role.resources.map(\.kind) == ["file", "group"])
        #expect(role.resources[0].fields.map(\.key) == ["mode", "group", "content"])
        #expect(role.resources[0].notify.count == 1)
        #expect(role.resources[0].when != nil)
        #expect(role.resources[0].location == SourceLocation(file: "Roles/web/role.yaml", line: 9, column: 5))
        #expect(role.gates.map(\.check) == ["tcp"])
        #expect(role.folder == "Roles/web")
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        var name: String
        var yaml: String
        var expected: [String]
        var testDescription: String { name }
    }

    static let mistakes = [
        Mistake(
            name: "unknown keys, all of them, with the nearest",
            yaml: """
                role: web
                descripton: x
                resources:
                  - file: /a
                    modee: "0644"
                    zzzzz: 1
                """,
            expected: [
                "2:1 unknown key \"descripton\" in a role; did you mean \"description\"?",
                "5:5 unknown key \"modee\" of file; did you mean \"mode\"?",
                "6:5 unknown key \"zzzzz\" of file; known are confirm, content, each, group, mode, notify, state, when",
            ]),
        Mistake(
            name: "no kind",
            yaml: "role: web\nresources:\n  - fil: /a\n    mode: \"0644\"\n",
            expected: ["3:5 no kind of resource among the keys \"fil\", \"mode\"; did you mean \"file\"?"]),
        Mistake(
            name: "two kinds",
            yaml: "role: web\nresources:\n  - group: a\n    gid: 1\n    file: /a\n    mode: \"0644\"\n",
            expected: [
                "4:5 unknown key \"gid\" of file; known are confirm, content, each, group, mode, notify, state, when"
            ]),
        Mistake(
            name: "duplicate keys, each at its second place",
            yaml: """
                role: web
                resources:
                  - file: /a
                    mode: "0644"
                    mode: "0600"
                  - {file: /b, mode: "0644", "mode": "0600"}
                description: a
                description: b
                """,
            expected: [
                "5:5 key \"mode\" stands twice; it stands in line 4 already",
                "6:30 key \"mode\" stands twice; it stands in line 6 already",
                "8:1 key \"description\" stands twice; it stands in line 7 already",
            ]),
        Mistake(
            name: "an expression without quotes",
            yaml: "role: web\nresources:\n  - file: {{ path }}\n",
            expected: ["3:12 a key must be plain text; if this is an expression, quote the whole value: \"{{ … }}\""]),
        Mistake(
            name: "empty", yaml: "", expected: ["1:1 the file is empty; see the README beside it for what belongs here"]
        ),
        Mistake(
            name: "only a comment", yaml: "# nothing\n",
            expected: ["1:1 the file is empty; see the README beside it for what belongs here"]),
        Mistake(
            name: "two documents", yaml: "role: web\n---\nrole: web\n",
            expected: [
                "2:1 not YAML: but found another document (expected a single document in the stream); one file holds one document; remove the ---"
            ]),
        Mistake(
            name: "line breaks of YAML alone",
            yaml: "role: web\r\rrole: web\nresources: # a\u{85}b\n# \u{2028}\n  # é \u{2029}\n",
            expected: [
                "1:10", "2:15", "3:3", "4:7",
            ].map {
                "\($0) a line break that most editors do not show as one (U+000D, U+0085, U+2028 or U+2029); end lines "
                    + "with a line feed; within a text in double quotes write it as \\r, \\N, \\L or \\P"
            }),
        Mistake(
            name: "a tab", yaml: "role: web\nresources:\n\t- file: /a\n",
            expected: ["3:1 a tab as indentation; indent with blanks"]),
        Mistake(
            name: "an alias", yaml: "role: &name web\ndescription: *name\n",
            expected: [
                "1:7 an anchor or alias; write the value out, or quote it if the text begins with &",
                "2:14 an anchor or alias; write the value out, or quote it if the text begins with *",
            ]),
        Mistake(
            name: "a tag", yaml: "role: !!str web\n", expected: ["1:7 a tag; remove it, or quote the text"]),
        Mistake(
            name: "a flag where text is wanted", yaml: "role: web\ndescription: yes\n",
            expected: ["2:14 description must be text, not yes; quote it: \"yes\""]),
        Mistake(
            name: "wrong forms",
            yaml: "role: web\nresources: {}\ngates: x\nparameters: []\nafter: [[a]]\n",
            expected: [
                "2:12 resources must be a list, not a map; write [a, b]",
                "3:8 gates must be a list, not \"x\"; write [a, b]",
                "4:13 parameters must be a map, not a list", "5:9 a role in after must be text, not a list",
            ]),
        Mistake(
            name: "parameters",
            yaml: """
                role: web
                parameters:
                  1a: {type: text}
                  host: {type: text}
                  a: {type: txt}
                  b: {}
                  c: {type: text, defualt: x}
                """,
            expected: [
                "3:3 \"1a\" cannot be the name of a parameter; use a letter, then letters, digits and _",
                "4:3 \"host\" is a name of the language; choose another one",
                "5:13 unknown type \"txt\"; did you mean \"text\"?",
                "6:6 parameter \"b\" has no key \"type\"; add type: text | number | flag | list",
                "7:19 unknown key \"defualt\" in parameter \"c\"; did you mean \"default\"?",
            ]),
        Mistake(
            name: "gates",
            yaml: "role: web\ngates:\n  - htpp: x\n  - tcp: 80\n    status: 200\n  - x\n",
            expected: [
                "3:5 no kind of gate among the keys \"htpp\"; did you mean \"http\"?",
                "5:5 unknown key \"status\" of tcp; known are deadline, each, interval, scope, successes, vantage, when",
                "6:5 a gate must be a map of keys and values, not \"x\"; write KIND: NAME",
            ]),
        Mistake(
            name: "another role's name", yaml: "role: wob\n",
            expected: ["1:7 role \"wob\" stands in folder \"web\"; both must have the same name"]),
    ]

    @Test(arguments: mistakes) func findsEveryMistake(_ mistake: Mistake) {
        let decoded = RecipeDecoder.decode(recipeTree(mistake.yaml), catalogue: catalogue)
        #expect(brief(decoded.diagnostics) == mistake.expected)
    }

    @Test func refusesBytesThatAreNotUTF8WithTheirLine() {
        var tree = recipeTree("")
        tree.files["Roles/web/role.yaml"] = Array("role: web\ndescription: ".utf8) + [0xFF, 0x0A]
        let decoded = RecipeDecoder.decode(tree, catalogue: catalogue)
        #expect(
            brief(decoded.diagnostics) == [
                "2:1 the file is not UTF-8; save it as UTF-8; bytes of another kind belong below files/"
            ])
    }

    @Test func saysThatThereIsNoRole() {
        let tree = SourceTree(rolesFolder: "Roles", inventoryFile: "i", files: [:])
        let decoded = RecipeDecoder.decode(tree, catalogue: catalogue)
        #expect(decoded.diagnostics.map(\.message) == ["no role.yaml in the folders of Roles"])
    }

    @Test(arguments: ["*.conf", "a * b", "x & y", "!not"]) func quotesMakeSignsHarmless(_ text: String) {
        let decoded = RecipeDecoder.decode(
            recipeTree(
                "role: web\ndescription: \"\(text)\"\nresources:\n  - file: /a\n    content: |\n      \(text)\n"),
            catalogue: catalogue)
        #expect(brief(decoded.diagnostics) == [])
        #expect(decoded.value["web"]?.description == text)
    }
}
