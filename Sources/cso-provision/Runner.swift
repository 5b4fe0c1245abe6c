import ArgumentParser
import Engine
import Model
import Records
import Report
import Resources
import Synchronization

/// One run for `apply` or `plan`: load, run, render, exit code.
struct Runner {
    var selected: SelectionOptions
    var fleet: FleetOptions
    var looks: LookOptions
    var output: OutputOptions
    var changesHosts: Bool
    var asks: Bool
    var rebootsIfOwed = false
    /// The saved plan that is to be done.
    var planFile: String?
    /// Where the plan is to be saved.
    var out: String?
    /// What the operator allows by name.
    var allowed: [String] = []
    /// Which keys are rotated.
    var rotation: KeyRotation?

    func run() async throws {
        Signals.install()
        let command = rotation != nil ? "rotate" : changesHosts ? "apply" : "plan"
        let controller = Invocation.controller()
        let (loaded, saved) = try await Invocation.reporting(as: output.output, command: command) {
            () throws(Diagnostics) in
            if let out { try PlanFileAccess.checkWritable(out) }
            let saved = try planFile.map { (path) throws(Diagnostics) in try PlanFileAccess.read(path) }
            return (try fleet.load(controller, saved?.inputs), saved)
        }
        let display = ProgressDisplay(isVerbose: output.verbose)
        let kept = Mutex<SavedPlan?>(nil)
        let report = try await Invocation.reporting(loaded, as: output.output, command: command) {
            () throws(Diagnostics) in
            defer { display.finish() }
            let outside = try Outside.standard(loaded) { path in
                Terminal.passphrase("passphrase of \(path)").map { Secret($0) }
            }
            var request = RunRequest(
                selection: saved.map { Selection($0.choice) } ?? selected.selection, changesHosts: changesHosts,
                confirm: asks && saved == nil ? question(display) : nil, controller: controller)
            request.isDeep = looks.deep || saved?.isDeep == true
            request.verifiesSecrets = looks.verifySecrets
            request.diffs = looks.diff ?? (output.output == .text) ? (looks.diff == true ? .all : .updates) : .none
            request.saved = saved
            request.rebootsIfOwed = rebootsIfOwed
            request.rotation = rotation
            if out != nil { request.keep = { plan in kept.withLock { $0 = plan } } }
            request.allowed = Set(allowed.map { PermissionName($0) })
            return try await FleetRun(
                fleet: loaded, request: request, outside: outside, progress: { display.show($0) },
                interruption: Signals.interruption
            ).execute()
        }
        // A plan that is printed as saved is on the disk.
        try await Invocation.reporting(loaded, as: output.output, command: command) { () throws(Diagnostics) in
            if let out, let plan = kept.withLock({ $0 }) { try PlanFileAccess.write(plan, to: out) }
        }
        show(report)
        if report.outcome.exitCode != 0 { throw ExitCode(report.outcome.exitCode) }
    }

    private func show(_ report: RunReport) {
        let text = ReportText(usesColor: Terminal.usesColor(Terminal.outputIsTerminal), isVerbose: output.verbose)
        switch output.output {
        case .json: Terminal.result(report.json.encodedText(.pretty))
        case .text:
            if !changesHosts, report.hosts.contains(where: { !$0.changes.isEmpty }) {
                Terminal.result(text.plan(report.hosts) + "\n")
            }
            Terminal.result(text.summary(report))
            if let out, report.outcome != .interrupted {
                Terminal.note("saved; `cso-provision apply \(TerminalText.harmless(out))` does it")
            }
        }
    }

    private func question(_ display: ProgressDisplay) -> @Sendable ([HostReport]) async -> Bool {
        let text = ReportText(usesColor: Terminal.usesColor(Terminal.errorIsTerminal), isVerbose: output.verbose)
        return { hosts in
            display.pause()
            Terminal.note(text.plan(hosts))
            let agreed = Terminal.agrees(to: "Do this?")
            display.resume()
            return agreed
        }
    }
}

/// Plan files, with their errors as errors of input.
enum PlanFileAccess {
    static func read(_ path: String) throws(Diagnostics) -> SavedPlan {
        do throws(PlanFileError) { return try PlanFile.read(path) } catch {
            // A subcommand with a slip in it ends here.
            let near = error == .missing(path) ? Diagnostic.nearest(to: path, among: CSOProvision.subcommandNames) : nil
            throw diagnostics(error, near.map { "did you mean `\($0)`?" })
        }
    }

    static func write(_ plan: SavedPlan, to path: String) throws(Diagnostics) {
        if let source = plan.unpinnedSources.first {
            throw Diagnostics(
                Diagnostic(
                    "the plan is not saved: secret \(source) has no version, so that nobody could tell whether it is "
                        + "still the same", at: nil, remedy: "read it from a file or from Secrets Manager"))
        }
        do throws(PlanFileError) { try PlanFile.write(plan, to: path) } catch { throw diagnostics(error) }
    }

    static func checkWritable(_ path: String) throws(Diagnostics) {
        do throws(PlanFileError) { try PlanFile.checkWritable(path) } catch { throw diagnostics(error) }
    }

    private static func diagnostics(_ error: PlanFileError, _ remedy: String? = nil) -> Diagnostics {
        Diagnostics(Diagnostic(error.description, at: nil, remedy: remedy ?? error.remedy))
    }
}
