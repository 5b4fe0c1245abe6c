internal import Cloud
internal import Model

/// What was asked of the `aws` command, and what came back.
struct CloudFacts: Sendable {
    var needed: Set<SecretName> = []
    var sources: [SecretSource] = []
    /// `nil` = no needed secret is in AWS.
    var version: Result<AWSVersion, AWSFailure>?
    var identity: Result<CallerIdentity, AWSFailure>?
    var errors: [CloudError] = []
    /// What could be had.
    var book = SecretBook()
    var warnings: [Diagnostic] = []
    /// Profiles of ~/.aws/config that keep every answer on disk.
    var history: [AWSConfigFile.Profile] = []
    var profile = "default"
}

/// Are secrets there, may we have them, and can the servers read them? Pure; no value, length or digest leaves it.
enum SecretJudgement {
    static func judge(_ facts: CloudFacts) -> [Finding] {
        tool(facts) + facts.sources.flatMap { source($0, facts) } + undeclared(facts) + alphabets(facts)
            + facts.warnings.map {
                Finding("edges", of: "secrets", .warning, $0.message, remedy: $0.remedy)
            }
    }

    // MARK: The command

    private static func tool(_ facts: CloudFacts) -> [Finding] {
        let subject = "this machine"
        guard let version = facts.version else {
            return [.notApplicable("aws", of: subject, "no secret of the selected roles is in AWS")]
        }
        var findings: [Finding] = []
        switch version {
        case .success(let version) where version.hasBatchGetSecretValue:
            findings.append(.ok("aws", of: subject, "version \(version)"))
        case .success(let version):
            findings.append(
                Finding(
                    "aws", of: subject, .blocker, "version \(version) has no batch-get-secret-value",
                    remedy: "install AWS CLI 2.14 or later (1.32 of version 1)"))
        case .failure(let failure):
            findings.append(Finding("aws", of: subject, .blocker, failure.message, remedy: failure.remedy))
        }
        switch facts.identity {
        case .success(let identity)?: findings.append(.ok("credentials", of: subject, identity.arn))
        case .failure(.notInstalled)?, nil: break
        case .failure(let failure)?:
            findings.append(Finding("credentials", of: subject, .blocker, failure.message, remedy: failure.remedy))
        }
        for profile in facts.history {
            let isOurs = profile.name == facts.profile
            findings.append(
                Finding(
                    "aws history", of: subject, isOurs ? .blocker : .warning,
                    "\(profile.file):\(profile.line): cli_history keeps every answer of profile \(profile.name), secrets too, on disk",
                    remedy: "aws configure set cli_history disabled --profile \(ShellText.word(profile.name)); "
                        + "rm -f ~/.aws/cli/history/history.db"))
        }
        return findings
    }

    // MARK: Secrets

    private static func source(_ source: SecretSource, _ facts: CloudFacts) -> [Finding] {
        let subject = "secret \(source.name)"
        var findings: [Finding] = []
        if case .aws = source.kind, case .failure? = facts.identity {
            return [.notApplicable("rights", of: subject, "cannot be asked for without credentials")]
        }
        for error in facts.errors where names(error).contains(source.name) {
            findings.append(
                Finding(check(error), of: subject, .blocker, error.message, remedy: remedy(error, source, facts)))
        }
        let there = facts.book.names.filter { $0.source == source.name }
        guard let version = facts.book.versions[source.name] else {
            return findings.isEmpty
                ? [.unknown("rights", of: subject, "another source's failure came first")] : findings
        }
        findings.append(.ok("rights", of: subject, "readable; version \(version)"))
        if findings.count == 1 {
            findings.append(.ok("keys", of: subject, there.map(\.key).joined(separator: ", ")))
        }
        return findings
    }

    private static func undeclared(_ facts: CloudFacts) -> [Finding] {
        let declared = Set(facts.sources.map(\.name))
        return facts.errors.compactMap { error in
            guard names(error).isDisjoint(with: declared) else { return nil }
            return Finding("secrets", of: "inventory", .blocker, error.message, remedy: error.remedy)
        }
    }

    private static func names(_ error: CloudError) -> Set<String> {
        switch error {
        case .aws(_, let sources): Set(sources)
        case .undeclaredSource(let name, _): [name.source]
        default: Set(error.source.map { [$0] } ?? [])
        }
    }

    private static func check(_ error: CloudError) -> String {
        switch error {
        case .aws(.accessDenied(_, isKMS: true, _), _): "KMS"
        case .aws(.accessDenied, _): "rights"
        case .missingKey, .empty, .notText: "keys"
        default: "source"
        }
    }

    private static func remedy(_ error: CloudError, _ source: SecretSource, _ facts: CloudFacts) -> String {
        guard case .aws(let secretID, let region) = source.kind else { return error.remedy }
        switch error {
        case .aws(.accessDenied(_, isKMS: true, _), _):
            return "for this role, in the key's policy too (describe-secret tells the KmsKeyId): "
                + PolicyText.decrypt(secretID, region: region)
        case .aws(.accessDenied(let operation, _, _), _) where operation.hasSuffix("BatchGetSecretValue"):
            return "for this role: " + PolicyText.readBatch
        case .aws(.accessDenied, _):
            let account = try? facts.identity?.get().account
            return "for this role: " + PolicyText.readSecret(secretID, region: region, account: account)
        case .aws(.notFound, _), .missingKey(_, nil), .empty:
            return error.remedy + "; cso-provision secrets init makes what is missing"
        default: return error.remedy
        }
    }

    // MARK: Alphabets

    private static func alphabets(_ facts: CloudFacts) -> [Finding] {
        facts.book.names.flatMap { name -> [Finding] in
            guard let secret = facts.book[name] else { return [] }
            return alphabet(name, secret)
        }
    }

    /// What is known to break the servers that read it.
    static func alphabet(_ name: SecretName, _ secret: Secret) -> [Finding] {
        let subject = "secret \(name.source)"
        let isPlain = secret.reveal(to: .digest) { bytes in
            bytes.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: false
                }
            }
        }
        if name.key.hasSuffix("erlang_cookie") {
            let (isWeak, isLong) = secret.reveal(to: .digest) { (SecretRecipe.looksMadeByErlang($0), $0.count > 255) }
            if isWeak {
                return [
                    Finding(
                        "alphabet", of: subject, .warning,
                        "\(name.key) looks like one that Erlang made, which Debian's package replaces at every configuration",
                        remedy: "make another one in a full stop of the cluster: secrets init makes a fitting one")
                ]
            }
            if !isPlain || isLong {
                return [
                    Finding(
                        "alphabet", of: subject, .warning, "\(name.key) is not made of at most 255 letters and digits",
                        remedy: "make another one in a full stop of the cluster")
                ]
            }
            return []
        }
        let isPassed = ["db_password", "keystone_password", "rabbitmq_password"].contains { name.key.hasSuffix($0) }
        guard isPassed, !isPlain else { return [] }
        return [
            Finding(
                "alphabet", of: subject, .warning,
                "\(name.key) holds characters that have a meaning in INI files, URLs, SQL or a shell",
                remedy: "they are quoted wherever we write them; at its next change take letters and digits only")
        ]
    }
}
