import ArgumentParser
import Engine
import Model

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Are recipes and inventory right? Decodes and compiles everything; contacts nobody.")

    @OptionGroup var fleet: FleetOptions

    func run() async throws {
        let controller = Invocation.controller()
        try await Invocation.reporting(command: "check") { () throws(Diagnostics) in
            let loaded = try fleet.load(controller)
            Terminal.result(loaded.checkSummary)
        }
    }
}
