import ArgumentParser
import Engine
import Model

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "What stands in the way, and the line that mends it. Changes nothing, takes no lock.",
        discussion: """
            Looks at recipes, key, known_hosts, zone, every host (port, host key, login, sudo, system, disk, clock, package \
            manager, lock, leftovers), secrets and AWS rights, all at once. Without a selection: the whole fleet.

            Exit codes: 0 nothing blocks, 1 configuration or credentials, 3 a host would fail, 4 one is unreachable, 5 one is \
            locked, 6 one is not trusted or busy.
            """)

    @OptionGroup var selected: SelectionOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let controller = Invocation.controller()
        let display = ProgressDisplay(isVerbose: output.verbose)
        let report = try await Invocation.reporting(as: output.output, command: "doctor") { () throws(Diagnostics) in
            defer { display.finish() }
            return try await Doctor.examine(
                roles: fleet.rolesPath(controller), inventory: fleet.inventoryPath(controller),
                selection: selected.selection, environment: controller.environment,
                passphrase: { path in Terminal.passphrase("passphrase of \(path)").map { Secret($0) } },
                progress: { display.show($0) })
        }
        switch output.output {
        case .json: Terminal.result(report.json.encodedText(.pretty))
        case .text:
            Terminal.result(
                report.text(usesColor: Terminal.usesColor(Terminal.outputIsTerminal), isVerbose: output.verbose))
        }
        if report.exitCode != 0 { throw ExitCode(report.exitCode) }
    }
}

extension FleetOptions {
    func rolesPath(_ controller: Controller) -> String { roles ?? controller.environment["CSO_ROLES"] ?? "Roles" }
    func inventoryPath(_ controller: Controller) -> String {
        inventory ?? controller.environment["CSO_INVENTORY"] ?? "Inventory/prod-ha"
    }
}
