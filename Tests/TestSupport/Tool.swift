internal import Glibc
package import Transport

/// Runs a program to its end, for setting up a test.
package enum Tool {
    package struct Outcome: Sendable {
        package var status: ExitStatus
        package var output: String
    }

    /// Output and errors together. Anything but status 0 is an error.
    @discardableResult
    package static func run(
        _ argv: [String], environment: [String]? = nil
    ) async throws -> String {
        let outcome = try await outcome(argv, environment: environment)
        guard outcome.status == .exited(0) else {
            throw TestSupportError.odd("\(argv.joined(separator: " ")): \(outcome.status): \(outcome.output)")
        }
        return outcome.output
    }

    package static func outcome(_ argv: [String], environment: [String]? = nil) async throws -> Outcome {
        let output = try Descriptors.memoryFile("output")
        defer { close(output) }
        let process = try SpawnedProcess.spawn(argv, environment: environment, stdout: output, stderr: output)
        let status = try await process.wait(by: Deadline(argv[0], in: .seconds(60)))
        return Outcome(
            status: status, output: String(decoding: Descriptors.tail(of: output, limit: 1 << 20), as: UTF8.self))
    }

    package static func require(_ path: String, from package: String) throws(TestSupportError) {
        guard access(path, X_OK) == 0 else { throw .missing(tool: path, package: package) }
    }
}
