package import Model

/// A package of the host's package manager.
package struct PackageResource: ResourceKind {
    package let package: String
    package let isAbsent: Bool
    let version: VersionPin?
    package let allowsDowngrade: Bool
    /// `nil` = whether it is held is nobody's business.
    package let isHeld: Bool?
    /// Services that the package brings are started by its installation.
    package let startsServices: Bool
    let lockWait: Duration

    package static let declaration = KindDeclaration(
        name: "package", summary: "A package, by apt or dnf. Neighbouring packages are one transaction.",
        subject: FieldDeclaration("package", .text, "The name as the package manager has it, or a list of names."),
        allowsSubjectList: true,
        fields: [
            FieldDeclaration(
                "version", .text,
                "This version, as the package manager prints it, or a beginning and `*`: `\"1.22.*\"`. For dnf the release and "
                    + "the epoch may be left out. An installed version that fits stays as it is. Left out: any."),
            FieldDeclaration(
                "downgrade", .flag, defaultText: "no",
                "`yes`: if what is installed is newer than `version`, it goes back. Otherwise the plan stops there."),
            FieldDeclaration(
                "hold", .flag,
                "`yes`: upgrades leave it alone (apt-mark hold; excludepkgs in dnf.conf, which needs no plug-in and which "
                    + "every dnf heeds). `no`: they do not. Left out: not compared."),
            FieldDeclaration(
                "start", .flag, defaultText: "yes",
                "`no`: on Debian, the package's services are not started by its installation. dnf never starts any."),
            PackageSteps.lockWaitField,
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` removes it, never together with others that need it; configuration files stay."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        package = fields.subject
        isAbsent = fields.isAbsent
        version = fields.text("version").map { VersionPin($0) }
        allowsDowngrade = fields.flag("downgrade") ?? false
        isHeld = fields.flag("hold")
        startsServices = fields.flag("start") ?? true
        lockWait = PackageSteps.lockWait(fields, &checks)
        // Globs, options and paths have a meaning to package managers that nobody wants here.
        checks.require(
            PackageSteps.isPlain(package, also: "+.-_:") && package.utf8.count > 1,
            "\"\(package)\" is not the name of a package")
        if let version {
            let stem = version.isPattern ? String(version.text.dropLast()) : version.text
            checks.require(
                PackageSteps.isPlain(stem, also: "+.-_:~^"), "\"\(version.text)\" is not a version", at: "version",
                remedy: "quote it; ranges are not taken, and `*` only as its end: \"1.22.*\"")
            checks.require(!isAbsent, "a package that shall be absent has no version", at: "version")
        }
        checks.require(
            version != nil || !allowsDowngrade, "there is no version to go back to", at: "downgrade",
            remedy: "give `version` too")
        checks.require(isHeld != true || !isAbsent, "a package that shall be absent cannot be held", at: "hold")
        try checks.finish()
    }

    package var identity: String { package }
    /// Maintainer scripts may do anything.
    package var influence: Influence { .anything }
    package static var isTransaction: Bool { true }

    private var request: ProbeRequest { ProbeRequest(PackageBatch.name, package) }
    private var holdRequest: ProbeRequest { ProbeRequest(DnfExclusionBatch.name, package) }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        isHeld != nil && facts.family == .amazon ? [request, holdRequest] : [request]
    }

    /// A version that the pin admits is shown as the pin, so that it does not differ.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard case .present(var state) = answers[request] else { return answers[request] }
        if let version, let found = state["version"]?.text, let family = facts.family {
            if version.matches(found, on: family) {
                state["version"] = .text(version.text)
            } else if !allowsDowngrade, version.isOlder(than: found, on: family) {
                return .unknown(
                    reason:
                        "\(found) is installed, which is newer than \(version.text); `downgrade: yes` lets it go back")
            }
        }
        if isHeld == nil { state["held"] = nil }
        if isHeld != nil, facts.family == .amazon {
            switch answers[holdRequest] {
            case .present: state["held"] = true
            case .absent: state["held"] = false
            case .unknown(let reason): return .unknown(reason: reason)
            }
        }
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        if isAbsent { return nil }
        var state: State = ["condition": "installed"]
        if let version { state["version"] = .text(version.text) }
        if let isHeld { state["held"] = .flag(isHeld) }
        return state
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        // One transaction for each stretch that can be one.
        struct Sort: Equatable {
            var removes: Bool
            var starts: Bool
        }
        var steps: [HostStep] = []
        var rest = changes[...]
        while let first = rest.first {
            let sort = { (change: Change<Self>) in
                Sort(removes: change.action == .remove, starts: change.resource.startsServices)
            }
            let run = rest.prefix { sort($0) == sort(first) }
            rest = rest.dropFirst(run.count)
            let transaction = PackageSteps.Transaction(
                packages: run.map { change in
                    PackageSteps.Package(
                        name: change.resource.package, version: change.resource.version, isHeld: change.resource.isHeld,
                        isInstalled: change.action == .update && !change.differences.contains { $0.key != "held" })
                },
                startsServices: first.resource.startsServices,
                allowsDowngrade: run.contains { $0.resource.allowsDowngrade },
                lockWait: run.map(\.resource.lockWait).max() ?? PackageSteps.usualLockWait)
            let manager: any PackageManagerSteps.Type = facts.family == .amazon ? DnfSteps.self : AptSteps.self
            steps.append(first.action == .remove ? manager.remove(transaction) : manager.install(transaction))
        }
        return steps
    }
}
