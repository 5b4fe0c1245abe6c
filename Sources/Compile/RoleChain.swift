internal import Model

/// A role and all that it includes, in the order in which they are applied: what is included comes first, each role once.
struct RoleChain {
    struct Link {
        var role: RoleSpec
        /// Who included it and with what; `nil` for the host's own role.
        var inclusion: (by: RoleName, spec: IncludeSpec)?
    }

    private(set) var links: [Link] = []
    private(set) var diagnostics: [Diagnostic] = []

    init(of role: RoleSpec, in roles: [RoleName: RoleSpec]) {
        var path: [RoleName] = []
        add(Link(role: role), roles, &path)
    }

    private mutating func add(_ link: Link, _ roles: [RoleName: RoleSpec], _ path: inout [RoleName]) {
        path.append(link.role.name)
        defer { path.removeLast() }
        for include in link.role.includes {
            if let start = path.firstIndex(of: include.role) {
                let cycle = (path[start...] + [include.role]).map(\.rawValue).joined(separator: " -> ")
                diagnostics.append(
                    Diagnostic("roles include each other: \(cycle)", at: include.location, remedy: "remove one of them")
                )
            } else if let earlier = links.first(where: { $0.role.name == include.role }) {
                checkSameArguments(include, earlier)
            } else if let role = roles[include.role] {
                add(Link(role: role, inclusion: (link.role.name, include)), roles, &path)
            } else {
                diagnostics.append(
                    Diagnostic(
                        "there is no role \"\(include.role)\"", at: include.location,
                        remedy: Diagnostic.suggestion(for: include.role.rawValue, among: roles.keys.map(\.rawValue))))
            }
        }
        links.append(link)
    }

    /// A role that two others include is applied once, so both must mean the same.
    private mutating func checkSameArguments(_ include: IncludeSpec, _ earlier: Link) {
        guard let first = earlier.inclusion else { return }
        let same =
            Dictionary(include.arguments.map { ($0.key, $0.value.plain) }) { $1 }
            == Dictionary(first.spec.arguments.map { ($0.key, $0.value.plain) }) { $1 }
        if !same {
            diagnostics.append(
                Diagnostic(
                    "role \"\(include.role)\" is included twice with different parameters", at: include.location,
                    remedy: "it is applied once; \(first.by) includes it at \(first.spec.location)"))
        }
    }
}

extension SpecValue {
    /// The value without its places, for comparison.
    fileprivate var plain: SpecValue {
        let nowhere = SourceLocation(file: "", line: 0, column: 0)
        switch form {
        case .scalar: return SpecValue(form, at: nowhere)
        case .list(let elements): return SpecValue(.list(elements.map(\.plain)), at: nowhere)
        case .map(let entries):
            let plain = entries.map { SpecEntry(key: $0.key, keyLocation: nowhere, value: $0.value.plain) }
            return SpecValue(.map(plain), at: nowhere)
        }
    }
}
