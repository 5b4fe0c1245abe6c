internal import Model

/// The variables of a role, each behind those that it is made of. They may stand in the recipe in any order.
struct VariableOrder {
    private(set) var ordered: [VariableSpec] = []
    private(set) var diagnostics: [Diagnostic] = []

    init(of role: RoleSpec, in tree: SourceTree) {
        let names = Set(role.variables.map(\.name))
        var needs: [String: [String]] = [:]
        for variable in role.variables {
            needs[variable.name] = Self.names(in: variable.value, tree).intersection(names).sorted()
        }
        var done: Set<String> = []
        var path: [String] = []
        func add(_ variable: VariableSpec) {
            guard !done.contains(variable.name) else { return }
            if let start = path.firstIndex(of: variable.name) {
                let circle = path[start...]
                // Said once, whichever of them the search came through first.
                guard let first = role.variables.first(where: { circle.contains($0.name) }) else { return }
                let words = (circle + [variable.name]).joined(separator: " -> ")
                diagnostics.append(
                    Diagnostic(
                        "variables are made of each other: \(words)", at: first.location,
                        remedy: "make one of them of something else"))
                return
            }
            path.append(variable.name)
            for name in needs[variable.name] ?? [] {
                if let other = role.variables.first(where: { $0.name == name }) { add(other) }
            }
            path.removeLast()
            if done.insert(variable.name).inserted { ordered.append(variable) }
        }
        role.variables.forEach(add)
    }

    /// The names that a value asks for, for whatever OS family.
    private static func names(in value: SpecValue, _ tree: SourceTree) -> Set<String> {
        switch value.form {
        case .scalar(let text, _):
            // A text that is no template is reported when it is evaluated.
            let template = try? TemplateParser.parse(TemplateSource(text, at: value.location, in: tree), .values)
            return template?.names ?? []
        case .list(let elements): return elements.reduce(into: []) { $0.formUnion(names(in: $1, tree)) }
        case .map(let entries): return entries.reduce(into: []) { $0.formUnion(names(in: $1.value, tree)) }
        }
    }
}
