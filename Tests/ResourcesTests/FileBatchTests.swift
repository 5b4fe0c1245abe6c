import Glibc
import Model
import Resources
import Testing

/// Several files by one step.
@Suite struct FileBatchTests {
    private let book = SecretBook(values: ["p.word": Secret("long enough to be told from a reference\n\n")])

    private func change(
        _ path: String, _ content: Content, _ more: [String: FieldValue] = [:]
    ) throws -> Change<FileResource> {
        let file = try FileResource(Fields(path, ["content": .content(content)].merging(more) { $1 }))
        return Change(resource: file, action: .create, observed: .absent, differences: [])
    }

    @Test(arguments: shells) func eachFileGetsItsOwnBytesOwnerAndMode(shell: String) async throws {
        let scratch = try Scratch()
        let every = (0...255).map { UInt8($0) } + [0x0A]
        let secret = Content([.literal([0x0A]), .secret("p.word", .raw), .secret("p.word", .shell)])
        let changes = [
            try change("\(scratch.path)/empty", Content("")),
            try change(
                "\(scratch.path)/every", Content(bytes: every), ["mode": .mode(0o4711), "owner": .text("daemon")]),
            try change("\(scratch.path)/a $(b) 'c'", secret, ["group": .text("daemon")]),
            try change("\(scratch.path)/large", Content(bytes: [UInt8](repeating: 0x0A, count: 1 << 20))),
            try change("\(scratch.path)/last", Content("12\nlast"), ["mode": .mode(0o4711), "owner": .text("root")]),
        ]
        let steps = FileResource.steps(for: changes, on: .test())
        #expect(steps.map(\.changes) == [0..<5])
        let answers = try await Shell.perform(steps, book: book, shell: shell)
        #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
        for change in changes {
            let path = change.resource.path
            let name = String(path.dropFirst(scratch.path.utf8.count + 1))
            #expect(try scratch.read(name) == change.resource.content?.bound(to: book, for: .host))
            #expect(scratch.status(name + ".cso-tmp") == nil)
        }
        let every2 = try #require(scratch.status("every"))
        #expect(every2.st_mode & 0o7777 == 0o4711 && every2.st_uid == 1)
        #expect(scratch.status("a $(b) 'c'").map { $0.st_mode & 0o7777 } == 0o600)
        #expect(scratch.status("a $(b) 'c'").map { $0.st_gid } == 1)
        #expect(scratch.status("last").map { $0.st_mode & 0o7777 } == 0o4711)
        #expect(scratch.status("empty").map { $0.st_mode & 0o7777 } == 0o644)
    }

    /// What stands in the way of the last one leaves the first as it was, and nothing beside it; nothing is owed then.
    @Test(arguments: shells) func allOrNothingBeforeTheFirstRename(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("first", "old")
        mkdir(scratch.path + "/folder", 0o755)
        try scratch.write("note", "")
        for (name, words) in [
            ("missing/below", "its directory \(scratch.path)/missing does not exist"),
            ("folder", "is a directory; a file does not replace it"),
        ] {
            let changes = [
                try change("\(scratch.path)/first", Content("new")),
                try change("\(scratch.path)/\(name)", Content("x")),
            ]
            var steps = FileResource.steps(for: changes, on: .test())
            try #require(steps.count == 1)
            try scratch.write("note", "")
            steps[0].script = "cso_notes=\(word: scratch.path + "/note")\n" + steps[0].script
            let answers = try await Shell.perform(steps, shell: shell)
            #expect(answers.map(\.status) == [1])
            #expect(answers.last?.errorText.contains(words) == true, "\(answers.last?.errorText ?? "")")
            #expect(try scratch.text("first") == "old")
            #expect(scratch.status("first.cso-tmp") == nil)
            #expect(scratch.status("note") == nil)
        }
    }

    /// A validation may look at what other files say, so it is run when those are in their places.
    @Test(arguments: shells) func aValidationSeesTheFilesBefore(shell: String) async throws {
        let scratch = try Scratch()
        let validate = FieldValue.text("grep -q new \(scratch.path)/one && grep -q two \"$1\"")
        let changes = [
            try change("\(scratch.path)/one", Content("new")),
            try change("\(scratch.path)/two", Content("two"), ["validate": validate]),
            try change("\(scratch.path)/three", Content("three")),
        ]
        let steps = FileResource.steps(for: changes, on: .test())
        #expect(steps.map(\.changes) == [0..<1, 1..<3])
        let answers = try await Shell.perform(steps, shell: shell)
        #expect(answers.map(\.status) == [0, 0], "\(answers.map(\.errorText))")
        #expect(try scratch.text("three") == "three")
    }

    @Test func aStepCarriesNoMoreThanAHostCanTakeInOnePiece() throws {
        let many = try (0..<100).map { try change("/srv/f\($0)", Content("x")) }
        let steps = FileResource.steps(for: many, on: .test())
        #expect(steps.map(\.changes) == [0..<40, 40..<80, 80..<100])
        #expect(steps.allSatisfy { $0.script.text.utf8.count < 131_000 })
        let large = try (0..<3).map {
            try change("/srv/f\($0)", Content(bytes: [UInt8](repeating: 0x61, count: 5 << 20)))
        }
        #expect(FileResource.steps(for: large, on: .test()).count == 3)
    }
}
