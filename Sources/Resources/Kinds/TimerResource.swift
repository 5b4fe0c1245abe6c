package import Model

/// A systemd timer: its unit file, that it is enabled and active, and that systemd knows when it comes next.
package struct TimerResource: ResourceKind {
    package let name: String
    package let isAbsent: Bool
    package let starts: UnitName
    let calendar: String?
    let text: String
    private let attributes = FileAttributes(mode: 0o644, owner: "root", group: "root")

    package static let declaration = KindDeclaration(
        name: "timer",
        summary: "A systemd timer: its file, enabled, active, and with a next time that is known.",
        subject: FieldDeclaration("timer", .text, "The unit with its suffix: `backup.timer`."),
        fields: [
            FieldDeclaration(
                "starts", .text,
                "The unit that it starts, declared before it as `unit` or `service`. Left out: the service of the same name."
            ),
            FieldDeclaration(
                "calendar", .text,
                "When, as systemd.time(7) writes it: `*-*-* 03:15:00`, `Mon..Fri 06:00`. Checked on the host before it counts."
            ),
            FieldDeclaration(
                "every", .duration, "Time between two starts, and from the timer's own start to the first."),
            FieldDeclaration("after_boot", .duration, "Time from boot to a start."),
            FieldDeclaration(
                "random_delay", .duration,
                "Each time is put off by up to so much, so that hosts do not all come at once."),
            FieldDeclaration("accuracy", .duration, defaultText: "1m", "How late a start may be without need."),
            FieldDeclaration(
                "persistent", .flag, defaultText: "yes",
                "A calendar time that passed while the host was off is made up for."),
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` stops and disables it and removes its file."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        name = fields.subject
        checks.requireUnitName(name)
        checks.require(
            name.hasSuffix(".timer") || !UnitText.isUnit(name), "\"\(name)\" is not a timer", remedy: "\"x.timer\"")
        checks.require(!UnitText.isTemplate(name), "a template cannot run", remedy: "name an instance of it")
        isAbsent = fields.isAbsent
        let stem = name.hasSuffix(".timer") ? String(name.dropLast(6)) : name
        starts = UnitName(fields.text("starts") ?? "\(stem).service")
        if let starts = fields.text("starts") { checks.requireUnitName(starts, at: "starts") }
        calendar = fields.text("calendar")
        if let calendar { checks.requireOneLine(calendar, "a calendar time", at: "calendar") }
        checks.require(calendar?.isEmpty != true, "the calendar time is empty", at: "calendar")
        let times = ["calendar", "every", "after_boot"]
        if isAbsent {
            let given = times.first { fields[$0] != nil }
            checks.require(given == nil, "a timer that shall be absent has no times", at: given)
        } else {
            checks.require(
                times.contains { fields[$0] != nil }, "it is not said when it comes",
                remedy: "give calendar, every or after_boot")
        }
        for field in ["every", "after_boot"] {
            guard let duration = fields.duration(field) else { continue }
            checks.require(duration > .zero, "\(field) must be longer than nothing", at: field)
        }
        text = Self.text(fields, starts: starts)
        try checks.finish()
    }

    private static func text(_ fields: Fields, starts: UnitName) -> String {
        var lines = ["# Kept by cso-provision.", "[Unit]", "Description=Times of \(starts)", "", "[Timer]"]
        if let calendar = fields.text("calendar") {
            lines += ["OnCalendar=\(calendar)", "Persistent=\(fields.flag("persistent") ?? true)"]
        }
        if let every = fields.duration("every") {
            // Without the first of them a service that never ran would never be started.
            lines += ["OnActiveSec=\(every.inUnits)", "OnUnitActiveSec=\(every.inUnits)"]
        }
        if let after = fields.duration("after_boot") { lines.append("OnBootSec=\(after.inUnits)") }
        if let delay = fields.duration("random_delay") { lines.append("RandomizedDelaySec=\(delay.inUnits)") }
        if let accuracy = fields.duration("accuracy") { lines.append("AccuracySec=\(accuracy.inUnits)") }
        lines += ["Unit=\(starts)", "", "[Install]", "WantedBy=timers.target"]
        return lines.map { $0 + "\n" }.joined()
    }

    package var identity: String { name }
    private var path: String { "\(UnitFileResource.folder)/\(name)" }
    private var content: Content? { isAbsent ? nil : Content(text) }
    package var managedPaths: [String] { [path] }
    package var managedContent: (path: String, content: Content)? { content.map { (path, $0) } }

    package func objection(among resources: [any ResourceKind]) -> Objection? {
        guard !isAbsent else { return nil }
        let before = resources.prefix { $0.id != id }
        let isDeclared = before.contains { other in
            guard ["unit", "service"].contains(type(of: other).name.rawValue) else { return false }
            // x@.service makes x@a.service.
            return other.identity == starts.rawValue
                || UnitText.isTemplate(other.identity) && UnitText.template(of: starts.rawValue) == other.identity
        }
        return isDeclared
            ? nil
            : Objection(
                "starts \(starts), which no unit or service before it declares",
                remedy: Diagnostic.suggestion(
                    for: starts.rawValue,
                    among: before.filter { ["unit", "service"].contains(type(of: $0).name.rawValue) }.map(\.identity)),
                isAboutAbsence: true)
    }

    private var own: ProbeRequest { ProbeRequest(UnitBatch.name, name) }
    private var started: ProbeRequest { ProbeRequest(UnitBatch.name, starts.rawValue) }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        FileState.probes(path, content: content) + (isAbsent ? [own] : [own, started])
    }

    /// Beside the file's keys: `daemon-reload`, `enabled`, `active`, `next` (`known`, or why not), and `last-run` of what it
    /// starts, which is only told: `failed` is that unit's trouble and not mended by another start.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        let file = FileState.observation(path, content: content, attributes: attributes, from: answers)
        if case .unknown = file { return file }
        let unit: State?
        switch answers[own] {
        case .unknown(let reason): return .unknown(reason: reason)
        case .absent: unit = nil
        case .present(let found): unit = found
        }
        var state: State = ["type": "absent"]
        if case .present(let found) = file { state = found }
        let active = unit?["active"]?.text ?? "inactive"
        let isEnabled = unit?["file"] == "enabled"
        if file == .absent, active == "inactive", !isEnabled, isAbsent || unit == nil { return .absent }
        state["daemon-reload"] = unit?["reload"] == true ? "owed" : "done"
        state["enabled"] = isEnabled ? true : .text(unit?["file"]?.text.flatMap { $0.isEmpty ? nil : $0 } ?? "no")
        state["active"] = active == "active" ? true : .text(active)
        let sub = unit?["sub"]?.text ?? ""
        state["next"] = .text(["waiting", "running"].contains(sub) ? "known" : "never")
        if !isAbsent {
            switch answers[started] {
            case .unknown(let reason): return .unknown(reason: reason)
            case .absent: state["last-run"] = "not there"
            case .present(let found): state["last-run"] = found["active"] == "failed" ? "failed" : "no failure"
            }
        }
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) throws(BindingError) -> State? {
        if isAbsent { return nil }
        var state = try FileState.desired(content: content, attributes: attributes, with: book)
        state["daemon-reload"] = "done"
        state["enabled"] = true
        state["active"] = true
        state["next"] = "known"
        return state
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.flatMap { change in
            let timer = change.resource
            if change.action == .remove { return timer.removal }
            let isFileRight = !change.differences.contains {
                ["type", "content", "mode", "owner", "group"].contains($0.key)
            }
            return (isFileRight ? [] : [timer.writing]) + [timer.activation]
        }
    }

    /// A time that systemd cannot read, or that never comes again, does not get to the timer's place.
    private var writing: HostStep {
        let validate: ShellText? = calendar.map { time in
            """
            said=$(systemd-analyze calendar -- \(word: time)) || exit 1
            case $said in *'Next elapse: never'*) echo \(word: "\"\(time)\" never comes again") >&2; exit 1 ;; esac
            """
        }
        let write = FileWrite(path: path, content: Content(text), attributes: attributes, validate: validate)
        return FileWriting.step([write], summary: "write \(path)")
    }

    /// A restart starts nothing but the timer; only so its new times count, whatever an earlier run has left undone.
    private var activation: HostStep {
        HostStep(
            "enable and start \(name)",
            script: """
                \(script: StepText.opening)u=\(word: name) s=\(word: starts.rawValue)
                systemctl daemon-reload || die "systemctl daemon-reload failed"
                load=$(systemctl show -p LoadState --value -- "$s") || die "systemctl show failed"
                [ "$load" = loaded ] || die "$u starts $s, which systemd cannot load ($load)"
                systemctl -q enable -- "$u" || die "$u: cannot be enabled"
                systemctl restart -- "$u" || { systemctl status --no-pager --full -n 20 -- "$u" >&2; die "$u: cannot be started"; }
                sub=$(systemctl show -p SubState --value -- "$u")
                case $sub in waiting | running) ;; *) die "$u: systemd knows no next time for it ($sub)" ;; esac

                """, isSupervised: true, limit: ServiceSteps.limit)
    }

    private var removal: [HostStep] {
        let quiet = HostStep(
            "stop and disable \(name)",
            script: """
                \(script: StepText.opening)u=\(word: name)
                systemctl stop -- "$u" 2>/dev/null || case $(systemctl show -p LoadState --value -- "$u") in
                not-found) ;; *) die "$u: cannot be stopped" ;;
                esac
                if [ -e \(word: path) ]; then systemctl -q disable -- "$u" || die "$u: cannot be disabled"; fi

                """, isSupervised: true, limit: ServiceSteps.limit)
        let reload = HostStep(
            "daemon-reload",
            script: "systemctl daemon-reload || { echo 'systemctl daemon-reload failed' >&2; exit 1; }\n")
        return [quiet, FileSteps.remove(path), reload]
    }
}

extension UnitText {
    /// `x@.service` for `x@a.service`.
    static func template(of name: String) -> String? {
        guard let at = name.firstIndex(of: "@"), let dot = name.lastIndex(of: "."), at < dot else { return nil }
        return String(name[...at]) + String(name[dot...])
    }
}

extension Duration {
    /// As systemd.time(7) reads it.
    fileprivate var inUnits: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}
