internal import Model

/// Does another run hold the host's lock?
struct LockCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? { nil }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        guard let holder = subject.lockHolder else { return [.ok("lock", of: subject.name, "free")] }
        return [
            Finding(
                "lock", of: subject.name, .blocker, "held by \(holder)",
                remedy: "wait until it has ended, or, if it hangs: cso-provision unlock \(subject.name)",
                outcome: .locked)
        ]
    }
}
