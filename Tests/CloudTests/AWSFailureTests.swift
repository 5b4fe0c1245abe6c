import Testing

@testable import Cloud

/// Standard error of real calls of AWS CLI 1 and 2.
@Suite("Failures of aws")
struct AWSFailureTests {
    static let clean = AWSDetail(environment: ["AWS_SESSION_TOKEN": "canary-token"])

    @Test(
        "are told apart by code",
        arguments: [
            (
                254,
                "\nAn error occurred (ResourceNotFoundException) when calling the BatchGetSecretValue operation: Secrets Manager can't find the specified secret.\n",
                .notFound(detail: "Secrets Manager can't find the specified secret.")
            ),
            (
                255,
                "\nAn error occurred (AccessDeniedException) when calling the BatchGetSecretValue operation: User: arn:aws:sts::123456789012:assumed-role/jump/i-0abc is not authorized to perform: secretsmanager:BatchGetSecretValue because no identity-based policy allows the secretsmanager:BatchGetSecretValue action\n",
                .accessDenied(
                    operation: "BatchGetSecretValue", isKMS: false,
                    detail:
                        "User: arn:aws:sts::123456789012:assumed-role/jump/i-0abc is not authorized to perform: secretsmanager:BatchGetSecretValue because no identity-based policy allows the secretsmanager:BatchGetSecretValue action"
                )
            ),
            (
                254,
                "\naws: [ERROR]: An error occurred (AccessDeniedException) when calling the GetSecretValue operation: Access to KMS is not allowed\n",
                .accessDenied(operation: "GetSecretValue", isKMS: true, detail: "Access to KMS is not allowed")
            ),
            (
                254,
                "\nAn error occurred (InvalidRequestException) when calling the GetSecretValue operation: You can't perform this operation on the secret because it was marked for deletion.\n",
                .invalidRequest(
                    detail: "You can't perform this operation on the secret because it was marked for deletion.")
            ),
            (
                255,
                "\nAn error occurred (ExpiredTokenException) when calling the BatchGetSecretValue operation: The security token included in the request is expired\n",
                .expiredCredentials(
                    code: "ExpiredTokenException", detail: "The security token included in the request is expired")
            ),
            (
                254,
                "\nAn error occurred (ThrottlingException) when calling the BatchGetSecretValue operation (reached max retries: 0): Rate exceeded\n",
                .throttled(code: "ThrottlingException")
            ),
            (
                255,
                "\nAn error occurred (500) when calling the BatchGetSecretValue operation (reached max retries: 4): <!doctype html>\n<html lang=en>\n",
                .serviceFailed(code: "500", detail: "it said nothing that can be shown")
            ),
            (
                254,
                "An error occurred (DecryptionFailure) when calling the GetSecretValue operation: Secrets Manager can't decrypt it: key is disabled",
                .decryptionFailed(detail: "Secrets Manager can't decrypt it: key is disabled")
            ),
            (
                254,
                "An error occurred (ValidationException) when calling the BatchGetSecretValue operation: 1 validation error",
                .refused(code: "ValidationException", operation: "BatchGetSecretValue", detail: "1 validation error")
            ),
            (
                255, "\nCould not connect to the endpoint URL: \"https://secretsmanager.eu-west-2.amazonaws.com/\"\n",
                .noConnection(
                    detail: "Could not connect to the endpoint URL: \"https://secretsmanager.eu-west-2.amazonaws.com/\""
                )
            ),
            (
                253, "\nUnable to locate credentials. You can configure credentials by running \"aws configure\".\n",
                .notConfigured(
                    detail: "Unable to locate credentials. You can configure credentials by running \"aws configure\".")
            ),
            (
                255, "\nYou must specify a region. You can also configure your region by running \"aws configure\".\n",
                .notConfigured(
                    detail:
                        "You must specify a region. You can also configure your region by running \"aws configure\".")
            ),
            (
                2,
                "usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]\nTo see help text, you can run:\n\n  aws help\naws: error: argument operation: Invalid choice, valid choices are:\n\nget-secret-value\n",
                .usage(detail: "aws: error: argument operation: Invalid choice, valid choices are:")
            ),
            (137, "", .ended(status: 137, detail: "it said nothing")),
        ] as [(Int32, String, AWSFailure)])
    func codes(status: Int32, text: String, failure: AWSFailure) {
        #expect(AWSFailure(status: status, errors: Array(text.utf8), detail: Self.clean) == failure)
        #expect(!failure.message.isEmpty && !failure.remedy.isEmpty)
    }

    @Test(
        "show neither documents nor credentials nor control characters",
        arguments: [
            (
                "Unable to parse response (x), invalid JSON received:\nb'{\"SecretString\": \"canary\"'",
                "Unable to parse response (x), invalid JSON received:"
            ),
            ("Unable to parse b'{\"SecretString\":\"canary\"}'", "Unable to parse"),
            ("Expected {\"SecretString\":\"canary\"}", "Expected"),
            (
                "The request signature does not match.\n\nx-amz-security-token:canary-token",
                "The request signature does not match."
            ),
            ("token canary-token is bad", "token <secret> is bad"), ("a\u{1B}[31mb", "a[31mb"),
        ])
    func masked(text: String, shown: String) {
        #expect(Self.clean.detail(text) == shown)
    }

    @Test("are shortened")
    func shortened() {
        #expect(Self.clean.detail(String(repeating: "x", count: 1000)).count == AWSDetail.longest + 3)
    }

    @Test("the missing right is named")
    func rights() {
        let batch = AWSFailure.accessDenied(operation: "BatchGetSecretValue", isKMS: false, detail: "")
        #expect(batch.remedy.contains("secretsmanager:BatchGetSecretValue on *"))
        let kms = AWSFailure.accessDenied(operation: "secretsmanager:GetSecretValue", isKMS: true, detail: "")
        #expect(kms.remedy.contains("kms:Decrypt"))
    }
}
