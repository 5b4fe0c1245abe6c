internal import Glibc
internal import Transport

/// A real ssh-agent that lives as long as `body` runs.
package struct Agent: Sendable {
    package let socketPath: String

    package static func run<Result>(in folder: TemporaryFolder, _ body: (Agent) async throws -> Result) async throws
        -> Result
    {
        try Tool.require("/usr/bin/ssh-agent", from: "openssh-client")
        let path = folder.file("agent")
        let process = try LeashedProcess(["/usr/bin/ssh-agent", "-D", "-a", path])
        for _ in 0..<200 where access(path, F_OK) != 0 { try await Task.sleep(for: .milliseconds(10)) }
        let result = try await body(Agent(socketPath: path))
        await process.stop()
        return result
    }

    package func add(_ privateKeyPath: String) async throws {
        try await Tool.run(["/usr/bin/ssh-add", "-q", privateKeyPath], environment: ["SSH_AUTH_SOCK=\(socketPath)"])
    }
}
