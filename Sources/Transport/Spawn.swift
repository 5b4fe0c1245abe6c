internal import CLinux
internal import Glibc
internal import Synchronization

/// A child process that holds nothing of ours but the three descriptors it was given.
///
/// Whoever spawned it must `wait` for it once in the end, after `kill` if need be; until then its pid stays taken, so a
/// signal can never reach a stranger.
package final class SpawnedProcess: Sendable {
    package let pid: Int32
    /// Readable when the process has ended. Signals go through it, so that they reach this process or nobody.
    let pidDescriptor: Int32
    /// What is left of its session dies with it.
    private let endsGroup: Bool
    // Two waiters may both find the process ended; only one of them can reap it.
    private let status = Mutex<ExitStatus?>(nil)

    private init(pid: Int32, pidDescriptor: Int32, endsGroup: Bool) {
        self.pid = pid
        self.pidDescriptor = pidDescriptor
        self.endsGroup = endsGroup
    }

    deinit {
        Reactor.shared.forget(pidDescriptor)
        close(pidDescriptor)
    }

    /// Starts `argv` (its first word is looked up in PATH). A descriptor that is `nil` becomes /dev/null; those given
    /// stay open here and remain the caller's. `environment` holds `NAME=value`; `nil` passes ours on. In a new session
    /// the process has no terminal, and `kill(_:group: true)` reaches its children too; with `endsGroup` those that it
    /// leaves behind are killed when its end is seen.
    package static func spawn(
        _ argv: [String], environment: [String]? = nil, stdin: Int32? = nil, stdout: Int32? = nil,
        stderr: Int32? = nil, newSession: Bool = false, endsGroup: Bool = false
    ) throws(TransportError) -> SpawnedProcess {
        precondition(!argv.isEmpty, "a command has at least its own name")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in [(0, stdin), (1, stdout), (2, stderr)] as [(Int32, Int32?)] {
            if let source {
                posix_spawn_file_actions_adddup2(&actions, source, target)
            } else {
                posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
            }
        }
        // All our descriptors are close-on-exec; those that a library opened may not be.
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        // An ignored SIGPIPE is inherited across exec, and shell pipelines rely on it.
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for number in [SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        var flags = Int32(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        if newSession { flags |= Int32(linux_spawn_setsid) }
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var pid: pid_t = 0
        let code = withCStrings(argv) { arguments in
            guard let environment else {
                return posix_spawnp(&pid, arguments[0]!, &actions, &attributes, arguments, environ)
            }
            return withCStrings(environment) { posix_spawnp(&pid, arguments[0]!, &actions, &attributes, arguments, $0) }
        }
        guard code == 0 else { throw .spawnFailed(command: argv[0], code: code) }
        // The child is ours and not reaped yet, so the pid still names it. pidfds are close-on-exec by themselves.
        let descriptor = linux_pidfd_open(pid)
        guard descriptor >= 0 else {
            let code = errno
            Glibc.kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw .system(call: "pidfd_open", code: code)
        }
        return SpawnedProcess(pid: pid, pidDescriptor: descriptor, endsGroup: newSession && endsGroup)
    }

    /// Waits for its end without holding a thread, and reaps it. May be called again; the answer stays.
    package func wait(by deadline: Deadline) async throws(TransportError) -> ExitStatus {
        while true {
            if let ended = reapIfEnded() { return ended }
            switch await Reactor.shared.wait(pidDescriptor, for: .read, until: deadline) {
            case .ready: continue
            case .cancelled: throw .wasCancelled
            case .deadlinePassed:
                if let ended = reapIfEnded() { return ended }
                throw .timedOut(waitingFor: deadline.name, after: deadline.allowance)
            }
        }
    }

    /// Its end, if it has come; never waits.
    package func reapIfEnded() -> ExitStatus? {
        status.withLock { known in
            if let known { return known }
            var word: Int32 = 0
            if endsGroup {
                // Only while it is not reaped does its number still name its group and no other.
                var ended = pollfd(fd: pidDescriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&ended, 1, 0) == 1 else { return nil }
                Glibc.kill(-pid, SIGKILL)
            }
            guard waitpid(pid, &word, WNOHANG) == pid else { return nil }
            known = ExitStatus(waitStatus: word)
            return known
        }
    }

    /// Sends a signal, unless the process was already reaped. `group` also reaches its children; only for a process that
    /// was started with `newSession`.
    package func kill(_ number: Int32 = SIGKILL, group: Bool = false) {
        status.withLock { known in
            guard known == nil else { return }
            if group { Glibc.kill(-pid, number) } else { _ = linux_pidfd_send_signal(pidDescriptor, number) }
        }
    }
}

extension ExitStatus {
    /// From the status word of wait(2).
    package init(waitStatus word: Int32) {
        let signal = word & 0x7F
        if signal == 0 {
            self = .exited(word >> 8 & 0xFF)
        } else if let name = sigabbrev_np(signal) {
            self = .signalled(String(cString: name))
        } else {
            self = .signalled(String(signal))
        }
    }
}

/// Calls `body` with a NULL-terminated vector of C strings that live as long as the call.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
