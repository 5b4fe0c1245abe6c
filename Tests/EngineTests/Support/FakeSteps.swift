import Model

/// What the steps of the standard kinds do, told by their summaries.
enum FakeSteps {
    /// False = there is no such step.
    static func perform(_ step: HostStep, input: [UInt8], on state: inout FakeHost.State, of host: HostName) -> Bool {
        let script = step.script.text
        let mode = script.firstMatch(of: /chmod -- (\d{4}) "\$p"/).map { String($0.1) }
        func subject(_ prefix: String) -> String? {
            step.summary.hasPrefix(prefix) ? String(step.summary.dropFirst(prefix.count)) : nil
        }
        if step.summary == "write the ledger" {
            state.ledger = String(decoding: input, as: UTF8.self).split(separator: "\n").map(String.init)
        } else if script.contains("\nput /") {
            write(script, input, to: &state)
        } else if let path = subject("set owner and mode of ") {
            state.files[path]?.mode = mode ?? "0644"
        } else if let names = subject("install ") {
            state.packages.formUnion(names.split(separator: ", ").map(String.init))
        } else if step.summary == "run once: make the key" {
            state.files["/etc/key"] = .init(content: Array("key of \(host)".utf8), mode: "0600")
        } else if let label = subject("run ") {
            state.done.insert(label)
        } else if let path = subject("remove /") {
            state.files["/" + path] = nil
        } else if let names = subject("remove ") {
            state.packages.subtract(names.split(separator: ", ").map(String.init))
        } else if step.summary.hasSuffix(".service") {
            performUnit(step.summary, on: &state)
        } else {
            return false
        }
        return true
    }

    /// Files by one step: contents behind their lengths, `chmod` on the temporary names, a `put` for each.
    private static func write(_ script: String, _ input: [UInt8], to state: inout FakeHost.State) {
        var rest = input[...]
        for put in script.matches(of: /\nput (\S+) (\S+)/) {
            let length = rest.prefix { $0 != 0x0A }
            guard let count = Int(String(decoding: length, as: UTF8.self)) else { return }
            rest = rest.dropFirst(length.count + 1)
            let path = String(put.1)
            var mode = state.files[path]?.mode ?? "0644"
            for chmod in script.matches(of: /\nchmod -- (\d{4}) ([^\n]*)/)
            where chmod.2.split(separator: " ").contains(put.2) {
                mode = String(chmod.1)
            }
            state.files[path] = .init(content: Array(rest.prefix(count)), mode: mode)
            rest = rest.dropFirst(count)
        }
    }

    private static func performUnit(_ summary: String, on state: inout FakeHost.State) {
        let words = summary.split(separator: " ").map(String.init)
        let name = words[words.count - 1]
        var unit = state.units[name] ?? FakeHost.Unit()
        for verb in words.dropLast() {
            switch verb {
            case "enable": unit.isEnabled = true
            case "disable": unit.isEnabled = false
            case "start": unit.active = "active"
            case "stop": unit.active = "inactive"
            case "restart": (unit.active, unit.restarts) = ("active", unit.restarts + 1)
            case "reload": (unit.active, unit.reloads) = ("active", unit.reloads + 1)
            default: break
            }
            if ["start", "stop", "restart", "reload"].contains(verb) {
                state.notes.subtract(["restart:\(name)", "reload:\(name)"])
            }
        }
        state.units[name] = unit
    }
}
