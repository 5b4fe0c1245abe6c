import Model
import Planning
import Report
import Resources

/// Reports with everything in them that can be shown.
enum Reports {
    static let changes = [
        ReportedChange(
            PlannedChange(
                resource: "file:/etc/app.conf", action: .update,
                differences: [
                    Difference(key: "content", observed: "a1", desired: "b2"),
                    Difference(key: "mode", observed: "0600", desired: "0644"),
                ], notifies: [Notification(.reload, "app.service")]), diff: "@@ line 1 @@\n-old\n+new"),
        ReportedChange(
            PlannedChange(
                resource: "file:/opt/secret", action: .create,
                differences: [
                    Difference(key: "content", observed: "canary-old", desired: "canary-new", isSensitive: true),
                    Difference(key: "mode", observed: nil, desired: "0600"),
                ], isSensitive: true)),
        ReportedChange(
            PlannedChange(
                resource: "transfer:/opt/key", action: .transfer, source: "backend02",
                knownAfter: .init(host: "backend02", resource: "once:make", possible: [.update, .transfer]))),
    ]

    static func host(
        _ name: HostName = "backend01", _ ending: Ending = Ending(.wouldChange), changes: [ReportedChange] = [],
        notes: [String] = [], tail: String? = nil
    ) -> HostReport {
        HostReport(
            host: name, role: "backend", address: Address("10.1.128.11"), zone: "eu-west-2a", ending: ending,
            seconds: 0.9876, changes: changes, notes: notes, tail: tail)
    }

    static func run(_ hosts: [HostReport], command: String = "apply", notes: [String] = []) -> RunReport {
        RunReport(
            run: "20261123T071500Z-4f2a9c00", command: command, outcome: Outcome.worst(of: hosts.map(\.ending.outcome)),
            seconds: 1.23456, hosts: hosts, notes: notes)
    }
}
