import ArgumentParser
import Engine
import Model
import Resources

struct RotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Rotate keys that all members of a role share.",
        subcommands: [RotateFernetCommand.self])
}

struct RotateFernetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fernet",
        abstract: "Rotate the keys of keystone's tokens: the staged one becomes the primary one on all members.",
        discussion: """
            Shows the plan and asks; without a terminal it needs --yes. Every member must be reachable and have the same \
            keys, and no token is refused meanwhile. A rotation that was cut off is finished by the next one, or by apply, \
            and never followed by another before all members have its keys. Exit codes are those of apply.
            """)

    @Option(name: .long, help: ArgumentHelp("The role that has them.", valueName: "role"))
    var role = "keystone"

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions

    @Flag(name: .long, help: "Do not ask before changes.")
    var yes = false

    func run() async throws {
        if !yes && !Terminal.inputIsTerminal {
            throw ValidationError("there is no terminal to ask on; give --yes")
        }
        // All members, always: one that is left out would have other keys.
        var runner = Runner(
            selected: try SelectionOptions.parse(["--role", role]), fleet: fleet, looks: try LookOptions.parse([]),
            output: output, changesHosts: true, asks: !yes)
        runner.rotation = KeyRotation(.fernet)
        try await runner.run()
    }
}
