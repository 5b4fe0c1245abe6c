package import Model

/// Upgrades that are pending, by the metadata that lie on the host. Keys: `pending` (number), `packages` (list of
/// `NAME OLD -> NEW`), `unfinished` (dnf: a transaction was cut off).
///
/// Where dnf has no metadata of the release yet they are fetched into memory-backed /run: a look changes nothing that stays.
package enum UpgradeBatch: ProbeBatch {
    package static let name: BatchName = "upgrade"
    /// Seconds for what lies on the host, and for fetching some 20 MB; an observation as a whole has 60.
    private static let limit = 15
    private static let fetchLimit = 30

    struct Wish: Sendable, Hashable {
        var release: String
        var isSecurity: Bool
        var exclude: [String]

        var argument: String { ([release, isSecurity ? "security" : "all"] + exclude).joined(separator: " ") }

        init(release: String, isSecurity: Bool, exclude: [String]) {
            self.release = release
            self.isSecurity = isSecurity
            self.exclude = exclude
        }
        init(argument: String) {
            let words = argument.columns(" ")
            self.init(
                release: words[0], isSecurity: words.dropFirst().first == "security", exclude: Array(words.dropFirst(2))
            )
        }

        /// For dnf.
        var exclusions: ShellText { .words((isSecurity ? ["--security"] : []) + exclude.map { "--exclude=\($0)" }) }
    }

    /// One line of `packages`.
    struct Pending: Sendable, Hashable {
        struct Name: Sendable, Hashable {
            var bare: String
            /// With its dot; empty where the package manager leaves it out.
            var suffix: String
            var full: String { bare + suffix }
        }
        var name: Name
        var old: String
        var new: String
        var line: String { "\(name.full) \(old) -> \(new)" }

        init(name: Name, old: String, new: String) {
            self.name = name
            self.old = old
            self.new = new
        }
        init?(line: String) {
            let words = line.columns(" ")
            guard words.count == 4, words[2] == "->" else { return nil }
            let dot = words[0].utf8.lastIndex(of: 0x2E)
            let architectures: Set<String> = [".noarch", ".x86_64", ".aarch64", ".i686"]
            let suffix = dot.map { String(words[0][$0...]) } ?? ""
            let bare = architectures.contains(suffix) ? String(words[0].dropLast(suffix.count)) : words[0]
            self.init(
                name: Name(bare: bare, suffix: bare == words[0] ? "" : suffix), old: words[1], new: words[3])
        }
    }

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        var script: ShellText = ""
        for argument in arguments {
            script += "printf 'wish\\t%s\\n' \(word: argument)\n"
            switch facts.family {
            case .debian: script += debian
            case .amazon: script += amazon(Wish(argument: argument))
            case nil: break
            }
        }
        return HostQuestion(script)
    }

    private static let debian: ShellText = """
        while IFS='=' read -r k v; do if [ "$k" = VERSION_CODENAME ]; then printf 'codename\\t%s\\n' "$v"; fi; done </etc/os-release
        timeout -s KILL \(fetchLimit) apt-get -s -q -o Debug::NoLocking=true -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= upgrade --with-new-pkgs
        printf 'end\\t%s\\t0\\n' "$?"

        """

    private static func amazon(_ wish: Wish) -> ShellText {
        let query: ShellText = """
            --setopt='*.skip_if_unavailable=False' --setopt=skip_if_unavailable=False --setopt=logdir=/run/cso-provision/dnf \
            --releasever=\(word: wish.release) \(script: wish.exclusions) repoquery --upgrades --latest-limit=1 \
            --qf 'new\\t%{name}\\t%{arch}\\t%{epoch}:%{version}-%{release}'
            """
        return """
            if [ -e \(word: DnfSteps.unfinished) ]; then echo unfinished; fi
            mkdir -p /run/cso-provision/dnf
            if o=$(timeout -s KILL \(limit) dnf -q -C \(script: query) 2>/dev/null); then s=0; printf '%s\\n' "$o"; else
            timeout -s KILL \(fetchLimit) dnf -q --setopt=exit_on_lock=True --setopt=cachedir=/run/cso-provision/dnf --setopt=timeout=10 --setopt=retries=1 \(script: query)
            s=$?
            fi
            timeout -s KILL 10 rpm -qa --qf 'old\\t%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n'
            printf 'end\\t%s\\t%s\\n' "$s" "$?"

            """
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        var parts: [String: [String]] = [:]
        var current: String?
        for line in answer.outputLines {
            let columns = line.columns("\t")
            if columns[0] == "wish", columns.count == 2 {
                current = columns[1]
            } else if let current {
                parts[current, default: []].append(line)
            }
        }
        return Dictionary(
            arguments.map { argument in
                let wish = Wish(argument: argument)
                let lines = parts[argument] ?? []
                let end = lines.last?.columns("\t") ?? []
                guard end.count == 3, end[0] == "end" else { return (argument, unknown(answer, status: answer.status)) }
                guard end[1] == "0", end[2] == "0" else {
                    return (argument, unknown(answer, status: Int32(end[1] == "0" ? end[2] : end[1]) ?? 1))
                }
                return (argument, facts.family == .amazon ? amazon(lines, wish) : debian(lines, wish))
            }, uniquingKeysWith: { first, _ in first })
    }

    private static func unknown(_ answer: HostAnswer, status: Int32) -> Observation {
        let answer = HostAnswer(output: [], errors: answer.errors, status: status)
        return .unknown(reason: BatchFailure.reason(answer, program: "the question for upgrades", limit: fetchLimit))
    }

    private static func state(_ pending: [Pending], isUnfinished: Bool) -> Observation {
        let lines = pending.map(\.line).sorted()
        return .present([
            "pending": .number(lines.count), "packages": .list(lines), "unfinished": .flag(isUnfinished),
        ])
    }

    // MARK: dnf

    private static func amazon(_ lines: [String], _ wish: Wish) -> Observation {
        var installed: [String: String] = [:]
        var pending: [Pending] = []
        for line in lines {
            let columns = line.columns("\t")
            guard columns.count == 4, columns[0] == "old" else { continue }
            let version = columns[3].hasPrefix("0:") ? String(columns[3].dropFirst(2)) : columns[3]
            if columns[1] == "system-release", let dash = version.utf8.firstIndex(of: 0x2D) {
                let release = String(version[..<dash])
                if VersionOrder.compare(release, wish.release, on: .amazon) > 0 {
                    return .unknown(reason: "it has release \(release); an upgrade does not go back to \(wish.release)")
                }
            }
            installed["\(columns[1]).\(columns[2])"] = version
        }
        for line in lines {
            let columns = line.columns("\t")
            guard columns.count == 4, columns[0] == "new" else { continue }
            let version = columns[3].hasPrefix("0:") ? String(columns[3].dropFirst(2)) : columns[3]
            pending.append(
                Pending(
                    name: .init(bare: columns[1], suffix: ".\(columns[2])"),
                    old: installed["\(columns[1]).\(columns[2])"] ?? "-", new: version))
        }
        return state(pending, isUnfinished: lines.contains("unfinished"))
    }

    // MARK: apt

    /// `Inst NAME [OLD] (NEW ORIGIN:RELEASE/SUITE, ... [ARCHITECTURE])`; what has no OLD is new and comes with what needs it.
    private static func debian(_ lines: [String], _ wish: Wish) -> Observation {
        var pending: [Pending] = []
        for line in lines {
            if line.hasPrefix("codename\t"), line != "codename\t\(wish.release)" {
                return .unknown(
                    reason:
                        "it has release \(line.dropFirst("codename\t".count)); an upgrade does not go to \(wish.release)"
                )
            }
            let words = line.columns(" ")
            guard words.count >= 4, words[0] == "Inst", words[2].hasPrefix("["), words[2].hasSuffix("]"),
                words[3].hasPrefix("("), !wish.exclude.contains(words[1])
            else { continue }
            if wish.isSecurity, !line.lowercased().contains("-security") { continue }
            pending.append(
                Pending(
                    name: .init(bare: words[1], suffix: ""), old: String(words[2].dropFirst().dropLast()),
                    new: String(words[3].dropFirst())))
        }
        return state(pending, isUnfinished: false)
    }
}
