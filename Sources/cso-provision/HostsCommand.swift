import ArgumentParser
import Engine
import Model

struct HostsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hosts",
        abstract: "List host, role, address and availability zone as the zone has them, and names nobody declared.")

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let controller = Invocation.controller()
        let table = try await Invocation.reporting(as: output.output, command: "hosts") { () throws(Diagnostics) in
            let loaded = try fleet.load(controller)
            return try await HostTable.make(loaded, environment: controller.environment)
        }
        Terminal.result(output.output == .json ? table.json.encodedText(.pretty) : table.text)
        if let problem = table.problem {
            Terminal.note(problem)
            throw ExitCode(1)
        }
    }
}
