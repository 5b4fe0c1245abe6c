internal import Model

/// One secret as `get-secret-value` prints it and as `batch-get-secret-value` lists it.
struct SecretDocument: Sendable {
    enum Value: Sendable {
        /// SecretString: text that is itself a JSON document.
        case text(String)
        case binary
        /// A version may exist without a value (AWSPENDING while a rotation runs).
        case none
    }

    var arn: String?
    var name: String?
    var version: String?
    /// `nil` = the document does not say; in an answer of the service it always does.
    var stages: [String]?
    var value: Value

    init(_ json: JSONValue) {
        arn = json["ARN"]?.text
        name = json["Name"]?.text
        version = json["VersionId"]?.text
        stages = json["VersionStages"]?.list?.compactMap(\.text)
        if let text = json["SecretString"]?.text {
            value = .text(text)
        } else if let binary = json["SecretBinary"], !binary.isNull {
            value = .binary
        } else {
            value = .none
        }
    }

    func isNamed(_ secretID: String) -> Bool { arn == secretID || name == secretID }
}

/// A page of `batch-get-secret-value`.
struct BatchAnswer: Sendable {
    struct Failure: Sendable {
        var secretID: String
        var code: String
        var message: String
    }

    var documents: [SecretDocument]
    /// Present although the exit status is 0.
    var failures: [Failure]
    var nextToken: String?

    /// `nil` if this is no such page.
    init?(_ json: JSONValue) {
        guard let values = json["SecretValues"]?.list else { return nil }
        documents = values.map(SecretDocument.init)
        failures = []
        for failure in json["Errors"]?.list ?? [] {
            guard let secretID = failure["SecretId"]?.text else { return nil }
            failures.append(
                Failure(
                    secretID: secretID, code: failure["ErrorCode"]?.text ?? "unknown",
                    message: failure["Message"]?.text ?? ""))
        }
        nextToken = json["NextToken"]?.text
    }
}

/// The keys and values of one source, before any of them is picked.
struct SourceContent: Sendable {
    var values: JSONValue
    /// What pins it: a version id, or a word for what has none.
    var version: String

    init(values: JSONValue, version: String) throws(CloudContentError) {
        guard values.object != nil else {
            throw .badShape("the secret is \(values.kindName), not an object of strings")
        }
        self.values = values
        self.version = version
    }

    /// The second parse: SecretString is text that contains JSON.
    init(_ document: SecretDocument, fallbackVersion: String) throws(CloudContentError) {
        if let stages = document.stages, !stages.contains("AWSCURRENT") { throw .notCurrent(stages) }
        switch document.value {
        case .binary: throw .binary
        case .none: throw .badShape("the version \(document.version ?? "") has no value")
        case .text(let text):
            let values: JSONValue
            do throws(JSONError) { values = try JSONValue(parsing: text) } catch {
                throw .notJSON(part: "SecretString", error)
            }
            try self.init(values: values, version: document.version ?? fallbackVersion)
        }
    }

    /// A file with `get-secret-value`'s or `batch-get-secret-value`'s output. Of several secrets the one with the name
    /// (or ARN) of the source counts.
    init(file bytes: [UInt8], source: String) throws(CloudContentError) {
        let json = try Self.parse(bytes)
        if let page = BatchAnswer(json) {
            if let failure = page.failures.first {
                throw .badShape("the file holds an error for \(failure.secretID): \(failure.code)")
            }
            let named = page.documents.filter { $0.isNamed(source) }
            guard let document = page.documents.count == 1 ? page.documents.first : named.first, named.count <= 1 else {
                throw page.documents.isEmpty
                    ? .badShape("the file holds no secret") : .ambiguous(page.documents.map { $0.name ?? "(no name)" })
            }
            try self.init(document, fallbackVersion: "file")
        } else {
            guard json.object != nil else { throw .badShape("the file is \(json.kindName), not an object") }
            guard json["SecretString"] != nil || json["SecretBinary"] != nil else {
                throw .badShape("the file has neither SecretString nor SecretValues")
            }
            try self.init(SecretDocument(json), fallbackVersion: "file")
        }
    }

    /// A file with `terraform output -json`. Only the named output is looked at.
    init(terraform bytes: [UInt8], output: String) throws(CloudContentError) {
        let json = try Self.parse(bytes)
        guard let outputs = json.object else {
            throw .badShape("the file is \(json.kindName), not an object of outputs")
        }
        guard let found = outputs[output] else {
            throw .missingOutput(nearest: Diagnostic.nearest(to: output, among: outputs.keys))
        }
        guard let value = found["value"] else { throw .badShape("the output \"\(output)\" has no value") }
        try self.init(values: value, version: "terraform")
    }

    private static func parse(_ bytes: [UInt8]) throws(CloudContentError) -> JSONValue {
        do throws(JSONError) { return try JSONValue(parsing: bytes) } catch { throw .notJSON(part: "the file", error) }
    }
}

/// A ``CloudError`` that does not know its source yet.
enum CloudContentError: Error, Sendable {
    case notJSON(part: String, JSONError)
    case badShape(String)
    case binary
    case notCurrent([String])
    case ambiguous([String])
    case missingOutput(nearest: String?)

    func error(of source: SecretSource) -> CloudError {
        switch self {
        case .notJSON(let part, let error): .notJSON(source: source.name, part: part, error)
        case .badShape(let what): .badShape(source: source.name, what)
        case .binary: .binary(source: source.name)
        case .notCurrent(let stages): .notCurrent(source: source.name, stages: stages)
        case .ambiguous(let names): .ambiguous(source: source.name, names: names)
        case .missingOutput(let nearest):
            if case .terraform(_, let output) = source.kind {
                .missingOutput(source: source.name, output: output, nearest: nearest)
            } else {
                .badShape(source: source.name, "an output is missing")
            }
        }
    }
}
