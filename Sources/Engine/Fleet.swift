internal import Compile
package import Model
internal import Resources
internal import Source
internal import Zone

/// A fleet as its files describe it: decoded, checked for every host and OS family, and ready to be compiled for hosts that
/// have said what they are.
package struct Fleet: Sendable {
    package let inventory: Inventory
    package let tree: SourceTree
    private let specs: [RoleName: RoleSpec]
    private let compiler: Compiler
    let batches = BatchCatalogue.standard

    /// Reads and checks everything; throws all mistakes of all files together. Contacts nobody.
    package static func load(
        roles: String, inventory: String, environment: [String: String]
    ) throws(Diagnostics) -> Fleet {
        let tree = try FleetFiles.load(roles: roles, inventory: inventory)
        let decodedInventory = InventoryDecoder.decode(tree, environment: environment)
        let decodedRoles = RecipeDecoder.decode(tree, catalogue: .standard)
        var mistakes = decodedInventory.diagnostics + decodedRoles.diagnostics
        guard let inventory = decodedInventory.value else { throw Diagnostics(mistakes, in: tree) }
        let compiler = Compiler(roles: decodedRoles.value, inventory: inventory, catalogue: .standard, tree: tree)
        // What files with mistakes declare is only known in part: that something is not declared could be their consequence.
        let isWhole = mistakes.allSatisfy(\.hidesNothing)
        mistakes += compiler.check().filter { isWhole || !$0.isAboutAbsence }
        guard mistakes.isEmpty else { throw Diagnostics(mistakes, in: tree) }
        return Fleet(inventory: inventory, tree: tree, specs: decodedRoles.value, compiler: compiler)
    }

    /// What `check` says when all is well.
    package var checkSummary: String {
        let hosts = inventory.roles.flatMap(\.hosts).count
        return "\(specs.count) roles and \(hosts) hosts of \(inventory.fleet) compile for both OS families"
    }

    /// All hosts whose address a run over these roles needs: members, and those that templates name.
    func hosts(of roles: [RoleName]) -> [HostName] {
        let members = roles.flatMap { inventory.membership(of: $0)?.hosts ?? [] }
        let others = roles.reduce(into: Set<HostName>()) { $0.formUnion(compiler.hostsAskedFor(by: $1)) }
        return members + others.subtracting(members).sorted()
    }

    /// Every secret that a member of the role may need, whatever its OS family turns out to be.
    func secretNames(of role: RoleName) -> Set<SecretName> { compiler.secretNames(of: role) }

    /// The same, with the resources that each of them is for.
    func secretUsers(of role: RoleName) -> [SecretName: Set<ResourceID>] { compiler.secretUsers(of: role) }

    func compile(
        _ role: RoleName, on host: HostName, facts: HostFacts, _ places: [HostName: PlacedHost]
    ) throws(HostFailure) -> DesiredHost {
        guard facts.family != nil else {
            throw HostFailure(
                .failed, "its operating system is \(facts.osID) \(facts.osVersion), which no recipe is written for",
                remedy: "Amazon Linux 2023 and Debian 12 are")
        }
        do throws(Diagnostics) {
            return try compiler.compile(role, on: host, facts: facts, placements: placements(places))
        } catch {
            throw HostFailure(.failed, error.description)
        }
    }

    /// The members of a role in the order in which they are changed.
    func rollingOrder(of role: RoleName, _ places: [HostName: PlacedHost]) -> [PlacedHost] {
        compiler.rollingOrder(of: role, placements: placements(places)).compactMap { places[$0] }
    }

    /// Providers before consumers, else the order given.
    func providersFirst(_ roles: [RoleName]) -> [RoleName] {
        var ordered: [RoleName] = []
        func add(_ role: RoleName) {
            guard roles.contains(role), !ordered.contains(role) else { return }
            // No cycle can come here: `check` refuses it.
            for provider in after(role) { add(provider) }
            ordered.append(role)
        }
        roles.forEach(add)
        return ordered
    }

    /// Everything that `--allow` may name.
    var permissions: Set<PermissionName> {
        Set(specs.values.flatMap(\.resources).compactMap(\.confirm)).union(compiler.permissions)
            .union(inventory.roles.map { PermissionName.interruption(of: $0.role) })
    }

    /// What a role needs of others, as an operator reads it.
    func needs(of role: RoleName) -> [String] {
        let uses = compiler.uses(of: role).subtracting(after(role)).sorted()
        return after(role).map { "after \($0)" } + uses.map { "uses \($0)" }
    }

    func after(_ role: RoleName) -> [RoleName] { compiler.providers(of: role) }

    /// The role promises no service, and asks for its members to be changed together.
    func changesAtOnce(_ role: RoleName) -> Bool { specs[role]?.changesAllAtOnce ?? false }

    private func placements(_ places: [HostName: PlacedHost]) -> [HostName: Placement] {
        places.mapValues { Placement(address: $0.address, availabilityZone: $0.availabilityZone) }
    }
}
