/// How a supervised step ended.
package enum SupervisedEnd: Sendable, Hashable, CustomStringConvertible {
    case exited(Int32)
    /// The name without SIG: `KILL`.
    case signalled(String)
    case limitPassed
    case outOfMemory
    /// It wrote more than ``SupervisionScript/outputLimit`` and was ended for it.
    case outputTooLong
    /// It neither runs nor left a status: the host was restarted meanwhile, or it never began, or /run was full.
    case lost
    /// Another word of systemd's (systemd.exec(5), $SERVICE_RESULT).
    case other(String)

    /// `RESULT CODE:STATUS`.
    package init?(statusLine: String) {
        let (result, rest) = Hello.pair(statusLine)
        guard !rest.isEmpty else { return nil }
        self.init(result: result, detail: rest)
    }

    package init(result: String, detail: String) {
        let (code, status) = Hello.pair(detail, at: ":")
        switch (result, code) {
        case ("lost", _): self = .lost
        case ("output-limit", _): self = .outputTooLong
        case ("timeout", _): self = .limitPassed
        case ("oom-kill", _): self = .outOfMemory
        case (_, "exited"): self = Int32(status).map { .exited($0) } ?? .other("\(result) \(detail)")
        case (_, "killed"), (_, "dumped"): self = .signalled(Self.signalName(status))
        default: self = .other("\(result) \(detail)")
        }
    }

    /// As a shell would give it, for what only knows statuses; 137 wherever the step was ended by force.
    package var status: Int32 {
        switch self {
        case .exited(let status): status
        case .signalled(let name): 128 + (Self.signals.firstIndex(of: name).map { Int32($0) } ?? 9)
        case .limitPassed, .outOfMemory, .outputTooLong, .lost, .other: 137
        }
    }

    package var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let name): "ended by signal \(name)"
        case .limitPassed: "ended because its time limit had passed"
        case .outOfMemory: "ended because memory ran out"
        case .outputTooLong: "ended because it wrote more than \(SupervisionScript.outputLimit >> 20) MiB"
        case .lost: "lost without a status (a restart of the host, or a full /run)"
        case .other(let words): words
        }
    }

    /// systemd gives a name, the fallback a number.
    private static func signalName(_ text: String) -> String {
        guard let number = Int(text), signals.indices.contains(number) else { return text }
        return signals[number]
    }

    /// signal(7), numbers of x86 and ARM.
    private static let signals = [
        "0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]
}
