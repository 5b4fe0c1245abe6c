import ArgumentParser
import Glibc

@main
struct CSOProvision: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cso-provision",
        abstract: "Brings the hosts of a fleet to what their roles say, and proves it by looking again.",
        discussion: """
            Everything starts with a plan: hosts are asked what they look like, all at once, and what differs is shown. \
            `apply` shows it, asks, does exactly that, one host of a role at a time, and looks again.

              cso-provision --role backend             show what would change on the backends, ask, do it
              cso-provision plan --role backend        only show it (exit 2 when there is something to do)
              cso-provision plan --all --out FILE      keep it; `apply FILE` does that and nothing else
              cso-provision --all --yes --output json  every role, without asking, for scripts
              cso-provision check                      are recipes and inventory right? contacts nobody

            Exit codes: 0 converged, 1 configuration wrong (nothing was touched), 2 plan found something to do, 3 failed, \
            4 a host is unreachable, 5 another run holds a lock, 6 refused, 130 interrupted.
            """,
        version: Version.text,
        subcommands: [
            ApplyCommand.self, PlanCommand.self, CheckCommand.self, HostsCommand.self, DoctorCommand.self,
            SecretsCommand.self, PublishCommand.self, RotateCommand.self,
            UnlockCommand.self, SchemaCommand.self,
        ],
        defaultSubcommand: ApplyCommand.self)

    static var subcommandNames: [String] { configuration.subcommands.map { $0._commandName } }

    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            // Wrong usage is wrong configuration: exit 1, as the table says, not ArgumentParser's 64.
            let code = exitCode(for: error).rawValue
            let text = fullMessage(for: error)
            if code == 0 { Terminal.result(text) } else if !text.isEmpty { Terminal.note(text) }
            Glibc.exit(code == ExitCode.validationFailure.rawValue ? 1 : code)
        }
    }
}
