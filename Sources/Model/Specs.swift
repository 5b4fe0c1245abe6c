/// A value as it stands in an input file, with its place. Types are checked against a declaration later, so that all
/// mistakes of all files are found in one run.
package struct SpecValue: Sendable, Hashable {
    package indirect enum Form: Sendable, Hashable {
        /// A scalar and whether it was quoted. Unquoted `yes`, `12` and `~` become flags, numbers and null only where the
        /// declaration asks for them.
        case scalar(String, isQuoted: Bool)
        case list([SpecValue])
        case map([SpecEntry])
    }
    package var form: Form
    package var location: SourceLocation

    package init(_ form: Form, at location: SourceLocation) {
        self.form = form
        self.location = location
    }
}

/// One key of a map, with the key's own place.
package struct SpecEntry: Sendable, Hashable {
    package var key: String
    package var keyLocation: SourceLocation
    package var value: SpecValue

    package init(key: String, keyLocation: SourceLocation, value: SpecValue) {
        self.key = key
        self.keyLocation = keyLocation
        self.value = value
    }
}

/// A decoded `role.yaml`. Keys are checked; expressions in values are not evaluated yet.
package struct RoleSpec: Sendable {
    package var name: RoleName
    package var description: String
    package var includes: [IncludeSpec]
    package var after: [(role: RoleName, location: SourceLocation)]
    package var parameters: [ParameterSpec]
    /// Values that the role derives itself; nobody else can set them.
    package var variables: [VariableSpec] = []
    /// Roles whose hosts its texts name without coming after them.
    package var uses: [(role: RoleName, location: SourceLocation)] = []
    package var resources: [ResourceSpec]
    package var gates: [GateSpec]
    /// `members_at_once: all`; only for roles without gates.
    package var changesAllAtOnce = false
    /// The folder of the role; `templates/` and `files/` are in it.
    package var folder: String
    package var location: SourceLocation

    package init(
        name: RoleName, description: String, includes: [IncludeSpec],
        after: [(role: RoleName, location: SourceLocation)], parameters: [ParameterSpec], resources: [ResourceSpec],
        gates: [GateSpec], folder: String, location: SourceLocation
    ) {
        self.name = name
        self.description = description
        self.includes = includes
        self.after = after
        self.parameters = parameters
        self.resources = resources
        self.gates = gates
        self.folder = folder
        self.location = location
    }
}

/// A role that another one is composed of, on the same host, and the values that it is given for its parameters.
package struct IncludeSpec: Sendable {
    package var role: RoleName
    package var arguments: [SpecEntry]
    package var location: SourceLocation

    package init(role: RoleName, arguments: [SpecEntry] = [], location: SourceLocation) {
        self.role = role
        self.arguments = arguments
        self.location = location
    }
}

/// A parameter of a role: its type, and its default if it has one.
package struct ParameterSpec: Sendable {
    package enum ParameterType: String, Sendable, CaseIterable {
        case text, number, flag, list
    }
    package var name: String
    package var type: ParameterType
    package var defaultValue: SpecValue?
    package var description: String
    package var location: SourceLocation

    package init(
        name: String, type: ParameterType, defaultValue: SpecValue?, description: String, location: SourceLocation
    ) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.description = description
        self.location = location
    }
}

/// A value of a role that is made of its parameters, of facts and of the fleet's hosts.
package struct VariableSpec: Sendable {
    package var name: String
    package var type: ParameterSpec.ParameterType
    package var value: SpecValue
    package var location: SourceLocation

    package init(name: String, type: ParameterSpec.ParameterType, value: SpecValue, location: SourceLocation) {
        self.name = name
        self.type = type
        self.value = value
        self.location = location
    }
}

/// One entry below `resources:`; `fields` are all keys but the kind's own and those that every entry may have.
package struct ResourceSpec: Sendable {
    package var kind: KindName
    /// What stands behind the kind's key: a name, a path, or a list of names (one resource each).
    package var subject: SpecValue
    package var fields: [SpecEntry]
    package var notify: [SpecValue]
    /// An expression that must be true for the resource to be declared at all.
    package var when: SpecValue?
    /// What it is declared for once each: `NAME in LIST`, a list, or an expression with one.
    package var each: SpecValue?
    /// What an operator has to allow before it is changed.
    package var confirm: PermissionName?
    package var location: SourceLocation

    package init(
        kind: KindName, subject: SpecValue, fields: [SpecEntry], notify: [SpecValue], when: SpecValue? = nil,
        location: SourceLocation
    ) {
        self.kind = kind
        self.subject = subject
        self.fields = fields
        self.notify = notify
        self.when = when
        self.location = location
    }
}

/// One entry below `gates:`; the check and its options as they stand in the file.
package struct GateSpec: Sendable {
    package var check: String
    package var subject: SpecValue
    package var fields: [SpecEntry]
    package var when: SpecValue?
    package var each: SpecValue?
    package var location: SourceLocation

    package init(check: String, subject: SpecValue, fields: [SpecEntry], location: SourceLocation) {
        self.check = check
        self.subject = subject
        self.fields = fields
        self.location = location
    }
}
