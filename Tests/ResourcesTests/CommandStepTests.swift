import Glibc
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

    @Test(arguments: shells) func isRunAgainWhenAnInputOrItsProductChanged(shell: String) async throws {
        let scratch = try Scratch()
        let path = scratch.path
        try scratch.write("a", "one")
        symlink("a", path + "/link")
        let resource = try command(
            ["creates": .text(path + "/made"), "inputs": .list([path + "/a", path + "/link", path + "/none"])],
            run: "cat '\(path)/a' >'\(path)/made'; echo x >>'\(path)/runs'")
        // In the test's folder, not the machine's own.
        func moved(_ text: String) -> String { text.replacing("/var/lib/cso-provision", with: path + "/state") }
        func observe(deep: Bool = false) async throws -> Observation {
            var answers = ProbeAnswers()
            for request in resource.probes(on: .test()) {
                let batch = try #require(BatchCatalogue.standard[request.batch])
                let argument = moved(request.argument)
                let question =
                    deep ? batch.deepQuestion([argument], on: .test()) : batch.question([argument], on: .test())
                let answer = try await Shell.run(ShellText(script: moved(question.script.text)), shell: shell)
                answers[request] =
                    batch.parse(answer, arguments: [argument], on: .test())[argument] ?? .unknown(reason: "no answer")
            }
            return resource.observation(from: answers, on: .test())
        }
        func apply() async throws {
            let observed = try await observe()
            guard
                let change = Difference.change(
                    resource, observed: observed, desired: resource.desired(with: .init(), on: .test()))
            else { return }
            for step in CommandResource.steps(for: [change], on: .test()) {
                let answer = try await Shell.run(ShellText(script: moved(step.script.text)), shell: shell)
                #expect(answer.status == 0, "\(answer.errorText)")
            }
        }
        func runs() throws -> Int { try scratch.text("runs").split(separator: "\n").count }
        func inputs(deep: Bool = false) async throws -> StateValue? { try await observe(deep: deep).state?["inputs"] }

        try await apply()
        #expect(try await inputs() == .list([]))
        #expect(try await inputs(deep: true) == .list([]))
        try await apply()
        #expect(try runs() == 1)
        // Another file with the same content is no other input.
        _ = try await Shell.run("cp \(word: path)/a \(word: path)/b && mv \(word: path)/b \(word: path)/a")
        #expect(try await inputs() == .list([]))
        try scratch.write("a", "two")
        #expect(try await inputs() == .list([path + "/a"]))
        try await apply()
        #expect(try runs() == 2 && scratch.text("made") == "two")
        for spoil in [
            "ln -sfn b \(path)/link", ": >\(path)/none", "echo >>\(path)/made", "rm \(path)/state/inputs/*",
            "rm \(path)/none",
        ] {
            _ = try await Shell.run(ShellText(script: spoil), shell: shell)
            let before = try runs()
            #expect(try await inputs() != .list([]), "\(spoil)")
            try await apply()
            #expect(try runs() == before + 1 && scratch.text("made") == "two", "\(spoil)")
            #expect(try await inputs() == .list([]), "\(spoil)")
        }
        // What is kept tells nothing to who does not have the key: it is no digest of the content.
        let marks = try await Shell.run(
            "cat \(word: path)/state/inputs/*; stat -c %a \(word: path)/state/inputs/* \(word: path)/state/inputs.key")
        #expect(!marks.outputText.contains(Digest.sha256(Array("two".utf8))))
        #expect(marks.outputText.hasSuffix("600\n600\n"))
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
