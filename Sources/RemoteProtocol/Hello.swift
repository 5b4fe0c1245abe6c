package import Model

/// What a host says in the answer to the exec request, before any frame.
package struct Hello: Sendable {
    static let greeting = "cso-provision-reader"

    package var boundary: String
    package var facts: HostFacts
    /// Supervised steps of earlier sessions whose files are still there.
    package var leftovers: [Leftover]
    /// Who is written into the lock file, if its session lives.
    package var lockHolder: LockTicket?

    init(text: [UInt8], boundary: String) throws(ProtocolError) {
        self.boundary = boundary
        var leftovers: [Leftover] = []
        var system: [String: String] = [:]
        var single: [String: String] = [:]
        var lock: [String: String] = [:]
        var mounts: [HostFacts.Mount] = []
        for line in text.split(separator: 0x0A).map({ String(decoding: $0, as: UTF8.self) }) {
            let (key, value) = Self.pair(line)
            switch key {
            case "os":
                let (name, quoted) = Self.pair(value, at: "=")
                system[name] = Self.unquoted(quoted)
            case "mount": if let mount = HostFacts.Mount(mountInfo: value) { mounts.append(mount) }
            case "step": leftovers.append(Leftover(id: SupervisedID(rawValue: value)))
            case "about": leftovers.indices.last.map { leftovers[$0].note(value) }
            case "status": leftovers.indices.last.map { leftovers[$0].end = SupervisedEnd(statusLine: value) }
            case "lock":
                let (name, content) = Self.pair(value)
                lock[name] = content
            default: single[key] = value
            }
        }
        guard let userID = single["uid"].flatMap(Int.init) else { throw .badHello("no user id") }
        guard let bootID = single["boot"] else { throw .badHello("no boot id") }
        guard !mounts.isEmpty else { throw .badHello("no mounts") }
        facts = HostFacts(
            osID: system["ID"] ?? "", osVersion: system["VERSION_ID"] ?? "", family: Self.family(system["ID"]),
            architecture: single["arch"] ?? "", hostname: single["hostname"] ?? "", bootID: bootID, userID: userID,
            hasSystemd: single["init"] == "systemd", mounts: mounts)
        facts.memory = single["memory"].flatMap(Int.init).map { $0 / 1024 }
        facts.cpus = single["cpus"].flatMap(Self.count)
        facts.systemdVersion = single["systemd"].flatMap { Int($0.prefix { $0.isASCII && $0.isNumber }) }
        facts.selinux = single["selinux"].flatMap(Self.selinux)
        facts.container = single["container"]
        facts.vendor = single["vendor"]
        self.leftovers = leftovers
        lockHolder = lock["held"] == nil ? nil : LockTicket(fields: lock)
    }

    private static func family(_ id: String?) -> HostFacts.OSFamily? {
        switch id {
        case "debian": .debian
        case "amzn": .amazon
        default: nil
        }
    }

    /// How many numbers a list of the kernel's names: `0-3,7` has five.
    private static func count(_ list: String) -> Int? {
        var count = 0
        for part in list.split(separator: ",") {
            let bounds = part.split(separator: "-").compactMap { Int($0) }
            guard let first = bounds.first, let last = bounds.last, bounds.count <= 2, (0...65535).contains(first),
                (first...65535).contains(last)
            else { return nil }
            count += last - first + 1
        }
        return count == 0 ? nil : count
    }

    private static func selinux(_ enforce: String) -> HostFacts.SELinux? {
        switch enforce {
        case "1": .enforcing
        case "0": .permissive
        case "disabled": .disabled
        default: nil
        }
    }

    static func pair(_ line: String, at separator: Character = " ") -> (String, String) {
        guard let index = line.firstIndex(of: separator) else { return (line, "") }
        return (String(line[..<index]), String(line[line.index(after: index)...]))
    }

    /// os-release(5) values are shell words; ID and VERSION_ID hold nothing that needs more than quotes removed.
    private static func unquoted(_ value: String) -> String {
        guard value.count >= 2, let first = value.first, first == "\"" || first == "'", value.last == first else {
            return value
        }
        return String(value.dropFirst().dropLast())
    }
}

extension HostFacts.Mount {
    /// A line of /proc/PID/mountinfo: `ID PARENT DEVICE ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER` (proc(5)).
    package init?(mountInfo line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count >= 9, let dash = words[6...].firstIndex(of: "-"), words.count > dash + 2 else { return nil }
        self.init(
            point: Self.decoded(words[4]), type: words[dash + 1], source: Self.decoded(words[dash + 2]),
            options: words[5].split(separator: ",").map(String.init))
    }

    /// Blank, tab, line break, backslash (and `#`) stand as `\` and three octal digits.
    private static func decoded(_ word: String) -> String {
        guard word.utf8.contains(0x5C) else { return word }
        let bytes = Array(word.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x5C, index + 3 < bytes.count,
                let value = UInt8(String(decoding: bytes[(index + 1)...(index + 3)], as: UTF8.self), radix: 8)
            {
                output.append(value)
                index += 4
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
