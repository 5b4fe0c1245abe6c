import Model
import Resources

/// Answers the probes of the standard kinds from a host's state, in the form in which their programs answer.
struct FakeProbes {
    let state: FakeHost.State

    /// `nil` = no such question is known.
    func answer(_ script: String) -> HostAnswer? {
        if script.contains("/var/lib/cso-provision/owed/") {
            return text(state.notes.sorted().map { $0 + "\n" }.joined())
        }
        if script.contains("/var/lib/cso-provision/ledger") {
            return text(state.ledger.isEmpty ? "absent\n" : "present\n" + state.ledger.map { $0 + "\n" }.joined())
        }
        if script.contains("systemctl show") { return units(words(script, after: " -- ")) }
        if script.contains("dpkg-query") { return packages(words(script, after: " -- ")) }
        if script.contains("find -P ") { return paths(script) }
        if script.contains(#"printf '\000%s\000'"#) { return scripts(script) }
        if script.contains("/dev/tcp/") { return reached(script) }
        return nil
    }

    private func reached(_ script: String) -> HostAnswer {
        let targets = script.matches(of: /\/dev\/tcp\/([0-9.]+\/[0-9]+)/).map { String($0.1) }
        return text(
            targets.enumerated().map { index, target in
                state.refusing.contains(target) ? "\(index) 1 Connection refused\n" : "\(index) 0 \n"
            }.joined())
    }

    private func text(_ text: String) -> HostAnswer { HostAnswer(output: Array(text.utf8)) }

    private func words(_ script: String, after mark: String) -> [String] {
        guard let range = script.firstRange(of: mark) else { return [] }
        return script[range.upperBound...].prefix { $0 != "\n" }.split(separator: " ").map(String.init)
    }

    private func units(_ names: [String]) -> HostAnswer {
        if state.broken.contains("unit") { return HostAnswer(output: [], errors: Array("no bus".utf8), status: 1) }
        let blocks = names.map { name in
            guard let unit = state.units[name] else {
                return """
                    Id=\(name)
                    LoadState=not-found
                    ActiveState=inactive
                    SubState=dead
                    UnitFileState=
                    NeedDaemonReload=no
                    """
            }
            return """
                Id=\(name)
                LoadState=loaded
                ActiveState=\(unit.active)
                SubState=\(unit.active == "active" ? "running" : "dead")
                UnitFileState=\(unit.isEnabled ? "enabled" : "disabled")
                NeedDaemonReload=no
                """
        }
        return text(blocks.joined(separator: "\n\n") + "\n")
    }

    private func packages(_ names: [String]) -> HostAnswer {
        let missing = names.filter { !state.packages.contains($0) }
        return HostAnswer(
            output: Array(names.filter(state.packages.contains).map { "\($0)\tamd64\tii \t1.0\n" }.joined().utf8),
            errors: Array(missing.map { "dpkg-query: no packages found matching \($0)\n" }.joined().utf8),
            status: missing.isEmpty ? 0 : 1)
    }

    private func paths(_ script: String) -> HostAnswer {
        guard let start = script.firstRange(of: "find -P "), let end = script.firstRange(of: " -maxdepth 0") else {
            return HostAnswer(output: [], status: 127)
        }
        let asked = script[start.upperBound..<end.lowerBound].split(separator: " ").map(String.init)
        if state.broken.contains("path") {
            let errors = asked.map { "find: '\($0)': Permission denied\n" }.joined()
            return HostAnswer(output: Array("/\0=\0local\u{0}1\0.\0".utf8), errors: Array(errors.utf8))
        }
        var output: [UInt8] = []
        var errors = ""
        for path in asked {
            guard let file = state.files[path] else {
                errors += "find: '\(path)': No such file or directory\n"
                continue
            }
            if script.contains("sha256sum") {
                output += Array("\(Digest.sha256(file.content))  \(path)\0".utf8)
            } else {
                let mode = file.mode.hasPrefix("0") ? String(file.mode.dropFirst()) : file.mode
                let columns = ["f", mode, "root", "0", "root", "0", "\(file.content.count)", "1.0", "1", "1"]
                output += Array("\(columns.joined(separator: "\t"))\0\(path)\0\0.\0".utf8)
            }
        }
        let status = errors.isEmpty ? 0 : 1
        output += Array("/\0=\0local\0\(status)\0.\0".utf8)
        return HostAnswer(output: output, errors: Array(errors.utf8))
    }

    /// Scripts are `done LABEL`.
    private func scripts(_ script: String) -> HostAnswer {
        var output = ""
        var errors: [UInt8] = []
        let asked = script.matches(of: /sh -c (.*) <\/dev\/null >\/dev\/null/).map { match in
            match.1.hasPrefix("'") ? String(match.1.dropFirst().dropLast()) : String(match.1)
        }
        for (index, text) in asked.enumerated() {
            let label = String(text.dropFirst("done ".count))
            errors += [0] + Array("\(index)".utf8) + [0]
            // The evidence of a key is the key, wherever it came from.
            let isDone = label == "make the key" ? state.files["/etc/key"] != nil : state.done.contains(label)
            var status = isDone ? 0 : 1
            if !text.hasPrefix("done ") || state.confused.contains(label) {
                status = 2
                errors += Array("it cannot be told".utf8)
            }
            output += "\(index) \(status)\n"
        }
        return HostAnswer(output: Array(output.utf8), errors: errors)
    }
}
