internal import Glibc
internal import Synchronization
internal import Transport

/// A server that ends when it is released, and also when the test that started it is killed: a shell beside it reads from a
/// socket whose other end only the test has.
final class LeashedProcess: Sendable {
    private let shell: SpawnedProcess
    private let leash: Mutex<Int32?>

    /// Everything that it says goes to `log`.
    init(_ argv: [String], log: Int32? = nil) throws(TransportError) {
        let pair = try Descriptors.socketPair()
        defer { close(pair.theirs) }
        do throws(TransportError) {
            shell = try SpawnedProcess.spawn(
                ["/bin/sh", "-c", #""$@" & read -r _; kill $! 2>/dev/null; wait $!"#, "sh"] + argv, stdin: pair.theirs,
                stdout: log, stderr: log)
        } catch {
            close(pair.ours)
            throw error
        }
        leash = Mutex(pair.ours)
    }

    deinit { release() }

    func release() {
        leash.withLock { descriptor in
            if let descriptor { close(descriptor) }
            descriptor = nil
        }
    }

    /// Releases it and waits for its end.
    func stop() async {
        release()
        _ = try? await shell.wait(by: Deadline("end of a server", in: .seconds(5)))
    }
}
