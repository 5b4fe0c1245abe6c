internal import Model

/// The files that a repository is made of on a host, and how they take their place.
struct RepositoryFiles {
    struct Settings: Sendable {
        var name: String
        var url: String
        var suites: [String]
        var components: [String]
        var architectures: [String]
        var isSigned: Bool
        var isEnabled: Bool
        var priority: Int?
        var isArmored: Bool
    }
    struct File {
        /// In the resource's state.
        var key: String
        var path: String
        /// `nil` = there shall be none.
        var content: Content?
        var isOptional = false
    }

    static let attributes = FileAttributes(mode: 0o644, owner: "root", group: "root")
    let settings: Settings
    let all: [File]
    var paths: [String] { all.map(\.path) }

    init(_ settings: Settings, key: Content?, on family: HostFacts.OSFamily?) {
        self.settings = settings
        switch family {
        case .amazon:
            all = [
                File(
                    key: "repository", path: "/etc/yum.repos.d/\(settings.name).repo",
                    content: Content(Self.dnf(settings))),
                File(key: "key", path: Self.dnfKey(settings), content: key ?? Content()),
            ]
        default:
            all = [
                File(
                    key: "repository", path: "/etc/apt/sources.list.d/\(settings.name).sources",
                    content: Content(Self.apt(settings))),
                File(key: "key", path: Self.aptKey(settings, isArmored: settings.isArmored), content: key ?? Content()),
                File(
                    key: "other-key", path: Self.aptKey(settings, isArmored: !settings.isArmored), content: nil,
                    isOptional: true),
                File(
                    key: "priority", path: "/etc/apt/preferences.d/\(settings.name)",
                    content: Self.preferences(settings),
                    isOptional: true),
            ]
        }
    }

    // MARK: What recipes may say

    static func isName(_ text: String) -> Bool {
        text.utf8.count <= 64 && (text.utf8.first.map { (0x61...0x7A).contains($0) } ?? false)
            && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    static func isAddress(_ url: String) -> Bool {
        ["http://", "https://", "file:///"].contains { url.hasPrefix($0) && url.utf8.count > $0.utf8.count }
            && url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x23 && $0 != 0x40 }
    }

    /// A word of a deb822 field.
    static func isDeb822Word(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }
    }

    // MARK: Their text

    /// apt takes the form by the suffix.
    private static func aptKey(_ settings: Settings, isArmored: Bool) -> String {
        "/etc/apt/keyrings/\(settings.name).\(isArmored ? "asc" : "gpg")"
    }
    private static func dnfKey(_ settings: Settings) -> String { "/etc/pki/rpm-gpg/RPM-GPG-KEY-\(settings.name)" }

    /// sources.list(5), deb822 style.
    private static func apt(_ settings: Settings) -> String {
        var text = "# Written by cso-provision.\nTypes: deb\nURIs: \(settings.url)\n"
        text += "Suites: \(settings.suites.joined(separator: " "))\n"
        if !settings.components.isEmpty { text += "Components: \(settings.components.joined(separator: " "))\n" }
        if !settings.architectures.isEmpty {
            text += "Architectures: \(settings.architectures.joined(separator: " "))\n"
        }
        return text
            + "Signed-By: \(aptKey(settings, isArmored: settings.isArmored))\nEnabled: \(settings.isEnabled ? "yes" : "no")\n"
    }

    /// apt_preferences(5) knows a repository by the host of its address.
    private static func preferences(_ settings: Settings) -> Content? {
        guard let priority = settings.priority else { return nil }
        let rest = settings.url.split(separator: "://", maxSplits: 1).last ?? ""
        let site = rest.prefix { $0 != "/" && $0 != ":" }
        return Content(
            "# Written by cso-provision.\nPackage: *\nPin: origin \"\(site)\"\nPin-Priority: \(priority)\n")
    }

    /// dnf.conf(5).
    private static func dnf(_ settings: Settings) -> String {
        var text = "# Written by cso-provision.\n[\(settings.name)]\nname=\(settings.name)\nbaseurl=\(settings.url)\n"
        text += "enabled=\(settings.isEnabled ? 1 : 0)\ngpgcheck=1\nrepo_gpgcheck=\(settings.isSigned ? 1 : 0)\n"
        text += "gpgkey=file://\(dnfKey(settings))\n"
        if let priority = settings.priority { text += "priority=\(priority)\n" }
        return text
    }

    // MARK: Steps

    func removal() -> HostStep {
        var script = StepText.opening
        for path in paths {
            script +=
                "rm -f -- \(words: [path, PathText.temporary(for: path)]) || die \"cannot remove \"\(word: path)\n"
        }
        return HostStep("remove the repository \(settings.name)", script: script)
    }

    /// The new files are tried where nobody else looks: only this repository is asked, with only this key. When its metadata
    /// are there and rightly signed, the files take their place, the repository's own last.
    func placement(wait: Duration, isAmazon: Bool) -> HostStep {
        let seconds = Int(wait.components.seconds)
        var script = isAmazon ? DnfSteps.opening(wait: seconds) : AptSteps.opening(wait: seconds)
        script += """
            trial=$(mktemp -d /run/cso-repository.XXXXXX) && chmod 0755 "$trial" && mkdir "$trial/parts" || die "cannot make a folder in /run"
            trap 'rm -rf -- "$trial"' EXIT
            trap 'exit 143' HUP INT TERM

            """
        for file in all {
            guard let bytes = file.content?.literal else { continue }
            script +=
                "put() { printf -- '\(script: Self.printfText(bytes))'; }\nput >\"$trial/\"\(word: file.key) || die \"cannot write $trial\"\n"
        }
        if settings.isEnabled { script += isAmazon ? dnfTrial : aptTrial }
        for file in all.reversed() {
            let path = file.path
            guard file.content != nil else {
                script += "rm -f -- \(word: path) || die \"cannot remove \"\(word: path)\n"
                continue
            }
            let temporary = PathText.temporary(for: path)
            script += """
                mkdir -p -- \(word: PathText.parent(of: path)) && cp -- "$trial/"\(word: file.key) \(word: temporary) &&
                chown root:root -- \(word: temporary) && chmod 0644 -- \(word: temporary) && sync -- \(word: temporary) &&
                mv -fT -- \(words: [temporary, path]) || die "cannot write "\(word: path)
                if [ -e /sys/fs/selinux/enforce ] && command -v restorecon >/dev/null; then restorecon -- \(word: path) || die "cannot set the SELinux context of "\(word: path); fi

                """
        }
        return HostStep(
            "set up the repository \(settings.name)", script: script, isSupervised: true, limit: .seconds(300 + seconds)
        )
    }

    private var aptTrial: ShellText {
        """
        while IFS= read -r line; do case $line in
        "Signed-By: "*) echo "Signed-By: $trial/"\(word: "key." + (settings.isArmored ? "asc" : "gpg")) ;;
        *) printf '%s\\n' "$line" ;;
        esac; done <"$trial/repository" >"$trial/parts/trial.sources" &&
        cp -- "$trial/key" "$trial/"\(word: "key." + (settings.isArmored ? "asc" : "gpg")) && chmod -R a+rX "$trial" || die "cannot write $trial"
        idle /var/lib/apt/lists/lock
        apt -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$trial/parts" -o APT::Get::List-Cleanup=0 \
        -o APT::Update::Error-Mode=any -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=1 update ||
        die "the repository \(script: ShellText(script: settings.name)) cannot be used, what was there before stays"

        """
    }

    private var dnfTrial: ShellText {
        """
        while IFS= read -r line; do case $line in
        "gpgkey="*) echo "gpgkey=file://$trial/key" ;;
        *) printf '%s\\n' "$line" ;;
        esac; done <"$trial/repository" >"$trial/parts/trial.repo" || die "cannot write $trial"
        # A key that was once accepted for it counts no longer.
        rm -rf -- /var/cache/dnf/\(script: ShellText(script: settings.name))-????????????????/pubring || die "cannot forget its old key"
        dnf_ --setopt=reposdir="$trial/parts" --setopt=skip_if_unavailable=False --setopt=timeout=20 --setopt=retries=2 \
        --refresh makecache || die "the repository \(script: ShellText(script: settings.name)) cannot be used, what was there before stays"

        """
    }

    /// Any bytes as an argument of printf inside of single quotes.
    private static func printfText(_ bytes: [UInt8]) -> ShellText {
        var text = ""
        for byte in bytes {
            switch byte {
            case 0x0A: text += "\n"
            case 0x25: text += "%%"
            case 0x20..<0x7F where byte != 0x27 && byte != 0x5C: text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 8)
                text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        }
        return ShellText(script: text)
    }
}

extension RepositoryFiles.Settings {
    func check(_ checks: inout FieldChecks) {
        checks.require(
            RepositoryFiles.isAddress(url), "\"\(url)\" is not the address of a repository", at: "url",
            remedy: "http://, https:// or file:///; a password does not belong into it")
        for (field, words) in [("suites", suites), ("components", components), ("architectures", architectures)] {
            checks.require(
                words.allSatisfy { RepositoryFiles.isDeb822Word($0) }, "\(field) holds what is no word", at: field)
        }
        if let priority {
            checks.require(priority != 0 && abs(priority) < 32768, "\(priority) is no priority", at: "priority")
        }
        let isPath = suites.count == 1 && suites[0].hasSuffix("/")
        checks.require(
            suites.isEmpty || isPath != !components.isEmpty,
            isPath ? "a suite that is a path has no components" : "suites need components", at: "components")
        checks.require(
            suites.allSatisfy { !$0.hasSuffix("/") } || isPath, "a path stands alone in suites", at: "suites")
    }
}
