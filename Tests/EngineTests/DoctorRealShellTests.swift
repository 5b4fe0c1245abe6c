import HostSession
import Model
import TestSupport
import Testing
import Transport

@testable import Engine

@Suite("Doctor: its questions, asked of this machine's own shell")
struct DoctorRealShellTests {
    @Test("a real certificate, asked of a real openssl")
    func realCertificate() async throws {
        let folder = try TemporaryFolder()
        var subject = Subjects.subject()
        subject.needs.writtenPaths = [folder.file("right.crt"), folder.file("other.crt"), folder.file("none.crt")]
        let make = ["right": "backend01.prod-ha.cso.ss", "other": "elsewhere"].map { name, host in
            let (key, crt) = (folder.file("\(name).key"), folder.file("\(name).crt"))
            return HostQuestion(
                """
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=x \
                -addext subjectAltName=DNS:\(word: host) -addext basicConstraints=critical,CA:FALSE \
                -keyout \(word: key) -out \(word: crt) 2>/dev/null
                """)
        }
        let session = try await HostSession.open(localPrefix: [], by: Deadline("the session", in: .seconds(20)))
        let asked = make + [CertificateCheck().question(about: subject)].compactMap(\.self)
        let answers = try? await session.ask(asked, by: Deadline("the answers", in: .seconds(60)))
        await session.close()
        let findings = CertificateCheck().judge(answers?.last ?? Subjects.answer(""), about: subject)
        #expect(findings.map(\.severity) == [.ok, .warning, .notApplicable], "\(findings)")
    }

    @Test(
        "each question is asked of a real shell and gets an answer that means something",
        arguments: [
            HostFacts.OSFamily.debian, .amazon,
        ])
    func real(family: HostFacts.OSFamily) async throws {
        let session = try await HostSession.open(localPrefix: [], by: Deadline("the session", in: .seconds(20)))
        var facts = session.facts
        facts.family = family
        var subject = Subjects.subject(facts)
        subject.needs.endpoints = [
            .init(purpose: "closed port", host: "127.0.0.1", port: 1),
            .init(purpose: "no name", host: "nowhere.invalid", port: 1),
        ]
        subject.needs.writtenPaths = ["/nowhere/it's here"]
        let questions = HostChecks.questions(about: subject)
        let result: Result<[HostAnswer], SessionError>
        do throws(SessionError) {
            result = .success(try await session.ask(questions, by: Deadline("the answers", in: .seconds(60))))
        } catch { result = .failure(error) }
        await session.close()
        let answers = try result.get()
        #expect(answers.count == questions.count)
        for (question, answer) in zip(questions, answers) {
            #expect(answer.errorText.isEmpty, "\(question.script): \(answer.errorText)")
        }
        let findings = HostChecks.judge(answers, about: subject)
        let checks = Set(findings.map(\.check))
        #expect(
            checks.isSuperset(of: ["disk /", "package manager", "cloud-init", "lock", "leftovers", "owed restarts"]))
        let reached = findings.filter { $0.check.hasPrefix("closed port") || $0.check.hasPrefix("no name") }
        #expect(reached.map(\.found) == ["refused, or no way to it", "the host cannot resolve nowhere.invalid"])
    }

    @Test("a real holder of dpkg's lock is found and named")
    func realHolder() async throws {
        guard let question = PackageLockCheck().question(about: Subjects.subject()) else {
            Issue.record("no question")
            return
        }
        // The path that is looked for is the test's own; the shell that has it open is named by its command.
        let folder = try TemporaryLock()
        let script = question.script.text.replacing("/var/lib/dpkg/lock-frontend", with: folder.path)
        let session = try await HostSession.open(localPrefix: [], by: Deadline("the session", in: .seconds(20)))
        let answers = try? await session.ask(
            [HostQuestion(ShellText(script: "exec 8<\(folder.path); \(script)"))],
            by: Deadline("the answer", in: .seconds(30)))
        await session.close()
        let findings = PackageLockCheck().judge(answers?.first ?? Subjects.answer(""), about: Subjects.subject())
        #expect(findings.first?.found.contains("sh (process") == true, "\(findings)")
    }

    @Test("a real dnf's word about itself is found: its process, without a line break")
    func realDnf() async throws {
        let subject = Subjects.subject(Subjects.facts(.amazon))
        let question = try #require(PackageLockCheck().question(about: subject))
        let folder = try TemporaryFolder()
        let script = question.script.text.replacing("/var/lib/dnf/*.pid", with: "\(folder.path)/*.pid")
        let session = try await HostSession.open(localPrefix: [], by: Deadline("the session", in: .seconds(20)))
        let answers = try? await session.ask(
            [HostQuestion(ShellText(script: "printf %s $$ >\(folder.path)/rpmdb_lock.pid; \(script)"))],
            by: Deadline("the answer", in: .seconds(30)))
        await session.close()
        let findings = PackageLockCheck().judge(answers?.first ?? Subjects.answer(""), about: subject)
        #expect(findings.first?.found.contains("sh (process") == true, "\(findings)")
    }
}
