internal import Model
internal import Resources

/// Compiles one host: the parameters of its roles, their resources, their gates. All mistakes are collected.
struct HostCompilation {
    let roles: [RoleName: RoleSpec]
    let catalogue: Catalogue
    let tree: SourceTree
    let surroundings: Surroundings
    private(set) var diagnostics: [Diagnostic] = []
    private(set) var resources: [DeclaredResource] = []
    private(set) var gates: [Gate] = []

    init(roles: [RoleName: RoleSpec], catalogue: Catalogue, tree: SourceTree, surroundings: Surroundings) {
        self.roles = roles
        self.catalogue = catalogue
        self.tree = tree
        self.surroundings = surroundings
    }

    mutating func compile(_ role: RoleSpec, _ membership: Inventory.RoleMembership) {
        let chain = RoleChain(of: role, in: roles)
        diagnostics += chain.diagnostics
        guard chain.diagnostics.isEmpty else { return }
        // Values flow from the host's own role down to what it includes; resources are applied in the other direction.
        let given = given(membership, chain.links)
        var scopes: [RoleName: Scope] = [:]
        for link in chain.links.reversed() {
            scopes[link.role.name] = scope(of: link, given, scopes, at: membership.location)
        }
        for link in chain.links {
            guard let scope = scopes[link.role.name] else { continue }
            var evaluator = FieldEvaluator(scope: scope, tree: tree, folder: link.role.folder)
            for resource in link.role.resources { add(resource, &evaluator) }
            for gate in link.role.gates { gates += GateCompilation.gates(gate, &evaluator) }
            diagnostics += evaluator.diagnostics
        }
        checkTogether()
    }

    // MARK: Parameters

    /// In rising precedence: the role's default; what an including role says; what the inventory says for the host's role;
    /// what it says for the host.
    private mutating func scope(
        of link: RoleChain.Link, _ given: [GivenParameter], _ scopes: [RoleName: Scope], at place: SourceLocation
    ) -> Scope? {
        let role = link.role
        let builtin = Scope(surroundings, role: role.name)
        var sources: [String: (value: SpecValue, scope: Scope, folder: String)] = [:]
        if let inclusion = link.inclusion {
            guard let scope = scopes[inclusion.by] else { return nil }
            for argument in inclusion.spec.arguments {
                checkKnown(argument.key, [role], at: argument.keyLocation)
                sources[argument.key] = (argument.value, scope, roles[inclusion.by]?.folder ?? "")
            }
        }
        for parameter in given where parameter.roles.contains(role.name) {
            sources[parameter.name] = (parameter.value, builtin, role.folder)
        }
        var scope = builtin
        var isComplete = true
        for parameter in role.parameters {
            let declaration = parameter.type.field(named: parameter.name)
            let source = sources[parameter.name] ?? parameter.defaultValue.map { ($0, scope, role.folder) }
            guard let source else {
                diagnostics.append(
                    Diagnostic(
                        "role \"\(role.name)\" needs parameter \"\(parameter.name)\"", at: place,
                        remedy: "set it below parameters: of the role in the inventory"
                    ).aboutAbsence)
                isComplete = false
                continue
            }
            var evaluator = FieldEvaluator(scope: source.scope, tree: tree, folder: source.folder)
            let value = evaluator.value(source.value, as: declaration)
            diagnostics += evaluator.diagnostics
            if let value = value.flatMap(Value.init(field:)) {
                scope.parameters[parameter.name] = value
            } else {
                isComplete = false
                if evaluator.diagnostics.isEmpty {
                    diagnostics.append(
                        Diagnostic("parameter \"\(parameter.name)\" cannot be left out", at: source.value.location))
                }
            }
        }
        return isComplete ? scope : nil
    }

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
        diagnostics.append(
            Diagnostic(
                "role \"\(role.name)\" has no parameter \"\(name)\"", at: location,
                remedy: Diagnostic.suggestion(for: name, among: known)
            ).aboutAbsence)
    }

    // MARK: Resources

    private mutating func add(_ spec: ResourceSpec, _ evaluator: inout FieldEvaluator) {
        guard let kind = catalogue[spec.kind] else {
            evaluator.report(
                "unknown kind \"\(spec.kind)\"", at: spec.location,
                remedy: Diagnostic.suggestion(for: spec.kind.rawValue, among: catalogue.names))
            return
        }
        if let when = spec.when, !evaluator.condition(when) {
            evaluator.checkNames(spec, of: kind.declaration)
            return
        }
        let before = evaluator.diagnostics.count
        let subjects = evaluator.subjects(spec.subject, of: kind.declaration)
        let (values, locations) = evaluator.fields(spec, of: kind.declaration)
        let notifies = evaluator.notifications(spec.notify)
        guard evaluator.diagnostics.count == before else { return }
        let secrets = values.values.reduce(into: Set<SecretName>()) { names, value in
            if case .content(let content) = value { names.formUnion(content.secretNames) }
        }
        for subject in subjects {
            let fields = Fields(subject: subject, values: values, location: spec.location, locations: locations)
            do {
                let resource = try kind.init(fields)
                resources.append(
                    DeclaredResource(
                        resource: resource, notifies: notifies, secretNames: secrets, location: spec.location))
            } catch {
                diagnostics += error.all
            }
        }
    }

    // MARK: What only all resources together show

    private mutating func checkTogether() {
        var places: [ResourceID: SourceLocation] = [:]
        var owners: [String: DeclaredResource] = [:]
        var sharers: [String: DeclaredResource] = [:]
        let company = resources.map(\.resource)
        for resource in resources {
            if let first = places[resource.id] {
                diagnostics.append(
                    Diagnostic(
                        "\(resource.id) is declared twice", at: resource.location,
                        remedy: "it stands at \(first) already"))
                continue
            }
            places[resource.id] = resource.location
            for path in resource.resource.managedPaths {
                checkAlone(resource, owners[path] ?? sharers[path], on: path)
                owners[path] = owners[path] ?? resource
            }
            for path in resource.resource.sharedPaths {
                checkAlone(resource, owners[path], on: path)
                sharers[path] = sharers[path] ?? resource
            }
            if let objection = resource.resource.objection(among: company) {
                let mistake = Diagnostic(
                    "\(resource.id) \(objection.message)", at: resource.location, remedy: objection.remedy)
                diagnostics.append(objection.isAboutAbsence ? mistake.aboutAbsence : mistake)
            }
        }
        let units = resources.map(\.id).filter { $0.kind == "service" }.map(\.identity)
        for resource in resources {
            for notification in resource.notifies where !units.contains(notification.unit.rawValue) {
                diagnostics.append(
                    Diagnostic(
                        "\(resource.id) notifies \(notification.unit), which no service of this host declares",
                        at: resource.location,
                        remedy: Diagnostic.suggestion(for: notification.unit.rawValue, among: units)
                    ).aboutAbsence)
            }
        }
        checkMakers()
    }

    /// What writes a file whole and what keeps a part in it would undo each other.
    private mutating func checkAlone(_ resource: DeclaredResource, _ other: DeclaredResource?, on path: String) {
        guard let other else { return }
        diagnostics.append(
            Diagnostic(
                "\(resource.id) and \(other.id) both manage \(path)", at: resource.location,
                remedy: "the other stands at \(other.location)"))
    }

    /// A file that a `once` makes has to name one of this host, before it.
    private mutating func checkMakers() {
        var labels: [String] = []
        for declared in resources {
            if declared.id.kind == OnceResource.name { labels.append(declared.id.identity) }
            guard let transfer = declared.resource as? TransferResource, let maker = transfer.madeBy,
                !labels.contains(maker)
            else { continue }
            diagnostics.append(
                Diagnostic(
                    "\(declared.id) is made by \"\(maker)\", but no once before it has that label",
                    at: declared.location,
                    remedy: Diagnostic.suggestion(for: maker, among: labels)
                ).aboutAbsence)
        }
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
