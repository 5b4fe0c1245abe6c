import Engine
import Glibc
import Model
import Synchronization
import TestSupport
import Testing
import Transport

/// A file of the test's own, removed with it.
final class TemporaryLock: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/doctor-lock-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        close(descriptor)
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { unlink(path) }
}

/// A link that answers every question alike and fails the test if anything but a question comes.
final class QuestionsOnly: HostLink {
    let facts: HostFacts
    let lockHolder: LockHolder?
    private let answer: @Sendable (HostQuestion) throws(HostFailure) -> HostAnswer
    private let closed = Mutex(0)

    init(
        _ facts: HostFacts, lockHolder: LockHolder? = nil,
        answer: @escaping @Sendable (HostQuestion) throws(HostFailure) -> HostAnswer
    ) {
        self.facts = facts
        self.lockHolder = lockHolder
        self.answer = answer
    }

    var timesClosed: Int { closed.withLock { $0 } }

    func ask(_ questions: [HostQuestion], by deadline: Deadline) async throws(HostFailure) -> [HostAnswer] {
        var answers: [HostAnswer] = []
        for question in questions { answers.append(try answer(question)) }
        return answers
    }

    func run(
        _ step: HostStep, input: [UInt8], name: String, output: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(HostFailure) -> HostAnswer {
        Issue.record("doctor ran a step: \(step.summary)")
        return HostAnswer(output: [], status: 127)
    }

    func takeLock(
        _ ticket: LockTicket, progress: @escaping @Sendable (String) -> Void
    ) async throws(HostFailure) -> LockHolder? {
        Issue.record("doctor took a lock")
        return nil
    }

    func releaseLock() async { Issue.record("doctor gave back a lock") }

    func breakLock(_ ticket: LockTicket) async throws(HostFailure) -> LockHolder? {
        Issue.record("doctor broke a lock")
        return nil
    }

    func shutdown() {}
    func close() async { closed.withLock { $0 += 1 } }
}

/// Recipes and an inventory of two hosts, in files.
final class DoctorFiles: Sendable {
    private let folder: TemporaryFolder
    var roles: String { folder.file("Roles") }
    var inventory: String { folder.file("Inventory") }

    static let role = """
        role: app
        description: Names the database.
        resources:
          - file: /etc/app.conf
            content: 'url=mysql.{{ zone.name }}:3307 password={{ secret("passwords.db") }}'
            encoding: ini
        """

    init(role: String = DoctorFiles.role) throws {
        folder = try TemporaryFolder()
        for part in ["Roles", "Roles/app", "Inventory"] { mkdir(folder.file(part), 0o700) }
        try folder.write(role, to: "Roles/app/role.yaml")
        try folder.write(
            """
            fleet: test
            zone: {name: test.ss, server: "127.0.0.1:1", deadline: 1s}
            network: [10.1.0.0/16]
            availability_zones: {a: 10.1.128.0/18, c: 10.1.192.0/18}
            az_order: [c, a]
            ssh: {user: root, identity: /nonexistent/key, known_hosts: [/nonexistent/known_hosts]}
            secrets:
              passwords: {aws: nothing, region: eu-west-2}
            roles:
              app: {hosts: [app01, app02]}
            """, to: "Inventory/inventory.yaml")
    }
}
