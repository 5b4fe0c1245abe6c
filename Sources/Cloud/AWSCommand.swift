internal import Glibc
package import Model
internal import Subprocess

/// How the `aws` command is called. A value, so that tests put another in its place.
package struct AWSCommand: Sendable {
    /// Arguments after `aws`, and how long the call may take. Gives standard output of a call that ended with 0.
    package typealias Call =
        @Sendable (_ arguments: [String], _ allowance: Duration) async throws(AWSFailure) -> [UInt8]
    /// The same, with what the command reads on its standard input: the only way by which a secret gets to it.
    package typealias Sending =
        @Sendable (_ arguments: [String], _ input: Secret, _ allowance: Duration) async throws(AWSFailure) -> [UInt8]

    private let call: Call
    private let sending: Sending
    let detail: AWSDetail

    package init(
        environment: [String: String] = [:], call: @escaping Call,
        sending: @escaping Sending = { _, _, _ throws(AWSFailure) in throw .cannotRun(detail: "it takes no input") }
    ) {
        self.call = call
        self.sending = sending
        detail = AWSDetail(environment: environment)
    }

    func callAsFunction(_ arguments: [String], within allowance: Duration) async throws(AWSFailure) -> [UInt8] {
        guard allowance > .zero else { throw .timedOut(after: .zero) }
        return try await call(arguments, allowance)
    }

    func callAsFunction(
        _ arguments: [String], input: Secret, within allowance: Duration
    ) async throws(AWSFailure) -> [UInt8] {
        guard allowance > .zero else { throw .timedOut(after: .zero) }
        return try await sending(arguments, input, allowance)
    }

    /// The `aws` in PATH, with the caller's environment and `environment` over it.
    ///
    /// Its output comes through a pipe and stays in memory. It runs in a session of its own, so that it cannot ask a
    /// terminal for anything; when the time is over the whole session ends. Retries are ours: the command makes one
    /// try.
    package static func installed(environment: [String: String] = [:]) -> AWSCommand {
        var overrides = [
            "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": "", "AWS_CLI_AUTO_PROMPT": "off",
            // Values are printed as they are and not in whatever the caller's locale has.
            "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8",
        ]
        overrides.merge(environment) { _, given in given }
        var known = environment
        for name in ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] where known[name] == nil {
            known[name] = getenv(name).map { String(cString: $0) }
        }
        let detail = AWSDetail(environment: known)
        return AWSCommand(
            environment: known,
            call: { [overrides] arguments, allowance throws(AWSFailure) in
                try await run(arguments, nil, overrides, allowance, detail)
            },
            sending: { [overrides] arguments, input, allowance throws(AWSFailure) in
                try await run(arguments, input, overrides, allowance, detail)
            })
    }

    /// More than 20 secrets of Secrets Manager's 64 KiB, escaped, or a zone of some ten thousand records.
    private static let largestAnswer = 32 << 20
    private static let largestMessage = 1 << 20

    private static func run(
        _ arguments: [String], _ input: Secret?, _ environment: [String: String], _ allowance: Duration,
        _ detail: AWSDetail
    ) async throws(AWSFailure) -> [UInt8] {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(300))
        ]
        let configuration = Configuration(
            executable: .name("aws"), arguments: Arguments(arguments + ["--output", "json"]),
            environment: .inherit.updating(
                Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(rawValue: $0) ?? "", $1) })),
            platformOptions: options)
        let outcome = await withTaskGroup(of: Result<[UInt8], AWSFailure>.self) { group in
            group.addTask { await run(configuration, input, detail) }
            group.addTask {
                do {
                    try await Task.sleep(for: allowance)
                    return .failure(.timedOut(after: allowance))
                } catch { return .failure(.cancelled) }
            }
            let first = await group.next() ?? .failure(.cancelled)
            // Ends the process if it is the clock that came first; the group waits until it is gone.
            group.cancelAll()
            return first
        }
        return try outcome.get()
    }

    private static func run(
        _ configuration: Configuration, _ input: Secret?, _ detail: AWSDetail
    ) async -> Result<[UInt8], AWSFailure> {
        do {
            let output = BytesOutput.bytes(limit: largestAnswer)
            let errors = BytesOutput.bytes(limit: largestMessage)
            guard let input else {
                return ended(
                    try await Subprocess.run(configuration, input: .none, output: output, error: errors), detail)
            }
            let bytes = input.reveal(to: .client) { $0 }
            return ended(
                try await Subprocess.run(configuration, input: .array(bytes), output: output, error: errors), detail)
        } catch let error as SubprocessError {
            if Task.isCancelled { return .failure(.cancelled) }
            if error.code == .executableNotFound { return .failure(.notInstalled) }
            return .failure(.cannotRun(detail: error.description))
        } catch {
            return .failure(.cancelled)
        }
    }

    private static func ended(
        _ result: ExecutionResult<Void, BytesOutput, BytesOutput>, _ detail: AWSDetail
    ) -> Result<[UInt8], AWSFailure> {
        switch result.terminationStatus {
        case .exited(0): return .success(result.standardOutput)
        case .exited(let status):
            return .failure(AWSFailure(status: status, errors: result.standardError, detail: detail))
        case .signaled(let signal):
            if Task.isCancelled { return .failure(.cancelled) }
            return .failure(AWSFailure(status: 128 + signal, errors: result.standardError, detail: detail))
        }
    }
}
