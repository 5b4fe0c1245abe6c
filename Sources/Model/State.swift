package import OrderedCollections

/// One value of a resource's state.
package enum StateValue: Sendable, Hashable {
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([String])
}

extension StateValue: CustomStringConvertible, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }

    package var description: String {
        switch self {
        case .text(let text): text
        case .number(let number): String(number)
        case .flag(let flag): flag ? "yes" : "no"
        case .list(let list): "[" + list.joined(separator: ", ") + "]"
        }
    }
    package var text: String? {
        if case .text(let text) = self { text } else { nil }
    }
}

/// A resource's state is flat, so that difference, output and verification are written once. The order of the keys is
/// the order in which they are shown.
package typealias State = OrderedDictionary<String, StateValue>

/// What a probe knows about a resource. *Absent* needs positive proof; a probe that failed is *unknown*.
package enum Observation: Sendable, Hashable {
    case present(State)
    case absent
    case unknown(reason: String)
}

/// One key in which observed and desired state differ. `nil` = the key (or the resource) is not there.
package struct Difference: Sendable, Hashable {
    package var key: String
    package var observed: StateValue?
    package var desired: StateValue?
    /// Neither value may be shown, nor a digest or length of it.
    package var isSensitive: Bool

    package init(key: String, observed: StateValue?, desired: StateValue?, isSensitive: Bool = false) {
        self.key = key
        self.observed = observed
        self.desired = desired
        self.isSensitive = isSensitive
    }
}
