internal import Cloud
internal import Glibc
internal import Model
internal import SSH
internal import Trust
internal import Zone

/// What `doctor` asks of the world, in one value, so that tests swap it whole. Nothing in it changes anything.
struct DoctorOutside: Sendable {
    typealias Connect = @Sendable (PlacedHost, Inventory) async throws(HostFailure) -> any HostLink

    var resolve: @Sendable ([HostName], Inventory) async -> ZoneAnswer
    var alias: @Sendable (String, Inventory.ZoneDeclaration) async -> AliasReply
    /// Key file and known_hosts, with what the identities of these hosts are.
    var local: @Sendable (Inventory, [PlacedHost]) async -> [Finding]
    /// `nil` = there is no identity to log in with; ``local`` says why.
    var connect: Connect?
    var cloud: @Sendable (Set<SecretName>, Inventory) async -> CloudFacts
    /// Seconds since 1970.
    var now: @Sendable () -> Double

    static func standard(
        _ inventory: Inventory, environment: [String: String], passphrase: (String) -> Secret?
    ) -> DoctorOutside {
        let connector: Result<Connector, Diagnostics>
        do throws(Diagnostics) {
            connector = .success(try Connector(inventory.ssh, passphrase: passphrase))
        } catch { connector = .failure(error) }
        // Written out: Optional.map over a closure with typed throws crashes the compiler (6.3).
        var connect: Connect?
        if case .success(let connector) = connector {
            connect = { (place, inventory) async throws(HostFailure) in try await connector.connect(place, inventory) }
        }
        return DoctorOutside(
            resolve: { hosts, inventory in await ZoneResolver().resolve(hosts, in: inventory) },
            alias: { name, zone in await ZoneResolver().alias(of: name, in: zone) },
            local: { inventory, places in
                var findings = localFindings(inventory, places)
                // The key file's own finding already tells of a key that cannot be used.
                if case .failure(let mistakes) = connector,
                    !findings.contains(where: { $0.check.hasPrefix("key ") && $0.severity == .blocker })
                {
                    findings += mistakes.all.map {
                        Finding("identity", of: "this machine", .blocker, $0.message, remedy: $0.remedy)
                    }
                }
                return findings
            },
            connect: connect,
            cloud: { names, inventory in await CloudQuestions(environment: environment).ask(names, inventory) },
            now: {
                var time = timespec()
                clock_gettime(CLOCK_REALTIME, &time)
                return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
            })
    }

    private static func localFindings(_ inventory: Inventory, _ places: [PlacedHost]) -> [Finding] {
        let ssh = inventory.ssh
        guard case .ssh = ssh.transport else {
            return [.notApplicable("identity", of: "this machine", "hosts are reached by a command, not by SSH")]
        }
        var findings: [Finding] = []
        if case .keyFile(let path)? = ssh.identity { findings += IdentityFacts.read(path).judge() }
        let identities = places.map { place in
            let names = [inventory.fullyQualified(place.host), place.host.rawValue]
            return (
                name: place.host.rawValue,
                identity: SSHEndpoint(address: place.address, port: ssh.port, names: names).identity
            )
        }
        return findings + KnownHostsJudgement.judge(KnownHosts.read(ssh.knownHosts), identities)
    }
}

/// What is asked of the `aws` command: its version, who we are, and every needed secret.
struct CloudQuestions: Sendable {
    let environment: [String: String]
    var command = AWSCommand.installed()
    private static let allowance = Duration.seconds(60)

    init(environment: [String: String], command: AWSCommand = .installed()) {
        self.environment = environment
        self.command = command
    }

    func ask(_ names: Set<SecretName>, _ inventory: Inventory) async -> CloudFacts {
        var facts = CloudFacts()
        let wanted = Set(names.map(\.source))
        facts.needed = names
        facts.sources = inventory.secretSources.filter { wanted.contains($0.name) }
        let usesAWS = facts.sources.contains { if case .aws = $0.kind { true } else { false } }
        if usesAWS {
            async let version = version()
            async let identity = identity()
            async let fetched = fetch(names, inventory)
            facts.version = await version
            facts.identity = await identity
            (facts.book, facts.warnings, facts.errors) = await fetched
            let file = AWSConfigFile.path(in: environment)
            var problems: [Diagnostic] = []
            if access(file, R_OK) == 0, let bytes = FleetFiles.read(file, &problems) {
                facts.history = AWSConfigFile.keepingHistory(String(decoding: bytes, as: UTF8.self), file: file)
            }
            facts.profile = AWSConfigFile.profile(in: environment)
        } else {
            (facts.book, facts.warnings, facts.errors) = await fetch(names, inventory)
        }
        return facts
    }

    /// One fetch that finds all errors, and, if there are some, another for the names that none of them is about.
    private func fetch(
        _ names: Set<SecretName>, _ inventory: Inventory
    ) async -> (SecretBook, [Diagnostic], [CloudError]) {
        let fetcher = SecretFetcher(folder: inventory.folder, command: command)
        var errors: [CloudError] = []
        var rest = names
        for _ in 0..<2 {
            guard !rest.isEmpty else { break }
            do throws(CloudErrors) {
                let found = try await fetcher.fetch(rest, from: inventory.secretSources, within: Self.allowance)
                return (found.book, found.warnings, errors)
            } catch {
                errors += error.all
                for one in error.all { rest = rest.filter { !Self.isAbout($0, one) } }
                // Standard input cannot be read twice.
                if inventory.secretSources.contains(where: { $0.kind == .file(path: "-") }) { break }
            }
        }
        return (SecretBook(), [], errors)
    }

    private static func isAbout(_ name: SecretName, _ error: CloudError) -> Bool {
        switch error {
        case .missingKey(let one, _), .empty(let one), .notText(let one, _): name == one
        case .undeclaredSource(let one, _): name.source == one.source
        case .aws(_, let sources): sources.contains(name.source)
        default: error.source == name.source
        }
    }

    private func version() async -> Result<AWSVersion, AWSFailure> {
        do throws(AWSFailure) { return .success(try await AWSVersion.ask(command, within: .seconds(20))) } catch {
            return .failure(error)
        }
    }

    private func identity() async -> Result<CallerIdentity, AWSFailure> {
        do throws(AWSFailure) { return .success(try await CallerIdentity.ask(command, within: .seconds(20))) } catch {
            return .failure(error)
        }
    }
}
