internal import Model

/// One thing that `doctor` asks a host, and the pure judgement of the answer. A new check is one file and one line in
/// ``HostChecks``.
protocol HostCheck: Sendable {
    /// Read-only, bounded in time by itself, and without `exit`, since all questions of a host share one shell. `nil` =
    /// the facts of the session are enough.
    func question(about subject: HostSubject) -> HostQuestion?

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding]
}

/// A host that answers, with what the fleet's files say of it.
struct HostSubject: Sendable {
    var host: HostName
    var fullName: String
    var facts: HostFacts
    var needs: RoleNeeds
    /// Who held the host's lock when the session began.
    var lockHolder: LockHolder?

    var name: String { host.rawValue }
}

enum HostChecks {
    static let all: [any HostCheck] = [
        SystemCheck(), HostnameCheck(), DiskCheck(), ClockServiceCheck(), PackageLockCheck(), PackageStateCheck(),
        BootCheck(), LockCheck(), LeftoverCheck(), OwedCheck(), ReachCheck(), CertificateCheck(),
    ]

    static func questions(about subject: HostSubject) -> [HostQuestion] {
        all.compactMap { $0.question(about: subject) }
    }

    /// `answers` are those to ``questions(about:)``, in their order.
    static func judge(_ answers: [HostAnswer], about subject: HostSubject) -> [Finding] {
        var rest = answers[...]
        return all.flatMap { check -> [Finding] in
            guard check.question(about: subject) != nil else {
                return check.judge(HostAnswer(output: []), about: subject)
            }
            guard let answer = rest.popFirst() else { return [] }
            return check.judge(answer, about: subject)
        }
    }
}
