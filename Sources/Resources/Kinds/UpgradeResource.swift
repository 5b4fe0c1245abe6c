package import Model

/// All packages of a host, brought to what a pinned release has.
package struct UpgradeResource: ResourceKind {
    package let release: String
    let wish: UpgradeBatch.Wish
    let lockWait: Duration

    package static let declaration = KindDeclaration(
        name: "upgrade",
        summary:
            "Every package as new as a pinned release has it, in one transaction; the plan shows each, old and new. "
            + "Changed configuration files stay.",
        subject: FieldDeclaration(
            "upgrade", .text,
            "The release: on Amazon Linux its `releasever` (`2023.6.20250107`); on Debian the codename that the host has "
                + "(`bookworm`), of which its repositories say what is pending. A recipe has it once."),
        fields: [
            FieldDeclaration("security", .flag, defaultText: "no", "`yes`: only what mends a flaw in security."),
            FieldDeclaration("exclude", .list, "Packages that stay as they are. Held ones do anyway."),
            PackageSteps.lockWaitField,
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        release = fields.subject
        let exclude = fields.list("exclude") ?? []
        wish = UpgradeBatch.Wish(release: release, isSecurity: fields.flag("security") ?? false, exclude: exclude)
        lockWait = PackageSteps.lockWait(fields, &checks)
        checks.require(
            PackageSteps.isPlain(release, also: ".-") && release != "latest", "\"\(release)\" is not a pinned release",
            remedy: "for Amazon Linux as in \"2023.6.20250107\", for Debian its codename")
        for name in exclude {
            checks.require(
                PackageSteps.isPlain(name, also: "+.-_"), "\"\(name)\" is not the name of a package", at: "exclude")
        }
        try checks.finish()
    }

    /// One a host: two would never agree.
    package var identity: String { "packages" }
    package var influence: Influence { .anything }
    package static var isTransaction: Bool { false }

    private var request: ProbeRequest { ProbeRequest(UpgradeBatch.name, wish.argument) }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [request] }

    /// Keys: `pending` (how many), `packages` (each `NAME OLD -> NEW`), `unfinished` (an earlier transaction was cut off).
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation { answers[request] }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        ["pending": 0, "packages": .list([]), "unfinished": false]
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            var packages: [UpgradeBatch.Pending] = []
            if case .present(let state) = change.observed, case .list(let lines)? = state["packages"] {
                packages = lines.compactMap { UpgradeBatch.Pending(line: $0) }
            }
            let wait = change.resource.lockWait
            let summary =
                packages.isEmpty
                ? "finish what was cut off"
                : "upgrade \(packages.count) package\(packages.count == 1 ? "" : "s") to \(change.resource.release)"
            let script =
                facts.family == .amazon
                ? amazon(packages, change.resource, wait: Int(wait.components.seconds))
                : debian(packages, change.resource, wait: Int(wait.components.seconds))
            return HostStep(summary, script: script, isSupervised: true, limit: PackageSteps.upgradeLimit + wait)
        }
    }

    /// Exactly what the plan has shown, with what that needs.
    private static func amazon(_ packages: [UpgradeBatch.Pending], _ upgrade: Self, wait: Int) -> ShellText {
        var script = DnfSteps.opening(wait: wait, release: upgrade.release) + "repair\n"
        guard !packages.isEmpty else { return script }
        script += """
            names=\(word: packages.map { $0.name.bare }.joined(separator: " "))
            transact \(script: upgrade.wish.exclusions) --best upgrade -- \
            \(words: packages.map { "\($0.name.bare)-\($0.new)\($0.name.suffix)" }) || die "the upgrade to \(script: ShellText(script: upgrade.release)) failed"

            """
        return script
    }

    private static func debian(_ packages: [UpgradeBatch.Pending], _ upgrade: Self, wait: Int) -> ShellText {
        // Services are not restarted unasked; what runs with the old files is seen by who looks after restarts.
        var script = AptSteps.opening(wait: wait) + AptSteps.policy(isNeeded: !packages.isEmpty) + "repair\n"
        guard !packages.isEmpty else { return script }
        script += """
            upgrade() { apt install --only-upgrade --no-install-recommends --no-remove "$@" -- \(words: packages.map { "\($0.name.full)=\($0.new)" }); }
            plan=$(upgrade -s) || { idle /var/lib/apt/lists/lock; apt update; die "the package lists did not fit any more and were read anew; run again"; }
            printf '%s\\n' "$plan" | while read -r verb name x; do
            [ "$verb" = Inst ] || continue
            case ' '\(word: upgrade.wish.exclude.joined(separator: " "))' ' in *" $name "*) exit 1 ;; esac
            done || die "the upgrade needs an excluded package"
            # What is named counts as wanted by itself from now on, unless it is told otherwise.
            marks=$(apt-mark showauto -- \(words: packages.map(\.name.full)))
            upgrade || die "the upgrade failed"
            [ -z "$marks" ] || apt-mark auto -- $marks >/dev/null || die "cannot mark as automatic again: $marks"

            """
        return script
    }
}
