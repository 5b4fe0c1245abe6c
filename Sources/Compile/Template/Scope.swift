internal import Model

/// The names that the texts of one role see on one host.
struct Scope {
    let surroundings: Surroundings
    let role: RoleName
    var parameters: [String: Value]
    /// Variables of the loops around, the innermost last.
    var variables: [(name: String, value: Value)] = []
    /// Other roles whose hosts its texts may name: those that it says it comes after or uses.
    var providers: Set<RoleName> = []

    init(_ surroundings: Surroundings, role: RoleName, parameters: [String: Value] = [:]) {
        self.surroundings = surroundings
        self.role = role
        self.parameters = parameters
    }

    /// Why the hosts of a role cannot be named here: what a role needs of others is declared, so that a plan can show it.
    func problem(withHostsOf other: RoleName) -> (message: String, remedy: String)? {
        surroundings.usage?.roles[role, default: []].insert(other)
        if providers.contains(other) || surroundings.seats[surroundings.host]?.role == other { return nil }
        return (
            "role \"\(role)\" does not say that it needs \"\(other)\"",
            "add uses: [\(other)] to its role.yaml, or after: [\(other)] if that one is to be changed first"
        )
    }

    subscript(name: String) -> Value? {
        variables.last { $0.name == name }?.value ?? parameters[name] ?? surroundings.value(of: name)
    }
}
