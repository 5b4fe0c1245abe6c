internal import Model
internal import Resources

/// Restarts and reloads that a run noted and did not come to do.
struct OwedCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? { OwedBatch.question([""], on: subject.facts) }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        let seen = OwedBatch.parse(answer, arguments: [""], on: subject.facts)[""]
        let owed = seen.map(OwedNotes.notifications) ?? []
        guard !owed.isEmpty else { return [.ok("owed restarts", of: subject.name, "none")] }
        let list = owed.map(\.description).sorted().joined(separator: ", ")
        return [
            Finding(
                "owed restarts", of: subject.name, .warning, list,
                remedy: "cso-provision --host \(subject.name) "
                    + (owed.contains(.reboot) ? "--reboot-if-owed " : "") + "does what is owed")
        ]
    }
}
