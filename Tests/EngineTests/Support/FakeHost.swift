import Engine
import Model
import Resources
import Synchronization
import Testing
import Transport

/// A host in memory. It answers the questions that kinds really ask, reading them as a host's shell would, and does what
/// steps say. What it does not know is a failure of the test.
final class FakeHost: Sendable {
    struct File: Hashable {
        var content: [UInt8]
        var mode = "0644"
    }
    struct Unit: Hashable {
        var active = "inactive"
        var isEnabled = false
        var restarts = 0
        var reloads = 0
    }
    struct State: Hashable {
        var packages: Set<String> = []
        var files: [String: File] = [:]
        var units: [String: Unit] = [:]
        /// What `done LABEL` says yes to.
        var done: Set<String> = []
        var notes: Set<String> = []
        var ledger: [String] = []
        /// `ADDRESS/PORT` that refuse its connections.
        var refusing: Set<String> = []
        /// Commands that cannot tell.
        var confused: Set<String> = []
        /// Named by their batch: they fail to answer.
        var broken: Set<String> = []
    }

    let name: HostName
    let log: Log
    private let content: Mutex<State>
    private let hooks = Mutex(Hooks())
    private let hostKey = Mutex("SHA256:first")

    /// What goes differently than planned.
    struct Hooks: Sendable {
        /// Before each step, with its summary. An answer is the step's answer; the step is then not done.
        var beforeStep: @Sendable (String, inout State) throws(HostFailure) -> HostAnswer? = {
            _, _ throws(HostFailure) in nil
        }
        /// What a step does beside what it is for.
        var afterStep: @Sendable (String, inout State) -> Void = { _, _ in }
        var onQuestions: @Sendable (inout State) throws(HostFailure) -> Void = { _ throws(HostFailure) in }
        var lock: @Sendable (inout State) throws(HostFailure) -> LockHolder? = { _ throws(HostFailure) in nil }
        var sweep: @Sendable () -> HostAnswer = { HostAnswer(output: []) }
    }

    init(_ name: HostName, _ log: Log) {
        self.name = name
        self.log = log
        content = Mutex(State())
    }

    var state: State { content.withLock { $0 } }
    func change(_ body: (inout State) -> Void) { content.withLock { body(&$0) } }
    var key: String { hostKey.withLock { $0 } }
    func replace(_ key: String) { hostKey.withLock { $0 = key } }
    func hook(_ body: (inout Hooks) -> Void) { hooks.withLock { body(&$0) } }

    static let facts = HostFacts(
        osID: "debian", osVersion: "12", family: .debian, architecture: "x86_64", hostname: "fake", bootID: "boot",
        userID: 0, hasSystemd: true, mounts: [])

    // MARK: What a link asks of it

    func answer(_ questions: [HostQuestion]) throws(HostFailure) -> [HostAnswer] {
        let hooks = hooks.withLock { $0 }
        var state = self.state
        try hooks.onQuestions(&state)
        change { $0 = state }
        var answers: [HostAnswer] = []
        for question in questions { answers.append(answer(question.script.text, state, hooks)) }
        return answers
    }

    private func answer(_ script: String, _ state: State, _ hooks: Hooks) -> HostAnswer {
        if script.hasPrefix("timeout -s KILL 20 rm -f -- ") {
            log.add(.swept(name))
            return hooks.sweep()
        }
        if script.hasPrefix("timeout -s KILL 20 cat -- ") || script.hasPrefix("timeout -s KILL 10 head -c ") {
            guard let path = script.split(separator: " ").last, let file = state.files[String(path)] else {
                return HostAnswer(output: [], errors: Array("No such file".utf8), status: 1)
            }
            return HostAnswer(output: file.content)
        }
        guard let answer = FakeProbes(state: state).answer(script) else {
            Issue.record("\(name) was asked what it does not know: \(script)")
            return HostAnswer(output: [], status: 127)
        }
        return answer
    }

    func takeLock() throws(HostFailure) -> LockHolder? {
        let hooks = hooks.withLock { $0 }
        var state = self.state
        let holder = try hooks.lock(&state)
        change { $0 = state }
        if holder == nil { log.add(.locked(name)) }
        return holder
    }

    func run(_ step: HostStep, input: [UInt8]) throws(HostFailure) -> HostAnswer {
        let hooks = hooks.withLock { $0 }
        var state = self.state
        log.add(.step(name, step.summary))
        // Notes come first: whatever goes wrong after, they are there.
        for note in step.script.text.matches(of: /: > \/var\/lib\/cso-provision\/owed\/(\S+)/) {
            state.notes.insert(String(note.1))
        }
        if let ledger = step.script.text.firstMatch(of: /printf '%s\\n' (.*) > \/var\/lib\/cso-provision\/ledger/) {
            state.ledger = Self.words(ledger.1)
        }
        do throws(HostFailure) {
            let answer = try hooks.beforeStep(step.summary, &state)
            if let answer {
                change { $0 = state }
                return answer
            }
        } catch {
            change { $0 = state }
            throw error
        }
        if !FakeSteps.perform(step, input: input, on: &state, of: name) {
            Issue.record("\(name) cannot do: \(step.summary)")
            return HostAnswer(output: [], status: 127)
        }
        hooks.afterStep(step.summary, &state)
        change { $0 = state }
        return HostAnswer(output: [])
    }
}

extension FakeHost {
    /// As a shell would split them, with single quotes alone.
    private static func words(_ text: Substring) -> [String] {
        var words: [String] = []
        var isQuoted = false
        var isOpen = false
        for character in text {
            switch character {
            case "'": (isQuoted, isOpen) = (!isQuoted, isOpen)
            case " " where !isQuoted:
                isOpen = false
                continue
            default: break
            }
            if !isOpen { words.append("") }
            isOpen = true
            if character != "'" { words[words.count - 1].append(character) }
        }
        return words
    }
}

/// The engine's link to a ``FakeHost``.
struct FakeLink: HostLink {
    let host: FakeHost
    var facts: HostFacts { FakeHost.facts }
    var hostKey: String? { host.key }

    func ask(_ questions: [HostQuestion], by deadline: Deadline) async throws(HostFailure) -> [HostAnswer] {
        host.log.add(.asked(host.name))
        return try host.answer(questions)
    }

    func run(
        _ step: HostStep, input: [UInt8], name: String, output: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(HostFailure) -> HostAnswer {
        let answer = try host.run(step, input: input)
        output(answer.output + answer.errors)
        return answer
    }

    func takeLock(
        _ ticket: LockTicket, progress: @escaping @Sendable (String) -> Void
    ) async throws(HostFailure) -> LockHolder? {
        try host.takeLock()
    }
    func releaseLock() async { host.log.add(.released(host.name)) }
    var lockHolder: LockHolder? { nil }
    func breakLock(_ ticket: LockTicket) async throws(HostFailure) -> LockHolder? {
        throw HostFailure(.failed, "nobody was to break a lock")
    }
    func shutdown() {}
    func close() async { host.log.add(.closed(host.name)) }
}
