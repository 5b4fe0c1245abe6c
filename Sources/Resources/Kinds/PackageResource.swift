package import Model

/// A package of the host's package manager.
package struct PackageResource: ResourceKind {
    package let package: String
    package let isAbsent: Bool
    package let version: String?
    /// Services that the package brings are started by its installation.
    package let startsServices: Bool

    package static let declaration = KindDeclaration(
        name: "package", summary: "A package, by apt or dnf. Neighbouring packages are one transaction.",
        subject: FieldDeclaration("package", .text, "The name as the package manager has it, or a list of names."),
        allowsSubjectList: true,
        fields: [
            FieldDeclaration(
                "version", .text, "Exactly this version, as the package manager prints it. Left out: any."),
            FieldDeclaration(
                "start", .flag, defaultText: "yes",
                "`no`: on Debian, the package's services are not started by its installation."),
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` removes it, never together with others that need it; configuration files stay."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        package = fields.subject
        isAbsent = fields.isAbsent
        version = fields.text("version")
        startsServices = fields.flag("start") ?? true
        // Globs, options and paths have a meaning to package managers that nobody wants here.
        checks.require(
            Self.isPlain(package, also: "+.-_:") && package.utf8.count > 1,
            "\"\(package)\" is not the name of a package")
        if let version {
            checks.require(
                Self.isPlain(version, also: "+.-_:~^"), "\"\(version)\" is not a version", at: "version",
                remedy: "quote it; ranges and wildcards are not taken")
            checks.require(!isAbsent, "a package that shall be absent has no version", at: "version")
        }
        try checks.finish()
    }

    private static func isPlain(_ text: String, also others: String) -> Bool {
        guard let first = text.utf8.first, isLetterOrDigit(first) else { return false }
        return text.utf8.allSatisfy { isLetterOrDigit($0) || others.utf8.contains($0) }
    }
    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    package var identity: String { package }
    /// Maintainer scripts may do anything.
    package var influence: Influence { .anything }
    package static var isTransaction: Bool { true }

    private var request: ProbeRequest { ProbeRequest(PackageBatch.name, package) }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [request] }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard case .present(var state) = answers[request] else { return answers[request] }
        // rpm prints an epoch that recipes may leave out.
        if let version, !version.utf8.contains(0x3A), let found = state["version"]?.text,
            let colon = found.firstIndex(of: ":"), facts.family == .amazon
        {
            state["version"] = .text(String(found[found.index(after: colon)...]))
        }
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        if isAbsent { return nil }
        var state: State = ["condition": "installed"]
        if let version { state["version"] = .text(version) }
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
            let packages = run.map { PackageSteps.Package(name: $0.resource.package, version: $0.resource.version) }
            let manager: any PackageManagerSteps.Type = facts.family == .amazon ? DnfSteps.self : AptSteps.self
            steps.append(
                first.action == .remove
                    ? manager.remove(packages.map(\.name))
                    : manager.install(packages, startsServices: first.resource.startsServices))
        }
        return steps
    }
}
