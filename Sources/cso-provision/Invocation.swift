import ArgumentParser
import Engine
import Glibc
import Model
import Report

/// What commands share: who calls, and how errors of input leave.
enum Invocation {
    static func controller() -> Controller {
        var environment: [String: String] = [:]
        var pointer = environ
        while let entry = pointer.pointee {
            let text = String(cString: entry)
            if let split = text.firstIndex(of: "=") {
                environment[String(text[..<split])] = String(text[text.index(after: split)...])
            }
            pointer += 1
        }
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let hostname = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Behind sudo the person counts, not root.
        let owner =
            environment["SUDO_USER"] ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) }
            ?? "uid \(getuid())"
        let home = environment["HOME"] ?? "/"
        let state =
            environment["CSO_STATE"] ?? (environment["XDG_STATE_HOME"] ?? home + "/.local/state") + "/cso-provision"
        var controller = Controller(owner: owner, hostname: hostname, environment: environment, stateFolder: state)
        controller.version = Version.text
        return controller
    }

    /// Runs `body`; mistakes in the input go to standard error, all of them, and end in exit code 1.
    static func reporting<Value>(
        _ fleet: Fleet? = nil, as format: OutputOptions.Format = .text, command: String,
        _ body: () async throws(Diagnostics) -> Value
    ) async throws -> Value {
        do throws(Diagnostics) {
            return try await body()
        } catch {
            Terminal.note(InputMistakes.render(error, fleet?.tree))
            if format == .json { Terminal.result(InputMistakes.json(error, command: command).encodedText(.pretty)) }
            throw ExitCode(1)
        }
    }
}
