/// A line of a known_hosts file.
package struct TrustPlace: Sendable, Hashable, CustomStringConvertible {
    package var file: String
    package var line: Int

    package init(file: String, line: Int) {
        self.file = file
        self.line = line
    }
    package var description: String { "\(file):\(line)" }
}

/// A key that we hold for a host, and where that is written.
package struct KnownKey: Sendable, Hashable, CustomStringConvertible {
    package var key: HostKey
    /// The name under which the host was found: `backend01.example.com`, `[10.1.128.11]:2222`.
    package var name: String
    package var place: TrustPlace

    package init(key: HostKey, name: String, place: TrustPlace) {
        self.key = key
        self.name = name
        self.place = place
    }
    package var description: String { "\(key) for \(name) (\(place))" }
}

/// Why the known_hosts files cannot be relied on for a host. Known before anything is asked of the network.
package enum TrustFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// A file that is configured and cannot be read. A file that does not exist is one too: an empty one says "nobody".
    case unreadable(file: String, reason: String)
    /// A line is about this host and holds no key that we can read.
    case malformed(TrustPlace)
    /// A line with `@cert-authority` or `@revoked` is about this host; libssh2 1.10 would ignore it.
    case marked(marker: String, TrustPlace)

    package var description: String {
        switch self {
        case .unreadable(let file, let reason): "cannot read \(file): \(reason)"
        case .malformed(let place): "\(place) holds no key that can be read"
        case .marked(let marker, let place): "\(place) has the marker \(marker), which cannot be honoured here"
        }
    }
}

/// What the known_hosts files say of a key that a host offered. Only `matching` goes on.
package enum TrustVerdict: Sendable, Hashable {
    case matching(KnownKey)
    /// The host is known, and not by this key. `known` are the keys that speak against it.
    case changed(known: [KnownKey])
    case unknown
    case fault(TrustFault)
}
