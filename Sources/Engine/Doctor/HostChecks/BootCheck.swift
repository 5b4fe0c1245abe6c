internal import Model

/// Has the first boot's own configuration ended?
struct BootCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? {
        HostQuestion(
            "if command -v cloud-init >/dev/null 2>&1; then timeout -s KILL 10 cloud-init status; else echo absent; fi")
    }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        let text = answer.outputText
        let words = text.split(separator: "\n").first { $0.hasPrefix("status:") || $0 == "absent" }
        let status = words.map { $0.replacing("status:", with: "").filter { !$0.isWhitespace } }
        switch status {
        case "absent"?: return [.notApplicable("cloud-init", of: subject.name, "it is not installed")]
        case "disabled"?: return [.notApplicable("cloud-init", of: subject.name, "it is disabled")]
        case "done"?: return [.ok("cloud-init", of: subject.name, "done")]
        case "running"?, "notrun"?, "notstarted"?:
            return [
                Finding(
                    "cloud-init", of: subject.name, .blocker, "still at work, also with packages and users",
                    remedy: "wait for it: cloud-init status --wait", outcome: .refused)
            ]
        case "error"?, "degraded"?:
            return [
                Finding(
                    "cloud-init", of: subject.name, .warning, "it ended with errors",
                    remedy: "cloud-init status --long; /var/log/cloud-init-output.log")
            ]
        default: return [.unknown("cloud-init", of: subject.name, "`cloud-init status` gave no answer")]
        }
    }
}
