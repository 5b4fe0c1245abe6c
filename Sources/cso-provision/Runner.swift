import ArgumentParser
import Engine
import Model
import Report

/// One run for `apply` or `plan`: load, run, render, exit code.
struct Runner {
    var selected: SelectionOptions
    var fleet: FleetOptions
    var output: OutputOptions
    var changesHosts: Bool
    var asks: Bool

    func run() async throws {
        Signals.install()
        let command = changesHosts ? "apply" : "plan"
        let controller = Invocation.controller()
        let loaded = try await Invocation.reporting(as: output.output, command: command) { () throws(Diagnostics) in
            try fleet.load(controller)
        }
        let display = ProgressDisplay(isVerbose: output.verbose)
        let text = ReportText(usesColor: Terminal.usesColor(Terminal.outputIsTerminal), isVerbose: output.verbose)
        let report = try await Invocation.reporting(loaded, as: output.output, command: command) {
            () throws(Diagnostics) in
            defer { display.finish() }
            let outside = try Outside.standard(loaded) { path in
                Terminal.passphrase("passphrase of \(path)").map { Secret($0) }
            }
            let request = RunRequest(
                selection: selected.selection, changesHosts: changesHosts,
                confirm: asks ? question(display) : nil, controller: controller)
            return try await FleetRun(
                fleet: loaded, request: request, outside: outside, progress: { display.show($0) },
                interruption: Signals.interruption
            ).execute()
        }
        switch output.output {
        case .json: Terminal.result(report.json.encodedText(.pretty))
        case .text:
            if !changesHosts, report.hosts.contains(where: { !$0.changes.isEmpty }) {
                Terminal.result(text.plan(report.hosts) + "\n")
            }
            Terminal.result(text.summary(report))
        }
        if report.outcome.exitCode != 0 { throw ExitCode(report.outcome.exitCode) }
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
