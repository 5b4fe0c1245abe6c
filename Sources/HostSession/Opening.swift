internal import Model
internal import RemoteProtocol
internal import Transport

extension HostSession {
    /// Reads up to the end of the hello. An end before the greeting is told apart by who speaks.
    static func hello(
        over channel: any ByteChannel, by deadline: Deadline
    ) async throws(SessionError) -> HelloScanner.Found {
        var scanner = HelloScanner()
        while true {
            let event: ChannelEvent
            do throws(ChannelError) { event = try await channel.receive(by: deadline) } catch {
                throw SessionError(error, during: "the greeting")
            }
            let found: HelloScanner.Found?
            switch event {
            case .output(let bytes):
                found = try SessionError.mapping { () throws(ProtocolError) in try scanner.scan(output: bytes) }
            case .errorOutput(let bytes):
                found = try SessionError.mapping { () throws(ProtocolError) in try scanner.scan(errors: bytes) }
            case .end(let status): throw refusal(scanner, status)
            }
            if let found { return found }
        }
    }

    /// sudo prefixes its words with its name whatever the language; they are shown and not interpreted. A shell that finds no
    /// command exits 127, or 126 if it may not execute it (POSIX 2.8.2).
    private static func refusal(_ scanner: HelloScanner, _ status: ExitStatus) -> SessionError {
        let words = scanner.refusal.split(separator: "\n").map(String.init)
        let sudo = words.filter { $0.hasPrefix("sudo:") || $0.hasPrefix("sudo-rs:") }
        switch status {
        case .exited(let code) where !scanner.hasGreeted && !sudo.isEmpty && code != 127 && code != 126:
            return .sudoRefused(sudo.joined(separator: "; "))
        case .exited where !scanner.hasGreeted: return .noShell(words.suffix(5).joined(separator: "; "), status)
        default: return .cut(during: "the greeting", reason: "the remote shell ended with \(status)")
        }
    }
}
