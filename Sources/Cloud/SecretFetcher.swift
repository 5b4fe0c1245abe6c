package import Model

/// What a fetch found: the values, and what is odd about them without being wrong.
package struct FetchedSecrets: Sendable {
    package var book: SecretBook
    package var warnings: [Diagnostic]
}

/// Gets the values that a run needs from the sources that the inventory declares: once a run, into memory only.
///
/// Everything that is wrong is found in one go. A missing key, an empty value or an unreadable source is an error, and
/// nothing stands in for it. Sources that no needed name belongs to are not touched, nor are keys that nobody needs.
package struct SecretFetcher: Sendable {
    private let folder: String
    let command: AWSCommand
    let retry: RetryPolicy

    private let standardInput: Int32

    /// Relative paths of sources start at `folder` (the inventory's). `standardInput` is the descriptor that the path
    /// `-` stands for; it stays open.
    package init(
        folder: String, command: AWSCommand = .installed(), retry: RetryPolicy = RetryPolicy(), standardInput: Int32 = 0
    ) {
        self.folder = folder
        self.standardInput = standardInput
        self.command = command
        self.retry = retry
    }

    package func fetch(
        _ names: Set<SecretName>, from sources: [SecretSource], within allowance: Duration
    ) async throws(CloudErrors) -> FetchedSecrets {
        var errors: [CloudError] = []
        let needed = declared(names, sources, &errors)
        let contents = await contents(of: needed, within: allowance)
        var values: [SecretName: Secret] = [:]
        var versions: [String: String] = [:]
        var warnings: [Diagnostic] = []
        for source in needed {
            switch contents[source.name] {
            case .success(let content)?:
                versions[source.name] = content.version
                let asked = names.filter { $0.source == source.name }.sorted()
                for name in asked {
                    switch Self.pick(name, from: content) {
                    case .success(let text):
                        values[name] = Secret(text)
                        if Self.hasBlankEdges(text) { warnings.append(Self.blankEdges(name, source)) }
                    case .failure(let error): errors.append(error)
                    }
                }
            case .failure(let error)?: errors.append(error)
            case nil: break
            }
        }
        errors = Self.joined(errors)
        if !errors.isEmpty { throw CloudErrors(errors, sources: sources) }
        return FetchedSecrets(book: SecretBook(values: values, versions: versions), warnings: warnings)
    }

    /// The sources of a finished run's book whose current version is another one by now: a rotation landed in the
    /// middle. Asks again, so it costs as much as `fetch`; files are not read again.
    package func rotatedSources(
        since book: SecretBook, from sources: [SecretSource], within allowance: Duration
    ) async throws(CloudErrors) -> [(source: String, was: String, is: String)] {
        var isAWS: [SecretSource] = []
        for source in sources where book.versions[source.name] != nil {
            if case .aws = source.kind { isAWS.append(source) }
        }
        let contents = await contents(of: isAWS, within: allowance)
        var errors: [CloudError] = []
        var rotated: [(source: String, was: String, is: String)] = []
        for source in isAWS {
            switch contents[source.name] {
            case .success(let content)?:
                if let was = book.versions[source.name], was != content.version {
                    rotated.append((source.name, was, content.version))
                }
            case .failure(let error)?: errors.append(error)
            case nil: break
            }
        }
        if !errors.isEmpty { throw CloudErrors(Self.joined(errors), sources: sources) }
        return rotated
    }

    // MARK: Sources

    func declared(
        _ names: Set<SecretName>, _ sources: [SecretSource], _ errors: inout [CloudError]
    ) -> [SecretSource] {
        var seen: Set<String> = []
        var repeated: Set<String> = []
        for source in sources where !seen.insert(source.name).inserted && repeated.insert(source.name).inserted {
            errors.append(.repeatedSource(source.name))
        }
        for name in names.sorted() where !seen.contains(name.source) {
            errors.append(
                .undeclaredSource(name, nearest: Diagnostic.nearest(to: name.source, among: sources.map(\.name))))
        }
        let wanted = Set(names.map(\.source))
        return sources.filter { wanted.contains($0.name) && !repeated.contains($0.name) }
    }

    /// One outcome for each source: all regions, files and standard input at once.
    func contents(
        of sources: [SecretSource], within allowance: Duration
    ) async -> [String: Result<SourceContent, CloudError>] {
        let end = ContinuousClock.now.advanced(by: allowance)
        var byRegion: [String?: [SecretSource]] = [:]
        // Two sources may read one file, and standard input can be read only once.
        var byPath: [String: [SecretSource]] = [:]
        for source in sources {
            switch source.kind {
            case .aws(let id, let region): byRegion[region ?? Self.region(ofARN: id), default: []].append(source)
            case .file(let path), .terraform(let path, _): byPath[absolute(path), default: []].append(source)
            }
        }
        return await withTaskGroup(of: [String: Result<SourceContent, CloudError>].self) { group in
            for (region, sources) in byRegion {
                group.addTask { await self.fromAWS(sources, region, before: end) }
            }
            for (path, sources) in byPath {
                group.addTask { await self.fromFile(path, sources, within: allowance) }
            }
            return await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        }
    }

    private func fromAWS(
        _ sources: [SecretSource], _ region: String?, before end: ContinuousClock.Instant
    ) async -> [String: Result<SourceContent, CloudError>] {
        var ids: [String: [SecretSource]] = [:]
        for source in sources {
            if case .aws(let id, _) = source.kind { ids[id, default: []].append(source) }
        }
        let batch = SecretBatch(command: command, retry: retry, region: region, end: end)
        let outcomes = await batch.fetch(ids.keys.sorted())
        var contents: [String: Result<SourceContent, CloudError>] = [:]
        for (id, sources) in ids {
            for source in sources {
                switch outcomes[id] {
                case .success(let document)?:
                    contents[source.name] = Self.content(of: source) { () throws(CloudContentError) in
                        // An answer of the service always says its stages; one that does not is none.
                        if document.stages == nil { throw .notCurrent([]) }
                        guard document.version != nil else { throw .badShape("the answer has no VersionId") }
                        return try SourceContent(document, fallbackVersion: "")
                    }
                case .failure(let failure)?: contents[source.name] = .failure(.aws(failure, sources: [source.name]))
                case nil: contents[source.name] = .failure(.notAnswered(source: source.name, secretID: id))
                }
            }
        }
        return contents
    }

    private func fromFile(
        _ path: String, _ sources: [SecretSource], within allowance: Duration
    ) async -> [String: Result<SourceContent, CloudError>] {
        let outcome = await SecretFile.read(path, standardInput: standardInput, within: allowance)
        var contents: [String: Result<SourceContent, CloudError>] = [:]
        for source in sources {
            switch outcome {
            case .success(let bytes):
                contents[source.name] = Self.content(of: source) { () throws(CloudContentError) in
                    if case .terraform(_, let output) = source.kind {
                        return try SourceContent(terraform: bytes, output: output)
                    }
                    return try SourceContent(file: bytes, source: source.name)
                }
            case .failure(.exposed(let mode)):
                contents[source.name] = .failure(.exposed(source: source.name, path: path, mode: mode))
            case .failure(.unreadable(let reason)):
                contents[source.name] = .failure(.unreadable(source: source.name, path: path, reason: reason))
            }
        }
        return contents
    }

    private static func content(
        of source: SecretSource, _ body: () throws(CloudContentError) -> SourceContent
    ) -> Result<SourceContent, CloudError> {
        do throws(CloudContentError) { return .success(try body()) } catch { return .failure(error.error(of: source)) }
    }

    private func absolute(_ path: String) -> String {
        path == "-" || path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }

    /// `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-6CHARS`.
    static func region(ofARN id: String) -> String? {
        let parts = id.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count >= 6 && parts[0] == "arn" && !parts[3].isEmpty ? String(parts[3]) : nil
    }

    // MARK: Values

    static func pick(_ name: SecretName, from content: SourceContent) -> Result<String, CloudError> {
        guard let value = content.values[name.key] else {
            let keys = content.values.object?.keys.map(\.self) ?? []
            return .failure(
                .missingKey(name, nearest: Diagnostic.nearest(to: name.key, among: keys).map { "\(name.source).\($0)" })
            )
        }
        guard let text = value.text else { return .failure(.notText(name, value.kindName)) }
        return text.isEmpty ? .failure(.empty(name)) : .success(text)
    }

    /// Several programs trim them (rabbitmqctl's prompt, INI readers): allowed, since a certificate ends in a line
    /// break.
    private static func hasBlankEdges(_ text: String) -> Bool {
        guard let first = text.first, let last = text.last else { return false }
        return first.isWhitespace || last.isWhitespace
    }

    private static func blankEdges(_ name: SecretName, _ source: SecretSource) -> Diagnostic {
        Diagnostic(
            "\(name) begins or ends with a blank or a line break", at: source.location,
            remedy: "remove it from the secret unless it is meant: some programs cut it off")
    }

    /// One failure of the command that stopped several sources is one error.
    private static func joined(_ errors: [CloudError]) -> [CloudError] {
        var result: [CloudError] = []
        for error in errors {
            guard case .aws(let failure, let more) = error else {
                result.append(error)
                continue
            }
            let same = result.firstIndex { if case .aws(failure, _) = $0 { true } else { false } }
            if let same, case .aws(_, let sources) = result[same] {
                result[same] = .aws(failure, sources: sources + more)
            } else {
                result.append(error)
            }
        }
        return result
    }
}
