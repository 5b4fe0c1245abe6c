internal import Glibc

/// The names under which a host may stand in known_hosts, and its port.
///
/// All are looked up: the fully qualified name, the short one and the address. They must agree: a key that one name
/// vouches for and another contradicts counts as changed, since one of the two lines is about another machine.
package struct HostIdentity: Sendable, Hashable {
    package var names: [String]
    package var port: Int

    package init(names: [String], port: Int = 22) {
        self.names = names
        self.port = port
    }

    /// As known_hosts writes them: lower case, `[name]:port` unless the port is 22. Unlike ssh(1), a key that is known
    /// for port 22 is not taken for another port: that is another server.
    var lookupNames: [String] {
        names.map { port == 22 ? $0.lowercased() : "[\($0.lowercased())]:\(port)" }
    }
}

/// The lines of all configured known_hosts files, in OpenSSH's format.
package struct KnownHosts: Sendable {
    private struct Entry: Sendable {
        var patterns: HostPatterns
        var marker: String?
        var key: HostKey?
        var place: TrustPlace
    }

    private var entries: [Entry] = []
    private var unreadable: [TrustFault] = []

    package init() {}

    /// Reads each file once. A file that cannot be read is remembered and becomes a fault of every host, because it may
    /// have held the line that matters.
    package static func read(_ paths: [String]) -> KnownHosts {
        var result = KnownHosts()
        for path in paths {
            switch contents(of: path) {
            case .success(let bytes): result.add(bytes, from: path)
            case .failure(let fault): result.unreadable.append(fault)
            }
        }
        return result
    }

    /// Adds the lines of one file's text.
    package mutating func add(_ bytes: [UInt8], from file: String) {
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let text = String(decoding: line, as: UTF8.self)
            var words = text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" })[...]
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            let marker = first.hasPrefix("@") ? String(words.removeFirst()) : nil
            guard let hosts = words.popFirst() else { continue }
            var key: HostKey?
            if let algorithm = words.popFirst(), let base64 = words.popFirst() {
                key = HostKey(algorithm: algorithm, base64: base64)
            }
            entries.append(
                Entry(
                    patterns: HostPatterns(hosts), marker: marker, key: key,
                    place: TrustPlace(file: file, line: index + 1)))
        }
    }

    /// All keys known for the host, in the order of the files. One key appears once for each name that it is known by.
    package func keys(for host: HostIdentity) throws(TrustFault) -> [KnownKey] {
        if let fault = unreadable.first { throw fault }
        var keys: [KnownKey] = []
        for entry in entries {
            for name in host.lookupNames where entry.patterns.matches(name) {
                if let marker = entry.marker { throw .marked(marker: marker, entry.place) }
                guard let key = entry.key else { throw .malformed(entry.place) }
                keys.append(KnownKey(key: key, name: name, place: entry.place))
            }
        }
        return keys
    }

    /// The verdict on a key that the host offered.
    ///
    /// A name contradicts the key if it is known with a key of the same algorithm and not with this one. If no name knows
    /// the key, but the host is known by others, that is `changed` too, whatever their algorithm: a host that no longer
    /// proves itself by any key we hold is not the one we know.
    package func verdict(on offered: HostKey, from host: HostIdentity) -> TrustVerdict {
        let keys: [KnownKey]
        do throws(TrustFault) { keys = try self.keys(for: host) } catch { return .fault(error) }
        if keys.isEmpty { return .unknown }
        let vouching = keys.filter { $0.key == offered }
        let contradicting = keys.filter { known in
            known.key.algorithm == offered.algorithm && !vouching.contains { $0.name == known.name }
        }
        if let witness = vouching.first, contradicting.isEmpty { return .matching(witness) }
        return .changed(known: contradicting.isEmpty ? keys : contradicting)
    }

    private static func contents(of path: String) -> Result<[UInt8], TrustFault> {
        func failure(_ code: Int32) -> Result<[UInt8], TrustFault> {
            .failure(.unreadable(file: path, reason: String(cString: strerror(code))))
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return failure(errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                return failure(errno)
            }
            if count == 0 { return .success(bytes) }
            bytes += buffer[..<count]
        }
    }
}
