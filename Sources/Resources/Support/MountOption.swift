/// Options of mounts, compared by what they mean.
enum MountOption {
    /// What an option decides: of two with the same key only one can hold.
    static func key(_ option: String) -> String {
        let name = String(option.prefix { $0 != "=" })
        switch name {
        case "ro", "rw": return "ro"
        case "suid", "nosuid": return "suid"
        case "dev", "nodev": return "dev"
        case "exec", "noexec": return "exec"
        case "hard", "soft", "softerr": return "hard"
        case "resvport", "noresvport": return "resvport"
        case "atime", "noatime", "relatime", "strictatime": return "atime"
        case "sync", "async": return "sync"
        case "auto", "noauto": return "auto"
        case "tls", "notls": return "tls"
        case "nfsvers": return "vers"
        default: return name
        }
    }

    static func normalized(_ option: String) -> String {
        if option.hasPrefix("nfsvers=") { return "vers=" + option.dropFirst(8) }
        if option.hasPrefix("mode=") {
            let digits = option.dropFirst(5).drop { $0 == "0" }
            return "mode=" + (digits.isEmpty ? "0" : digits)
        }
        for name in ["size=", "nr_inodes="] where option.hasPrefix(name) {
            guard let number = scaled(option.dropFirst(name.count)) else { return option }
            return name == "size=" ? "size=\((number + 1023) / 1024)k" : "nr_inodes=\(number)"
        }
        return option
    }

    /// `64m` as 67108864.
    private static func scaled(_ text: Substring) -> Int? {
        let factors: [Character: Int] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40]
        guard let last = text.last?.lowercased().first, let factor = factors[last] else { return Int(text) }
        guard let number = Int(text.dropLast()) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }

    /// `added` to `base`, replacing what it contradicts.
    static func merged(_ base: [String], _ added: [String]) -> [String] {
        let keys = Set(added.map(key))
        return base.filter { !keys.contains(key($0)) } + added
    }

    // MARK: What the kernel shows

    /// Read by mount(8), its helpers and systemd, and never shown by the kernel.
    private static let ofUserSpace: Set<String> = [
        "_netdev", "nofail", "fail", "auto", "defaults", "user", "users", "nouser", "owner", "group", "bg", "fg",
        "bind",
        "rbind", "retry", "comment", "tls", "iam", "az", "accesspoint", "awsprofile", "awscredsuri", "region",
        "mounttargetip", "ocsp", "noocsp", "tlsport", "stunnel_cafile", "verify", "netns", "crossaccount",
    ]
    /// What a mount has without being told.
    private static let defaults: Set<String> = [
        "rw", "suid", "dev", "exec", "async", "relatime", "atime", "strictatime", "resvport", "defaults",
    ]
    /// Nobody's accident: if the kernel shows one that is not wanted, somebody has mounted it otherwise.
    private static let telling: Set<String> = [
        "ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "sync", "soft", "softerr", "noresvport",
    ]

    /// Those of `options` that the kernel must show, in a fixed order.
    static func shown(_ options: [String], type: String) -> [String] {
        let shown = options.map(normalized).filter { option in
            if defaults.contains(option) || ofUserSpace.contains(key(option)) || option.lowercased().hasPrefix("x-") {
                return false
            }
            // FUSE programs keep their own options to themselves.
            if type.hasPrefix("fuse") {
                return telling.contains(option) || ["allow_other", "default_permissions"].contains(option)
            }
            // A part of the memory is shown as a number, an account's name as its own.
            if option.hasPrefix("size="), option.hasSuffix("%") { return false }
            if type == "tmpfs", ["uid", "gid"].contains(key(option)), Int(option.dropFirst(4)) == nil { return false }
            return true
        }
        return Set(shown).sorted()
    }

    /// How `wanted` (of ``shown(_:type:)``) stands with a mount: equal to it if all is right; else with what is there
    /// instead, and with what was not asked for.
    static func found(_ wanted: [String], in entry: MountEntry, type: String) -> [String] {
        var there = entry.flags.map(normalized) + entry.superOptions.map(normalized)
        if entry.type == "tmpfs" {
            // These are shown only if they are something else.
            for (key, value) in [("mode", "1777"), ("uid", "0"), ("gid", "0")]
            where !there.contains(where: { $0.hasPrefix(key + "=") }) { there.append("\(key)=\(value)") }
        }
        var found: [String] = []
        for option in wanted {
            if there.contains(option) {
                found.append(option)
            } else if let other = there.first(where: { key($0) == key(option) }) {
                found.append(satisfies(other, option) ? option : other)
            }
        }
        var watched = telling
        if type == "bind" { watched = ["ro"] }
        if type.hasPrefix("fuse") { watched.subtract(["nosuid", "nodev"]) }
        found += there.filter { watched.contains($0) && !wanted.contains($0) }
        return Set(found).sorted()
    }

    /// The server may have made a size smaller, and a version without its minor number means any.
    private static func satisfies(_ there: String, _ wanted: String) -> Bool {
        let values = (there.columns("=").last ?? "", wanted.columns("=").last ?? "")
        switch key(wanted) {
        case "rsize", "wsize":
            guard let there = Int(values.0), let wanted = Int(values.1) else { return false }
            return there <= wanted
        case "vers": return values.0.hasPrefix(values.1 + ".")
        default: return false
        }
    }

    /// A remount can change these; the rest of NFS's needs another mount.
    static func canBeRemounted(_ differing: [String], type: String) -> Bool {
        guard ["nfs", "nfs4", "efs"].contains(type) || type.hasPrefix("fuse") else { return true }
        return differing.allSatisfy { ["ro", "suid", "dev", "exec", "atime", "nodiratime", "sync"].contains(key($0)) }
    }
}
