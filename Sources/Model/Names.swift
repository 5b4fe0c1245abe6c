/// A name with a type of its own, so that a host can never be passed where a role is meant.
package protocol Name: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    init(rawValue: String)
}

extension Name {
    package init(_ text: String) { self.init(rawValue: text) }
    package init(stringLiteral value: String) { self.init(rawValue: value) }
    package var description: String { rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// The short name of a host, without the zone: `backend01`. Lower case.
package struct HostName: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// The name of a role: `backend`.
package struct RoleName: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// An availability zone: `eu-west-2a`.
package struct AvailabilityZone: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// The name of a systemd unit with its suffix: `nginx.service`.
package struct UnitName: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// The name of a resource kind, as it is written in recipes: `file`.
package struct KindName: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// What an operator allows with `--allow`: the `confirm` of a resource, or ``interruption(of:)``. Lower-case letters, digits
/// and hyphens.
package struct PermissionName: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    /// To change a role although nothing serves in its place meanwhile.
    package static func interruption(of role: RoleName) -> Self { Self("interrupt-\(role)") }
}

/// One run of the controller. Sortable by time: `20261123T071500Z-4f2a9c`.
package struct RunID: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// `KIND:IDENTITY`, unique on a host: `file:/etc/nginx/nginx.conf`. This is how output, plans and the host's ledger
/// name a resource.
package struct ResourceID: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package init(kind: KindName, identity: String) { self.rawValue = "\(kind):\(identity)" }

    package var kind: KindName {
        KindName(rawValue.prefix { $0 != ":" }.description)
    }
    package var identity: String {
        rawValue.firstIndex(of: ":").map { String(rawValue[rawValue.index(after: $0)...]) } ?? ""
    }
}
