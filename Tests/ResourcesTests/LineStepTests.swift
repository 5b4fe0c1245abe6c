import Glibc
import Model
import Resources
import Testing

@Suite struct LineStepTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var before: String
        var line: String
        var fields: [String: FieldValue]
        var after: String
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "appended", before: "a\nb\n", line: "c", fields: [:], after: "a\nb\nc\n"),
        Case(name: "to an empty file", before: "", line: "c", fields: [:], after: "c\n"),
        Case(name: "no final newline", before: "a\nb", line: "c", fields: [:], after: "a\nb\nc\n"),
        Case(name: "part of another line is not it", before: "xc\ncx\n", line: "c", fields: [:], after: "xc\ncx\nc\n"),
        Case(name: "CR LF", before: "a\r\nb\r\n", line: "c", fields: [:], after: "a\r\nb\r\nc\r\n"),
        Case(name: "CR LF without the last one", before: "a\r\nb", line: "c", fields: [:], after: "a\r\nb\r\nc\r\n"),
        Case(
            name: "CR LF replaced", before: "k = 1\r\nb\r\n", line: "k = 2", fields: ["match": .text("^k *= *[0-9]$")],
            after: "k = 2\r\nb\r\n"),
        Case(
            name: "prefix replaced in its place", before: "a\nK=old\nb\n", line: "K=new",
            fields: ["prefix": .text("K=")],
            after: "a\nK=new\nb\n"),
        Case(
            name: "duplicates become one", before: "K=1\na\nK=2\nK=3\nb\nK=new", line: "K=new",
            fields: ["prefix": .text("K=")], after: "K=new\na\nb\n"),
        Case(name: "equal duplicates", before: "x\na\nx\nb\nx\n", line: "x", fields: [:], after: "x\na\nb\n"),
        Case(
            name: "commented out one is taken", before: "#PermitRootLogin yes\nb\n", line: "PermitRootLogin no",
            fields: ["match": .text("^[[:space:]]*#?[[:space:]]*PermitRootLogin[[:space:]]")],
            after: "PermitRootLogin no\nb\n"),
        Case(
            name: "special characters mean nothing in text and prefix", before: "a.b*[x]^$(y){1}|\\ = old\naxb\n",
            line: "a.b*[x]^$(y){1}|\\ = new", fields: ["prefix": .text("a.b*[x]^$(y){1}|\\ =")],
            after: "a.b*[x]^$(y){1}|\\ = new\naxb\n"),
        Case(
            name: "after the last", before: "[a]\n[m]\nx\n[m]\ny\n", line: "new", fields: ["after": .text("^\\[m\\]$")],
            after: "[a]\n[m]\nx\n[m]\nnew\ny\n"),
        Case(
            name: "after the end that has no newline", before: "[m]", line: "new", fields: ["after": .text("m")],
            after: "[m]\nnew\n"),
        Case(
            name: "before the first", before: "a\nMatch x\nb\nMatch y\n", line: "new",
            fields: ["before": .text("^Match ")], after: "a\nnew\nMatch x\nb\nMatch y\n"),
        Case(
            name: "place does not matter where it stands already", before: "new\na\n", line: "new",
            fields: ["after": .text("^a$")], after: "new\na\n"),
        Case(name: "removed", before: "a\nb\nc\nb", line: "b", fields: ["state": .text("absent")], after: "a\nc\n"),
        Case(
            name: "removed by key, the last byte stays as it was", before: "K=1\na\n K=2\nb", line: "K",
            fields: ["match": .text("^ *K="), "state": .text("absent")], after: "a\nb"),
        Case(
            name: "bytes of others stay", before: "h\u{C1}\u{81}\u{85}\t\\n%s 'q' \"\n\u{1}\u{7F}\nend",
            line: "é 'x' $(id) `id` \\n %s",
            fields: [:], after: "h\u{C1}\u{81}\u{85}\t\\n%s 'q' \"\n\u{1}\u{7F}\nend\né 'x' $(id) `id` \\n %s\n"),
        Case(
            name: "begins with a dash", before: "-e\n--\n", line: "-n", fields: ["before": .text("--")],
            after: "-e\n-n\n--\n"),
    ]

    private func resource(_ path: String, _ line: String, _ fields: [String: FieldValue]) throws -> LineResource {
        try LineResource(Fields(line, ["in": .text(path)].merging(fields) { $1 }))
    }

    @Test(arguments: cases) func theLineComesAndNothingElseChanges(this: Case) async throws {
        for shell in shells {
            let scratch = try Scratch()
            try scratch.write("f", this.before)
            chmod(scratch.path + "/f", 0o604)
            chown(scratch.path + "/f", 2, 3)
            let resource = try resource("\(scratch.path)/f", this.line, this.fields)
            let answers = try await Shell.converge(resource, shell: shell)
            #expect(answers.allSatisfy { $0.status == 0 }, "\(shell): \(answers.map(\.errorText))")
            #expect(answers.isEmpty == (this.before == this.after))
            #expect(try scratch.text("f") == this.after, "\(shell)")
            let found = try #require(scratch.status("f"))
            #expect(found.st_mode & 0o7777 == 0o604 && found.st_uid == 2 && found.st_gid == 3)
            #expect(scratch.status("f.cso-tmp") == nil)
            #expect(try await Shell.needsNothing(resource, shell: shell) == true)
            // Done again by a run that was cut off, it touches nothing.
            let change = Change(resource: resource, action: .update, observed: .absent, differences: [])
            let again = try await Shell.perform(LineResource.steps(for: [change], on: .test()), shell: shell)
            #expect(again.map(\.status) == [0], "\(again.map(\.errorText))")
            #expect(scratch.status("f")?.st_ino == found.st_ino)
        }
    }

    @Test(arguments: shells) func linesOfOneFileDoNotDisturbEachOther(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("f", "A=0\nother\n")
        let path = "\(scratch.path)/f"
        let both = [
            try resource(path, "A=1", ["prefix": .text("A=")]), try resource(path, "B=1", ["match": .text("^B=")]),
            try resource(path, "C", [:]),
        ]
        #expect(Set(both.map(\.identity)).count == 3)
        for line in both { _ = try await Shell.converge(line, shell: shell) }
        #expect(try scratch.text("f") == "A=1\nother\nB=1\nC\n")
        for line in both { #expect(try await Shell.needsNothing(line, shell: shell) == true) }
    }

    @Test(arguments: shells) func aMissingFileIsMadeOnlyWhereThatIsSaid(shell: String) async throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/f"
        let observed = try await Shell.observe(try resource(path, "x", [:]), shell: shell)
        #expect(observed.reason?.contains("does not exist; declare what makes it before") == true)
        let making = try resource(
            path, "x", ["create": .flag(true), "mode": .mode(0o640), "owner": .text("daemon"), "after": .text("y")])
        #expect(try await Shell.converge(making, shell: shell).map(\.status) == [0])
        let found = try #require(scratch.status("f"))
        #expect(try scratch.text("f") == "x\n")
        #expect(found.st_mode & 0o7777 == 0o640 && found.st_uid == 1)
        // The attributes were for making it only.
        chmod(path, 0o600)
        #expect(try await Shell.needsNothing(making, shell: shell) == true)
        let gone = try resource("\(scratch.path)/no/where", "x", ["state": .text("absent")])
        #expect(try await Shell.needsNothing(gone, shell: shell) == true)
    }

    @Test(arguments: shells) func whatIsNoTextFileIsLeftAlone(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("real", "a\n")
        symlink("real", scratch.path + "/link")
        try scratch.write("binary", [0x61, 0, 0x62, 0x0A])
        // Beyond what the probe looks at.
        try scratch.write("late", [UInt8](repeating: 0x0A, count: 300_000) + [0])
        mkdir(scratch.path + "/folder", 0o755)
        mkfifo(scratch.path + "/fifo", 0o600)
        for (name, words) in [
            ("link", "is a symbolic link to real; name the file"), ("binary", "is not a text file"),
            ("folder", "is a directory, not a file"), ("fifo", "is a fifo, not a file"),
        ] {
            for fields in [[:], ["match": FieldValue.text("^x")]] {
                let observed = try await Shell.observe(
                    try resource("\(scratch.path)/\(name)", "x", fields), shell: shell)
                #expect(observed.reason?.contains(words) == true, "\(name): \(observed)")
            }
            let change = Change(
                resource: try resource("\(scratch.path)/\(name)", "x", [:]), action: .create, observed: .absent,
                differences: [])
            let answers = try await Shell.perform(LineResource.steps(for: [change], on: .test()), shell: shell)
            #expect(answers.map(\.status) == [1], "\(name)")
        }
        let late = try await Shell.converge(try resource("\(scratch.path)/late", "x", [:]), shell: shell)
        #expect(late.last?.errorText.contains("holds NUL bytes") == true)
        #expect(scratch.status("late")?.st_size == 300_001)
        #expect(try scratch.text("real") == "a\n")
    }

    @Test(arguments: shells) func whatDoesNotValidateOrHasNoPlaceChangesNothing(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("f", "good\n")
        let path = "\(scratch.path)/f"
        let before = try #require(scratch.status("f"))
        let refused = try await Shell.converge(
            try resource(path, "bad", ["validate": .text("! grep bad \"$1\"")]), shell: shell)
        #expect(refused.last?.errorText.contains("the new content is not valid; the old file stays") == true)
        let misplaced = try resource(path, "x", ["after": .text("^nowhere")])
        let observed = try await Shell.observe(misplaced, shell: shell)
        #expect(observed.reason?.contains("matches \"^nowhere\", where the new one belongs") == true, "\(observed)")
        let change = Change(resource: misplaced, action: .create, observed: .absent, differences: [])
        let failed = try await Shell.perform(LineResource.steps(for: [change], on: .test()), shell: shell)
        #expect(
            failed.last?.errorText.contains("no line matches ^nowhere") == true, "\(failed)")
        // Balanced, and still no regular expression: grep says so.
        let bad = try await Shell.observe(try resource(path, "x", ["match": .text("[z-a]")]), shell: shell)
        #expect(bad.reason?.contains("Invalid range end") == true, "\(bad)")
        #expect(scratch.status("f")?.st_ino == before.st_ino && scratch.status("f.cso-tmp") == nil)
        #expect(try scratch.text("f") == "good\n")
    }

    /// 8 lines of 4 files: one grep looks for all of them.
    @Test func linesCostTwoProcessesWhateverTheirNumber() throws {
        let resources = try (0..<8).map { try resource("/etc/f\($0 / 2)", "k\($0)", ["prefix": .text("k\($0)")]) }
        let requests = resources.flatMap { $0.probes(on: .test()) }.filter { $0.batch == LineBatch.name }
        let script = LineBatch.question(requests.map(\.argument), on: .test()).script.text
        #expect(script.split(separator: "grep -").count == 3)
    }

    @Test func linesThatReplaceEachOtherAreRefused() throws {
        let line = try resource("/f", "Port 22", ["prefix": .text("P")])
        let other = try resource("/f", "PermitRootLogin no", [:])
        let elsewhere = try resource("/g", "PermitRootLogin no", [:])
        let gone = try resource("/f", "P", ["prefix": .text("Permit"), "state": .text("absent")])
        #expect(line.objection(among: [line, elsewhere]) == nil)
        #expect(line.objection(among: [line, other])?.message.contains("replaces what line:/f: Permit") == true)
        #expect(other.objection(among: [line, other]) == nil)
        #expect(gone.objection(among: [gone, other])?.message.contains("removes what") == true)
    }
}

@Suite struct ContextTests {
    /// A host whose kernel says that SELinux is on. Contexts are kept in files beside the real ones by stand-ins of chcon,
    /// matchpathcon and restorecon, since this machine has no SELinux.
    private func world() async throws -> World {
        let world = try await World()
        let set = try await world.run(
            """
            mkdir -p /sys/fs/selinux /srv/x /var/label && : >/sys/fs/selinux/enforce && : >/tmp/calls
            cat >/usr/bin/chcon <<'END'
            #!/bin/bash
            echo "chcon $*" >>/tmp/calls
            id() { stat -c /var/label/%i -- "$1"; }
            case $1 in
            --reference=*) cp "$(id "${1#--reference=}")" "$(id "$3")" ;;
            --) echo "$2" >"$(id "$3")" ;;
            *) exit 99 ;;
            esac
            END
            cat >/usr/bin/matchpathcon <<'END'
            #!/bin/bash
            echo "matchpathcon $*" >>/tmp/calls
            case $* in '-n -m file -- /srv/x/none') echo '<<none>>' ;; '-n -m file -- /srv/x/'*) echo system_u:object_r:policy_t:s0 ;; *) exit 99 ;; esac
            END
            cat >/usr/bin/restorecon <<'END'
            #!/bin/bash
            echo "restorecon $*" >>/tmp/calls
            END
            chmod 755 /usr/bin/chcon /usr/bin/matchpathcon /usr/bin/restorecon
            echo old >/srv/x/old; echo system_u:object_r:own_t:s0 >"$(stat -c /var/label/%i /srv/x/old)"
            """)
        #expect(set.status == 0, "\(set.errorText)")
        return world
    }
    private func label(_ name: String, _ world: World) async throws -> String {
        try await world.run("cat \"$(stat -c /var/label/%i /srv/x/\(word: name))\"").outputText
    }
    private func file(_ name: String) throws -> FileResource {
        try FileResource(Fields("/srv/x/\(name)", ["content": .content(Content("new\n"))]))
    }

    @Test(arguments: shells) func aNewVersionKeepsTheContextAndANewFileHasThePolicys(shell: String) async throws {
        let world = try await world()
        for name in ["old", "new"] {
            // The context must be there before the file can be seen at its place: the rename is the last thing.
            let answers = try await Shell.converge(try file(name), shell: shell, prefix: world.prefix)
            #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
        }
        #expect(try await label("old", world) == "system_u:object_r:own_t:s0\n")
        #expect(try await label("new", world) == "system_u:object_r:policy_t:s0\n")
        let line = try LineResource(Fields("more", ["in": .text("/srv/x/old")]))
        #expect(try await Shell.converge(line, shell: shell, prefix: world.prefix).map(\.status) == [0])
        #expect(try await label("old", world) == "system_u:object_r:own_t:s0\n")
        #expect(try await world.run("cat /srv/x/old").outputText == "new\nmore\n")
        #expect(try await Shell.converge(try file("none"), shell: shell, prefix: world.prefix).map(\.status) == [0])
        #expect(try await world.run("grep -c restorecon /tmp/calls").outputText == "0\n")
        // Without libselinux-utils the name decides after the rename.
        _ = try await world.run("rm /usr/bin/matchpathcon")
        #expect(try await Shell.converge(try file("late"), shell: shell, prefix: world.prefix).map(\.status) == [0])
        #expect(try await world.run("grep restorecon /tmp/calls").outputText == "restorecon -- /srv/x/late\n")
    }

    @Test func aContextThatCannotBeKeptLeavesTheOldFile() async throws {
        let world = try await world()
        _ = try await world.run("printf '#!/bin/sh\\nexit 1\\n' >/usr/bin/chcon")
        let answers = try await Shell.converge(try file("old"), prefix: world.prefix)
        #expect(answers.last?.errorText.contains("cannot keep its SELinux context; the old file stays") == true)
        #expect(try await world.run("cat /srv/x/*; ls -A /srv/x").outputText == "old\nold\n")
    }

    @Test func withoutSELinuxNoToolOfItsIsStarted() async throws {
        let world = try await world()
        _ = try await world.run("rm /sys/fs/selinux/enforce")
        for name in ["old", "new"] { _ = try await Shell.converge(try file(name), prefix: world.prefix) }
        #expect(try await world.run("cat /tmp/calls").outputText.isEmpty)
    }
}
