internal import Cloud
internal import Glibc
internal import HostSession
package import Model
internal import RemoteProtocol
internal import SSH
internal import Transport
internal import Trust
internal import Zone

extension Outside {
    /// The real world. Keys and known_hosts are read here, before anything is contacted; an encrypted key asks for its
    /// passphrase, which is `nil` where nobody can be asked.
    package static func standard(
        _ fleet: Fleet, passphrase: (String) -> Secret?
    ) throws(Diagnostics) -> Outside {
        let connector = try Connector(fleet.inventory.ssh, passphrase: passphrase)
        return Outside(
            resolve: { (hosts, inventory) async throws(Diagnostics) in
                let verdict = ZoneVerdict.judge(await ZoneResolver().resolve(hosts, in: inventory), in: inventory)
                return try verdict.result.get()
            },
            fetch: { names, sources, environment in
                guard !names.isEmpty else { return .success(SecretBook()) }
                do throws(CloudErrors) {
                    let fetcher = SecretFetcher(folder: fleet.inventory.folder)
                    return .success(try await fetcher.fetch(names, from: sources, within: .seconds(60)).book)
                } catch {
                    return .failure(error.diagnostics)
                }
            },
            connect: { (place, inventory) async throws(HostFailure) in
                try await connector.connect(place, inventory)
            },
            local: { () async throws(HostFailure) in
                do throws(SessionError) {
                    let deadline = Deadline("the controller's own session", in: .seconds(10))
                    return SessionLink(try await HostSession.open(localPrefix: [], by: deadline), over: nil)
                } catch {
                    throw HostFailure(error)
                }
            },
            rotated: { book, sources, environment in
                guard !book.versions.isEmpty else { return [] }
                do throws(CloudErrors) {
                    let fetcher = SecretFetcher(folder: fleet.inventory.folder)
                    return try await fetcher.rotatedSources(since: book, from: sources, within: .seconds(20)).map {
                        "the secrets of \($0.source) were rotated during the run: hosts have version \($0.was), \($0.is) is current; run it again"
                    }
                } catch {
                    return [
                        "whether secrets were rotated during the run could not be asked: \(error.diagnostics.all.first?.message ?? "")"
                    ]
                }
            },
            newRun: {
                let random = UInt32.random(in: .min ... .max)
                let digits = String(random, radix: 16)
                return RunID(Timestamp.compact + "-" + String(repeating: "0", count: 8 - digits.count) + digits)
            })
    }
}

/// Opens a host's session the way the inventory says.
struct Connector: Sendable {
    private let login: SSHLogin?
    private let knownHosts: KnownHosts
    private let proxy: ProxyCommand?

    init(_ ssh: Inventory.SSHDeclaration, passphrase: (String) -> Secret?) throws(Diagnostics) {
        knownHosts = KnownHosts.read(ssh.knownHosts)
        if let text = ssh.proxyCommand {
            guard let command = ProxyCommand(text) else {
                throw Diagnostics(
                    Diagnostic(
                        "proxy_command has an unknown % sequence: \(text)", at: nil,
                        remedy: "%h address, %n name, %p port, %r user, %% per cent sign"))
            }
            proxy = command
        } else {
            proxy = nil
        }
        guard case .ssh = ssh.transport else {
            login = nil
            return
        }
        do throws(SSHError) {
            switch ssh.identity {
            case .keyFile(let path)?:
                let key = try PrivateKey.read(path)
                let secret = key.isEncrypted ? passphrase(path) : nil
                login = SSHLogin(user: ssh.user, identity: .key(try key.unlocked(with: secret)))
            case .agent(let publicKeyFile)?:
                let socket = getenv("SSH_AUTH_SOCK").map { String(cString: $0) }
                let agent = try AgentIdentity.read(publicKeyFile: publicKeyFile, socketPath: socket)
                login = SSHLogin(user: ssh.user, identity: .agent(agent))
            case nil:
                throw .keyUnusable(
                    path: "(none)", reason: "the inventory's ssh section names neither identity nor agent_key")
            }
        } catch {
            throw Diagnostics(Diagnostic(error.description, at: nil, remedy: error.remedy))
        }
    }

    func connect(_ place: PlacedHost, _ inventory: Inventory) async throws(HostFailure) -> SessionLink {
        let ssh = inventory.ssh
        do throws(SessionError) {
            if case .command(let prefix) = ssh.transport {
                let words = prefix.map { word in
                    word.replacing("%h", with: place.host.rawValue).replacing("%a", with: place.address.description)
                }
                return SessionLink(
                    try await HostSession.open(
                        localPrefix: words, by: Deadline("the session of \(place.host)", in: ssh.connectDeadline)),
                    over: nil)
            }
        } catch {
            throw HostFailure(error)
        }
        guard let login else { throw HostFailure(.failed, "no identity to log in with") }
        let endpoint = SSHEndpoint(
            address: place.address, port: ssh.port,
            names: [inventory.fullyQualified(place.host), place.host.rawValue], proxy: proxy)
        let deadline = Deadline("the session of \(place.host)", in: ssh.connectDeadline)
        let connection: SSHConnection
        do throws(SSHError) {
            connection = try await SSHConnection.open(to: endpoint, as: login, trusting: knownHosts, by: deadline)
        } catch {
            throw HostFailure(error)
        }
        do throws(HostFailure) {
            return try await session(over: connection, user: login.user, by: deadline)
        } catch {
            await connection.close()
            throw error
        }
    }

    private func session(
        over connection: SSHConnection, user: String, by deadline: Deadline
    ) async throws(HostFailure) -> SessionLink {
        let channel: any ByteChannel
        do throws(SSHError) {
            channel = try await connection.execute(RemoteReader.command(sudo: user != "root"), by: deadline)
        } catch {
            throw HostFailure(error)
        }
        do throws(SessionError) {
            return SessionLink(try await HostSession.open(over: channel, by: deadline), over: connection)
        } catch {
            throw HostFailure(error)
        }
    }
}
