package import Model

/// Which of the secrets that roles need are there. Never a value, its length or its digest.
package struct SecretSurvey: Sendable {
    package enum State: Sendable, Hashable {
        case present
        /// The source is there and has no such key.
        case missing
        /// The source itself is not there: Secrets Manager has no secret of that name.
        case sourceMissing
        /// Anything else; creating would not mend it.
        case unusable(CloudError)
    }

    package struct Entry: Sendable {
        package var name: SecretName
        /// `nil` = the inventory declares none of that name.
        package var source: SecretSource?
        /// What the source's current version is called.
        package var version: String?
        package var state: State
    }

    /// By name.
    package var entries: [Entry]

    package var isComplete: Bool { entries.allSatisfy { $0.state == .present } }
}

extension SecretFetcher {
    /// Looks at every one of the names; a source that cannot be read is an entry's state and no error.
    package func survey(
        _ names: Set<SecretName>, from sources: [SecretSource], within allowance: Duration
    ) async -> SecretSurvey {
        var errors: [CloudError] = []
        let needed = declared(names, sources, &errors)
        let contents = await contents(of: needed, within: allowance)
        let entries = names.sorted().map { name -> SecretSurvey.Entry in
            guard let source = needed.first(where: { $0.name == name.source }), let content = contents[source.name]
            else {
                let error = errors.first { error in
                    switch error {
                    case .undeclaredSource(name, _): true
                    case .repeatedSource(let source): source == name.source
                    default: false
                    }
                }
                return SecretSurvey.Entry(
                    name: name, source: nil, version: nil,
                    state: .unusable(error ?? .undeclaredSource(name, nearest: nil)))
            }
            switch content {
            case .failure(.aws(.notFound, _)):
                return SecretSurvey.Entry(name: name, source: source, version: nil, state: .sourceMissing)
            case .failure(let error):
                return SecretSurvey.Entry(name: name, source: source, version: nil, state: .unusable(error))
            case .success(let content):
                let state: SecretSurvey.State =
                    switch Self.pick(name, from: content) {
                    case .success: .present
                    case .failure(.missingKey): .missing
                    case .failure(let error): .unusable(error)
                    }
                return SecretSurvey.Entry(name: name, source: source, version: content.version, state: state)
            }
        }
        return SecretSurvey(entries: entries)
    }
}
