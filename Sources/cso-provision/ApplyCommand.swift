import ArgumentParser
import Engine
import Model
import Report

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Change hosts so that they are what their roles say. (default)",
        discussion: """
            Shows the plan and asks before the first change; without a terminal it needs --yes. Hosts of a role are changed \
            one at a time, the next only when the last one's gates hold; after a failure nothing further is touched.
            """)

    @OptionGroup var selected: SelectionOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions

    @Flag(name: .long, help: "Do not ask before changes.")
    var yes = false

    func run() async throws {
        guard !selected.selection.isEmpty else { throw CleanExit.helpRequest(CSOProvision.self) }
        if !yes && !Terminal.inputIsTerminal {
            throw ValidationError("there is no terminal to ask on; look at the plan first, then give --yes")
        }
        try await Runner(selected: selected, fleet: fleet, output: output, changesHosts: true, asks: !yes).run()
    }
}

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what apply would change. Changes nothing, takes no lock.")

    @OptionGroup var selected: SelectionOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard !selected.selection.isEmpty else { throw CleanExit.helpRequest(Self.self) }
        try await Runner(selected: selected, fleet: fleet, output: output, changesHosts: false, asks: false).run()
    }
}
