package import Model
package import Trust

/// Where a host is reached, and by which names it is known.
package struct SSHEndpoint: Sendable, Hashable {
    package var address: Address
    package var port: Int
    /// Fully qualified name first, then the short one. Trust looks these up, and the address as well.
    package var names: [String]
    /// The connection is this command's standard input and output instead of TCP.
    package var proxy: ProxyCommand?

    package init(address: Address, port: Int = 22, names: [String], proxy: ProxyCommand? = nil) {
        self.address = address
        self.port = port
        self.names = names
        self.proxy = proxy
    }

    package var identity: HostIdentity { HostIdentity(names: names + [address.description], port: port) }

    /// How messages name it: `backend01.example.com (10.1.128.11:22)`.
    package var label: String { names.first.map { "\($0) (\(address):\(port))" } ?? "\(address):\(port)" }
}

/// Who logs in, and with which single identity. Nothing else is offered, never a password.
package struct SSHLogin: Sendable {
    package enum Identity: Sendable {
        case key(UnlockedKey)
        case agent(AgentIdentity)
    }
    package var user: String
    package var identity: Identity

    package init(user: String, identity: Identity) {
        self.user = user
        self.identity = identity
    }

    var publicKey: HostKey {
        switch identity {
        case .key(let key): key.publicKey
        case .agent(let agent): agent.publicKey
        }
    }
}
