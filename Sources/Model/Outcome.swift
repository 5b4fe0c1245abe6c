/// How a host, or a whole run, ended.
package enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
    case unchanged
    case changed
    case wouldChange = "would-change"
    case failed
    case rolledBack = "rolled-back"
    case unreachable
    /// Another run holds a lock.
    case locked
    /// A gate of a peer, the host's key, a stale plan, a busy package manager.
    case refused
    case interrupted
    case notAttempted = "not-attempted"

    /// The word in output. A held lock is a refusal with an exit code of its own.
    package var word: String { self == .locked ? "refused" : rawValue }

    package var exitCode: Int32 {
        switch self {
        case .unchanged, .changed, .notAttempted: 0
        case .wouldChange: 2
        case .failed, .rolledBack: 3
        case .unreachable: 4
        case .locked: 5
        case .refused: 6
        case .interrupted: 130
        }
    }

    /// From worst to harmless: 130, 3, 6, 4, 5, 2, then changed, unchanged.
    private var badness: Int {
        switch self {
        case .interrupted: 9
        case .failed: 8
        case .rolledBack: 7
        case .refused: 6
        case .unreachable: 5
        case .locked: 4
        case .wouldChange: 3
        case .changed: 2
        case .notAttempted: 1
        case .unchanged: 0
        }
    }

    /// The worst of all; unchanged when there is none.
    package static func worst(of outcomes: some Sequence<Outcome>) -> Outcome {
        outcomes.max { $0.badness < $1.badness } ?? .unchanged
    }
}

/// An outcome with its reason, as one phrase.
package struct Ending: Sendable, Hashable {
    package var outcome: Outcome
    package var reason: String?

    package init(_ outcome: Outcome, _ reason: String? = nil) {
        self.outcome = outcome
        self.reason = reason
    }
}
