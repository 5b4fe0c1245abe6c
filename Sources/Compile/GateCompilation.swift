internal import Model
internal import Resources

/// Entries below `gates:` as ``Gate``s; a list behind the check's key makes one gate of each element.
enum GateCompilation {
    static func gates(_ spec: GateSpec, _ evaluator: inout FieldEvaluator) -> [Gate] {
        guard let declaration = GateDeclarations[spec.check] else {
            evaluator.report(
                "unknown gate \"\(spec.check)\"", at: spec.location,
                remedy: Diagnostic.suggestion(for: spec.check, among: GateDeclarations.names))
            return []
        }
        let before = evaluator.diagnostics.count
        let subjects = evaluator.subjects(spec.subject, of: declaration)
        let (values, locations) = evaluator.fields(
            spec.fields, declared: declaration.fields, at: spec.location, declaration)
        guard evaluator.diagnostics.count == before else { return [] }
        let fields = Fields(subject: "", values: values, location: spec.location, locations: locations)
        return subjects.compactMap { gate(spec, subject: $0, fields, &evaluator) }
    }

    private static func gate(
        _ spec: GateSpec, subject: String, _ fields: Fields, _ evaluator: inout FieldEvaluator
    ) -> Gate? {
        guard let check = check(spec, subject, fields, &evaluator) else { return nil }
        var gate = Gate(check: check, location: spec.location)
        if let scope = fields.text("scope").flatMap(Gate.Scope.init(rawValue:)) { gate.scope = scope }
        if let vantage = fields.text("vantage").flatMap(Gate.Vantage.init(rawValue:)) { gate.vantage = vantage }
        if let deadline = fields.duration("deadline") { gate.deadline = deadline }
        if let interval = fields.duration("interval") { gate.interval = interval }
        if let successes = fields.number("successes") { gate.successes = successes }
        if !(1...1000).contains(gate.successes) {
            evaluator.report("successes must be from 1 to 1000", at: fields.location(of: "successes"))
        }
        if gate.deadline <= .zero || gate.interval <= .zero {
            evaluator.report("deadline and interval must be longer than 0", at: fields.location(of: "deadline"))
        } else if gate.interval * (gate.successes - 1) >= gate.deadline {
            evaluator.report(
                "the gate can never hold: \(gate.successes) successes need longer than its deadline",
                at: fields.location(of: "deadline"), remedy: "raise deadline, or lower interval or successes")
        }
        if gate.vantage != .own {
            gate.address = evaluator.scope.surroundings.ownAddress
            checkVantage(gate, at: fields.location(of: "vantage"), &evaluator)
        }
        return gate
    }

    /// What others can never ask.
    private static func checkVantage(_ gate: Gate, at location: SourceLocation, _ evaluator: inout FieldEvaluator) {
        let surroundings = evaluator.scope.surroundings
        if case .unit = gate.check {
            evaluator.report(
                "a unit can only be asked on the host itself", at: location, remedy: "vantage: self")
        }
        if case .http(let url, _, _, _, let route) = gate.check,
            route.at.map({ $0.isLoopback }) ?? URLText.isLoopback(url)
        {
            evaluator.report(
                "\(url) is whoever asks: from another host it says nothing of this one", at: location,
                remedy: "ask {{ host.address }}, or leave out vantage")
        }
        let role = surroundings.seats[surroundings.host]?.role
        let members = role.flatMap { surroundings.inventory.membership(of: $0)?.hosts.count } ?? 0
        if gate.vantage == .peer, members < 2, let role {
            evaluator.report(
                "the gate can never be asked: role \"\(role)\" has one member, and so no peer", at: location,
                remedy: "when: count(hosts(\"\(role)\")) > 1, or another vantage")
        }
        if gate.address == nil {
            evaluator.report(
                "the address of \(surroundings.host) is not known", at: location, remedy: "is it in the zone?")
        }
    }

    private static func check(
        _ spec: GateSpec, _ subject: String, _ fields: Fields, _ evaluator: inout FieldEvaluator
    ) -> Gate.Check? {
        switch spec.check {
        case "unit":
            if UnitNameText.isValid(subject) { return .unit(UnitName(subject)) }
            evaluator.report(
                "\"\(subject)\" is not the name of a unit", at: spec.subject.location,
                remedy: "write it with its suffix: \(subject).service")
        case "tcp":
            if let port = ScalarText.number(subject), (1...65535).contains(port) { return .tcp(port: port) }
            evaluator.report("tcp must be a port from 1 to 65535, not \(subject)", at: spec.subject.location)
        case "http":
            let status = fields.number("status") ?? 200
            if !(100...599).contains(status) {
                evaluator.report("status must be from 100 to 599", at: fields.location(of: "status"))
            }
            let route = route(subject, fields, &evaluator)
            if URLText.isWeb(subject) {
                return .http(
                    url: subject, status: status, contains: fields.text("contains"), lacks: fields.text("lacks"),
                    route: route)
            }
            evaluator.report(
                "\"\(subject)\" is not a URL", at: spec.subject.location,
                remedy: "write http://HOST:PORT/PATH, or https://")
        default: return .command(ShellText(script: subject))
        }
        return nil
    }
}

extension GateCompilation {
    private static func route(_ url: String, _ fields: Fields, _ evaluator: inout FieldEvaluator) -> Gate.Route {
        var route = Gate.Route(authority: fields.text("ca"))
        if let text = fields.text("at") {
            route.at = Address(text)
            if route.at == nil {
                evaluator.report(
                    "\"\(text)\" is not an IPv4 address", at: fields.location(of: "at"),
                    remedy: "for example \"{{ host.address }}\"")
            }
        }
        if route.authority != nil, !url.hasPrefix("https://") {
            evaluator.report(
                "ca is for https, and \(url) shows no certificate", at: fields.location(of: "ca"),
                remedy: "leave it out, or ask https")
        }
        return route
    }
}

/// As much of a URL's form (RFC 3986) as tells whether it can be asked at all.
enum URLText {
    /// `http` or `https`, a host, and a port that exists.
    static func isWeb(_ text: String) -> Bool {
        guard let (host, port) = authority(text), !host.isEmpty else { return false }
        return !text.utf8.contains { $0 <= 0x20 || $0 == 0x7F }
            && (port.map { ScalarText.number($0).map { (1...65535).contains($0) } ?? false } ?? true)
    }

    static func isLoopback(_ text: String) -> Bool {
        guard let host = authority(text)?.host.lowercased() else { return false }
        return host == "localhost" || host == "[::1]" || host == "0.0.0.0"
            || Address(host)?.isLoopback == true
    }

    private static func authority(_ text: String) -> (host: String, port: String?)? {
        guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return nil }
        let rest = text.dropFirst(scheme.count)
        var authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
        // An IPv6 address has colons of its own, within brackets.
        let afterBrackets = authority.lastIndex(of: "]").map { authority.index(after: $0) } ?? authority.startIndex
        guard let colon = authority[afterBrackets...].firstIndex(of: ":") else { return (String(authority), nil) }
        return (String(authority[..<colon]), String(authority[authority.index(after: colon)...]))
    }
}
