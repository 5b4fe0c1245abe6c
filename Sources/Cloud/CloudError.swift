package import Model

/// Why secrets, or the names of a zone, could not be had. Cases carry names, codes and places; never a value.
package enum CloudError: Error, Sendable, Hashable {
    /// A recipe names a source that the inventory does not have.
    case undeclaredSource(SecretName, nearest: String?)
    /// Two sources have one name.
    case repeatedSource(String)
    /// The `aws` command failed for these sources.
    case aws(AWSFailure, sources: [String])
    case hostedZone(AWSFailure, id: String)
    case unreadable(source: String, path: String, reason: String)
    /// Others may read or write the file. The mode is that of chmod(1).
    case exposed(source: String, path: String, mode: String)
    case notJSON(source: String, part: String, JSONError)
    /// The document lacks something: `SecretValues is not a list`.
    case badShape(source: String, String)
    /// SecretBinary: what its bytes mean is not defined here.
    case binary(source: String)
    /// The answer is not the current version, or has none.
    case notCurrent(source: String, stages: [String])
    /// The answer holds no value for this secret, or one that nobody asked for.
    case notAnswered(source: String, secretID: String)
    /// A file with several secrets, none of which has the source's name.
    case ambiguous(source: String, names: [String])
    /// Terraform leaves outputs that are null out of the document.
    case missingOutput(source: String, output: String, nearest: String?)
    case missingKey(SecretName, nearest: String?)
    case empty(SecretName)
    /// The value is no string but, for instance, `a number`.
    case notText(SecretName, String)

    /// The source it is about; `nil` if there is none.
    package var source: String? {
        switch self {
        case .undeclaredSource, .hostedZone: nil
        case .repeatedSource(let source), .unreadable(let source, _, _), .exposed(let source, _, _),
            .notJSON(let source, _, _), .badShape(let source, _), .binary(let source), .notCurrent(let source, _),
            .notAnswered(let source, _), .ambiguous(let source, _), .missingOutput(let source, _, _):
            source
        case .aws(_, let sources): sources.first
        case .missingKey(let name, _), .empty(let name), .notText(let name, _): name.source
        }
    }

    package var message: String {
        switch self {
        case .undeclaredSource(let name, _): "\(name): the inventory declares no secret source \"\(name.source)\""
        case .repeatedSource(let source): "the secret source \"\(source)\" is declared twice"
        case .aws(let failure, let sources): "secret source \(sources.joined(separator: ", ")): \(failure.message)"
        case .hostedZone(let failure, let id): "hosted zone \(id): \(failure.message)"
        case .unreadable(let source, let path, let reason): "secret source \(source): cannot read \(path): \(reason)"
        case .exposed(let source, let path, let mode):
            "secret source \(source): \(path) has mode \(mode), so others can reach the secrets in it"
        case .notJSON(let source, let part, let error): "secret source \(source): \(part) is not JSON: \(error)"
        case .badShape(let source, let what): "secret source \(source): \(what)"
        case .binary(let source): "secret source \(source): the secret is binary (SecretBinary)"
        case .notCurrent(let source, let stages):
            "secret source \(source): the version has the stages [\(stages.joined(separator: ", "))], not AWSCURRENT"
        case .notAnswered(let source, let secretID):
            "secret source \(source): the answer holds no secret with the name or ARN \(secretID)"
        case .ambiguous(let source, let names):
            "secret source \(source): the file holds several secrets: \(names.joined(separator: ", "))"
        case .missingOutput(let source, let output, _):
            "secret source \(source): Terraform has no output \"\(output)\" (one whose value is null is left out)"
        case .missingKey(let name, _): "\(name): the source \(name.source) has no key \"\(name.key)\""
        case .empty(let name): "\(name) is empty"
        case .notText(let name, let kind): "\(name) is \(kind), not a string"
        }
    }

    package var remedy: String {
        switch self {
        case .undeclaredSource(_, let nearest), .missingOutput(_, _, let nearest), .missingKey(_, let nearest):
            if let nearest { "did you mean \"\(nearest)\"?" } else { absenceRemedy }
        case .repeatedSource: "give one of them another name"
        case .aws(let failure, _), .hostedZone(let failure, _): failure.remedy
        case .unreadable: "correct the path or its rights; paths start at the inventory's folder"
        case .exposed(_, let path, _): "chmod 600 \(ShellText.word(path))"
        case .notJSON:
            "write it as the JSON that `aws secretsmanager get-secret-value` or `terraform output -json` gives"
        case .badShape: "the value must be a JSON object whose values are strings"
        case .binary: "store it as SecretString: a JSON object of strings"
        case .notCurrent: "make a version current with `aws secretsmanager update-secret-version-stage`"
        case .notAnswered:
            "write the secret's full name or full ARN (with the 6 characters at its end) in the inventory"
        case .ambiguous(let source, _): "name the source like its secret, or give \"\(source)\" a file of its own"
        case .empty, .notText: "store a value for it; an empty or guessed one is never used"
        }
    }

    private var absenceRemedy: String {
        switch self {
        case .undeclaredSource: "declare it below `secrets:` in the inventory"
        case .missingOutput: "run `terraform apply` for it, or correct the output's name"
        default: "add it to the secret; there are no defaults"
        }
    }
}

/// Everything that one fetch found wrong, so that it can be put right at once. Never empty when thrown.
package struct CloudErrors: Error, Sendable, CustomStringConvertible {
    package var all: [CloudError]
    private var locations: [String: SourceLocation]

    package init(_ all: [CloudError], sources: [SecretSource] = []) {
        self.all = all
        locations = Dictionary(sources.map { ($0.name, $0.location) }, uniquingKeysWith: { _, last in last })
    }

    /// At the places where the inventory declares the sources.
    package var diagnostics: Diagnostics {
        Diagnostics(
            all.map { Diagnostic($0.message, at: $0.source.flatMap { locations[$0] }, remedy: $0.remedy) })
    }
    package var description: String { diagnostics.description }
}
