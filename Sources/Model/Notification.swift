/// What a change owes to a unit. It is noted on the host before the change and struck off after it was done.
package struct Notification: Sendable, Hashable, CustomStringConvertible {
    package enum Action: String, Sendable, Hashable, CaseIterable {
        case reload, restart, reboot
    }
    package var action: Action
    package var unit: UnitName

    package init(_ action: Action, _ unit: UnitName) {
        self.action = action
        self.unit = unit
    }

    /// The host itself owes a reboot.
    package static let reboot = Notification(.reboot, "host")

    /// As recipes write it and as the note on the host is called: `reload nginx.service`, `reload:nginx.service`.
    package var description: String { action == .reboot ? "reboot" : "\(action.rawValue) \(unit)" }
    package var noteName: String { "\(action.rawValue):\(unit)" }

    package init?(noteName: String) {
        let parts = noteName.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let action = Action(rawValue: String(parts[0])) else { return nil }
        self.init(action, UnitName(String(parts[1])))
    }
}
