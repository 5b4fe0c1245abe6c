package import Model

/// Writes what a ``SecretCreationPlan`` says into Secrets Manager. Adds keys, and never alters one that is there.
///
/// Secrets Manager has no write that depends on what is there. So what was current before ours is looked at after it: if
/// that is not the version that ours was made from, somebody else wrote in between, and theirs is made current again.
package struct SecretCreator: Sendable {
    /// What was made of one secret.
    package struct Created: Sendable, Hashable {
        package var source: String
        package var names: [SecretName]
        package var version: String
    }

    private let command: AWSCommand
    private let retry: RetryPolicy
    /// A UUID for each new version, by which a call that is tried again is known as the same.
    private let newVersion: @Sendable () -> String

    package init(
        command: AWSCommand = .installed(), retry: RetryPolicy = RetryPolicy(),
        newVersion: @escaping @Sendable () -> String = { SecretCreator.randomUUID() }
    ) {
        self.command = command
        self.retry = retry
        self.newVersion = newVersion
    }

    /// One secret after another, each read back and compared before the next. What was made before an error is told with
    /// it, and is complete. A CA is named after the fleet and its secret.
    package func create(
        _ plan: SecretCreationPlan, of fleet: String, at now: Moment, with random: inout some RandomNumberGenerator,
        within allowance: Duration
    ) async -> (created: [Created], failure: SecretCreationError?) {
        let end = ContinuousClock.now.advanced(by: allowance)
        var created: [Created] = []
        for addition in plan.additions {
            var values: [(key: String, value: Secret)] = []
            for item in addition.items {
                let name = "CSO CA \(fleet) \(item.name)"
                guard let value = try? item.recipe.make(named: name, at: now, with: &random) else {
                    return (created, SecretCreationError(addition, .notMade(item.name)))
                }
                values.append((item.name.key, value))
            }
            do throws(SecretCreationError) {
                let version = try await add(values, addition, before: end)
                created.append(
                    Created(source: addition.source.name, names: addition.items.map(\.name), version: version))
            } catch {
                return (created, error)
            }
        }
        return (created, nil)
    }

    private func add(
        _ values: [(key: String, value: Secret)], _ addition: SecretCreationPlan.Addition,
        before end: ContinuousClock.Instant
    ) async throws(SecretCreationError) -> String {
        let token = newVersion()
        let before = addition.createsSecret ? nil : try await read(addition, before: end)
        let document: SecretText
        do throws(SecretText.Fault) {
            document = try (before?.document ?? SecretText()).adding(values)
        } catch {
            throw SecretCreationError(addition, .document(error))
        }
        if before == nil {
            let arguments = ["secretsmanager", "create-secret", "--name", addition.secretID]
            try await call(arguments + value(token), document.bytes, addition, before: end)
        } else {
            let arguments = ["secretsmanager", "put-secret-value", "--secret-id", addition.secretID]
            try await call(arguments + value(token), document.bytes, addition, before: end)
        }
        let after = try await read(addition, before: end)
        guard after.version == token else { throw SecretCreationError(addition, .overtaken(by: after.version)) }
        if let before { try await checkPrevious(is: before.version, ours: token, addition, before: end) }
        guard after.document.hasSameValues(as: document) else {
            throw SecretCreationError(addition, .readBackDiffers)
        }
        return token
    }

    private func checkPrevious(
        is expected: String, ours: String, _ addition: SecretCreationPlan.Addition, before end: ContinuousClock.Instant
    ) async throws(SecretCreationError) {
        let id = ["--secret-id", addition.secretID]
        let output = try await call(
            ["secretsmanager", "get-secret-value"] + id + ["--version-stage", "AWSPREVIOUS"], nil, addition, before: end
        )
        guard let previous = (try? JSONValue(parsing: output))?["VersionId"]?.text else {
            throw SecretCreationError(addition, .aws(.badAnswer("no VersionId of AWSPREVIOUS")))
        }
        if previous == expected { return }
        // Fails if ours is no longer current, which is as well.
        do throws(SecretCreationError) {
            _ = try await call(
                ["secretsmanager", "update-secret-version-stage"] + id + [
                    "--version-stage", "AWSCURRENT", "--move-to-version-id", previous, "--remove-from-version-id", ours,
                ], nil, addition, before: end)
        } catch {
            throw SecretCreationError(addition, .theirsReplaced(previous, by: ours))
        }
        throw SecretCreationError(addition, .overtaken(by: previous))
    }

    /// By a file name, since arguments are seen by everybody.
    private func value(_ token: String) -> [String] {
        ["--client-request-token", token, "--secret-string", "file:///dev/stdin"]
    }

    @discardableResult
    private func call(
        _ arguments: [String], _ input: Secret?, _ addition: SecretCreationPlan.Addition,
        before end: ContinuousClock.Instant
    ) async throws(SecretCreationError) -> [UInt8] {
        let arguments = arguments + (addition.region.map { ["--region", $0] } ?? [])
        var tries = 0
        while true {
            tries += 1
            do throws(AWSFailure) {
                let left = ContinuousClock.now.duration(to: end)
                if let input {
                    return try await command(arguments, input: input, within: left)
                }
                return try await command(arguments, within: left)
            } catch {
                if error.isTransient, await retry.allowsAnother(after: tries, before: end) { continue }
                throw SecretCreationError(addition, .aws(error))
            }
        }
    }

    private func read(
        _ addition: SecretCreationPlan.Addition, before end: ContinuousClock.Instant
    ) async throws(SecretCreationError) -> (document: SecretText, version: String) {
        let batch = SecretBatch(command: command, retry: retry, region: addition.region, end: end)
        switch await batch.fetch([addition.secretID])[addition.secretID] {
        case .success(let found)?:
            guard found.stages?.contains("AWSCURRENT") == true, let version = found.version,
                case .text(let text) = found.value
            else { throw SecretCreationError(addition, .document(.notAnObject)) }
            do throws(SecretText.Fault) { return (try SecretText(text), version) } catch {
                throw SecretCreationError(addition, .document(error))
            }
        case .failure(let failure)?: throw SecretCreationError(addition, .aws(failure))
        case nil: throw SecretCreationError(addition, .aws(.badAnswer("no answer about \(addition.secretID)")))
        }
    }

    /// RFC 9562, version 4.
    package static func randomUUID() -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }
        return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
    }
}
