import Model
import Resources
import Testing

/// What recipes may write, and what a kind alone can know to be wrong.
@Suite struct DeclarationTests {
    @Test func everyKindAndBatchHasItsOwnName() {
        #expect(Set(Catalogue.standard.names).count == Catalogue.standard.kinds.count)
        #expect(Set(BatchCatalogue.standard.batches.map { $0.name }).count == BatchCatalogue.standard.batches.count)
        for kind in Catalogue.standard.kinds {
            let fields = kind.declaration.fields
            #expect(Set(fields.map(\.name)).count == fields.count, "\(kind.name)")
            #expect(fields.allSatisfy { $0.documentation.hasSuffix(".") }, "\(kind.name)")
            #expect(!fields.contains { ["notify", "when"].contains($0.name) }, "\(kind.name)")
        }
    }

    /// Kind, subject, fields, and a word of each mistake.
    private static let mistakes: [(String, String, [String: FieldValue], [String])] = [
        ("file", "/etc/x", [:], ["none of content, source and template"]),
        (
            "file", "/etc/x", ["content": .content(Content("a")), "source": .content(Content("b"))],
            ["more than one of"]
        ),
        ("file", "/etc/x", ["content": .content(Content("a")), "state": .text("absent")], ["has no content"]),
        ("file", "etc/x", ["state": .text("absent")], ["not an absolute path"]),
        ("file", "/etc/../x", ["state": .text("absent")], ["not a plain path"]),
        ("file", "/etc//x", ["state": .text("absent")], ["not a plain path"]),
        ("file", "/etc/x/", ["state": .text("absent")], ["not a plain path"]),
        ("file", "/", ["state": .text("absent")], ["not a plain path"]),
        ("directory", "/x", ["owner": .text("a b"), "group": .text("-x")], ["\"a b\" is not", "\"-x\" is not"]),
        (
            "file", "/etc/x",
            ["content": .content(Content([.secret("a.b", .raw)])), "mode": .mode(0o644)], ["lets everybody in"]
        ),
        ("line", "x", [:], ["not a plain path"]),
        ("line", "", ["in": .text("/f")], ["cannot be empty"]),
        ("line", "a\nb", ["in": .text("/f"), "mode": .mode(0o600)], ["line break", "only when it is made"]),
        (
            "line", "x", ["in": .text("/f"), "prefix": .text(""), "match": .text("(a"), "before": .text("[[:x]")],
            ["both given", "empty prefix", "a parenthesis has no partner", "a bracket is not closed"]
        ),
        (
            "line", "x", ["in": .text("/f"), "before": .text("a)("), "after": .text("b\\")],
            ["both given", "a parenthesis has no partner", "ends in a backslash"]
        ),
        (
            "line", "x", ["in": .text("/f"), "state": .text("absent"), "create": .flag(true), "after": .text("a")],
            ["makes no file", "has no place"]
        ),
        ("symlink", "/x", [:], ["must point somewhere"]),
        ("package", "nginx*", [:], ["not the name of a package"]),
        ("package", "-y", [:], ["not the name of a package"]),
        ("package", "./x.deb", [:], ["not the name of a package"]),
        ("package", "nginx", ["version": .text(">= 1")], ["not a version"]),
        ("user", "a:b", ["uid": .number(0)], ["not a user or group name", "0 is no uid"]),
        (
            "user", "a", ["comment": .text("x:y"), "home": .text("rel")],
            ["cannot hold a colon", "not an absolute path"]
        ),
        ("group", "über", [:], ["not a user or group name"]),
        ("service", "nginx", [:], ["not the name of a systemd unit"]),
        ("service", "foo@.service", [:], ["a template cannot run"]),
        ("service", "*.service", [:], ["not the name of a systemd unit"]),
        ("unit", "../x.service", ["content": .content(Content(""))], ["neither a unit nor a drop-in"]),
        ("unit", "a.service.d/b.txt", ["content": .content(Content(""))], ["neither a unit nor a drop-in"]),
        ("unit", "a.service", ["content": .content(Content([.secret("a.b", .raw)]))], ["cannot keep a secret"]),
        ("sysctl", "vm", ["value": .text("1")], ["not the name of one kernel parameter"]),
        ("sysctl", "net.ipv4.conf.*.rp_filter", ["value": .text("1")], ["not the name of one kernel parameter"]),
        ("sysctl", "net/../vm/x", [:], ["not the name of one kernel parameter", "value is missing"]),
        ("sysctl", "vm.x", ["value": .text("1"), "state": .text("absent")], ["has no value"]),
        ("hostname", "Web01.prod.test", [:], ["is not a host name; \"web01.prod.test\""]),
        ("hostname", "web_01", [:], ["is not a host name"]),
        ("hostname", "-a.b", [:], ["is not a host name"]),
        ("hostname", "a..b", [:], ["is not a host name"]),
        ("mount", "/m", [:], ["its type is missing", "its source is missing"]),
        ("mount", "/m", ["type": .text("nfs4"), "source": .text("server")], ["is not SERVER:/PATH"]),
        ("mount", "/m", ["type": .text("efs"), "source": .text("s:/")], ["is not a file system of EFS"]),
        ("mount", "/m", ["type": .text("bind"), "source": .text("etc")], ["not an absolute path"]),
        ("mount", "/m", ["type": .text("ext4"), "source": .text("nvme1n1")], ["is not a device"]),
        (
            "mount", "/m",
            ["type": .text("tmpfs"), "options": .list(["ro", "rw", "a,b", "size=1m #"])],
            ["contradict each other", "\"a,b\" is not one option", "\"size=1m #\" is not one option"]
        ),
        (
            "mount", "/m",
            ["type": .text("nfs4"), "source": .text("s:/"), "options": .list(["soft", "timeo=50"])], ["data is lost"]
        ),
        ("mount", "/m", ["type": .text("nfs4"), "state": .text("absent")], ["needs no type"]),
        ("timer", "backup", [:], ["not the name of a systemd unit", "when it comes"]),
        ("timer", "backup.service", ["every": .duration(.seconds(1))], ["is not a timer"]),
        (
            "timer", "b.timer", ["every": .duration(.zero), "starts": .text("x")],
            ["longer than nothing", "\"x\" is not"]
        ),
        ("timer", "b.timer", ["calendar": .text("a\nUnit=b")], ["line break"]),
        ("timer", "b.timer", ["calendar": .text("daily"), "state": .text("absent")], ["has no times"]),
        ("command", "a", ["run": .text("x")], ["needs a guard"]),
        ("command", "a", ["run": .text("x"), "unless": .text("y"), "creates": .text("/z")], ["has one guard"]),
        ("command", "a\nb", ["run": .text("x"), "unless": .text("y")], ["one line of text"]),
        (
            "certificate", "/etc/c", ["key": .text("/etc/k"), "ca": .text("/etc/k")],
            ["are three files", "it has no names", "no CA is named"]
        ),
        certificate(["names": .list(["*.prod-ha.cso.ss"])], "is for every host of its zone"),
        certificate(["names": .list(["a_b"])], "neither a DNS name nor an IPv4 address"),
        certificate(["names": .list(["10.1.2.300"])], "neither a DNS name nor an IPv4 address"),
        certificate(["names": .list(["fd00::1"])], "neither a DNS name nor an IPv4 address"),
        certificate(["names": .list(["a.b,DNS:c.d"])], "neither a DNS name nor an IPv4 address"),
        certificate(["names": .list(["a.b", "A.b."])], "stands twice in names"),
        certificate(["mode": .mode(0o644)], "cannot have mode 0644"),
        certificate(["mode": .mode(0o040)], "cannot have mode 0040"),
        certificate(["valid_for": .duration(.seconds(826 * 86400))], "more than 825 days"),
        certificate(["valid_for": .duration(.seconds(30 * 86400))], "renewed in every run"),
        certificate(["allow": .list(["wildcards"])], "nothing called \"wildcards\""),
        certificate(["issuer": .content(Content("text"))], "one secret and nothing else", "no CA is named"),
        certificate(
            ["issuer": .content(Content([.secret("a.ca", .raw), .secret("b.ca", .raw)]))], "one secret and nothing else"
        ),
        certificate(
            ["also_trusted": .content(Content([.secret("pki.ca", .raw)]))], "is the issuer, and trusted anyway"),
        ("once", "a", ["run": .text(""), "evidence": .text("")], ["run is empty", "evidence is empty"]),
        ("release", "app", [:], ["a release has a version", "comes from an archive", "only with its SHA-256"]),
        ("release", "app", ["state": .text("absent"), "limit": .duration(.seconds(1))], ["limit is for an installer"]),
    ]

    /// A right one with these fields instead.
    private static func certificate(
        _ fields: [String: FieldValue], _ words: String...
    ) -> (String, String, [String: FieldValue], [String]) {
        let right: [String: FieldValue] = [
            "key": .text("/etc/k"), "ca": .text("/etc/ca"), "names": .list(["a.b"]),
            "issuer": .content(Content([.secret("pki.ca", .raw)])),
        ]
        return ("certificate", "/etc/c", right.merging(fields) { $1 }, words)
    }

    @Test func mistakesAreFoundAndAllOfThemAreSaid() throws {
        for (name, subject, values, words) in Self.mistakes {
            let kind = try #require(Catalogue.standard[KindName(name)])
            for value in values.keys { #expect(kind.declaration.field(value) != nil, "\(name) has no field \(value)") }
            let error = #expect(throws: Diagnostics.self, "\(name) \(subject)") {
                _ = try kind.init(Fields(subject, values))
            }
            let found = error?.description ?? ""
            for word in words { #expect(found.contains(word), "\(name): \(found)") }
        }
    }

    @Test func aMistakeStandsWhereItWasMade() {
        let place = SourceLocation(file: "role.yaml", line: 7, column: 9)
        let fields = Fields(
            subject: "nginx", values: ["version": .text("*")], location: SourceLocation(file: "role.yaml"),
            locations: ["version": place])
        let error = #expect(throws: Diagnostics.self) { _ = try PackageResource(fields) }
        #expect(error?.all.map(\.location) == [place])
    }

    @Test func namesThatAreRightAreTaken() throws {
        for unit in ["nginx.service", "getty@tty1.service", "dev-disk\\x2dby.mount", "a.b.timer"] {
            #expect(try ServiceResource(Fields(unit)).unit.rawValue == unit)
        }
        for package in ["nginx", "libc6:amd64", "libstdc++6", "python3.11", "java-17-amazon-corretto-headless"] {
            #expect(try PackageResource(Fields(package)).package == package)
        }
        for user in ["ecs", "_apt", "systemd-network", "a.b", "Debian-exim"] {
            #expect(try UserResource(Fields(user)).name == user)
        }
        let dropIn = try UnitFileResource(Fields("nginx.service.d/limits.conf", ["source": .content(Content("x"))]))
        #expect(dropIn.managedPaths == ["/etc/systemd/system/nginx.service.d/limits.conf"])
    }

    /// Secrets are bound for a digest only, and a sensitive file gives away no content for a diff.
    @Test func aFileWithSecretsIsSensitiveUnlessItSaysOtherwise() throws {
        let content = Content([.literal(Array("a=".utf8)), .secret("p.w", .raw)])
        let file = try FileResource(Fields("/etc/x", ["template": .content(content)]))
        #expect(file.isSensitive && file.managedContent == nil)
        let book = SecretBook(values: ["p.w": Secret("hidden")])
        let desired = try file.desired(with: book, on: .test())
        #expect(desired?["content"] == .text(Digest.sha256(Array("a=hidden".utf8))))
        #expect(desired?["mode"] == "0600")
        #expect(throws: BindingError.missing("p.w")) { _ = try file.desired(with: SecretBook(), on: .test()) }
        let open = try FileResource(Fields("/etc/x", ["template": .content(content), "sensitive": .flag(false)]))
        #expect(!open.isSensitive && open.managedContent?.path == "/etc/x")
    }
}
