internal import Model

/// Is the operating system one that recipes are written for?
struct SystemCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? { nil }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        let facts = subject.facts
        let system = "\(facts.osID) \(facts.osVersion) (\(facts.architecture))"
        var findings: [Finding] = []
        switch (facts.family, facts.osVersion) {
        case (nil, _):
            findings.append(
                Finding(
                    "system", of: subject.name, .blocker, "\(system): no recipe is written for it",
                    remedy: "rebuild the host from an image of Amazon Linux 2023 (or Debian 12)", outcome: .failed))
        case (.amazon?, "2023"), (.debian?, "12"): findings.append(.ok("system", of: subject.name, system))
        case (.amazon?, _), (.debian?, _):
            findings.append(
                Finding(
                    "system", of: subject.name, .warning,
                    "\(system): recipes are tried on Amazon Linux 2023 and Debian 12",
                    remedy: "rebuild the host from such an image"))
        }
        if !facts.hasSystemd {
            findings.append(
                Finding(
                    "systemd", of: subject.name, .blocker,
                    "its first process is not systemd, so services cannot be managed",
                    remedy: "boot the host with systemd", outcome: .failed))
        }
        return findings
    }
}
