package import Model

/// Whether a systemd unit runs, and whether it will after a boot.
package struct ServiceResource: RunningService {
    package let unit: UnitName
    package let shallRun: Bool
    package let shallBeEnabled: Bool
    package let check: ShellText?

    package static let declaration = KindDeclaration(
        name: "service", summary: "Whether a systemd unit runs, and whether it will after a boot.",
        subject: FieldDeclaration("service", .text, "The unit with its suffix, or a list of units."),
        allowsSubjectList: true,
        fields: [
            FieldDeclaration("running", .flag, defaultText: "yes", "It runs now."),
            FieldDeclaration("enabled", .flag, defaultText: "yes", "It is started at boot."),
            FieldDeclaration(
                "check", .shell,
                "Run before it is reloaded or restarted, so that a bad configuration is never loaded: `nginx -t -q`."),
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent`: neither running nor enabled."),
        ])

    private let isAbsent: Bool

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        unit = UnitName(fields.subject)
        checks.requireUnitName(fields.subject)
        checks.require(!UnitText.isTemplate(fields.subject), "a template cannot run", remedy: "name an instance of it")
        isAbsent = fields.isAbsent
        shallRun = !isAbsent && fields.flag("running") ?? true
        shallBeEnabled = !isAbsent && fields.flag("enabled") ?? true
        check = fields.text("check").map { ShellText(script: $0) }
        try checks.finish()
    }

    package var identity: String { unit.rawValue }
    private var request: ProbeRequest { ProbeRequest(UnitBatch.name, unit.rawValue) }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [request] }

    package func isRunning(_ answers: ProbeAnswers, on facts: HostFacts) -> Bool? {
        switch answers[request] {
        case .present(let found): found["active"] == "active" || found["active"] == "reloading"
        case .absent: false
        case .unknown: nil
        }
    }

    /// `running` and `enabled` are flags where the unit is plainly so, and systemd's own word where it is something else:
    /// `failed`, `activating (auto-restart)`, `static`, `masked`.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard case .present(let found) = answers[request] else { return answers[request] }
        let state: State = ["running": running(found), "enabled": enabled(found)]
        if isAbsent, state["running"] == false, state["enabled"] != true { return .absent }
        return .present(state)
    }

    private func running(_ found: State) -> StateValue {
        let active = found["active"]?.text ?? ""
        switch active {
        case "active", "reloading": return true
        case "inactive": return false
        // For a unit that shall not run it is as good as stopped.
        case "failed": return shallRun ? "failed" : false
        default: return .text("\(active) (\(found["sub"]?.text ?? ""))")
        }
    }

    private func enabled(_ found: State) -> StateValue {
        if found["load"] == "masked" { return shallBeEnabled ? "masked" : false }
        let file = found["file"]?.text ?? ""
        switch file {
        case "enabled", "alias", "generated": return true
        case "disabled", "": return false
        // It has nothing to be enabled by; for a unit that shall not be enabled that is right.
        default: return shallBeEnabled ? .text(file) : false
        }
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        isAbsent ? nil : ["running": .flag(shallRun), "enabled": .flag(shallBeEnabled)]
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        let work = changes.map { change in
            let service = change.resource
            let all = change.action != .update
            return ServiceSteps.Work(
                unit: service.unit, enable: all || change.differs(in: "enabled") ? service.shallBeEnabled : nil,
                start: all || change.differs(in: "running") ? service.shallRun : nil)
        }
        return work.isEmpty ? [] : [ServiceSteps.step(work)]
    }
}
