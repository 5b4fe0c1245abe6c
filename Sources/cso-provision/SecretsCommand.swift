import ArgumentParser
import Engine
import Model

struct SecretsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secrets", abstract: "Which secrets roles need, and making those that nobody has made.",
        subcommands: [SecretsListCommand.self, SecretsInitCommand.self], defaultSubcommand: SecretsListCommand.self)
}

struct SecretsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Which secrets roles need, from where, and whether they are there. Never shows a value.",
        discussion: "Exit codes: 0 all are there, 1 at least one is not.")

    @OptionGroup var selected: SelectionOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let controller = Invocation.controller()
        let list = try await Invocation.reporting(as: output.output, command: "secrets list") {
            () throws(Diagnostics) in
            try await SecretsWork(try fleet.load(controller)).look(selected.selection)
        }
        Terminal.result(output.output == .json ? list.json.encodedText(.pretty) : list.text)
        if !list.isComplete { throw ExitCode(1) }
    }
}

struct SecretsInitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make the secrets that roles need and nobody has made, in Secrets Manager.",
        discussion: """
            Shows the list and asks before anything is made; without a terminal it needs --yes. Keys are added, and never \
            altered. Needs secretsmanager:CreateSecret, PutSecretValue and UpdateSecretVersionStage, which applies do not.
            """)

    @OptionGroup var selected: SelectionOptions
    @OptionGroup var fleet: FleetOptions

    @Flag(name: .long, help: "Do not ask before they are made.")
    var yes = false

    func run() async throws {
        let controller = Invocation.controller()
        try await Invocation.reporting(command: "secrets init") { () throws(Diagnostics) in
            let work = SecretsWork(try fleet.load(controller))
            let plan = try await work.look(selected.selection).plan
            Terminal.result(plan.text.isEmpty ? "every secret is there" : plan.text)
            if !plan.isEmpty {
                if !yes && !Terminal.inputIsTerminal {
                    throw Diagnostics(
                        Diagnostic("there is no terminal to ask on", at: nil, remedy: "read the list, then give --yes"))
                }
                guard yes || Terminal.agrees(to: "Make these?") else {
                    Terminal.note("nothing was made")
                    return
                }
                let (created, mistakes) = await work.create(plan)
                for entry in created {
                    let names = entry.names.map(\.rawValue).joined(separator: ", ")
                    Terminal.result("made \(names): version \(entry.version), read back and compared")
                }
                if let mistakes { throw mistakes }
            }
            // What is still missing stops the next apply.
            if !plan.refusals.isEmpty {
                throw Diagnostics(
                    Diagnostic(
                        "\(plan.refusals.count) secrets that roles need cannot be made here", at: nil,
                        remedy: "the lines above say why, and what to do"))
            }
        }
    }
}
