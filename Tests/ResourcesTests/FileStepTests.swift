import Glibc
import Model
import Resources
import Testing

@Suite struct FileStepTests {
    private let book = SecretBook(values: ["p.word": Secret("p%40$(id)\"'\\@:/?#&é x")])

    private func file(_ path: String, _ text: String, _ more: [String: FieldValue] = [:]) throws -> FileResource {
        try file(path, Content(text), more)
    }
    private func file(_ path: String, _ content: Content, _ more: [String: FieldValue] = [:]) throws -> FileResource {
        try FileResource(Fields(path, ["content": .content(content)].merging(more) { $1 }))
    }

    @Test(arguments: shells) func aFileIsWrittenOnceAndThenLeftAlone(shell: String) async throws {
        let scratch = try Scratch()
        var every = (0...255).map { UInt8($0) }
        every += [0x0A]
        for name in awkwardNames {
            let path = "\(scratch.path)/\(name)"
            let resource = try file(
                path, Content(bytes: every), ["mode": .mode(0o640), "owner": .text("daemon"), "group": .text("1")])
            let first = try await Shell.converge(resource, shell: shell)
            #expect(first.map(\.status) == [0], "\(first.map(\.errorText))")
            #expect(try scratch.read(name) == every)
            let before = try #require(scratch.status(name))
            #expect(before.st_mode & 0o7777 == 0o640 && before.st_uid == 1 && before.st_gid == 1)
            let second = try await Shell.converge(resource, shell: shell)
            #expect(second.isEmpty)
            #expect(scratch.status(name)?.st_ino == before.st_ino)
            #expect(scratch.status(name + ".cso-tmp") == nil)
        }
    }

    @Test(arguments: shells) func aSecretArrivesByteForByteAndIsNotInTheScript(shell: String) async throws {
        let scratch = try Scratch()
        let content = Content([.literal(Array("password=".utf8)), .secret("p.word", .raw), .literal([0x0A])])
        let resource = try file("\(scratch.path)/secret", content)
        #expect(resource.isSensitive)
        let steps = FileResource.steps(
            for: [Change(resource: resource, action: .create, observed: .absent, differences: [])], on: .test())
        #expect(steps.allSatisfy { !$0.script.text.contains("p%40") && !$0.summary.contains("p%40") })
        let answers = try await Shell.converge(resource, book: book, shell: shell)
        #expect(answers.map(\.status) == [0])
        #expect(try scratch.text("secret") == "password=p%40$(id)\"'\\@:/?#&é x\n")
        #expect(scratch.status("secret").map { $0.st_mode & 0o777 } == 0o600)
        let again = try await Shell.converge(resource, book: book, shell: shell)
        #expect(again.isEmpty)
    }

    /// A mode that a recipe leaves open is kept with the owner when the content changes.
    @Test(arguments: shells) func undeclaredAttributesAreKept(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("kept", "old")
        chmod(scratch.path + "/kept", 0o604)
        chown(scratch.path + "/kept", 2, 3)
        _ = try await Shell.converge(try file("\(scratch.path)/kept", "new"), shell: shell)
        let found = try #require(scratch.status("kept"))
        #expect(try scratch.text("kept") == "new")
        #expect(found.st_mode & 0o7777 == 0o604 && found.st_uid == 2 && found.st_gid == 3)
        _ = try await Shell.converge(try file("\(scratch.path)/made", "new"), shell: shell)
        #expect(scratch.status("made").map { $0.st_mode & 0o7777 } == 0o644)
    }

    @Test(arguments: shells) func onlyModeAndOwnerAreSetInPlace(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("f", "same")
        chmod(scratch.path + "/f", 0o600)
        let before = try #require(scratch.status("f"))
        let resource = try file("\(scratch.path)/f", "same", ["mode": .mode(0o4755), "owner": .text("daemon")])
        let answers = try await Shell.converge(resource, shell: shell)
        #expect(answers.map(\.status) == [0])
        let after = try #require(scratch.status("f"))
        #expect(after.st_ino == before.st_ino && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
        #expect(after.st_mode & 0o7777 == 0o4755 && after.st_uid == 1)
    }

    @Test(arguments: shells) func whatDoesNotValidateIsNotPutInPlace(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("f", "old")
        let before = try #require(scratch.status("f"))
        let validate = FieldValue.text("grep -q good \"$1\" || { echo \"line 1 of $1 is bad\"; exit 3; }")
        let failed = try await Shell.converge(
            try file("\(scratch.path)/f", "bad", ["validate": validate]), shell: shell)
        #expect(failed.last?.status == 1)
        #expect(failed.last?.errorText.contains("line 1 of \(scratch.path)/f.cso-tmp is bad") == true)
        #expect(failed.last?.errorText.contains("the new content is not valid; the old file stays") == true)
        #expect(try scratch.text("f") == "old" && scratch.status("f")?.st_ino == before.st_ino)
        #expect(scratch.status("f.cso-tmp") == nil)
        let done = try await Shell.converge(try file("\(scratch.path)/f", "good", ["validate": validate]), shell: shell)
        #expect(done.last?.status == 0)
        #expect(try scratch.text("f") == "good")
    }

    @Test(arguments: shells) func whatMustNotBeReplacedIsNot(shell: String) async throws {
        let scratch = try Scratch()
        mkdir(scratch.path + "/folder", 0o755)
        mkfifo(scratch.path + "/fifo", 0o600)
        try scratch.write("real", "real")
        symlink("real", scratch.path + "/link")
        for (name, words) in [
            ("folder", "is a directory; a file does not replace it"), ("fifo", "is neither a file nor a link"),
            ("no/where", "its directory \(scratch.path)/no does not exist"),
        ] {
            let answers = try await Shell.converge(try file("\(scratch.path)/\(name)", "x"), shell: shell)
            #expect(answers.last?.status == 1)
            #expect(answers.last?.errorText.contains(words) == true, "\(answers.last?.errorText ?? "")")
        }
        let answers = try await Shell.converge(try file("\(scratch.path)/link", "x"), shell: shell)
        #expect(answers.last?.status == 0 && answers.last?.outputText.contains("was a symbolic link") == true)
        #expect(try scratch.text("real") == "real" && scratch.text("link") == "x")
    }

    /// A link planted at the temporary name, or what a killed run left there, does no harm.
    @Test(arguments: shells) func theTemporaryNameIsNotTrusted(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("victim", "victim")
        symlink(scratch.path + "/victim", scratch.path + "/f.cso-tmp")
        _ = try await Shell.converge(try file("\(scratch.path)/f", "x"), shell: shell)
        #expect(try scratch.text("victim") == "victim" && scratch.text("f") == "x")
        try scratch.write("g.cso-tmp", "half of a longer file")
        _ = try await Shell.converge(try file("\(scratch.path)/g", "x"), shell: shell)
        #expect(try scratch.text("g") == "x")
    }

    @Test(arguments: shells) func aFullDiskLeavesTheOldFile(shell: String) async throws {
        let world = try await World()
        let set = try await world.run(
            "mkdir /srv/small && mount -t tmpfs -o size=64k small /srv/small && echo old > /srv/small/f")
        #expect(set.status == 0, "\(set.errorText)")
        let resource = try file("/srv/small/f", Content(bytes: [UInt8](repeating: 0x61, count: 200_000)))
        let answers = try await Shell.converge(resource, shell: shell, prefix: world.prefix)
        #expect(answers.last?.status == 1)
        #expect(answers.last?.errorText.contains("No space left on device") == true)
        #expect(answers.last?.errorText.contains("cannot write its new content; the old file stays") == true)
        let after = try await world.run("cat /srv/small/*; ls -A /srv/small")
        #expect(after.outputText == "old\nf\n")
    }

    @Test(arguments: shells) func filesAndLinksAreRemovedAndDirectoriesAreNot(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("f", "x")
        try scratch.write("f.cso-tmp", "x")
        symlink("nowhere", scratch.path + "/link")
        mkdir(scratch.path + "/folder", 0o755)
        for name in ["f", "link", "missing", "missing/below"] {
            let resource = try FileResource(Fields("\(scratch.path)/\(name)", ["state": .text("absent")]))
            let answers = try await Shell.converge(resource, shell: shell)
            #expect(answers.allSatisfy { $0.status == 0 })
            #expect(scratch.status(name) == nil)
            let again = try await Shell.converge(resource, shell: shell)
            #expect(again.isEmpty)
        }
        #expect(scratch.status("f.cso-tmp") == nil)
        let folder = try FileResource(Fields("\(scratch.path)/folder", ["state": .text("absent")]))
        let answers = try await Shell.converge(folder, shell: shell)
        #expect(answers.last?.errorText.contains("is a directory; it is not removed as a file") == true)
        #expect(scratch.status("folder") != nil)
    }
}
