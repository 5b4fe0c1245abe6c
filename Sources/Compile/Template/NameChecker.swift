internal import Model

/// Finds names, attributes, functions, roles and secrets that do not exist, in every branch of a template, also in those
/// that this host does not take. Evaluation is reached only by texts that passed.
struct NameChecker {
    let scope: Scope
    let source: TemplateSource
    private(set) var diagnostics: [Diagnostic] = []
    private var variables: [(name: String, shape: Shape)] = []

    /// What can be known of a value without evaluating it.
    private enum Shape {
        case anything
        case host
        case hosts
        case record([String])
    }

    private static let functions = ["hosts": 1, "join": 2, "count": 1, "first": 2, "secret": 1]

    init(_ scope: Scope, _ source: TemplateSource) {
        self.scope = scope
        self.source = source
        variables = scope.variables.map { ($0.name, Self.shape(of: $0.value)) }
    }

    private static func shape(of value: Value) -> Shape {
        switch value {
        case .record(.host): .host
        case .record(.plain(_, let values)): .record(Array(values.keys))
        default: .anything
        }
    }

    /// Whether the elements of a list are hosts, as far as that can be told without evaluating it.
    static func namesHosts(_ list: Expression.Located, of source: TemplateSource, in scope: Scope) -> Bool {
        var checker = NameChecker(scope, source)
        if case .hosts = checker.shape(of: list) { return true }
        return false
    }

    static func check(_ template: Template, in scope: Scope) -> [Diagnostic] {
        var checker = NameChecker(scope, template.source)
        checker.check(template.nodes)
        return checker.diagnostics
    }

    static func check(_ expression: Expression.Located, of source: TemplateSource, in scope: Scope) -> [Diagnostic] {
        var checker = NameChecker(scope, source)
        _ = checker.shape(of: expression)
        return checker.diagnostics
    }

    private mutating func report(_ message: String, _ offset: Int, remedy: String, isAboutAbsence: Bool = false) {
        let mistake = source.diagnostic(message, at: offset, remedy: remedy)
        diagnostics.append(isAboutAbsence ? mistake.aboutAbsence : mistake)
    }

    private mutating func check(_ nodes: [Template.Node]) {
        for node in nodes {
            switch node {
            case .literal: break
            case .output(let expression, _): _ = shape(of: expression)
            case .loop(let variable, let list, let body):
                var element = Shape.anything
                if case .hosts = shape(of: list) { element = .host }
                variables.append((variable, element))
                variables.append(("loop", .record(["first", "last", "index"])))
                check(body)
                variables.removeLast(2)
            case .conditional(let branches, let otherwise):
                for branch in branches {
                    _ = shape(of: branch.condition)
                    check(branch.body)
                }
                check(otherwise)
            }
        }
    }

    private mutating func shape(of located: Expression.Located) -> Shape {
        switch located.expression {
        case .text, .number, .flag: return .anything
        case .list(let elements):
            for element in elements { _ = shape(of: element) }
            return .anything
        case .not(let inner):
            _ = shape(of: inner)
            return .anything
        case .both(let left, let right), .either(let left, let right), .comparison(_, let left, let right),
            .arithmetic(_, let left, let right):
            _ = shape(of: left)
            _ = shape(of: right)
            return .anything
        case .choice(let value, let condition, let otherwise):
            for part in [value, condition, otherwise] { _ = shape(of: part) }
            return .anything
        case .name(let name): return shape(ofName: name, located.offset)
        case .attribute(let owner, let name): return shape(ofAttribute: name, owner, located.offset)
        case .call(let function, let arguments): return shape(ofCall: function, arguments, located.offset)
        }
    }

    private mutating func shape(ofName name: String, _ offset: Int) -> Shape {
        if let variable = variables.last(where: { $0.name == name }) { return variable.shape }
        if scope.parameters[name] != nil {
            scope.surroundings.usage?.parameters[scope.role, default: []].insert(name)
            return .anything
        }
        switch name {
        case "host": return .host
        default:
            if let attributes = Surroundings.attributes[name] { return .record(attributes) }
            let known = variables.map(\.name) + Array(scope.parameters.keys) + Surroundings.names
            report(
                "unknown name \"\(name)\"", offset, remedy: Diagnostic.suggestion(for: name, among: Set(known)),
                isAboutAbsence: true)
            return .anything
        }
    }

    private mutating func shape(ofAttribute name: String, _ owner: Expression.Located, _ offset: Int) -> Shape {
        switch shape(of: owner) {
        case .anything: break
        case .host, .hosts:
            let known = HostAttribute.allCases.map(\.rawValue)
            if !known.contains(name) {
                report("a host has no \"\(name)\"", offset, remedy: Diagnostic.suggestion(for: name, among: known))
            }
        case .record(let known):
            if !known.contains(name) {
                report("there is no \"\(name)\" here", offset, remedy: Diagnostic.suggestion(for: name, among: known))
            }
            if case .name(let record) = owner.expression, ["os", "machine"].contains(record), name != "family" {
                scope.surroundings.usage?.asksFacts = true
            }
        }
        return .anything
    }

    private mutating func shape(
        ofCall function: String, _ arguments: [Expression.Located], _ offset: Int
    ) -> Shape {
        for argument in arguments { _ = shape(of: argument) }
        guard let wanted = Self.functions[function] else {
            report(
                "unknown function \"\(function)\"", offset,
                remedy: Diagnostic.suggestion(for: function, among: Self.functions.keys))
            return .anything
        }
        guard arguments.count == wanted else {
            let takes = wanted == 1 ? "one argument" : "\(wanted) arguments"
            report("\(function) takes \(takes), not \(arguments.count)", offset, remedy: "see Roles/README.md")
            return .anything
        }
        switch (function, arguments[0].expression) {
        case ("hosts", .text(let role)):
            let roles = scope.surroundings.inventory.roles.map(\.role.rawValue)
            if !roles.contains(role) {
                report(
                    "the inventory has no role \"\(role)\"", arguments[0].offset,
                    remedy: Diagnostic.suggestion(for: role, among: roles))
            } else if let problem = scope.problem(withHostsOf: RoleName(role)) {
                report(problem.message, arguments[0].offset, remedy: problem.remedy)
            }
        case ("secret", .text(let name)):
            if let problem = SecretReference.problem(name, scope.surroundings.inventory) {
                report(problem.message, arguments[0].offset, remedy: problem.remedy)
            }
        default: break
        }
        return function == "hosts" ? .hosts : .anything
    }
}

/// The rules for `secret("SOURCE.KEY")`.
enum SecretReference {
    /// Why `name` names no secret of this inventory; `nil` if it does.
    static func problem(_ name: String, _ inventory: Inventory) -> (message: String, remedy: String)? {
        let secret = SecretName(name)
        let sources = inventory.secretSources.map(\.name)
        guard name.contains("."), !secret.source.isEmpty, !secret.key.isEmpty else {
            let example = sources.first ?? "SOURCE"
            return ("secret \"\(name)\" does not say its source", "write secret(\"\(example).\(name)\")")
        }
        guard !sources.contains(secret.source) else { return nil }
        return (
            "the inventory has no secret source \"\(secret.source)\"",
            Diagnostic.suggestion(for: secret.source, among: sources)
        )
    }
}
