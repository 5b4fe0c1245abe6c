internal import Model

/// Fetches secrets of one region from Secrets Manager: at most 20 a call, several calls at once, what failed in passing
/// again.
///
/// Only batch-get-secret-value is used. Without the right to call it there is no quiet way around over single calls:
/// the error names the missing right, so that the rights that a run needs can be read off its first failure.
struct SecretBatch: Sendable {
    /// The service's limit for `SecretIdList`.
    static let largest = 20

    let command: AWSCommand
    let retry: RetryPolicy
    let region: String?
    let end: ContinuousClock.Instant

    /// One outcome for each id.
    func fetch(_ secretIDs: [String]) async -> [String: Result<SecretDocument, AWSFailure>] {
        var outcomes: [String: Result<SecretDocument, AWSFailure>] = [:]
        var open = secretIDs
        var tries = 0
        while !open.isEmpty {
            tries += 1
            for (id, outcome) in await fetchOnce(open) { outcomes[id] = outcome }
            open = open.filter { id in
                if case .failure(let failure)? = outcomes[id] { failure.isTransient } else { false }
            }
            if open.isEmpty { break }
            guard await retry.allowsAnother(after: tries, before: end) else { break }
        }
        for id in open where tries > 1 {
            if case .failure(let failure)? = outcomes[id] { outcomes[id] = .failure(.gaveUp(after: tries, failure)) }
        }
        return outcomes
    }

    private func fetchOnce(_ secretIDs: [String]) async -> [String: Result<SecretDocument, AWSFailure>] {
        let chunks = stride(from: 0, to: secretIDs.count, by: Self.largest).map {
            Array(secretIDs[$0..<min($0 + Self.largest, secretIDs.count)])
        }
        return await withTaskGroup(of: [String: Result<SecretDocument, AWSFailure>].self) { group in
            for chunk in chunks { group.addTask { await self.call(chunk) } }
            return await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        }
    }

    private func call(_ secretIDs: [String]) async -> [String: Result<SecretDocument, AWSFailure>] {
        do throws(AWSFailure) {
            var documents: [SecretDocument] = []
            var failures: [BatchAnswer.Failure] = []
            var token: String?
            repeat {
                let page = try await page(secretIDs, token)
                documents += page.documents
                failures += page.failures
                if let next = page.nextToken, next == token { throw .badAnswer("the same NextToken twice") }
                token = page.nextToken
            } while token != nil
            return outcomes(secretIDs, documents, failures)
        } catch {
            return Dictionary(secretIDs.map { ($0, .failure(error)) }, uniquingKeysWith: { first, _ in first })
        }
    }

    private func page(_ secretIDs: [String], _ token: String?) async throws(AWSFailure) -> BatchAnswer {
        var arguments = ["secretsmanager", "batch-get-secret-value", "--secret-id-list"] + secretIDs
        if let region { arguments += ["--region", region] }
        if let token { arguments += ["--next-token", token] }
        let json: JSONValue
        let output = try await command(arguments, within: ContinuousClock.now.duration(to: end))
        do throws(JSONError) { json = try JSONValue(parsing: output) } catch {
            throw .badAnswer("not JSON, \(error)")
        }
        guard let page = BatchAnswer(json) else { throw .badAnswer("no list SecretValues") }
        return page
    }

    /// The order of the answer is not that of the question, and what is in neither list was not answered at all.
    private func outcomes(
        _ secretIDs: [String], _ documents: [SecretDocument], _ failures: [BatchAnswer.Failure]
    ) -> [String: Result<SecretDocument, AWSFailure>] {
        var outcomes: [String: Result<SecretDocument, AWSFailure>] = [:]
        for id in secretIDs {
            let named = documents.filter { $0.isNamed(id) }
            if let failure = failures.first(where: { $0.secretID == id }) {
                // The rights that a batch needs for one of its secrets are those of the single call.
                outcomes[id] = .failure(
                    AWSFailure(
                        code: failure.code, operation: "secretsmanager:GetSecretValue",
                        detail: command.detail.detail(failure.message)))
            } else if let document = named.first, Set(named.map(\.version)).count == 1 {
                outcomes[id] = .success(document)
            } else {
                outcomes[id] = .failure(
                    .badAnswer(named.isEmpty ? "no secret has the name or ARN \(id)" : "two versions of \(id)"))
            }
        }
        return outcomes
    }
}
