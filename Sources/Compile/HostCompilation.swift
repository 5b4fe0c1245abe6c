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
        let scopes = RoleScopes(chain.links, membership, roles: roles, tree: tree, surroundings: surroundings)
        diagnostics += scopes.diagnostics
        for link in chain.links {
            guard let entry = scopes.entries[link.role.name] else { continue }
            var evaluator = FieldEvaluator(scope: entry.scope, tree: tree, folder: link.role.folder)
            if entry.isComplete {
                for resource in link.role.resources { add(resource, &evaluator) }
                for gate in link.role.gates { add(gate, &evaluator) }
            } else {
                for resource in link.role.resources { checkNames(resource, &evaluator) }
                for gate in link.role.gates { evaluator.checkNames(gate) }
            }
            diagnostics += evaluator.diagnostics
        }
        checkTogether()
    }

    // MARK: Resources

    private mutating func add(_ spec: ResourceSpec, _ evaluator: inout FieldEvaluator) {
        guard let kind = catalogue[spec.kind] else {
            evaluator.report(
                "unknown kind \"\(spec.kind)\"", at: spec.location,
                remedy: Diagnostic.suggestion(for: spec.kind.rawValue, among: catalogue.names))
            return
        }
        evaluator.forEach(
            spec.each, when: spec.when, declare: { declare(spec, kind, &$0) },
            checkNames: { $0.checkNames(spec, of: kind.declaration) })
    }

    private mutating func add(_ spec: GateSpec, _ evaluator: inout FieldEvaluator) {
        evaluator.forEach(
            spec.each, when: spec.when, declare: { gates += GateCompilation.gates(spec, &$0) },
            checkNames: { $0.checkNames(spec) })
    }

    /// All that can be said of a resource whose role has values that are not known.
    private func checkNames(_ spec: ResourceSpec, _ evaluator: inout FieldEvaluator) {
        guard let kind = catalogue[spec.kind] else { return }
        let spare = evaluator.elements(spec.each).spare
        evaluator.scope.variables += spare
        if let when = spec.when { evaluator.checkNames(when: when) }
        evaluator.checkNames(spec, of: kind.declaration)
        evaluator.scope.variables.removeLast(spare.count)
    }

    private mutating func declare(
        _ spec: ResourceSpec, _ kind: any ResourceKind.Type, _ evaluator: inout FieldEvaluator
    ) {
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
                        resource: resource, notifies: notifies, secretNames: secrets, location: spec.location,
                        confirm: spec.confirm, digest: fields.digest))
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
                        remedy: first == resource.location
                            ? "each element needs a name of its own: put {{ item }}, or whatever it is called, into it"
                            : "it stands at \(first) already"))
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
        let units = resources.compactMap { resource in
            (resource.resource as? any RunningService)?.unit.rawValue
                ?? (resource.id.kind == "service" ? resource.id.identity : nil)
        }
        let canReboot = resources.contains { $0.resource is RebootResource }
        for resource in resources where resource.notifies.contains(.reboot) && !canReboot {
            diagnostics.append(
                Diagnostic(
                    "\(resource.id) notifies reboot, which no reboot of this host declares", at: resource.location,
                    remedy: "declare it: `- reboot: after updates`"
                ).aboutAbsence)
        }
        for resource in resources {
            for notification in resource.notifies
            where notification != .reboot && !units.contains(notification.unit.rawValue) {
                diagnostics.append(
                    Diagnostic(
                        "\(resource.id) notifies \(notification.unit), which no service of this host declares",
                        at: resource.location,
                        remedy: Diagnostic.suggestion(for: notification.unit.rawValue, among: units)
                    ).aboutAbsence)
            }
        }
        checkMakers()
        diagnostics += CertificateNames.mistakes(resources, zone: surroundings.inventory.zone.name)
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
