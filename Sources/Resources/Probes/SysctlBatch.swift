package import Model

/// Kernel parameters. An argument is a ``SysctlKey`` with slashes. Keys: `live` (the value now; not there if this kernel has
/// no such parameter), `persisted` (what our own file gives it; not there without the file), `boot` and `file` (the value
/// that a boot ends with, and the file that gives it), `later` (files read after ours that set it otherwise). Blanks and
/// tabs of a value are one blank.
///
/// One process reads the parameters and all configuration files.
package enum SysctlBatch: ProbeBatch {
    package static let name: BatchName = "sysctl"

    /// In falling precedence: a file hides those of the same name in later folders (sysctl.d(5)).
    private static let folders = [
        "/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d",
    ]
    /// `sysctl --system` reads it after all others; systemd only where a link below /etc/sysctl.d names it.
    private static let last = "/etc/sysctl.conf"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        HostQuestion(
            """
            set --
            for f in \(script: ShellText(script: folders.map { $0 + "/*.conf" }.joined(separator: " "))) \(script: ShellText(script: last)); do
            if [ -e "$f" ] || [ -L "$f" ]; then set -- "$@" "$f"; printf '%s\\000' "$f"; fi
            done
            printf '\\n'
            timeout -s KILL 10 grep -HaZ -D skip -d skip -e '' -- "$@" \(words: arguments.map { "/proc/sys/" + $0 })
            printf '=\\000%s\\n' "$?"
            """)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        let read = Reading(answer)
        return Dictionary(arguments.map { ($0, read.observation(of: $0)) }, uniquingKeysWith: { first, _ in first })
    }

    private struct Reading {
        var isComplete = false
        var status = 0
        /// Lines by path.
        var lines: [String: [String]] = [:]
        /// The files that count, in the order in which they are read.
        var files: [String] = []
        var errorLines: [String]

        init(_ answer: HostAnswer) {
            errorLines = answer.errorLines
            guard let first = answer.output.firstIndex(of: 0x0A) else { return }
            var byName: [String: String] = [:]
            for path in answer.output[..<first].pieces(0) where path.hasPrefix("/") && path != last {
                let name = path.columns("/").last ?? ""
                if byName[name] == nil { byName[name] = path }
            }
            files = byName.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map(\.value) + [last]
            var rest = answer.output[(first + 1)...]
            while let zero = rest.firstIndex(of: 0), let end = rest[zero...].firstIndex(of: 0x0A) {
                let path = String(decoding: rest[..<zero], as: UTF8.self)
                let text = String(decoding: rest[(zero + 1)..<end], as: UTF8.self)
                rest = rest[(end + 1)...]
                if path == "=" {
                    isComplete = true
                    status = Int(text) ?? 2
                } else {
                    lines[path, default: []].append(text)
                }
            }
        }

        func observation(of key: String) -> Observation {
            guard isComplete else { return .unknown(reason: "the answer is not complete") }
            if status > 2 { return .unknown(reason: "no answer (waited 10 s)") }
            let path = "/proc/sys/" + key
            var state: State = [:]
            let error = errorLines.first { $0.hasPrefix("grep: \(path): ") }
            if let error {
                guard error.hasSuffix(": No such file or directory") else { return .unknown(reason: error) }
            } else {
                state["live"] = .text(SysctlKey.normalized(lines[path, default: []].joined(separator: " ")))
            }
            if let error = errorLines.first(where: { line in files.contains { line.hasPrefix("grep: \($0): ") } }),
                !error.hasSuffix(": No such file or directory")
            {
                return .unknown(reason: error)
            }
            let own = SysctlKey.file(for: key)
            if files.contains(own) {
                let values = assignments(in: own)
                let isOurs = values.count == 1 && values[0].key == key
                state["persisted"] = .text(isOurs ? values[0].value : "something else")
            }
            var later: [String] = []
            for file in files {
                for assignment in assignments(in: file) where assignment.key == key {
                    state["boot"] = .text(assignment.value)
                    state["file"] = .text(file)
                }
                // Compared with what is wanted by the resource.
                if isAfterOurs(file, own), let value = assignments(in: file).last(where: { $0.key == key })?.value {
                    later += [file, value]
                }
            }
            state["later"] = .list(later)
            return .present(state)
        }

        private func isAfterOurs(_ file: String, _ own: String) -> Bool {
            if file == own { return false }
            if file == last { return true }
            let (name, ours) = (file.columns("/").last ?? "", own.columns("/").last ?? "")
            return ours.utf8.lexicographicallyPrecedes(name.utf8)
        }

        private func assignments(in file: String) -> [(key: String, value: String)] {
            lines[file, default: []].compactMap { SysctlKey.assignment($0) }
        }
    }
}

/// The name of a kernel parameter, as its path below /proc/sys.
enum SysctlKey {
    /// If the first separator is a slash, slashes separate and dots are part of a name; else the other way round
    /// (sysctl.d(5)). `nil` if it is no name of one parameter.
    static func path(_ key: String) -> String? {
        let isPath = key.utf8.first { $0 == 0x2E || $0 == 0x2F } == 0x2F
        let path = isPath ? key : swapped(key)
        let parts = path.columns("/")
        let isRight =
            parts.count > 1
            && parts.allSatisfy { part in
                !part.isEmpty && part != "." && part != ".."
                    && part.utf8.allSatisfy { byte in
                        switch byte {
                        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x40, 0x5F: true
                        default: false
                        }
                    }
            }
        return isRight ? path : nil
    }

    /// With dots, as people write it: `net.ipv4.conf.eth0/100.forwarding`.
    static func dotted(_ path: String) -> String { swapped(path) }

    private static func swapped(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 == 0x2E ? 0x2F : $0 == 0x2F ? 0x2E : $0 }, as: UTF8.self)
    }

    /// One file a key, so that each resource owns a file whole: it is written, compared and removed without a look at what
    /// others keep. After the distributions' files and before those that an administrator names 99.
    static func file(for path: String) -> String {
        "/etc/sysctl.d/90-cso-provision-\(dotted(path).replacing("/", with: "%2F")).conf"
    }

    static func normalized(_ value: String) -> String {
        value.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }

    /// A line of a configuration file. Patterns are left out: a parameter that any file names is exempt from them.
    static func assignment(_ line: String) -> (key: String, value: String)? {
        var text = line.trimmed
        if text.hasPrefix("-") { text.removeFirst() }
        guard let first = text.utf8.first, first != 0x23, first != 0x3B, let equals = text.firstIndex(of: "="),
            let key = path(text[..<equals].description.trimmed)
        else { return nil }
        return (key, normalized(String(text[text.index(after: equals)...]).trimmed))
    }
}
