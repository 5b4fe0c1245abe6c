import Cloud
import Model
import Testing

@testable import Engine

@Suite("Doctor: secrets and rights")
struct DoctorSecretTests {
    func facts(_ errors: [CloudError] = [], book: SecretBook = SecretBook()) -> CloudFacts {
        var facts = CloudFacts()
        facts.sources = Inventories.make().secretSources
        facts.version = AWSVersion("aws-cli/2.15.1 x").map { .success($0) }
        facts.errors = errors
        facts.book = book
        return facts
    }

    @Test("a denied secret, a denied key and a denied batch are three things, each with its policy")
    func rights() {
        let secret = SecretJudgement.judge(
            facts([
                .aws(
                    .accessDenied(operation: "secretsmanager:GetSecretValue", isKMS: false, detail: "d"),
                    sources: ["passwords"])
            ]))
        let denied = secret.first { $0.severity == .blocker }
        #expect(denied?.check == "rights")
        #expect(
            denied?.remedy?.contains(
                #""Resource": "arn:aws:secretsmanager:eu-west-2:ACCOUNT:secret:env-passwords-??????""#) == true)
        let key = SecretJudgement.judge(
            facts([
                .aws(
                    .accessDenied(operation: "secretsmanager:GetSecretValue", isKMS: true, detail: "d"),
                    sources: ["other"])
            ]))
        #expect(key.first { $0.severity == .blocker }?.check == "KMS")
        #expect(key.first { $0.severity == .blocker }?.remedy?.contains("kms:Decrypt") == true)
        let batch = SecretJudgement.judge(
            facts([
                .aws(
                    .accessDenied(operation: "BatchGetSecretValue", isKMS: false, detail: "d"),
                    sources: ["passwords", "other"])
            ]))
        let both = batch.filter { $0.severity == .blocker }
        #expect(both.map(\.subject) == ["secret passwords", "secret other"])
        #expect(both.allSatisfy { $0.remedy?.contains("secretsmanager:BatchGetSecretValue") == true })
    }

    @Test("policies are JSON that a policy takes")
    func policies() throws {
        for text in [
            PolicyText.readBatch, PolicyText.decrypt("name", region: "eu-west-2"),
            PolicyText.readSecret("name", region: "eu-west-2", account: "1"),
        ] {
            let statement = try JSONValue(parsing: text)
            #expect(statement["Effect"]?.text == "Allow")
            #expect(statement["Resource"]?.text != nil)
        }
        #expect(PolicyText.decrypt("arn:aws:secretsmanager:eu-west-1:1:secret:o", region: nil).contains(".eu-west-1."))
        #expect(PolicyText.readSecret("arn:x", region: nil, account: nil).contains(#""Resource": "arn:x""#))
    }

    @Test("a missing key blocks, and the others of the source are still told")
    func missing() {
        let book = SecretBook(
            values: ["passwords.a": Secret("v"), "other.b": Secret("w")], versions: ["passwords": "1", "other": "2"])
        let findings = SecretJudgement.judge(facts([.missingKey("passwords.db", nearest: nil)], book: book))
        #expect(findings.filter { $0.severity == .blocker }.map(\.check) == ["keys"])
        #expect(brief(findings.filter { $0.subject == "secret other" }) == ["ok rights", "ok keys"])
    }

    @Test("an old command, no command, a history on disk")
    func tool() throws {
        var facts = facts(book: SecretBook(versions: ["passwords": "1", "other": "2"]))
        facts.version = .success(try #require(AWSVersion("aws-cli/2.13.0")))
        facts.history = [.init(name: "default", file: "c", line: 2), .init(name: "x", file: "c", line: 5)]
        let findings = SecretJudgement.judge(facts).filter { $0.subject == "this machine" }
        #expect(brief(findings) == ["blocker aws", "blocker aws history", "warning aws history"])
        facts.version = .failure(.notInstalled)
        facts.identity = .failure(.notInstalled)
        facts.history = []
        // Without credentials it is not known whether a secret may be read, which is told once.
        #expect(
            brief(SecretJudgement.judge(facts).filter { $0.subject == "secret other" }) == ["not-applicable rights"])
        #expect(brief(SecretJudgement.judge(facts).filter { $0.subject == "this machine" }) == ["blocker aws"])
        facts.version = nil
        #expect(brief(SecretJudgement.judge(facts).filter { $0.subject == "this machine" }) == ["not-applicable aws"])
    }

    @Test(
        "alphabets",
        arguments: [
            ("p.erlang_cookie", "ABCDEFGHIJKLMNOPQRST", true), ("p.erlang_cookie", "ABCDEFGHIJKLMNOPQRSTU", false),
            ("p.erlang_cookie", "abc def", true), ("p.erlang_cookie", String(repeating: "a", count: 256), true),
            ("p.db_password", "p%40$(id)", true), ("p.db_password", "Abc123", false),
            ("p.rabbitmq_password", "é", true),
            ("p.service_password", "p%40$(id)", false),
        ])
    func alphabets(name: String, value: String, isOdd: Bool) {
        let findings = SecretJudgement.alphabet(SecretName(name), Secret(value))
        #expect(findings.map(\.severity) == (isOdd ? [.warning] : []))
    }

    @Test("no value, and no length of one, is in any finding")
    func poison() {
        let poison = "canary%$0123456789"
        let book = SecretBook(
            values: ["passwords.db_password": Secret(poison), "passwords.erlang_cookie": Secret(poison + " ")],
            versions: ["passwords": "1"])
        let report = DoctorReport(findings: SecretJudgement.judge(facts(book: book)), seconds: 0)
        let shown = report.text(usesColor: false, isVerbose: true) + report.json.encodedText()
        // The control: what may be shown is found.
        #expect(shown.contains("db_password"))
        #expect(!shown.contains("canary"))
        #expect(!shown.contains("\(poison.count)"))
    }
}
