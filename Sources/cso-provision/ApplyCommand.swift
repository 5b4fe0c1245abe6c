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

            With FILE, as `plan --out FILE` wrote it, nothing is asked: the file is the approval. Hosts are looked at again, \
            and if anything would be done that the file does not have, nothing is (exit 6, saying what). What needs no \
            change any more is left alone.
            """)

    @Argument(help: "A saved plan: does what it says, to the hosts that it names.", completion: .file())
    var file: String?

    @OptionGroup var selected: SelectionOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var looks: LookOptions
    @OptionGroup var reboots: RebootOptions
    @OptionGroup var output: OutputOptions

    @Flag(name: .long, help: "Do not ask before changes.")
    var yes = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Allow a point of no return, by the name that the plan shows. May be repeated.", valueName: "name"))
    var allow: [String] = []

    func run() async throws {
        var runner = Runner(
            selected: selected, fleet: fleet, looks: looks, output: output, changesHosts: true, asks: !yes)
        runner.rebootsIfOwed = reboots.rebootIfOwed
        if let file {
            guard selected.selection.isEmpty else {
                throw ValidationError("a saved plan names its hosts itself: leave out --role, --host, --az and --all")
            }
            runner.planFile = file
        } else {
            guard !selected.selection.isEmpty else { throw CleanExit.helpRequest(CSOProvision.self) }
            if !yes && !Terminal.inputIsTerminal {
                throw ValidationError("there is no terminal to ask on; look at the plan first, then give --yes")
            }
        }
        runner.allowed = allow
        try await runner.run()
    }
}

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what apply would change. Changes nothing, takes no lock.")

    @OptionGroup var selected: SelectionOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var looks: LookOptions
    @OptionGroup var reboots: RebootOptions
    @OptionGroup var output: OutputOptions

    @Option(
        name: .long, help: "Also save the plan, for `apply FILE`: for your eyes only, and without secrets.",
        completion: .file())
    var out: String?

    func run() async throws {
        guard !selected.selection.isEmpty else { throw CleanExit.helpRequest(Self.self) }
        var runner = Runner(
            selected: selected, fleet: fleet, looks: looks, output: output, changesHosts: false, asks: false)
        runner.out = out
        runner.rebootsIfOwed = reboots.rebootIfOwed
        try await runner.run()
    }
}
