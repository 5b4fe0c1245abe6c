package import Model
package import Resources

/// Every `role.yaml` of a tree as a ``RoleSpec``. Keys are checked here; the types of values only when expressions have
/// been evaluated, in Compile.
package struct RecipeDecoder {
    private let tree: SourceTree
    private let catalogue: Catalogue

    package init(tree: SourceTree, catalogue: Catalogue) {
        self.tree = tree
        self.catalogue = catalogue
    }

    package static func decode(_ tree: SourceTree, catalogue: Catalogue) -> Decoded<[RoleName: RoleSpec]> {
        let decoder = RecipeDecoder(tree: tree, catalogue: catalogue)
        var roles: [RoleName: RoleSpec] = [:]
        var diagnostics: [Diagnostic] = []
        for folder in tree.roleFolders {
            let (role, mistakes) = decoder.decode(folder: folder)
            diagnostics += mistakes
            if let role { roles[role.name] = role }
        }
        if tree.roleFolders.isEmpty {
            diagnostics.append(
                Diagnostic(
                    "no role.yaml in the folders of \(tree.rolesFolder)", at: nil,
                    remedy: "point --roles or CSO_ROLES at the folder that holds one folder a role"))
        }
        return Decoded(roles, diagnostics.sortedByPlace())
    }

    private func decode(folder: String) -> (RoleSpec?, [Diagnostic]) {
        let file = folder + "/role.yaml"
        let (value, mistakes) = YAMLReader.read(tree.files[file] ?? [], file: file)
        guard let value else { return (nil, mistakes) }
        let folderName = String(folder.split(separator: "/").last ?? "")
        var reader = MapReader(value, RoleDeclarations.role)
        reader.absorb(mistakes)

        let nameValue = reader.required("role", folderName)
        let name = reader.text(nameValue, "role") ?? folderName
        if name != folderName {
            reader.report(
                "role \"\(name)\" stands in folder \"\(folderName)\"", at: nameValue?.location,
                remedy: "both must have the same name")
        } else if !ScalarText.isLabel(name) {
            reader.report(
                "\"\(name)\" cannot be the name of a role", at: nameValue?.location,
                remedy: "use lower-case letters, digits and hyphens")
        }
        let description = reader.text(reader.value("description"), "description") ?? ""
        let includes = reader.includes(reader.value("includes"))
        let after = reader.list(reader.value("after"), "after").compactMap { element in
            reader.text(element, "a role in after").map { (role: RoleName($0), location: element.location) }
        }
        let uses = reader.list(reader.value("uses"), "uses").compactMap { element in
            reader.text(element, "a role in uses").map { (role: RoleName($0), location: element.location) }
        }
        let parameters = reader.parameters(reader.value("parameters"))
        let variables = reader.variables(reader.value("variables"), beside: parameters)
        let resources = reader.list(reader.value("resources"), "resources").compactMap { element -> ResourceSpec? in
            let (resource, mistakes) = EntryDecoder.resource(element, catalogue: catalogue)
            reader.absorb(mistakes)
            return resource
        }
        let gates = reader.list(reader.value("gates"), "gates").compactMap { element -> GateSpec? in
            let (gate, mistakes) = EntryDecoder.gate(element)
            reader.absorb(mistakes)
            return gate
        }
        let atOnceValue = reader.value("members_at_once")
        let atOnce = reader.text(atOnceValue, "members_at_once")
        if let atOnce, atOnce != "all" {
            reader.report(
                "members_at_once is \"\(atOnce)\"", at: atOnceValue?.location,
                remedy: "`all`, or leave it out: one at a time")
        } else if atOnce != nil, !gates.isEmpty {
            reader.report(
                "a role with gates is changed one member at a time", at: atOnceValue?.location,
                remedy: "remove members_at_once; it is for roles that promise no service")
        }
        reader.finish()
        var role = RoleSpec(
            name: RoleName(folderName), description: description, includes: includes, after: after,
            parameters: parameters, resources: resources, gates: gates, folder: folder, location: value.location)
        role.changesAllAtOnce = atOnce == "all"
        role.variables = variables
        role.uses = uses
        return (role, reader.diagnostics)
    }
}

extension MapReader {
    /// `[base, {role: efs, with: {share: x}}]`
    fileprivate mutating func includes(_ value: SpecValue?) -> [IncludeSpec] {
        list(value, "includes").compactMap { element in
            if case .scalar = element.form {
                return text(element, "a role in includes").map {
                    IncludeSpec(role: RoleName($0), location: element.location)
                }
            }
            var inner = MapReader(element, RoleDeclarations.included)
            defer { absorb(inner.diagnostics) }
            let role = inner.text(inner.required("role"), "role")
            var arguments: [SpecEntry] = []
            if let with = inner.value("with") {
                if case .map(let entries) = with.form {
                    arguments = entries
                } else {
                    inner.report("with must be a map of parameters, not \(with.formName)", at: with.location)
                }
            }
            inner.finish()
            return role.map { IncludeSpec(role: RoleName($0), arguments: arguments, location: element.location) }
        }
    }

    fileprivate mutating func parameters(_ value: SpecValue?) -> [ParameterSpec] {
        guard let value else { return [] }
        guard case .map(let entries) = value.form else {
            report("parameters must be a map, not \(value.formName)", at: value.location)
            return []
        }
        return entries.compactMap { entry in
            checkName(entry, of: "a parameter")
            var inner = MapReader(entry.value, RoleDeclarations.parameter, name: "parameter \"\(entry.key)\"")
            defer { absorb(inner.diagnostics) }
            let type = inner.type()
            let defaultValue = inner.value("default")
            let description = inner.text(inner.value("description"), "description") ?? ""
            inner.finish()
            return ParameterSpec(
                name: entry.key, type: type, defaultValue: defaultValue, description: description,
                location: entry.keyLocation)
        }
    }

    /// `{heap: {type: number, value: "{{ machine.memory / 2 }}"}}`
    fileprivate mutating func variables(_ value: SpecValue?, beside parameters: [ParameterSpec]) -> [VariableSpec] {
        guard let value else { return [] }
        guard case .map(let entries) = value.form else {
            report("variables must be a map, not \(value.formName)", at: value.location)
            return []
        }
        return entries.compactMap { entry in
            checkName(entry, of: "a variable")
            if let parameter = parameters.first(where: { $0.name == entry.key }) {
                report(
                    "\"\(entry.key)\" is a parameter already", at: entry.keyLocation,
                    remedy: "choose another name; the parameter stands at \(parameter.location)")
            }
            var inner = MapReader(entry.value, RoleDeclarations.variable, name: "variable \"\(entry.key)\"")
            defer { absorb(inner.diagnostics) }
            let type = inner.type()
            let value = inner.required("value")
            _ = inner.text(inner.value("description"), "description")
            inner.finish()
            return value.map { VariableSpec(name: entry.key, type: type, value: $0, location: entry.keyLocation) }
        }
    }

    private mutating func checkName(_ entry: SpecEntry, of what: String) {
        if !ScalarText.isIdentifier(entry.key) {
            report(
                "\"\(entry.key)\" cannot be the name of \(what)", at: entry.keyLocation,
                remedy: "use a letter, then letters, digits and _")
        } else if ReservedNames.all.contains(entry.key) {
            report("\"\(entry.key)\" is a name of the language", at: entry.keyLocation, remedy: "choose another one")
        }
    }

    private mutating func type() -> ParameterSpec.ParameterType {
        let types = ParameterSpec.ParameterType.allCases.map(\.rawValue)
        let value = required("type")
        guard let text = text(value, "type") else { return .text }
        if let type = ParameterSpec.ParameterType(rawValue: text) { return type }
        report(
            "unknown type \"\(text)\"", at: value?.location, remedy: Diagnostic.suggestion(for: text, among: types))
        return .text
    }
}
