/// A condition that must hold after a host was changed, and that says whether a host is healthy.
package struct Gate: Sendable, Hashable {
    package enum Check: Sendable, Hashable {
        /// The unit is active (sub state `running` or `exited`).
        case unit(UnitName)
        /// Something listens on this TCP port of the host.
        case tcp(port: Int)
        /// GET answers with this status, and the body contains the text and does not contain the other.
        case http(url: String, status: Int, contains: String?, lacks: String?, route: Route = .plain)
        /// The command exits 0.
        case command(ShellText)
    }
    /// How a URL is reached.
    package struct Route: Sendable, Hashable {
        /// Connected to in place of what the URL's name resolves to; the name stays what certificates are checked for.
        package var at: Address?
        /// A file with the only CAs that are trusted, where the gate is asked; `nil` = those of that system.
        package var authority: String?

        package static let plain = Route()

        package init(at: Address? = nil, authority: String? = nil) {
            self.at = at
            self.authority = authority
        }
    }
    package enum Scope: String, Sendable, Hashable, CaseIterable {
        case host, role
    }
    package enum Vantage: String, Sendable, Hashable, CaseIterable {
        /// `self` in recipes.
        case own = "self"
        case peer, controller
    }

    package var check: Check
    package var scope: Scope
    package var vantage: Vantage
    package var deadline: Duration
    package var interval: Duration
    /// So many successes in a row are needed after a change.
    package var successes: Int
    /// Where the host is that others ask about; `nil` for gates that it is asked itself.
    package var address: Address?
    package var location: SourceLocation

    package init(
        check: Check, scope: Scope = .host, vantage: Vantage = .own, deadline: Duration = .seconds(60),
        interval: Duration = .seconds(1), successes: Int = 2, location: SourceLocation
    ) {
        self.check = check
        self.scope = scope
        self.vantage = vantage
        self.deadline = deadline
        self.interval = interval
        self.successes = successes
        self.location = location
    }

    /// When it is asked and by whom, where that is not the ordinary case: `after the last host, asked by another member`.
    package var circumstances: String? {
        let place: String? =
            switch vantage {
            case .own: nil
            case .peer: "asked by another member"
            case .controller: "asked by the controller"
            }
        let parts = [scope == .role ? "of the whole role" : nil, place].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    /// How output names the gate: `http http://backend01:8103/system/info`.
    package var label: String {
        switch check {
        case .unit(let unit): "unit \(unit)"
        case .tcp(let port): "tcp \(port)"
        case .http(let url, _, _, _, let route): "http \(url)" + (route.at.map { " at \($0)" } ?? "")
        case .command(let text): "command \(text.text.prefix { $0 != "\n" })"
        }
    }
}
