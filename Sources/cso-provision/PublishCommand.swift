import ArgumentParser
import Dispatch
import Engine
import Glibc
import Model
import Report
import Share
import Synchronization

struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract:
            "Put files on the share that hosts take them from. Runs on the jump server, which mounts it for writing.",
        discussion: """
            Each file appears whole, under a name with the beginning of its sum, which never stands for other bytes; \
            manifest.json, written last, lists all. The same bytes again change nothing. Prints what goes into the \
            inventory: hosts take only bytes with the sum that stands there, and run nothing from the share.

            Exit codes: 0 all is there, 1 a file or the directory cannot be meant, 3 it failed, or --check found something, \
            4 the share does not answer, 5 another publication is at work.
            """)

    @Argument(help: ArgumentHelp("What to publish.", valueName: "file"))
    var files: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The share's directory on this machine. Default: $CSO_SHARE, else \(Self.usual).", valueName: "directory"))
    var to: String?

    @Flag(name: .long, help: "Only compare the directory with its list: every file is read, nothing is changed.")
    var check = false

    @Option(name: .long, help: ArgumentHelp("Take this file off the list and the share.", valueName: "name"))
    var remove: [String] = []

    @Flag(
        name: .customLong("without-mount"),
        help: "The directory need not lie on a network's mount: it is itself what hosts mount.")
    var withoutMount = false

    @OptionGroup var output: OutputOptions

    static let usual = "/opt/scripts/install"
    /// A mount that needs longer for one touch is of no use; with hard mounts it would be waited for without end.
    private static let patience = Duration.seconds(60)

    func validate() throws {
        let jobs = [!files.isEmpty, check, !remove.isEmpty].filter { $0 }.count
        if jobs == 0 { throw ValidationError("name the files to publish, or give --check or --remove") }
        if jobs > 1 { throw ValidationError("files, --check and --remove are three commands: one at a time") }
    }

    func run() async throws {
        Signals.install()
        let done: Done
        do throws(ShareError) { done = try await work() } catch { throw ended(by: error) }
        Terminal.result(
            output.output == .json
                ? done.json.encodedText(.pretty) : TerminalText.harmlessLines(done.text).joined(separator: "\n"))
        if done.outcome.exitCode != 0 { throw ExitCode(done.outcome.exitCode) }
    }

    private struct Done: Sendable {
        var text: String
        var json: JSONValue
        var outcome: Outcome
    }

    /// What the thread that works and the one that looks after it know of each other.
    private final class Watch: Sendable {
        let last = Mutex((step: "", moment: ContinuousClock.now))
        let result = Mutex<Result<Done, ShareError>?>(nil)
    }

    private func work() async throws(ShareError) -> Done {
        let controller = Invocation.controller()
        var named = to ?? controller.environment["CSO_SHARE"] ?? Self.usual
        if !named.hasPrefix("/") { named = Self.workingDirectory + "/" + named }
        let mount = try ShareMount.find(named)
        if mount.isNetwork {
            try await mount.requireAnswer(within: .seconds(10))
        } else if !withoutMount {
            throw .wrong(
                "\(named) lies on this machine's own disk (\(mount.type) at \(mount.point)): the share is not mounted here",
                remedy: "mount it; or give --without-mount if hosts mount this very directory")
        }
        let watch = Watch()
        let isShown = output.verbose || Terminal.errorIsTerminal
        let publication = Publication(
            to: mount.directory, by: "\(controller.owner)@\(controller.hostname)",
            now: { Moment(seconds: time(nil)) },
            watch: { (step) throws(ShareError) in
                if Signals.interruption.isRequested { throw .interrupted }
                let isNew = watch.last.withLock { last in
                    defer { last = (step.text, .now) }
                    return last.step != step.text
                }
                if isShown, isNew { Terminal.note(TerminalText.harmless(step.text)) }
            })
        let (files, remove, check) = (files, remove, check)
        // On a thread of its own, which may come to wait for a dead server; this one does not wait with it.
        DispatchQueue.global().async {
            let result = Result { () throws(ShareError) in
                if check {
                    let report = try publication.check()
                    return Done(text: report.text, json: report.json, outcome: report.outcome)
                }
                let result = try remove.isEmpty ? publication.publish(files) : publication.remove(remove)
                return Done(text: result.text, json: result.json, outcome: result.outcome)
            }
            watch.result.withLock { $0 = result }
        }
        while true {
            if let result = watch.result.withLock({ $0 }) { return try result.get() }
            let (step, moment) = watch.last.withLock { $0 }
            if moment.duration(to: .now) > Self.patience {
                throw .silent(
                    "the share has not answered for \(Self.patience.components.seconds) s: \(step)",
                    remedy: "see to its server; the next publication takes up what this one left")
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    private func ended(by error: ShareError) -> ExitCode {
        if output.output == .json {
            let document: JSONValue = [
                "command": "publish", "outcome": .text(error.outcome?.word ?? "refused-input"),
                "reason": .text(error.description), "remedy": error.remedy.map { .text($0) } ?? .null,
            ]
            Terminal.result(document.encodedText(.pretty))
        }
        Terminal.note(TerminalText.harmless("publish: \(error)"))
        if let remedy = error.remedy { Terminal.note(TerminalText.harmless("  remedy: \(remedy)")) }
        return ExitCode(error.outcome?.exitCode ?? 1)
    }

    private static var workingDirectory: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}
