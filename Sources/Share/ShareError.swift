package import Model

/// Why nothing, or not all, was published. What hosts read is whole in every case.
package enum ShareError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A file or a directory that was named cannot be meant. Nothing was touched.
    case wrong(String, remedy: String)
    /// The share, or its server, does not answer.
    case silent(String, remedy: String)
    /// Another publication is at work on this machine.
    case locked(String)
    case failed(String, remedy: String)
    case interrupted

    package var description: String {
        switch self {
        case .wrong(let text, _), .silent(let text, _), .locked(let text), .failed(let text, _): text
        case .interrupted: "interrupted; what was begun is swept, what was finished stays"
        }
    }
    package var remedy: String? {
        switch self {
        case .wrong(_, let remedy), .silent(_, let remedy), .failed(_, let remedy): remedy
        case .locked: "wait for it, or see what it waits for"
        case .interrupted: nil
        }
    }
    /// `nil`: wrong input, which has an exit code of its own, 1.
    package var outcome: Outcome? {
        switch self {
        case .wrong: nil
        case .silent: .unreachable
        case .locked: .locked
        case .failed: .failed
        case .interrupted: .interrupted
        }
    }
}
