internal import Model
internal import RemoteProtocol

/// What runs that died left on the host. The next apply collects all of it; it is told because it explains other things.
struct LeftoverCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? {
        let halves = subject.needs.writtenPaths.map { $0 + ".cso-tmp" }
        var script: ShellText = """
            for k in \(word: HostPaths.steps)/*; do
            if [ -r "$k/about" ]; then
            if [ -s "$k/status" ]; then printf 'ended %s\\n' "${k##*/}"; else printf 'open %s\\n' "${k##*/}"; fi
            fi
            done
            for k in \(word: HostPaths.lasting)/payload.* \(word: HostPaths.lasting)/input.*; do
            if [ -f "$k" ]; then printf 'input %s\\n' "$k"; fi
            done

            """
        if !halves.isEmpty {
            // Some may lie on a network mount whose server is dead.
            script +=
                "timeout -s KILL 10 sh -c 'for k do if [ -e \"$k\" ]; then printf \"half %s\\n\" \"$k\"; fi; done' sh \(words: halves)\n"
        }
        return HostQuestion(script)
    }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        var left: [String: [String]] = [:]
        for line in answer.outputText.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            if words.count == 2 { left[words[0], default: []].append(words[1]) }
        }
        // While somebody holds the lock, these are at work and not left over.
        if left.isEmpty || subject.lockHolder != nil { return [.ok("leftovers", of: subject.name, "none")] }
        func list(_ kind: String) -> String { (left[kind] ?? []).prefix(5).joined(separator: ", ") }
        var findings: [Finding] = []
        if left["open"] != nil {
            findings.append(
                Finding(
                    "leftovers", of: subject.name, .warning,
                    "steps of a dead run, perhaps still at work: \(list("open"))",
                    remedy: "the next apply waits for them and collects them; systemctl status 'cso-*' tells more"))
        }
        if left["ended"] != nil || left["half"] != nil {
            let what = [list("ended"), list("half")].filter { !$0.isEmpty }.joined(separator: ", ")
            findings.append(
                Finding(
                    "leftovers", of: subject.name, .warning, "of a dead run: \(what)",
                    remedy: "the next apply of its role sweeps them"))
        }
        if left["input"] != nil {
            findings.append(
                Finding(
                    "leftovers", of: subject.name, .warning, "a step's input, which may hold secrets: \(list("input"))",
                    remedy: "the next apply removes it; or: rm -f \(ShellText.words(left["input"] ?? []))"))
        }
        return findings
    }
}
