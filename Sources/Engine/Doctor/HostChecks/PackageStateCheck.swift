internal import Model

/// Did the last transaction of the package manager end well?
struct PackageStateCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? {
        guard subject.facts.family == .debian else { return nil }
        return HostQuestion("timeout -s KILL 20 dpkg-query -W -f '${db:Status-Status} ${Package}\\n'")
    }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        guard subject.facts.family == .debian else { return [] }
        guard answer.status == 0 else {
            return [
                .unknown(
                    "packages", of: subject.name, answer.errorText.isEmpty ? "dpkg-query failed" : answer.errorText)
            ]
        }
        // dpkg-query(1): states between "not-installed" and "installed" are those of something cut off.
        let broken = answer.outputText.split(separator: "\n").compactMap { line -> Substring? in
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2 else { return nil }
            return ["half-configured", "half-installed", "unpacked", "triggers-awaited", "triggers-pending"]
                .contains(words[0]) ? words[1] : nil
        }
        guard !broken.isEmpty else { return [.ok("packages", of: subject.name, "none is half-installed")] }
        return [
            Finding(
                "packages", of: subject.name, .warning, "left half-way: \(broken.prefix(5).joined(separator: ", "))",
                remedy: "dpkg --configure -a (an apply that installs packages does it by itself)")
        ]
    }
}
