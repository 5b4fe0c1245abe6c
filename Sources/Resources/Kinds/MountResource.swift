package import Model

/// A mount: its line in /etc/fstab, that it is mounted, with which options, and that it answers.
package struct MountResource: ResourceKind {
    package let point: String
    package let isAbsent: Bool
    package let source: String
    package let type: String
    let options: [String]

    static let types = ["nfs4", "nfs", "efs", "tmpfs", "bind", "ext4", "xfs", "fuse.sshfs"]
    static let fstab = "/etc/fstab"

    package static let declaration = KindDeclaration(
        name: "mount", summary: "A mount: its line in /etc/fstab, mounted, with these options, and answering.",
        subject: FieldDeclaration(
            "mount", .path,
            "The mount point; made if it does not exist. Files that lie beneath it are named and never hidden."),
        fields: [
            FieldDeclaration(
                "source", .text,
                "What is mounted: `SERVER:/PATH`, `fs-0123:/`, `/dev/…`, `UUID=…`, or the directory of a bind."),
            FieldDeclaration("type", .choice(types), "Its type. `bind` shows a directory in a second place."),
            FieldDeclaration(
                "options", .list,
                "Added to those of the type, replacing what they contradict. nfs4 has AWS's for EFS; those of a network have "
                    + "`nosuid, nodev, _netdev, nofail` and 90 s to be mounted at boot; all others `nofail`."),
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` unmounts it, unless something uses it, and removes its line; the directory stays."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        point = fields.subject
        checks.requirePath(point)
        checks.requireOneLine(point, "a mount point")
        isAbsent = fields.isAbsent
        type = fields.text("type") ?? (isAbsent ? "any" : "")
        source = fields.text("source") ?? (type == "tmpfs" ? "tmpfs" : "")
        let given = fields.list("options") ?? []
        options = MountOption.merged(Self.defaults(type), given)
        if isAbsent {
            let needless = ["source", "type", "options"].first { fields[$0] != nil }
            checks.require(needless == nil, "a mount that shall be absent needs no \(needless ?? "")", at: needless)
        } else {
            checks.require(
                !type.isEmpty, "its type is missing", remedy: "one of \(Self.types.joined(separator: ", "))")
            checks.require(!source.isEmpty, "its source is missing")
            checks.requireOneLine(source, "a source", at: "source")
            checks.requireSource(source, of: type)
        }
        for option in given {
            checks.require(
                !option.isEmpty && option.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2C && $0 != 0x23 },
                "\"\(option)\" is not one option", at: "options",
                remedy: "an element for each, without commas and blanks")
        }
        let keys = given.map(MountOption.key)
        checks.require(Set(keys).count == keys.count, "two of the options contradict each other", at: "options")
        let patience = options.first { $0.hasPrefix("timeo=") }.flatMap { Int($0.dropFirst(6)) }
        checks.require(
            !options.contains("soft") || (patience ?? 600) >= 150,
            "with soft, a write is given up after timeo and data is lost", at: "options",
            remedy: "leave it hard, or timeo=150 and more")
        try checks.finish()
    }

    /// For NFS what AWS recommends for EFS: hard, and a new port for each connection, since the old one may hang.
    private static func defaults(_ type: String) -> [String] {
        let network = ["nosuid", "nodev", "_netdev", "nofail", "x-systemd.mount-timeout=90s"]
        return switch type {
        case "nfs4", "nfs":
            ["nfsvers=4.1", "rsize=1048576", "wsize=1048576", "hard", "timeo=600", "retrans=2", "noresvport"] + network
        case "efs": ["tls", "noresvport"] + network
        case "fuse.sshfs": network
        case "bind": ["bind", "nofail"]
        default: ["nofail"]
        }
    }

    package var identity: String { point }
    package var sharedPaths: [String] { [Self.fstab] }
    /// What lay at paths below the mount point was looked for on another file system.
    package var influence: Influence { .anything }

    private var isNetwork: Bool { type.hasPrefix("nfs") || type == "efs" || type.hasPrefix("fuse") }
    /// `fs-00000000000000000`, as an inventory has it that nobody has filled in.
    private var isPlaceholder: Bool {
        let digits = source.dropFirst(3).prefix { $0 != "." && $0 != ":" }
        return source.hasPrefix("fs-") && !digits.isEmpty && digits.allSatisfy { $0 == "0" }
    }
    private var line: FstabLine {
        FstabLine(source: source, point: point, type: type == "bind" ? "none" : type, options: options)
    }
    private var shown: [String] { MountOption.shown(options, type: type) }

    private var device: String? {
        for (tag, folder) in [("UUID=", "by-uuid"), ("LABEL=", "by-label"), ("PARTUUID=", "by-partuuid")]
        where source.hasPrefix(tag) { return "/dev/disk/\(folder)/\(source.dropFirst(tag.count))" }
        return source.hasPrefix("/dev/") ? source : nil
    }
    private var request: ProbeRequest {
        let query = MountQuery(
            point: point, isNetwork: isNetwork, device: device, origin: type == "bind" ? source : nil)
        return ProbeRequest(MountBatch.name, query.argument)
    }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [request] }

    /// Keys `fstab` (the line), `mounted`, `type`, `source`, `options` (those that the kernel shows) and `alive`. A mount that
    /// does not answer is unknown: what comes after it may need it, and touching it would hang.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard case .present(let found) = answers[request], case .list(let lines)? = found["fstab"],
            case .list(let mounts)? = found["mounts"]
        else { return answers[request] }
        if isPlaceholder {
            return .unknown(reason: "its source is a placeholder of zeros; the file system's own id belongs there")
        }
        let entries = mounts.compactMap { MountEntry($0) }
        if lines.isEmpty, entries.isEmpty, isAbsent { return .absent }
        var state: State = [:]
        if !lines.isEmpty { state["fstab"] = fstab(lines) }
        guard let entry = entries.last else {
            if case .list(let names)? = found["beneath"], !names.isEmpty, !isAbsent {
                return .unknown(
                    reason: "it is not mounted, and \(point) holds files of its own that it would hide: "
                        + "\(names.joined(separator: ", ")); move them away")
            }
            if lines.isEmpty { return .absent }
            state["mounted"] = false
            return .present(state)
        }
        if isNetwork, !isAbsent, found["alive"] != true {
            return .unknown(
                reason:
                    "it is mounted and does not answer: \(found["alive"]?.description ?? "nothing known"); see to its "
                    + "server, then unmount it by force or reboot")
        }
        state["mounted"] = entries.count == 1 ? true : .text("\(entries.count) times")
        if isAbsent { return .present(state) }
        state["type"] = .text(kindOfType(entry))
        state["source"] = .text(sourceText(entry, found))
        state["options"] = .list(MountOption.found(shown, in: entry, type: type))
        state["alive"] = true
        return .present(state)
    }

    private func fstab(_ lines: [String]) -> StateValue {
        guard lines.count == 1 else { return .list(lines.map(\.trimmed)) }
        let isRight = FstabLine(lines[0])?.means(line) == true
        return .text(isRight ? line.text : lines[0].trimmed)
    }

    /// The kernel calls every NFS of version 4 so, and a bind by what it shows.
    private func kindOfType(_ entry: MountEntry) -> String {
        if ["nfs", "nfs4", "efs"].contains(type), ["nfs", "nfs4"].contains(entry.type) { return type }
        return type == "bind" ? "bind" : entry.type
    }

    private func sourceText(_ entry: MountEntry, _ found: State) -> String {
        switch type {
        case "tmpfs": return source
        // Through its TLS tunnel it comes from this host, else from the file system's own name.
        case "efs":
            let isOurs =
                options.contains("tls")
                ? entry.source.hasPrefix("127.0.0.1:") || entry.source.hasPrefix("localhost:")
                : entry.source.hasPrefix(source.columns(":")[0])
            return isOurs ? source : entry.source
        case "bind":
            let place = "\(entry.device) \(entry.root)"
            return place == found["origin"]?.text ? source : "\(entry.source) at \(entry.root)"
        default:
            let isSame = MountText.withoutFinalSlashes(entry.source) == MountText.withoutFinalSlashes(source)
            return isSame || entry.source == found["device"]?.text ? source : entry.source
        }
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        if isAbsent { return nil }
        return [
            "fstab": .text(line.text), "mounted": true, "type": .text(type), "source": .text(source),
            "options": .list(shown), "alive": true,
        ]
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.flatMap { change in
            let mount = change.resource
            let steps = MountSteps(
                point: mount.point, type: mount.type, source: mount.source, isNetwork: mount.isNetwork, facts: facts)
            if change.action == .remove { return steps.removal }
            var result: [HostStep] = []
            if change.action == .create || change.differs(in: "fstab") {
                result += steps.declaration(mount.line.text, isMounted: isMounted(change.observed))
            }
            let others = change.differences.filter { $0.key != "fstab" }
            if !others.isEmpty {
                result.append(
                    steps.mounting(remounts: change.action == .update && canRemount(others, type: mount.type)))
            }
            return result
        }
    }

    private static func isMounted(_ observed: Observation) -> Bool {
        if case .present(let found) = observed { found["mounted"] != nil && found["mounted"] != false } else { false }
    }

    private static func canRemount(_ differences: [Difference], type: String) -> Bool {
        guard differences.count == 1, differences[0].key == "options", case .list(let found)? = differences[0].observed,
            case .list(let wanted)? = differences[0].desired
        else { return false }
        return MountOption.canBeRemounted(Array(Set(found).symmetricDifference(wanted)), type: type)
    }
}

extension FieldChecks {
    fileprivate mutating func requireSource(_ source: String, of type: String) {
        switch type {
        case "nfs", "nfs4", "fuse.sshfs":
            let parts = source.columns(":")
            require(
                parts.count >= 2 && !parts[0].isEmpty && !parts[0].hasPrefix("-") && parts[1].hasPrefix("/"),
                "\"\(source)\" is not SERVER:/PATH", at: "source")
        case "efs":
            require(
                source.hasPrefix("fs-"), "\"\(source)\" is not a file system of EFS", at: "source", remedy: "fs-0123:/")
        case "bind": requirePath(source, at: "source")
        case "ext4", "xfs":
            require(
                source.hasPrefix("/dev/") || source.contains("="), "\"\(source)\" is not a device", at: "source",
                remedy: "/dev/…, UUID=… or LABEL=…")
        default: break
        }
    }
}
