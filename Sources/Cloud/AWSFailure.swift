/// Why a call of the `aws` command has no result. Told apart by the service's error codes; what AWS says in words is
/// kept as a detail for people, and decides nothing but one remedy (see ``isAboutKMS(_:)``) and what is tried again.
package enum AWSFailure: Error, Sendable, Hashable {
    case notInstalled
    /// A version without the subcommand (batch-get-secret-value came in December 2023), or wrong arguments.
    case usage(detail: String)
    /// Credentials or a region are missing.
    case notConfigured(detail: String)
    case accessDenied(operation: String, isKMS: Bool, detail: String)
    /// Missing, or without a current version.
    case notFound(detail: String)
    /// InvalidRequestException: most often a secret that is scheduled for deletion.
    case invalidRequest(detail: String)
    case decryptionFailed(detail: String)
    case expiredCredentials(code: String, detail: String)
    case throttled(code: String)
    case serviceFailed(code: String, detail: String)
    case noConnection(detail: String)
    case timedOut(after: Duration)
    case cancelled
    /// Another error code.
    case refused(code: String, operation: String, detail: String)
    /// No error code at all. The status as the shell gives it.
    case ended(status: Int32, detail: String)
    case cannotRun(detail: String)
    /// Exit status 0 and an answer that is not the expected document.
    case badAnswer(String)
    /// The same kind of failure each time.
    indirect case gaveUp(after: Int, AWSFailure)

    /// It may well work in a moment.
    var isTransient: Bool {
        switch self {
        case .throttled, .serviceFailed, .noConnection: true
        default: false
        }
    }

    package var message: String {
        switch self {
        case .notInstalled: "the `aws` command is not in PATH"
        case .usage(let detail): "this `aws` does not know the command: \(detail)"
        case .notConfigured(let detail): "`aws` has no credentials or no region: \(detail)"
        case .accessDenied(let operation, let isKMS, let detail):
            isKMS
                ? "the key that encrypts it may not be used (\(operation)): \(detail)"
                : "\(operation) is denied: \(detail)"
        case .notFound(let detail): "there is no such secret, or it has no current version: \(detail)"
        case .invalidRequest(let detail): "the request is not allowed now: \(detail)"
        case .decryptionFailed(let detail): "Secrets Manager cannot decrypt it: \(detail)"
        case .expiredCredentials(let code, let detail): "the credentials are not accepted (\(code)): \(detail)"
        case .throttled(let code): "AWS asked to slow down (\(code))"
        case .serviceFailed(let code, let detail): "AWS failed (\(code)): \(detail)"
        case .noConnection(let detail): "no connection to AWS: \(detail)"
        case .timedOut(let allowance): "no answer from `aws` within \(allowance.components.seconds) s"
        case .cancelled: "interrupted"
        case .refused(let code, let operation, let detail): "\(operation) was refused (\(code)): \(detail)"
        case .ended(let status, let detail): "`aws` ended with status \(status): \(detail)"
        case .cannotRun(let detail): "`aws` cannot be run: \(detail)"
        case .badAnswer(let what): "the answer of `aws` is not understood: \(what)"
        case .gaveUp(let tries, let last): "\(last.message); tried \(tries) times"
        }
    }

    package var remedy: String {
        switch self {
        case .notInstalled: "install the AWS CLI, or put its folder into PATH"
        case .usage: "install AWS CLI 2.15 or later (1.32 of version 1)"
        case .notConfigured:
            "give this machine an instance role, or set AWS_PROFILE and AWS_REGION; `aws sts get-caller-identity` tells"
        case .accessDenied(_, isKMS: true, _):
            "allow kms:Decrypt on the secret's key to this role, in the key's policy too"
        case .accessDenied(let operation, isKMS: false, _):
            operation == "BatchGetSecretValue"
                ? "allow this role secretsmanager:BatchGetSecretValue on * and secretsmanager:GetSecretValue on each secret"
                : "allow \(operation) to this role in IAM"
        case .notFound:
            "check name, ARN and region in the inventory; create the secret with `cso-provision secrets init`"
        case .invalidRequest: "if it is scheduled for deletion: `aws secretsmanager restore-secret --secret-id ID`"
        case .decryptionFailed: "check that the secret's KMS key is enabled and not scheduled for deletion"
        case .expiredCredentials:
            "log in again (`aws sso login`), or check role and clock; then `aws sts get-caller-identity`"
        case .throttled, .serviceFailed: "try again in a few minutes"
        case .noConnection, .timedOut: "check the route to the service (a VPC endpoint or NAT) and AWS_ENDPOINT_URL"
        case .cancelled: "run it again"
        case .refused, .ended, .cannotRun, .badAnswer: "run the same `aws` command by hand and read what it says"
        case .gaveUp(_, let last): last.remedy
        }
    }
}

extension AWSFailure {
    /// From an error code, as the command prints it in parentheses and as `Errors` of a batch has it. `detail` has
    /// passed ``AWSDetail``.
    init(code: String, operation: String, detail: String) {
        switch code {
        case "AccessDeniedException", "AccessDenied", "UnauthorizedOperation":
            self = .accessDenied(operation: operation, isKMS: Self.isAboutKMS(detail), detail: detail)
        case "ResourceNotFoundException": self = .notFound(detail: detail)
        case "InvalidRequestException": self = .invalidRequest(detail: detail)
        case "DecryptionFailure", "DecryptionFailureException": self = .decryptionFailed(detail: detail)
        case "ExpiredTokenException", "ExpiredToken", "RequestExpired", "UnrecognizedClientException",
            "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature":
            self = .expiredCredentials(code: code, detail: detail)
        case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded",
            "RequestThrottled", "RequestThrottledException", "PriorRequestNotComplete", "429":
            self = .throttled(code: code)
        case "InternalServiceError", "InternalServiceErrorException", "InternalFailure", "InternalServerError",
            "ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout", "RequestTimeoutException":
            self = .serviceFailed(code: code, detail: detail)
        // A proxy or load balancer on the way answers with a bare HTTP status.
        case _ where code.count == 3 && code.first == "5" && code.allSatisfy(\.isNumber):
            self = .serviceFailed(code: code, detail: detail)
        default: self = .refused(code: code, operation: operation, detail: detail)
        }
    }

    /// Secrets Manager reports a denied KMS key with the same code as a denied secret; only the words differ ("Access
    /// to KMS is not allowed", "not authorized to perform: kms:Decrypt"). It decides the remedy that is shown, nothing
    /// else.
    private static func isAboutKMS(_ detail: String) -> Bool { detail.contains("KMS") || detail.contains("kms:") }

    /// From a failed call: exit status (AWS CLI 2: 252 usage, 253 configuration, 254 the service's answer, 255 anything
    /// else; version 1: 2 and 255) and standard error.
    init(status: Int32, errors: [UInt8], detail clean: AWSDetail) {
        let text = String(decoding: errors, as: UTF8.self)
        if let (code, operation, rest) = Self.coded(text) {
            self.init(code: code, operation: operation, detail: clean.detail(rest))
            return
        }
        let detail = clean.detail(text)
        // Botocore's own exceptions have no code. Their wording is fixed by format strings in botocore.exceptions.
        let unreachable = [
            "Could not connect to the endpoint URL", "Connect timeout on endpoint URL", "Read timeout on endpoint URL",
            "Connection was closed before we received a valid response",
        ]
        let unconfigured = ["Unable to locate credentials", "You must specify a region", "The config profile ("]
        if unreachable.contains(where: text.contains) {
            self = .noConnection(detail: detail)
        } else if status == 253 || unconfigured.contains(where: text.contains) {
            self = .notConfigured(detail: detail)
        } else if status == 2 || status == 252 {
            self = .usage(detail: detail)
        } else {
            self = .ended(status: status, detail: detail)
        }
    }

    /// `An error occurred (CODE) when calling the OPERATION operation...: MESSAGE`.
    private static func coded(_ text: String) -> (code: String, operation: String, rest: String)? {
        let middle = ") when calling the "
        guard let divider = text.firstRange(of: middle), let open = text[..<divider.lowerBound].lastIndex(of: "(")
        else {
            return nil
        }
        let code = text[text.index(after: open)..<divider.lowerBound]
        let operation = text[divider.upperBound...].prefix { $0.isLetter || $0.isNumber }
        guard !code.isEmpty, code.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") }) else {
            return nil
        }
        // `(reached max retries: 4)` may stand before the colon.
        var rest = text[operation.endIndex...].drop { $0 != ":" && $0 != "(" }
        if rest.first == "(" { rest = rest.drop { $0 != ")" }.dropFirst() }
        rest = rest.drop { $0 == ":" }
        return (String(code), String(operation), String(rest))
    }
}
