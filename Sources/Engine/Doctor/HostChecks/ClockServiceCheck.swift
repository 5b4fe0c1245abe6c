internal import Model

/// Is the clock kept right by somebody?
struct ClockServiceCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? {
        HostQuestion(
            """
            if command -v timedatectl >/dev/null 2>&1; then
            printf 'container %s\\n' "$(timeout -s KILL 5 systemd-detect-virt --container 2>/dev/null)"
            timeout -s KILL 5 timedatectl show -p NTP -p NTPSynchronized 2>/dev/null
            else echo absent; fi
            """)
    }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        let lines = answer.outputText.split(separator: "\n").map(String.init)
        if lines.contains("absent") {
            return [.notApplicable("time service", of: subject.name, "it has no timedatectl")]
        }
        if let container = lines.first(where: { $0.hasPrefix("container ") }), container != "container none",
            container != "container "
        {
            return [.notApplicable("time service", of: subject.name, "a container has the clock of its machine")]
        }
        if lines.contains("NTPSynchronized=yes") { return [.ok("time service", of: subject.name, "synchronised")] }
        guard lines.contains("NTPSynchronized=no") else {
            return [.unknown("time service", of: subject.name, "timedatectl gave no answer")]
        }
        let unit = subject.facts.family == .amazon ? "chronyd" : "systemd-timesyncd"
        return [
            Finding(
                "time service", of: subject.name, .warning,
                lines.contains("NTP=yes") ? "it is not synchronised yet" : "nothing keeps its clock right",
                remedy: "systemctl enable --now \(unit); in AWS its server is 169.254.169.123")
        ]
    }
}

/// The host's clock beside the controller's.
enum ClockJudgement {
    static let question = HostQuestion("date +%s.%N")

    /// `asked` and `answered` are the controller's time of day, in seconds: the host read its clock between them. Only what lies
    /// outside of that span is an error.
    static func judge(_ answer: HostAnswer, asked: Double, answered: Double, of subject: String) -> Finding {
        let text = answer.outputText.split(separator: "\n").first ?? ""
        guard answer.status == 0, let time = Double(text) else {
            return .unknown("clock", of: subject, "`date` gave no time")
        }
        let skew = time < asked ? time - asked : time > answered ? time - answered : 0
        let size = abs(skew)
        let tenths = (size * 10).rounded() / 10
        let found = "\(tenths) s \(skew < 0 ? "behind" : "ahead of") this machine's clock"
        let remedy = "chronyc makestep (or systemctl restart systemd-timesyncd) on the one that is wrong"
        // Certificates, tokens and AWS's signatures (5 minutes) fail; a minute already means that nobody keeps it.
        if size > 60 { return Finding("clock", of: subject, .blocker, found, remedy: remedy, outcome: .failed) }
        if size > 1 { return Finding("clock", of: subject, .warning, found, remedy: remedy) }
        return .ok("clock", of: subject, "within a second of this machine's")
    }
}
