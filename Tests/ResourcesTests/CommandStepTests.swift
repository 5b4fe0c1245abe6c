import Model
import Resources
import Testing

@Suite struct CommandStepTests {
    private func command(_ guards: [String: FieldValue], run: String, input: Content? = nil) throws -> CommandResource {
        var fields = guards
        fields["run"] = .text(run)
        fields["input"] = input.map { .content($0) }
        return try CommandResource(Fields("it's \"done\"", fields))
    }

    @Test(arguments: shells, ["creates", "unless", "only_if"])
    func aCommandRunsUntilItsGuardIsContent(shell: String, kind: String) async throws {
        let scratch = try Scratch()
        let mark = "\(scratch.path)/it's there"
        let condition =
            switch kind {
            case "creates": mark
            case "unless": "[ -e \"\(mark)\" ]"
            default: "[ ! -e \"\(mark)\" ]"
            }
        // The guard must not eat the input.
        let resource = try command(
            [kind: .text(condition)], run: "cat >\"\(mark)\"", input: Content("a secret's $(way)"))
        #expect(resource.creation == .run && resource.influence == .anything)
        let steps = CommandResource.steps(
            for: [Change(resource: resource, action: .run, observed: .absent, differences: [])], on: .test())
        #expect(steps.allSatisfy { $0.isSupervised && !$0.script.text.contains("secret") })
        let answers = try await Shell.converge(resource, shell: shell)
        #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
        #expect(try scratch.text("it's there") == "a secret's $(way)")
        #expect(try await Shell.needsNothing(resource, shell: shell) == true)
        // Another run has done it since the plan was made.
        try scratch.write("it's there", "by another run")
        let late = try await Shell.perform(steps, shell: shell)
        #expect(late.map(\.status) == [0] && late[0].outputText.contains("nothing to do any more"))
        #expect(try scratch.text("it's there") == "by another run")
    }

    @Test(arguments: shells) func aFailingLineEndsIt(shell: String) async throws {
        let scratch = try Scratch()
        let resource = try command(
            ["creates": .text(scratch.path + "/x")], run: "false\n: >\(scratch.path)/x")
        let answers = try await Shell.converge(resource, shell: shell)
        #expect(answers.last?.status == 1)
        #expect(answers.last?.errorText.contains("it's \"done\": ended with status 1") == true)
        #expect(scratch.status("x") == nil)
    }

    @Test(arguments: ["unless", "only_if"]) func aGuardThatCannotTellStopsIt(kind: String) async throws {
        let scratch = try Scratch()
        let resource = try command([kind: .text("echo broken >&2; exit 2")], run: ": >\(scratch.path)/x")
        let observed = try await Shell.observe(resource)
        #expect(
            observed
                == .unknown(reason: "`\(kind)` ended with status 2, which says neither yes (0) nor no (1): broken"))
        let steps = CommandResource.steps(
            for: [Change(resource: resource, action: .run, observed: .absent, differences: [])], on: .test())
        let answers = try await Shell.perform(steps)
        #expect(answers.last?.status == 1 && scratch.status("x") == nil)
    }

    @Test(arguments: shells) func aOnceLooksForEvidenceAgain(shell: String) async throws {
        let scratch = try Scratch()
        let once = try OnceResource(
            Fields(
                "make",
                [
                    "run": .text("cat >\(scratch.path)/x"), "evidence": .text("[ -e \(scratch.path)/x ]"),
                    "input": .content(Content("in")),
                ]))
        let steps = OnceResource.steps(
            for: [Change(resource: once, action: .run, observed: .absent, differences: [])], on: .test())
        for _ in 1...2 { #expect(try await Shell.perform(steps, shell: shell).map(\.status) == [0]) }
        #expect(try scratch.text("x") == "in")
        #expect(try await Shell.needsNothing(once, shell: shell) == true)
    }
}
