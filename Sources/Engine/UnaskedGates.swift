internal import Model

/// Gates that the language can say and that no run asks yet: a promise that nobody keeps is refused, not overlooked.
enum UnaskedGates {
    static func mistakes(in role: RoleSpec) -> [Diagnostic] {
        role.gates.flatMap(\.fields).compactMap { field in
            guard case .scalar(let text, _) = field.value.form else { return nil }
            let isAsked =
                switch field.key {
                case "scope": text == Gate.Scope.host.rawValue
                case "vantage": text == Gate.Vantage.own.rawValue
                default: true
                }
            return isAsked
                ? nil
                : Diagnostic(
                    "\(field.key): \(text) is not asked by any run yet", at: field.value.location,
                    remedy: "leave it out: gates of the host, asked on the host itself, are what runs wait for")
        }
    }
}
