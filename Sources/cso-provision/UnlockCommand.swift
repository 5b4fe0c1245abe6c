import ArgumentParser
import Engine
import Model
import Report

struct UnlockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unlock",
        abstract: "Break the lock that a run holds on a host, after showing who holds it.",
        discussion: "A dead run's lock frees itself; this is for a controller that hangs or that nobody can reach.")

    @Argument(help: "The host.") var host: String
    @OptionGroup var fleet: FleetOptions
    @Flag(name: .long, help: "Do not ask.") var yes = false

    func run() async throws {
        guard yes || Terminal.inputIsTerminal else {
            throw ValidationError("there is no terminal to ask on; give --yes")
        }
        let controller = Invocation.controller()
        let name = HostName(host.lowercased())
        let outcome = try await Invocation.reporting(command: "unlock") { () throws(Diagnostics) in
            let loaded = try fleet.load(controller)
            let outside = try Outside.standard(loaded) { path in
                Terminal.passphrase("passphrase of \(path)").map { Secret($0) }
            }
            return try await Unlock(fleet: loaded, outside: outside, controller: controller).execute(name) { holder in
                // What the host says of its holder is a file there.
                yes || Terminal.agrees(to: "\(name) is locked by \(TerminalText.harmless("\(holder)")). Break it?")
            }
        }
        switch outcome {
        case .success(let text): Terminal.result(TerminalText.harmless(text))
        case .failure(let failure):
            Terminal.note(TerminalText.harmless(failure.ending.reason ?? ""))
            throw ExitCode(failure.outcome.exitCode)
        }
    }
}
