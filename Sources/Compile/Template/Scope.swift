internal import Model

/// The names that the texts of one role see on one host.
struct Scope {
    let surroundings: Surroundings
    let role: RoleName
    var parameters: [String: Value]
    /// Variables of the loops around, the innermost last.
    var variables: [(name: String, value: Value)] = []

    init(_ surroundings: Surroundings, role: RoleName, parameters: [String: Value] = [:]) {
        self.surroundings = surroundings
        self.role = role
        self.parameters = parameters
    }

    subscript(name: String) -> Value? {
        variables.last { $0.name == name }?.value ?? parameters[name] ?? surroundings.value(of: name)
    }
}
