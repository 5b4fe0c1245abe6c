import Model
import Synchronization

/// What a run did to whom, in the order in which it happened.
final class Log: Sendable {
    enum Event: Hashable, CustomStringConvertible {
        case connected(HostName)
        case asked(HostName)
        case locked(HostName)
        case released(HostName)
        case swept(HostName)
        case step(HostName, String)
        case closed(HostName)

        var description: String {
            switch self {
            case .connected(let host): "connect \(host)"
            case .asked(let host): "ask \(host)"
            case .locked(let host): "lock \(host)"
            case .released(let host): "release \(host)"
            case .swept(let host): "sweep \(host)"
            case .step(let host, let summary): "\(host): \(summary)"
            case .closed(let host): "close \(host)"
            }
        }
        /// It may alter something on a host.
        var isTouch: Bool {
            switch self {
            case .locked, .released, .swept, .step: true
            case .connected, .asked, .closed: false
            }
        }
    }

    private let events = Mutex<[Event]>([])

    func add(_ event: Event) { events.withLock { $0.append(event) } }
    func clear() { events.withLock { $0 = [] } }

    var all: [Event] { events.withLock { $0 } }
    /// Everything that may alter a host.
    var touches: [String] { all.filter(\.isTouch).map(\.description) }
    var steps: [String] {
        all.compactMap { event in
            if case .step(let host, let summary) = event, summary != "write the ledger" {
                "\(host): \(summary)"
            } else {
                nil
            }
        }
    }
    var locks: [String] {
        all.compactMap { event in
            switch event {
            case .locked, .released: event.description
            default: nil
            }
        }
    }
}
