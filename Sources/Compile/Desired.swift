package import Model
package import Resources

/// A role as it shall be on all its members, in rolling order.
package struct DesiredRole: Sendable {
    package var role: RoleName
    /// Roles that provide for this one; they are changed earlier when both are selected.
    package var after: [RoleName]
    package var hosts: [DesiredHost]

    package init(role: RoleName, after: [RoleName], hosts: [DesiredHost]) {
        self.role = role
        self.after = after
        self.hosts = hosts
    }
}

/// What one host shall be: resources in the order in which they are applied, included roles first.
package struct DesiredHost: Sendable {
    package var host: HostName
    package var role: RoleName
    package var resources: [DeclaredResource]
    package var gates: [Gate]

    package init(host: HostName, role: RoleName, resources: [DeclaredResource], gates: [Gate]) {
        self.host = host
        self.role = role
        self.resources = resources
        self.gates = gates
    }

    /// The secrets that its templates refer to.
    package var secretNames: Set<SecretName> { Set(resources.flatMap(\.secretNames)) }
}

/// A resource with what its change owes, and where it stands in the recipes.
package struct DeclaredResource: Sendable {
    package var resource: any ResourceKind
    package var notifies: [Notification]
    package var secretNames: Set<SecretName>
    package var location: SourceLocation
    /// What an operator has to allow before it is changed.
    package var confirm: PermissionName?
    /// Of all that the recipe says of it (``Fields/digest``): equal digests ask for the same.
    package var digest: String

    package init(
        resource: any ResourceKind, notifies: [Notification], secretNames: Set<SecretName>, location: SourceLocation,
        confirm: PermissionName? = nil, digest: String
    ) {
        self.confirm = confirm
        self.digest = digest
        self.resource = resource
        self.notifies = notifies
        self.secretNames = secretNames
        self.location = location
    }

    package var id: ResourceID { resource.id }
}
