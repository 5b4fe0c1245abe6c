internal import Model

/// What a role declares and nothing of it uses: most often a slip in the name, and always something to mislead a reader.
struct UnusedParts {
    let roles: [RoleName: RoleSpec]
    let tree: SourceTree
    /// What was used in compiling all hosts.
    let used: Usage

    func mistakes(in names: Set<RoleName>) -> [Diagnostic] {
        names.sorted().compactMap { roles[$0] }.flatMap { role in
            let names = used.parameters[role.name] ?? []
            let parameters = role.parameters.filter { !names.contains($0.name) }.map {
                unused("parameter \"\($0.name)\"", at: $0.location)
            }
            let variables = role.variables.filter { !names.contains($0.name) }.map {
                unused("variable \"\($0.name)\"", at: $0.location)
            }
            let providers = used.roles[role.name] ?? []
            let uses = role.uses.filter { !providers.contains($0.role) }.map {
                Diagnostic(
                    "no text of the role names the hosts of \"\($0.role)\"", at: $0.location,
                    remedy: "remove it; to have that role changed first, write after: [\($0.role)]")
            }
            return (parameters + variables + uses + files(role)).map(\.aboutAbsence)
        }
    }

    private func files(_ role: RoleSpec) -> [Diagnostic] {
        ["templates", "files"].flatMap { folder in
            tree.names(below: "\(role.folder)/\(folder)").map { "\(role.folder)/\(folder)/\($0)" }
                .filter { !used.files.contains($0) }
                .map { unused("the file", at: SourceLocation(file: $0)) }
        }
    }

    private func unused(_ what: String, at location: SourceLocation) -> Diagnostic {
        Diagnostic("\(what) is never used", at: location, remedy: "use it, or remove it")
    }
}
