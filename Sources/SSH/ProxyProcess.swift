internal import Glibc
internal import Transport

/// A running proxy command. Its standard error goes to a file without a name, so that it never waits for us to read.
final class ProxyProcess: Sendable {
    let command: String
    private let process: SpawnedProcess
    private let errorOutput: Int32

    private init(command: String, process: SpawnedProcess, errorOutput: Int32) {
        self.command = command
        self.process = process
        self.errorOutput = errorOutput
    }

    deinit {
        // Nothing to do after a `stop`.
        process.kill(SIGKILL, group: true)
        close(errorOutput)
    }

    /// Starts it in a session of its own: what it starts is ended with it, and a Ctrl-C at our terminal does not reach it.
    static func start(_ command: String) throws(TransportError) -> (process: ProxyProcess, socket: Int32) {
        let pair = try Descriptors.socketPair()
        defer { close(pair.theirs) }
        var errorOutput: Int32 = -1
        do throws(TransportError) {
            errorOutput = try Descriptors.memoryFile("proxy-errors")
            let process = try SpawnedProcess.spawn(
                ["/bin/sh", "-c", command], stdin: pair.theirs, stdout: pair.theirs, stderr: errorOutput,
                newSession: true, endsGroup: true)
            return (ProxyProcess(command: command, process: process, errorOutput: errorOutput), pair.ours)
        } catch {
            close(pair.ours)
            if errorOutput >= 0 { close(errorOutput) }
            throw error
        }
    }

    /// The end of what it wrote to standard error, on one line.
    var errorText: String {
        let bytes = Descriptors.tail(of: errorOutput, limit: 1024)
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.joined(separator: "; ")
    }

    /// How it ended, if it does so soon.
    func ending() async -> String {
        do throws(TransportError) {
            return try await process.wait(by: Deadline("end of the proxy command", in: .seconds(1))).description
        } catch {
            return "it closed the connection and runs on"
        }
    }

    /// Ends it and its children, politely for a moment, and reaps it.
    func stop() async {
        // A task of its own, because a cancelled one cannot wait, and a run that is interrupted stops its proxies too.
        await Task { [process] in
            process.kill(SIGTERM, group: true)
            do throws(TransportError) {
                _ = try await process.wait(by: Deadline("end of the proxy command", in: .milliseconds(500)))
            } catch {
                process.kill(SIGKILL, group: true)
                _ = try? await process.wait(by: Deadline("end of the proxy command", in: .seconds(2)))
            }
        }.value
    }
}
