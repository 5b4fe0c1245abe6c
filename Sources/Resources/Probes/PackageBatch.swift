package import Model

/// Installed packages. Keys: `version` (as the package manager prints it, with the epoch if there is one) and `condition`:
/// `installed`, or what an interrupted installation left; `held`, by dpkg's word (for dnf see ``DnfExclusionBatch``).
package enum PackageBatch: ProbeBatch {
    package static let name: BatchName = "package"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        switch facts.family {
        case .debian:
            HostQuestion(
                """
                timeout -s KILL 20 dpkg-query -W \
                -f '${Package}\\t${Architecture}\\t${db:Status-Abbrev}\\t${Version}\\n' -- \(words: arguments)
                """)
        case .amazon:
            HostQuestion(
                """
                if [ -r \(word: DnfSteps.unfinished) ]; then
                while read -r l; do printf 'unfinished\\t%s\\n' "$l"; done <\(word: DnfSteps.unfinished)
                fi
                timeout -s KILL 20 rpm -q \
                --qf '%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}\\t%{VERSION}-%{RELEASE}\\n' -- \(words: arguments)
                """)
        case nil: HostQuestion(":")
        }
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        let parseOne: (String) -> Observation
        switch facts.family {
        case .debian: parseOne = debian(answer)
        case .amazon: parseOne = amazon(answer)
        case nil: parseOne = { _ in .unknown(reason: "no package manager is known for \(facts.osID)") }
        }
        return Dictionary(arguments.map { ($0, parseOne($0)) }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: dpkg

    private static func debian(_ answer: HostAnswer) -> (String) -> Observation {
        var states: [String: Observation] = [:]
        for line in answer.outputLines {
            let parts = line.columns("\t")
            guard parts.count == 4 else { continue }
            let observation = debian(abbreviation: parts[2], version: parts[3])
            states["\(parts[0]):\(parts[1])"] = observation
            // Of several architectures the one that is installed counts.
            if states[parts[0]] == nil || states[parts[0]] == .absent { states[parts[0]] = observation }
        }
        let errors = Set(answer.errorLines)
        return { name in
            if let observation = states[name] { return observation }
            if errors.contains("dpkg-query: no packages found matching \(name)") { return .absent }
            return unanswered(answer, "dpkg-query")
        }
    }

    /// dpkg-query(1): wanted, status, error. `rc` is removed with its configuration kept.
    private static func debian(abbreviation: String, version: String) -> Observation {
        let letters = Array(abbreviation)
        guard letters.count >= 2 else { return .unknown(reason: "dpkg status \(abbreviation)") }
        let isBroken = letters.count > 2 && letters[2] == "R"
        switch letters[1] {
        case "n", "c": return isBroken ? broken("needs reinstallation") : .absent
        case "i": return isBroken ? broken("needs reinstallation") : present("installed")
        case "H": return broken("half-installed")
        case "U": return broken("unpacked")
        case "F": return broken("half-configured")
        case "W": return broken("triggers awaited")
        case "t": return broken("triggers pending")
        default: return .unknown(reason: "dpkg status \(abbreviation)")
        }
        func present(_ condition: String) -> Observation {
            .present([
                "version": .text(version), "condition": .text(condition), "held": .flag(letters[0] == "h"),
            ])
        }
        func broken(_ condition: String) -> Observation { present(condition) }
    }

    // MARK: rpm

    private static func amazon(_ answer: HostAnswer) -> (String) -> Observation {
        var states: [String: Observation] = [:]
        var absent: Set<String> = []
        var unfinished: Set<String> = []
        for line in answer.outputLines {
            let parts = line.columns("\t")
            if parts.count == 2, parts[0] == "unfinished" {
                unfinished.insert(parts[1])
            } else if parts.count == 4 {
                let version = parts[2] == "0" ? parts[3] : "\(parts[2]):\(parts[3])"
                let full = "\(parts[0]).\(parts[1])"
                // Kernels stand beside each other; of anything else a cut-off transaction has left two versions.
                let isDoubled = states[full] != nil && !parts[0].hasPrefix("kernel")
                let condition: StateValue =
                    unfinished.contains(parts[0]) ? "interrupted" : isDoubled ? "installed twice" : "installed"
                let observation = Observation.present(["version": .text(version), "condition": condition])
                states[parts[0]] = observation
                states[full] = observation
            } else if line.hasPrefix("package "), line.hasSuffix(" is not installed") {
                absent.insert(String(line.dropFirst("package ".count).dropLast(" is not installed".count)))
            }
        }
        return { name in
            states[name] ?? (absent.contains(name) ? .absent : unanswered(answer, "rpm"))
        }
    }

    private static func unanswered(_ answer: HostAnswer, _ program: String) -> Observation {
        .unknown(reason: BatchFailure.reason(answer, program: program, limit: 20))
    }
}

/// Why a batch's program gave no answer.
enum BatchFailure {
    static func reason(_ answer: HostAnswer, program: String, limit: Int) -> String {
        if answer.status == 137 || answer.status == 124 { return "\(program) gave no answer (waited \(limit) s)" }
        let said = answer.errorLines.last.map { ": \($0)" } ?? ""
        return "\(program) ended with status \(answer.status) and no word about it\(said)"
    }
}
