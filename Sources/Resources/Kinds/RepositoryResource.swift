package import Model

/// A package repository with the key that signs it.
package struct RepositoryResource: ResourceKind {
    package let repository: String
    package let isAbsent: Bool
    let settings: RepositoryFiles.Settings
    let key: Content?
    let lockWait: Duration

    package static let declaration = KindDeclaration(
        name: "repository",
        summary:
            "A package repository for apt or dnf. It takes its place only when its metadata could be fetched and its "
            + "signature is right; until then the old one stays.",
        subject: FieldDeclaration("repository", .text, "Its name, which its files have: small letters, digits, `-`."),
        fields: [
            FieldDeclaration(
                "url", .text, "Where it is: apt's URI, or dnf's baseurl with `$releasever` and `$basearch`."),
            FieldDeclaration("suites", .list, "apt: its suites, or one path that ends with `/`. Needed on Debian."),
            FieldDeclaration("components", .list, "apt: its components. Left out where the suite is a path."),
            FieldDeclaration("architectures", .list, "apt: only these."),
            FieldDeclaration("key", .roleFile, "The OpenPGP key that signs it, as the vendor publishes it."),
            FieldDeclaration(
                "fingerprint", .text,
                "The key's, from another source than the key itself. A key that is another one is refused at load."),
            FieldDeclaration(
                "signed_metadata", .flag, defaultText: "yes",
                "dnf: the metadata are signed (repo_gpgcheck). Packages always are; apt checks the metadata always."),
            FieldDeclaration("enabled", .flag, defaultText: "yes", "`no`: it is there and nothing comes from it."),
            FieldDeclaration(
                "priority", .number,
                "apt: pin priority of its packages, 500 without; dnf: 1 (first) to 99. Left out: the usual one."),
            PackageSteps.lockWaitField,
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` removes its files; what was installed from it stays."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        repository = fields.subject
        isAbsent = fields.isAbsent
        key = fields.content("key")
        lockWait = PackageSteps.lockWait(fields, &checks)
        settings = RepositoryFiles.Settings(
            name: fields.subject, url: fields.text("url") ?? "", suites: fields.list("suites") ?? [],
            components: fields.list("components") ?? [], architectures: fields.list("architectures") ?? [],
            isSigned: fields.flag("signed_metadata") ?? true, isEnabled: fields.flag("enabled") ?? true,
            priority: fields.number("priority"),
            isArmored: fields.content("key")?.literal.flatMap { OpenPGPKey($0) }?.isArmored ?? true)
        checks.require(
            RepositoryFiles.isName(repository), "\"\(repository)\" is not a name for a repository",
            remedy: "small letters, digits and \"-\", a letter first")
        if isAbsent {
            for name in ["url", "suites", "components", "architectures", "key", "fingerprint", "priority"] {
                checks.require(fields[name] == nil, "a repository that shall be absent has no \(name)", at: name)
            }
        } else {
            settings.check(&checks)
            Self.checkKey(key, fields.text("fingerprint"), &checks)
        }
        try checks.finish()
    }

    private static func checkKey(_ content: Content?, _ pin: String?, _ checks: inout FieldChecks) {
        guard let content, let pin else {
            checks.require(
                false, "a repository needs `key` and the key's `fingerprint`",
                remedy: "`gpg --show-keys FILE` shows the fingerprint; compare it with what the vendor says elsewhere")
            return
        }
        let wanted = pin.filter { $0 != " " }.uppercased()
        guard let bytes = content.literal, let key = OpenPGPKey(bytes) else {
            checks.require(false, "it is not an OpenPGP public key", at: "key")
            return
        }
        checks.require(
            key.fingerprints == [wanted],
            "the key's fingerprint is \(key.fingerprints.joined(separator: ", ")), not \(wanted)", at: "fingerprint",
            remedy: "find out which of the two is the vendor's")
    }

    package var identity: String { repository }
    package static var isTransaction: Bool { false }

    private func files(on facts: HostFacts) -> RepositoryFiles { RepositoryFiles(settings, key: key, on: facts.family) }

    /// Of either family: which host it is for is not known here.
    package var managedPaths: [String] {
        [HostFacts.OSFamily.debian, .amazon].flatMap { RepositoryFiles(settings, key: key, on: $0).paths }
    }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        files(on: facts).all.flatMap { FileState.probes($0.path, content: $0.content ?? Content()) }
    }

    /// The keys are those of the files: `repository`, `key`, and on Debian `priority`; each a SHA-256, or what else lies there.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard facts.family != nil else { return .unknown(reason: "no package manager is known for \(facts.osID)") }
        guard isAbsent || facts.family != .debian || !settings.suites.isEmpty else {
            return .unknown(reason: "`suites` is needed on Debian")
        }
        var state: State = [:]
        for file in files(on: facts).all {
            let attributes = RepositoryFiles.attributes
            switch FileState.observation(file.path, content: Content(), attributes: attributes, from: answers) {
            case .unknown(let reason): return .unknown(reason: "\(file.path): \(reason)")
            case .absent: if file.isOptional, !isAbsent { state[file.key] = "none" }
            case .present(let found):
                let isRight = attributes.desired.allSatisfy { found[$0.key] == $0.value }
                let content = found["content"] ?? found["type"] ?? "unknown"
                state[file.key] = isRight ? content : .text("\(content), mode or owner wrong")
            }
        }
        let isThere = isAbsent ? !state.isEmpty : state["repository"] != nil
        return isThere ? .present(state) : .absent
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        if isAbsent { return nil }
        var state: State = [:]
        for file in files(on: facts).all {
            state[file.key] = file.content?.literal.map { .text(Digest.sha256($0)) } ?? "none"
        }
        return state
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let resource = change.resource
            let files = resource.files(on: facts)
            return change.action == .remove
                ? files.removal() : files.placement(wait: resource.lockWait, isAmazon: facts.family == .amazon)
        }
    }
}

extension Content {
    /// Its bytes, if nothing in it is known only later.
    var literal: [UInt8]? {
        var bytes: [UInt8] = []
        for segment in segments {
            guard case .literal(let part) = segment else { return nil }
            bytes += part
        }
        return bytes
    }
}
