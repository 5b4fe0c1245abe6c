internal import Model

/// Who the `aws` command is for AWS, and which `aws` it is.
package struct CallerIdentity: Sendable, Hashable {
    package var account: String
    /// `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`.
    package var arn: String

    /// `sts get-caller-identity` needs no right at all, so a failure is about the credentials or the way to AWS.
    package static func ask(
        _ command: AWSCommand, within allowance: Duration
    ) async throws(AWSFailure) -> CallerIdentity {
        try CallerIdentity(await command(["sts", "get-caller-identity"], within: allowance))
    }

    init(_ output: [UInt8]) throws(AWSFailure) {
        guard let json = try? JSONValue(parsing: output), let account = json["Account"]?.text,
            let arn = json["Arn"]?.text
        else { throw .badAnswer("get-caller-identity gave no Account and Arn") }
        self.account = account
        self.arn = arn
    }
}

/// The version of the `aws` command: `aws-cli/2.15.30 Python/3.11.8 ...`.
package struct AWSVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var numbers: [Int]

    package static func ask(_ command: AWSCommand, within allowance: Duration) async throws(AWSFailure) -> AWSVersion {
        let output = String(decoding: try await command(["--version"], within: allowance), as: UTF8.self)
        guard let version = AWSVersion(output) else { throw .badAnswer("`aws --version` gave no version") }
        return version
    }

    package init?(_ text: String) {
        guard let word = text.split(separator: " ").first, word.hasPrefix("aws-cli/") else { return nil }
        let parts = word.dropFirst("aws-cli/".count).split(separator: ".").map { Int($0) }
        guard parts.count >= 2, !parts.contains(nil) else { return nil }
        numbers = parts.compactMap(\.self)
    }

    /// batch-get-secret-value came in November 2023 with 2.14 and 1.32.
    package var hasBatchGetSecretValue: Bool {
        numbers[0] >= 3 || (numbers[0] == 2 && numbers[1] >= 14) || (numbers[0] == 1 && numbers[1] >= 32)
    }

    package var description: String { numbers.map(String.init).joined(separator: ".") }
    package static func < (left: Self, right: Self) -> Bool { left.numbers.lexicographicallyPrecedes(right.numbers) }
}
