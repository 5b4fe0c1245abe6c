internal import Crypto

/// The first field of a line of known_hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): a comma list of patterns, or one
/// hashed name.
struct HostPatterns: Sendable {
    private enum Form: Sendable {
        case plain([(pattern: [UInt8], isNegated: Bool)])
        case hashed(salt: [UInt8], digest: [UInt8])
        /// It begins like a hashed name and is none; such a line is about nobody.
        case broken
    }
    private let form: Form

    init(_ field: some StringProtocol) {
        if field.hasPrefix("|") {
            let parts = field.split(separator: "|", omittingEmptySubsequences: false)
            if parts.count == 4, parts[1] == "1", let salt = Base64.decode(parts[2]), !salt.isEmpty,
                let digest = Base64.decode(parts[3]), digest.count == Insecure.SHA1.byteCount
            {
                form = .hashed(salt: salt, digest: digest)
            } else {
                form = .broken
            }
            return
        }
        form = .plain(
            field.split(separator: ",").map { item in
                let isNegated = item.hasPrefix("!")
                return (Array((isNegated ? item.dropFirst() : item[...]).lowercased().utf8), isNegated)
            })
    }

    /// Whether the line is about `name`: lower case, `host` for port 22, `[host]:port` for any other. A negated pattern
    /// that matches takes the line away, whatever else matches.
    func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        switch form {
        case .broken: return false
        case .hashed(let salt, let digest):
            var code = HMAC<Insecure.SHA1>(key: SymmetricKey(data: salt))
            code.update(data: name)
            return Array(code.finalize()) == digest
        case .plain(let patterns):
            let hits = patterns.filter { Self.matches($0.pattern[...], name[...]) }
            return !hits.isEmpty && hits.allSatisfy { !$0.isNegated }
        }
    }

    /// `*` stands for any run of characters, `?` for one. Iterative, so that a hostile line of stars cannot take
    /// exponential time.
    private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        var (atPattern, atName) = (pattern.startIndex, name.startIndex)
        var retry: (pattern: Int, name: Int)?
        while atName < name.endIndex {
            if atPattern < pattern.endIndex, pattern[atPattern] == 0x2A {
                retry = (atPattern + 1, atName)
                atPattern += 1
            } else if atPattern < pattern.endIndex, pattern[atPattern] == 0x3F || pattern[atPattern] == name[atName] {
                atPattern += 1
                atName += 1
            } else if let star = retry {
                retry = (star.pattern, star.name + 1)
                (atPattern, atName) = (star.pattern, star.name + 1)
            } else {
                return false
            }
        }
        return pattern[atPattern...].allSatisfy { $0 == 0x2A }
    }
}
