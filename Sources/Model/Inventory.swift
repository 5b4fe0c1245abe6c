/// The decoded inventory of one fleet: who the members are and how they are reached. Addresses come from the zone.
package struct Inventory: Sendable {
    package var fleet: String
    package var zone: ZoneDeclaration
    /// Every address of the fleet lies here; an answer outside it is refused.
    package var network: [AddressRange]
    package var availabilityZones: [(name: AvailabilityZone, range: AddressRange)]
    /// The order in which a role's members are changed.
    package var azOrder: [AvailabilityZone]
    package var ssh: SSHDeclaration
    package var secretSources: [SecretSource]
    package var roles: [RoleMembership]
    /// The folder that the inventory was read from; relative paths in it start here.
    package var folder: String

    package init(
        fleet: String, zone: ZoneDeclaration, network: [AddressRange],
        availabilityZones: [(name: AvailabilityZone, range: AddressRange)], azOrder: [AvailabilityZone],
        ssh: SSHDeclaration, secretSources: [SecretSource], roles: [RoleMembership], folder: String
    ) {
        self.fleet = fleet
        self.zone = zone
        self.network = network
        self.availabilityZones = availabilityZones
        self.azOrder = azOrder
        self.ssh = ssh
        self.secretSources = secretSources
        self.roles = roles
        self.folder = folder
    }

    /// Where names become addresses.
    package struct ZoneDeclaration: Sendable, Hashable {
        /// Lower case, without a final dot.
        package var name: String
        /// `address` or `address:port`; `nil` = the system's resolver.
        package var server: String?
        package var deadline: Duration
        /// Route 53 hosted zone id, for `hosts` to list names that nobody declared.
        package var hostedZoneID: String?

        package init(name: String, server: String?, deadline: Duration, hostedZoneID: String?) {
            self.name = name
            self.server = server
            self.deadline = deadline
            self.hostedZoneID = hostedZoneID
        }
    }

    /// How hosts are logged in to.
    package struct SSHDeclaration: Sendable, Hashable {
        package enum Identity: Sendable, Hashable {
            case keyFile(String)
            /// The agent at SSH_AUTH_SOCK; the public key file names the one key to offer.
            case agent(publicKeyFile: String)
        }
        package enum Transport: Sendable, Hashable {
            case ssh
            /// This machine itself, or whatever `prefix` leads into (for instance `["nsenter", "-t", "1", "-a"]`). The
            /// words `%h`, `%a` stand for host name and address.
            case command(prefix: [String])
        }

        package var transport: Transport
        package var user: String
        package var port: Int
        package var identity: Identity?
        package var knownHosts: [String]
        /// A command whose standard input and output are the connection; `%h` address, `%n` host name, `%p` port, `%r` user.
        package var proxyCommand: String?
        package var connectDeadline: Duration

        package init(
            transport: Transport, user: String, port: Int, identity: Identity?, knownHosts: [String],
            proxyCommand: String?, connectDeadline: Duration
        ) {
            self.transport = transport
            self.user = user
            self.port = port
            self.identity = identity
            self.knownHosts = knownHosts
            self.proxyCommand = proxyCommand
            self.connectDeadline = connectDeadline
        }
    }

    /// The members of a role, in the order of the inventory.
    package struct RoleMembership: Sendable {
        package var role: RoleName
        package var hosts: [HostName]
        package var location: SourceLocation
        /// Values for the role's parameters: of the role, and of single hosts (which win).
        package var parameters: [String: SpecValue]
        package var hostParameters: [HostName: [String: SpecValue]]

        package init(
            role: RoleName, hosts: [HostName], location: SourceLocation, parameters: [String: SpecValue] = [:],
            hostParameters: [HostName: [String: SpecValue]] = [:]
        ) {
            self.role = role
            self.hosts = hosts
            self.location = location
            self.parameters = parameters
            self.hostParameters = hostParameters
        }
    }

    package func membership(of role: RoleName) -> RoleMembership? { roles.first { $0.role == role } }

    package func fullyQualified(_ host: HostName) -> String { "\(host).\(zone.name)" }
}

/// Where the values of one secret source come from.
package struct SecretSource: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Name or ARN of a secret in Secrets Manager whose SecretString is a JSON object of strings.
        case aws(secretID: String, region: String?)
        /// A file with `get-secret-value` or `batch-get-secret-value` output; `-` is standard input.
        case file(path: String)
        /// A file with `terraform output -json`, and the name of the output that holds an object of strings.
        case terraform(path: String, output: String)
    }

    package var name: String
    package var kind: Kind
    package var location: SourceLocation

    package init(name: String, kind: Kind, location: SourceLocation) {
        self.name = name
        self.kind = kind
        self.location = location
    }
}
