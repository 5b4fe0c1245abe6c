internal import Model

/// Evaluates expressions whose names were checked. Types are not converted: a condition is a flag, and text equals
/// only text.
struct Evaluator {
    let scope: Scope
    let source: TemplateSource

    func evaluate(_ located: Expression.Located) throws(Diagnostic) -> Value {
        switch located.expression {
        case .text(let text): return .text(text)
        case .number(let number): return .number(number)
        case .flag(let flag): return .flag(flag)
        case .list(let elements):
            var values: [Value] = []
            for element in elements { values.append(try evaluate(element)) }
            return .list(values)
        case .name(let name):
            guard let value = scope[name] else {
                throw source.diagnostic("unknown name \"\(name)\"", at: located.offset)
            }
            return value
        case .attribute(let owner, let name): return try attribute(name, of: try evaluate(owner), located.offset)
        case .call(let function, let arguments): return try call(function, arguments, located.offset)
        case .not(let inner): return .flag(!(try flag(inner)))
        case .both(let left, let right):
            guard try flag(left) else { return .flag(false) }
            return .flag(try flag(right))
        case .either(let left, let right):
            if try flag(left) { return .flag(true) }
            return .flag(try flag(right))
        case .comparison(let comparison, let left, let right):
            return .flag(try compare(comparison, try evaluate(left), try evaluate(right), located.offset))
        case .arithmetic(let sign, let left, let right):
            return try calculate(sign, try evaluate(left), try evaluate(right), located.offset)
        case .choice(let value, let condition, let otherwise):
            return try evaluate(try flag(condition) ? value : otherwise)
        }
    }

    func flag(_ located: Expression.Located) throws(Diagnostic) -> Bool {
        let value = try evaluate(located)
        if case .flag(let flag) = value { return flag }
        throw source.diagnostic(
            "a condition must be a flag, not \(value.typeName)", at: located.offset, remedy: "compare it with something"
        )
    }

    private func attribute(_ name: String, of owner: Value, _ offset: Int) throws(Diagnostic) -> Value {
        switch owner {
        case .record(.host(let host)):
            guard let attribute = HostAttribute(rawValue: name) else {
                let known = HostAttribute.allCases.map(\.rawValue)
                throw source.diagnostic(
                    "a host has no \"\(name)\"", at: offset, remedy: Diagnostic.suggestion(for: name, among: known))
            }
            guard let value = scope.surroundings.value(of: attribute, of: host) else {
                throw source.diagnostic("the \(name) of \(host) is not known", at: offset, remedy: "is it in the zone?")
            }
            return value
        case .record(.plain(let record, let values)):
            guard let value = values[name] else {
                if Surroundings.attributes[record]?.contains(name) == true {
                    throw source.diagnostic(
                        "\(record).\(name) of \(scope.surroundings.host) is not known", at: offset,
                        remedy: "the host does not tell it: do not depend on it there")
                }
                throw source.diagnostic(
                    "\(record) has no \"\(name)\"", at: offset,
                    remedy: Diagnostic.suggestion(for: name, among: values.keys))
            }
            return value
        case .list(let elements):
            // hosts("backend").fqdn: the attribute of each.
            var values: [Value] = []
            for element in elements { values.append(try attribute(name, of: element, offset)) }
            return .list(values)
        case .text, .number, .flag, .secret:
            throw source.diagnostic("\(owner.typeName) has no \"\(name)\"", at: offset)
        }
    }

    private func call(
        _ function: String, _ arguments: [Expression.Located], _ offset: Int
    ) throws(Diagnostic) -> Value {
        var values: [Value] = []
        for argument in arguments { values.append(try evaluate(argument)) }
        switch (function, values.first, values.dropFirst().first) {
        case ("hosts", .text(let role)?, nil):
            guard let membership = scope.surroundings.inventory.membership(of: RoleName(role)) else {
                let roles = scope.surroundings.inventory.roles.map(\.role.rawValue)
                throw source.diagnostic(
                    "the inventory has no role \"\(role)\"", at: offset,
                    remedy: Diagnostic.suggestion(for: role, among: roles))
            }
            if let problem = scope.problem(withHostsOf: membership.role) {
                throw source.diagnostic(problem.message, at: offset, remedy: problem.remedy)
            }
            return .list(membership.hosts.map { .record(.host($0)) })
        case ("join", .list(let elements)?, .text(let separator)?):
            var texts: [String] = []
            for element in elements {
                guard let text = element.written else {
                    throw source.diagnostic(
                        "join cannot write \(element.typeName)", at: offset,
                        remedy: "join attributes: join(hosts(\"backend\").fqdn, \",\")")
                }
                texts.append(text)
            }
            return .text(texts.joined(separator: separator))
        case ("count", .list(let elements)?, nil): return .number(elements.count)
        case ("first", .text(let text)?, .number(let count)?): return .text(String(text.prefix(max(0, count))))
        case ("secret", .text(let name)?, nil):
            if let problem = SecretReference.problem(name, scope.surroundings.inventory) {
                throw source.diagnostic(problem.message, at: offset, remedy: problem.remedy)
            }
            return .secret(SecretName(name))
        default:
            let types = values.map(\.typeName).joined(separator: " and ")
            let usage = [
                "hosts": "hosts(\"ROLE\")", "join": "join(LIST, \",\")", "count": "count(LIST)",
                "first": "first(TEXT, 12)",
                "secret": "secret(\"SOURCE.KEY\")",
            ]
            throw source.diagnostic(
                "\(function) cannot take \(types)", at: offset, remedy: usage[function].map { "write \($0)" })
        }
    }

    /// Whole numbers; what does not come out even is cut towards zero.
    private func calculate(
        _ sign: Expression.Arithmetic, _ left: Value, _ right: Value, _ offset: Int
    ) throws(Diagnostic) -> Value {
        guard case (.number(let left), .number(let right)) = (left, right) else {
            throw source.diagnostic(
                "\(sign.rawValue) needs two numbers, not \(left.typeName) and \(right.typeName)", at: offset,
                remedy: sign == .plus ? "texts stand side by side: \"{{ a }}{{ b }}\"" : nil)
        }
        if sign == .by, right == 0 { throw source.diagnostic("a division by 0", at: offset) }
        let (result, overflows) =
            switch sign {
            case .plus: left.addingReportingOverflow(right)
            case .minus: left.subtractingReportingOverflow(right)
            case .times: left.multipliedReportingOverflow(by: right)
            case .by: left.dividedReportingOverflow(by: right)
            }
        if overflows { throw source.diagnostic("the number is too large", at: offset) }
        return .number(result)
    }

    private func compare(
        _ comparison: Expression.Comparison, _ left: Value, _ right: Value, _ offset: Int
    ) throws(Diagnostic) -> Bool {
        switch (comparison, left, right) {
        case (_, .secret, _), (_, _, .secret):
            throw source.diagnostic("a secret can only be written out, never compared", at: offset)
        case (.contained, _, .list(let elements)): return elements.contains(left)
        case (.equal, .text, .text), (.equal, .number, .number), (.equal, .flag, .flag), (.equal, .record, .record):
            return left == right
        case (.unequal, .text, .text), (.unequal, .number, .number), (.unequal, .flag, .flag),
            (.unequal, .record, .record):
            return left != right
        case (.less, .number(let left), .number(let right)): return left < right
        case (.lessOrEqual, .number(let left), .number(let right)): return left <= right
        case (.greater, .number(let left), .number(let right)): return left > right
        case (.greaterOrEqual, .number(let left), .number(let right)): return left >= right
        default:
            throw source.diagnostic(
                "\(left.typeName) and \(right.typeName) cannot be compared with \(comparison.rawValue)", at: offset)
        }
    }
}
