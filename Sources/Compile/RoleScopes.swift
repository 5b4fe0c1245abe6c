internal import Model
internal import Resources

/// The values that each role of a host sees: parameters, in rising precedence their default, what an including role
/// says, what the inventory says for the host's role, what it says for the host; then the role's own variables.
struct RoleScopes {
    struct Entry {
        var scope: Scope
        /// False after a mistake: only names can be checked then.
        var isComplete: Bool
    }

    private let roles: [RoleName: RoleSpec]
    private let tree: SourceTree
    private let surroundings: Surroundings
    private(set) var diagnostics: [Diagnostic] = []
    private(set) var entries: [RoleName: Entry] = [:]

    /// Values flow from the host's own role, which is the last link, down to what it includes.
    init(
        _ links: [RoleChain.Link], _ membership: Inventory.RoleMembership, roles: [RoleName: RoleSpec],
        tree: SourceTree, surroundings: Surroundings
    ) {
        self.roles = roles
        self.tree = tree
        self.surroundings = surroundings
        let given = given(membership, links)
        for link in links.reversed() { entries[link.role.name] = entry(of: link, given, at: membership.location) }
    }

    /// A value and whose names its text may use.
    private struct Source {
        var value: SpecValue
        var scope: Scope
        var folder: String
        var isReadable = true
    }

    private mutating func entry(
        of link: RoleChain.Link, _ given: [GivenParameter], at place: SourceLocation
    ) -> Entry {
        let role = link.role
        var builtin = Scope(surroundings, role: role.name)
        builtin.providers = Set(role.after.map(\.role) + role.uses.map(\.role))
        var sources: [String: Source] = [:]
        if let inclusion = link.inclusion, let outer = entries[inclusion.by] {
            for argument in inclusion.spec.arguments {
                checkKnown(argument.key, [role], at: argument.keyLocation)
                sources[argument.key] = Source(
                    value: argument.value, scope: outer.scope, folder: roles[inclusion.by]?.folder ?? "",
                    isReadable: outer.isComplete)
            }
        }
        for parameter in given where parameter.roles.contains(role.name) {
            sources[parameter.name] = Source(value: parameter.value, scope: builtin, folder: role.folder)
        }
        var entry = Entry(scope: builtin, isComplete: true)
        for parameter in role.parameters {
            let source =
                sources[parameter.name]
                ?? parameter.defaultValue.map {
                    Source(value: $0, scope: entry.scope, folder: role.folder, isReadable: entry.isComplete)
                }
            if source == nil {
                diagnostics.append(
                    Diagnostic(
                        "role \"\(role.name)\" needs parameter \"\(parameter.name)\"", at: place,
                        remedy: "set it below parameters: of the role in the inventory"
                    ).aboutAbsence)
            }
            set(parameter.name, "parameter", parameter.type, source, in: &entry)
        }
        let order = VariableOrder(of: role, in: tree)
        diagnostics += order.diagnostics
        if !order.diagnostics.isEmpty { entry.isComplete = false }
        for variable in order.ordered {
            let source = Source(
                value: variable.value, scope: entry.scope, folder: role.folder, isReadable: entry.isComplete)
            set(variable.name, "variable", variable.type, source, in: &entry)
        }
        // Their names are known, whatever became of their values.
        for name in role.variables.map(\.name) where entry.scope.parameters[name] == nil {
            entry.scope.parameters[name] = .text("")
        }
        return entry
    }

    private mutating func set(
        _ name: String, _ what: String, _ type: ParameterSpec.ParameterType, _ source: Source?, in entry: inout Entry
    ) {
        guard let source, source.isReadable else {
            entry.scope.parameters[name] = .text("")
            entry.isComplete = false
            return
        }
        var evaluator = FieldEvaluator(scope: source.scope, tree: tree, folder: source.folder)
        let value = evaluator.value(source.value, as: type.field(named: name))
        diagnostics += evaluator.diagnostics
        if let value = value.flatMap(Value.init(field:)) {
            entry.scope.parameters[name] = value
            return
        }
        entry.scope.parameters[name] = .text("")
        entry.isComplete = false
        if evaluator.diagnostics.isEmpty {
            diagnostics.append(Diagnostic("\(what) \"\(name)\" cannot be left out", at: source.value.location))
        }
    }

    // MARK: What the inventory says

    /// A value of the inventory and the roles that it is for: the host's own, or else the included ones that know it.
    private struct GivenParameter {
        var name: String
        var value: SpecValue
        var roles: [RoleName]
    }

    private mutating func given(_ membership: Inventory.RoleMembership, _ chain: [RoleChain.Link]) -> [GivenParameter] {
        let hosts = membership.hostParameters.sorted { $0.key < $1.key }
        let maps = [(nil, membership.parameters)] + hosts.map { (Optional($0.key), $0.value) }
        var given: [GivenParameter] = []
        for (host, parameters) in maps {
            for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
                let knowing = chain.map(\.role).filter { $0.parameters.contains { $0.name == name } }
                checkKnown(name, chain.reversed().map(\.role), at: value.location)
                let own = knowing.filter { $0.name == membership.role }
                let roles = (own.isEmpty ? knowing : own).map(\.name)
                if host == nil || host == surroundings.host {
                    given.append(GivenParameter(name: name, value: value, roles: roles))
                }
            }
        }
        return given
    }

    /// `roles` begins with the one that the message names.
    private mutating func checkKnown(_ name: String, _ roles: [RoleSpec], at location: SourceLocation) {
        let known = roles.flatMap(\.parameters).map(\.name)
        guard let role = roles.first, !known.contains(name) else { return }
        let owner = roles.first { $0.variables.contains { $0.name == name } }
        diagnostics.append(
            Diagnostic(
                "role \"\(role.name)\" has no parameter \"\(name)\"", at: location,
                remedy: owner.map { "it is a variable of role \"\($0.name)\", which nobody else can set" }
                    ?? Diagnostic.suggestion(for: name, among: known)
            ).aboutAbsence)
    }
}

extension ParameterSpec.ParameterType {
    fileprivate func field(named name: String) -> FieldDeclaration {
        switch self {
        case .text: FieldDeclaration(name, .text, "")
        case .number: FieldDeclaration(name, .number, "")
        case .flag: FieldDeclaration(name, .flag, "")
        case .list: FieldDeclaration(name, .list, "")
        }
    }
}

extension Value {
    fileprivate init?(field: FieldValue) {
        switch field {
        case .text(let text): self = .text(text)
        case .number(let number): self = .number(number)
        case .flag(let flag): self = .flag(flag)
        case .list(let list): self = .list(list.map { .text($0) })
        case .mode, .duration, .content: return nil
        }
    }
}
