package import Model

/// GET requests from the host itself, past any proxy, redirects not followed, certificates verified. An argument is a URL
/// or `URL ADDRESS CA`, with `-` for what is not given; see ``Model/Gate/Route``. Keys: `status` and `body`; or `error` if
/// no answer came.
package enum HTTPBatch: ProbeBatch {
    package static let name: BatchName = "http"
    /// Seconds for one request.
    static let limit = 5

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        // After each body a line says how many bytes it had, so that the answer is read from its end and no body can
        // imitate it. The rate bounds a body without end to 5 MB.
        let operations = grouped(arguments).map { group -> String in
            var words = """
                -g --max-time \(limit) --connect-timeout 3 --limit-rate 1M --noproxy '*' --proto =http,https \
                -w '\\n%{size_download}\\t%{http_code}\\t%{exitcode}\\t%{errormsg}\\n'
                """
            if let address = group.route.address { words += " --connect-to ::\(ShellText.word(address)):" }
            if let authority = group.route.authority {
                words += " --cacert \(ShellText.word(authority)) --capath /dev/null"
            }
            return words + group.urls.map { " --url \(ShellText.word($0))" }.joined()
        }
        return HostQuestion(
            """
            timeout -s KILL \(limit * arguments.count + 5) curl -q -sS \
            \(script: ShellText(script: operations.joined(separator: " --next \\\n")))
            """)
    }

    package static func request(_ url: String, _ route: Gate.Route) -> ProbeRequest {
        if route == .plain { return ProbeRequest(name, url) }
        return ProbeRequest(name, "\(url) \(route.at?.description ?? "-") \(route.authority ?? "-")")
    }

    // MARK: Arguments

    private struct Route: Hashable {
        var address: String?
        var authority: String?
    }

    /// No URL holds a blank; a path may.
    private static func parts(_ argument: String) -> (url: String, route: Route) {
        let parts = argument.split(separator: " ", maxSplits: 2).map(String.init)
        guard parts.count == 3 else { return (argument, Route()) }
        return (
            parts[0],
            Route(address: parts[1] == "-" ? nil : parts[1], authority: parts[2] == "-" ? nil : parts[2])
        )
    }

    /// One operation of curl's for all that go the same way, as each way first appears.
    private static func grouped(_ arguments: [String]) -> [(route: Route, urls: [String], arguments: [String])] {
        var groups: [(route: Route, urls: [String], arguments: [String])] = []
        for argument in arguments {
            let (url, route) = parts(argument)
            if let index = groups.firstIndex(where: { $0.route == route }) {
                groups[index].urls.append(url)
                groups[index].arguments.append(argument)
            } else {
                groups.append((route, [url], [argument]))
            }
        }
        return groups
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        var rest = answer.output[...]
        var found: [String: Observation] = [:]
        for argument in grouped(arguments).flatMap(\.arguments).reversed() {
            guard let observation = takeLast(&rest) else { break }
            found[argument] = observation
        }
        // Fewer answers than requests: nothing tells which of them are missing.
        if found.count < arguments.count || !rest.isEmpty { found = [:] }
        return Dictionary(
            arguments.map { url in
                (url, found[url] ?? .unknown(reason: BatchFailure.reason(answer, program: "curl", limit: limit)))
            }, uniquingKeysWith: { first, _ in first })
    }

    /// One body and its line, from the end.
    private static func takeLast(_ rest: inout ArraySlice<UInt8>) -> Observation? {
        guard rest.last == 0x0A else { return nil }
        let lines = rest.dropLast()
        guard let start = lines.lastIndex(of: 0x0A) else { return nil }
        let columns = String(decoding: lines[(start + 1)...], as: UTF8.self)
            .split(separator: "\t", maxSplits: 3, omittingEmptySubsequences: false)
        guard columns.count == 4, let size = Int(columns[0]), let status = Int(columns[1]), let code = Int(columns[2]),
            size >= 0, size <= lines[..<start].count
        else { return nil }
        let body = rest[..<start].suffix(size)
        rest = rest[..<start].dropLast(size)
        if code != 0 { return .present(["error": .text(columns[3].isEmpty ? "curl: \(code)" : String(columns[3]))]) }
        return .present(["status": .number(status), "body": .text(String(decoding: body, as: UTF8.self))])
    }
}
