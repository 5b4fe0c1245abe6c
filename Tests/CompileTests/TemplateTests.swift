import Compile
import Model
import Resources
import Testing

struct TemplateTests {
    /// What a template of role web writes on web01.
    static func rendered(
        _ template: String, encoding: String = "raw", parameters: String = "{}", on host: HostName = "web01"
    ) throws -> Content {
        let world = World(
            """
            uses: [db]
            parameters: \(parameters)
            resources:
              - sample: a
                template: t
                encoding: \(encoding)
            """, files: ["Roles/web/templates/t": template])
        return try #require(try world.samples(on: host).first?.content("template"))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var template: String
        var text: String
        init(_ template: String, _ text: String) {
            self.template = template
            self.text = text
        }
        var testDescription: String { template }
    }

    static let cases = [
        Case("", ""),
        Case("plain { text } %}", "plain { text } %}"),
        Case(
            "{{ host.name }} {{host.fqdn}} {{ host.address }} {{ host.az }} {{ host.role }}",
            "web01 web01.z.test 10.1.0.1 a web"),
        Case("{{ host.index }} {{ fleet.name }} {{ zone.name }} {{ os.family }}", "1 test z.test debian"),
        Case("{{ \"{{\" }} {{ '}}' }} {{ \"a\\\"\\n\\\\b\" }}", "{{ }} a\"\n\\b"),
        Case("a{# note #}b", "ab"),
        Case("a\n  {# note\n  of two lines #}  \nb\n", "a\nb\n"),
        Case("a\n  {# note #} x\n", "a\n   x\n"),
        Case(
            "{% for h in hosts(\"web\") %}{{ h.name }}{% if not loop.last %}, {% endif %}{% endfor %}", "web01, web02"),
        Case(
            "{% for h in hosts(\"web\") %}\nserver {{ h.fqdn }}; # {{ loop.index }}\n{% endfor %}\nend\n",
            "server web01.z.test; # 1\nserver web02.z.test; # 2\nend\n"),
        Case("a\n  {% if true %}  \n  b\n  {% else %}\n  c\n  {% endif %}\nd", "a\n  b\nd"),
        Case("a {% if false %}b{% elif host.index == 1 %}c{% else %}d{% endif %} e", "a c e"),
        Case("{% if host.name == \"web01\" and not (host.az != 'a') %}x{% endif %}", "x"),
        Case("{% if false or host.index >= 1 and host.index < 2 %}x{% endif %}", "x"),
        Case("{% if \"web02\" in hosts(\"web\").name %}x{% endif %}", "x"),
        Case("{{ join(hosts(\"web\").fqdn, \",\") }} {{ count(hosts(\"db\")) }}", "web01.z.test,web02.z.test 1"),
        Case("{{ first(host.name, 3) }} {{ first(\"ab\", 9) }}", "web ab"),
        Case("{{ join([\"a\", host.name, 3], \"-\") }}", "a-web01-3"),
        Case(
            "{% for a in [1, 2] %}{% for b in [\"x\", \"y\"] %}{{ a }}{{ b }}{{ loop.first }} {% endfor %}{% endfor %}",
            "1xtrue 1yfalse 2xtrue 2yfalse "),
        Case("{% for h in hosts(\"web\") %}{% if h == host %}{% else %}{{ h.name }}{% endif %}{% endfor %}", "web02"),
        Case("{{ -3 }} {{ 12 }} {{ true }}", "-3 12 true"),
        Case("{{ 2 + 3 * 4 - 6 / 4 }} {{ (2 + 3) * 4 }} {{ 7-2 }} {{ 1 + 1 == 2 }}", "13 20 5 true"),
        Case("{{ 'a' if host.index == 1 else 'b' }}{{ 'x' if false else 'y' if false else 'z' }}", "az"),
        Case("{{ os.release }} {{ os.architecture }} {{ os.selinux }} {{ os.systemd }}", "12 x86_64 disabled 252"),
        Case("{{ machine.memory / 2 }} {{ machine.cpus }} {{ machine.vendor }}", "3800 2 Amazon EC2"),
        Case("é{{ 'ü' }}\r\n", "éü\r\n"),
        Case("{{\n host.name\n}}", "web01"),
    ]

    @Test(arguments: cases) func writes(_ template: Case) throws {
        #expect(try Self.rendered(template.template) == Content(template.text).merged)
        #expect(try Self.rendered(template.template).placeholderText == template.text)
    }

    static let encodings: [(encoding: String, text: String)] = [
        ("raw", "v=a 'b' \"c\" \\ é"), ("properties", "v=a 'b' \"c\" \\\\ \\u00E9"), ("ini", "v=a 'b' \"c\" \\ é"),
        ("sql", "v=a ''b'' \"c\" \\\\ é"), ("json", "v=a 'b' \\\"c\\\" \\\\ é"),
        ("shell", "v='a '\\''b'\\'' \"c\" \\ é'"),
        ("url", "v=a%20%27b%27%20%22c%22%20%5C%20%C3%A9"),
    ]

    @Test(arguments: encodings.map(\.encoding)) func writesValuesForTheirSink(_ encoding: String) throws {
        let expected = try #require(Self.encodings.first { $0.encoding == encoding }).text
        let value = "a 'b' \\\"c\\\" \\\\ é"
        let quote = ["sql": "'", "json": "\""][encoding] ?? ""
        #expect(
            try Self.rendered("v=\(quote){{ \"\(value)\" }}\(quote)", encoding: encoding).placeholderText
                == "v=\(quote)\(expected.dropFirst(2))\(quote)")
        // A filter wins over the file's encoding, and literals are never touched.
        #expect(try Self.rendered("v={{ \"\(value)\" | \(encoding) }}", encoding: "json").placeholderText == expected)
        let literal = "'\"\\é"
        #expect(try Self.rendered(literal, encoding: encoding).placeholderText == literal)
    }

    static let places: [(encoding: String, template: String, mistake: String?)] = [
        ("json", #"{"a": "{{ @ }}", "b{{ @ }}c": {{ host.index }}, "d\"{{ @ }}": {{ host.name }}}"#, nil),
        ("json", #"{"a": {{ @ }}}"#, "t:1:10 a JSON text stands outside of double quotes"),
        ("json", #"{"a": "b\"", "c": {{ @ }}}"#, "t:1:22 a JSON text stands outside of double quotes"),
        ("json", #"{"a": {{ @ | raw }}}"#, nil),
        ("sql", "-- it's\nSET '{{ @ }}'; # don't\n/* ' */ SET 'it''s {{ @ }}' {{ host.index }}", nil),
        ("sql", "ALTER USER 'a' IDENTIFIED BY {{ @ }}", "t:1:33 an SQL text stands outside of single quotes"),
        ("sql", "SET 'a\\'{{ @ }}'", nil),
        ("shell", "a={{ @ }} b=\"$a\" # don't\nc='x'{{ @ }}", nil),
        ("shell", "a=\"{{ @ }}\"", "t:1:7 a shell word stands inside quotes or behind <<"),
        ("shell", "cat <<E\n{{ @ }}\nE", "t:2:4 a shell word stands inside quotes or behind <<"),
        ("properties", "a=\"{{ @ }}\"", nil), ("ini", "a = {{ @ }}", nil), ("url", "'{{ @ }}", nil),
    ]

    @Test("a secret stands where its encoding is right", arguments: places.indices) func place(_ index: Int) throws {
        let (encoding, template, mistake) = Self.places[index]
        let text = template.replacing("@", with: "secret(\"passwords.x\")")
        let world = World(
            "resources:\n  - sample: a\n    template: t\n    encoding: \(encoding)\n",
            files: ["Roles/web/templates/t": text])
        let found = world.mistakes()
        if let mistake {
            #expect(found.count == 1 && found[0].contains(mistake), "\(found)")
        } else {
            #expect(found.isEmpty)
        }
    }

    @Test func keepsSecretsAsReferences() throws {
        let content = try Self.rendered(
            "a={{ secret(\"passwords.x\") }}\nb={{ secret(\"passwords.y\") | raw }}\n", encoding: "properties")
        #expect(
            content.segments == [
                .literal(Array("a=".utf8)), .secret("passwords.x", .properties), .literal(Array("\nb=".utf8)),
                .secret("passwords.y", .raw), .literal([0x0A]),
            ])
    }

    static let mistakes = [
        Case("a\n{{ hots.name }}", "t:2:4 unknown name \"hots\"; did you mean \"host\"?"),
        Case("é {{ host.nam }}", "t:1:11 a host has no \"nam\"; did you mean \"name\"?"),
        Case(
            "{{ os.name }}",
            "t:1:7 there is no \"name\" here; known are architecture, family, release, selinux, systemd"),
        Case(
            "{% for h in hosts(\"web\") %}{{ h.ip }}{% endfor %}",
            "t:1:33 a host has no \"ip\"; known are address, az, fqdn, index, name, role"),
        Case("{{ hosts(\"wep\") }}", "t:1:10 the inventory has no role \"wep\"; did you mean \"web\"?"),
        Case("{{ hostz(\"web\") }}", "t:1:4 unknown function \"hostz\"; did you mean \"hosts\"?"),
        Case("{{ join(hosts(\"web\")) }}", "t:1:4 join takes 2 arguments, not 1; see Roles/README.md"),
        Case(
            "{{ secret(\"db_password\") }}",
            "t:1:11 secret \"db_password\" does not say its source; write secret(\"passwords.db_password\")"),
        Case(
            "{{ secret(\"passwort.x\") }}",
            "t:1:11 the inventory has no secret source \"passwort\"; did you mean \"passwords\"?"),
        Case(
            "{% if false %}{{ nothing }}{% endif %}",
            "t:1:18 unknown name \"nothing\"; known are fleet, host, machine, os, zone"),
        Case("{{ hosts(\"web\") }}", "t:1:4 a list has no text form; use join(LIST, \",\"), or a loop"),
        Case("{{ host }}", "t:1:4 a host has no text form; name one of its attributes, such as .fqdn"),
        Case(
            "{% for h in host.name %}{% endfor %}", "t:1:18 for needs a list, not text; for example hosts(\"backend\")"),
        Case(
            "{% if host.index %}{% endif %}",
            "t:1:12 a condition must be a flag, not a number; compare it with something"),
        Case("{% if host.index == \"1\" %}{% endif %}", "t:1:12 a number and text cannot be compared with =="),
        Case(
            "{% if secret(\"passwords.x\") == \"a\" %}{% endif %}",
            "t:1:7 a secret can only be written out, never compared"),
        Case("{{ hosts(\"db\").address }}", "t:1:16 the address of db01 is not known; is it in the zone?"),
        Case("x {% fro h in [] %}", "t:1:6 unknown tag \"fro\"; did you mean \"for\"?"),
        Case("x\n{% for h in [] %}\n", "t:2:1 for has no end; add {% endfor %}"),
        Case("{% if true %}{% endfor %}", "t:1:14 endfor inside if; expected endif"),
        Case("a {% endif %}", "t:1:3 endif without its beginning"),
        Case("{% if true %}{% else %}{% else %}{% endif %}", "t:1:24 else behind else; expected endif"),
        Case("{{ host.name", "t:1:13 }} is missing"),
        Case("{{ host.name | jsno }}", "t:1:16 unknown encoding \"jsno\"; did you mean \"json\"?"),
        Case("{{ \"abc }}", "t:1:4 the text has no end; close it with the quote that began it"),
        Case("{{ \"a\\q\" }}", "t:1:6 unknown escape in a text; there are \\n, \\t, \\\\ and the quote"),
        Case("{{ 007 }}", "t:1:4 \"007\" is not a number; quote it if it is text"),
        Case("{% if host.name = \"a\" %}{% endif %}", "t:1:17 unexpected \"=\"; compare with =="),
        Case("{{ }}", "t:1:4 unexpected \"}\"; expected a name, a text or a number"),
        Case("{{ 1 / 0 }}", "t:1:4 a division by 0"),
        Case("{{ 9223372036854775807 + 1 }}", "t:1:4 the number is too large"),
        Case(
            "{{ host.name + 'x' }}",
            "t:1:9 + needs two numbers, not text and text; texts stand side by side: \"{{ a }}{{ b }}\""),
        Case("{{ 'a' if true }}", "t:1:16 else is missing; write A if CONDITION else B"),
        Case(
            "{{ 'a' if host.name else 'b' }}", "t:1:16 a condition must be a flag, not text; compare it with something"),
        Case("{{ machine.disk }}", "t:1:12 there is no \"disk\" here; known are container, cpus, memory, vendor"),
        Case("{{ a b }}", "t:1:6 unexpected \"b\"; expected }}"),
        Case("{# never", "t:1:1 the comment has no end; add #}"),
        Case(
            "{% for host in [] %}{% endfor %}", "t:1:8 for needs a name of its own; write {% for h in hosts(\"…\") %}"),
        Case("{{ loop.first }}", "t:1:4 unknown name \"loop\"; known are fleet, host, machine, os, zone"),
        Case("{{ \"a\\nb\" | ini }}", "t:1:4 ini has no form for this value"),
        Case("{{ " + String(repeating: "(", count: 100) + "1", "t:1:36 the expression is nested too deep"),
        Case(String(repeating: "{% if true %}", count: 100), "t:1:209 blocks are nested too deep"),
    ]

    @Test(arguments: mistakes) func refuses(_ template: Case) {
        let world = World(
            "uses: [db]\nresources:\n  - sample: a\n    template: t\n",
            files: ["Roles/web/templates/t": template.template])
        #expect(world.mistakes() == [template.text])
    }

    /// Changed at random from a fixed seed, a template is written or refused; nothing crashes or hangs.
    @Test(.timeLimit(.minutes(2))) func anyChangeOfATemplateIsWrittenOrRefused() throws {
        let template = """
            {% for h in hosts("web") %}
            {{ h.fqdn }} {% if not loop.last and h.index >= 1 %}{{ join(["a", 'b'], ",") | json }}{% else %}x{% endif %}
            {% endfor %}
            {# note #} {{ secret("passwords.x") }} {{ (host.name == "a") or true }}
            """
        let compiler = try World("resources:\n  - sample: a\n    template: t\n").compiler()
        let bytes = Array(template.utf8)
        let alphabet = Array("{}%#|()[]\"'\\.,=!<> \nab0é".utf8)
        var generator = SplitMix(state: 7)
        var refused = 0
        for _ in 0..<3000 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<changed.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: changed[place] = alphabet.randomElement(using: &generator) ?? 0
                case 1: changed.remove(at: place)
                default: changed.insert(alphabet.randomElement(using: &generator) ?? 0, at: place)
                }
            }
            var tree = compiler.tree
            tree.files["Roles/web/templates/t"] = changed
            let altered = Compiler(
                roles: compiler.roles, inventory: compiler.inventory, catalogue: compiler.catalogue, tree: tree)
            do throws(Diagnostics) {
                _ = try altered.compile("web", on: "web01", family: .debian, placements: World.placements)
            } catch {
                refused += 1
                for diagnostic in error.all { #expect((1...10).contains(diagnostic.location?.line ?? 0)) }
            }
        }
        // Control: the changes do reach the parser, and some of them leave it right.
        #expect((1000..<3000).contains(refused))
    }
}

/// Vigna's splitmix64: the same numbers on every machine.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension Content {
    /// Without empty segments, as the renderer makes it.
    var merged: Content {
        Content(segments.filter { $0 != .literal([]) })
    }
}
