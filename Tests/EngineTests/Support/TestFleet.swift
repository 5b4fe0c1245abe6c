import Engine
import Glibc
import Model
import Records
import Report
import Synchronization
import TestSupport
import Testing
import Zone

/// A fleet whose files are real and whose hosts are ``FakeHost``s.
final class TestFleet: Sendable {
    let folder: TemporaryFolder
    private let loaded: Mutex<Fleet>
    let log = Log()
    let hosts: [HostName: FakeHost]
    private let secrets: Mutex<SecretBook>
    private let addresses = Mutex<[HostName: Address]>([:])
    /// The machine that the run is on.
    let controller: FakeHost
    /// What is said of secrets at the end of a run.
    let rotations = Mutex<[String]>([])
    private let down = Mutex<[HostName: HostFailure]>([:])
    private let badSecrets = Mutex<Diagnostics?>(nil)

    static let order: [HostName] = ["provider02", "provider01", "app02", "app01"]

    static let inventory = """
        fleet: test
        zone: {name: test.ss}
        network: [10.1.0.0/16]
        availability_zones: {zone-a: 10.1.128.0/18, zone-c: 10.1.192.0/18}
        az_order: [zone-c, zone-a]
        ssh: {user: root, identity: /nonexistent/key, known_hosts: [/nonexistent/known_hosts]}
        secrets:
          passwords: {aws: nothing, region: eu-west-2}
        roles:
          provider: {hosts: [provider01, provider02]}
          app: {hosts: [app01, app02]}
        """

    static let provider = """
        role: provider
        description: Something that others need.
        resources:
          - file: /etc/provider.conf
            content: "one\\n"
            notify: [reload provider.service]
          - service: provider.service
        gates:
          - unit: provider.service
            deadline: 100ms
            interval: 5ms
            successes: 1
        """

    static let app = """
        role: app
        description: Something of everything.
        after: [provider]
        resources:
          - package: [aa, bb]
          - once: make the key
            evidence: done make the key
            run: make it
            unseen: run
          - transfer: /etc/key
            made_by: make the key
            mode: "0600"
            notify: [restart app.service]
          - file: /etc/app.conf
            content: "first line\\nsecond line\\n"
            notify: [reload app.service]
          - file: /etc/secret.conf
            content: '{{ secret("passwords.db") }}'
            encoding: ini
            notify: [restart app.service]
          - command: migrate
            unless: done migrate
            run: migrate it
          - service: app.service
        gates:
          - unit: app.service
            deadline: 100ms
            interval: 5ms
            successes: 2
        """

    init(
        app: String = TestFleet.app, provider: String = TestFleet.provider, inventory: String = TestFleet.inventory,
        secret: String = "canary-password"
    ) throws {
        folder = try TemporaryFolder()
        for part in ["Roles", "Roles/provider", "Roles/app", "Inventory"] { mkdir(folder.file(part), 0o700) }
        try folder.write(provider, to: "Roles/provider/role.yaml")
        try folder.write(app, to: "Roles/app/role.yaml")
        try folder.write(inventory, to: "Inventory/inventory.yaml")
        let fleet = try Self.load(folder)
        loaded = Mutex(fleet)
        secrets = Mutex(SecretBook(values: ["passwords.db": Secret(secret)], versions: ["passwords": "version-1"]))
        let log = log
        controller = FakeHost("controller", log)
        hosts = fleet.inventory.roles.flatMap(\.hosts).reduce(into: [:]) { $0[$1] = FakeHost($1, log) }
    }

    private static func load(_ folder: TemporaryFolder) throws -> Fleet {
        try Fleet.load(
            roles: folder.file("Roles"), inventory: folder.file("Inventory"), environment: ["HOME": "/nonexistent"])
    }

    var fleet: Fleet { loaded.withLock { $0 } }

    /// Another text in one of its files.
    func edit(_ text: String, _ path: String) throws {
        try folder.write(text, to: path)
        let fleet = try Self.load(folder)
        loaded.withLock { $0 = fleet }
    }
    func rotate(_ secret: String, to version: String) {
        secrets.withLock {
            $0 = SecretBook(values: ["passwords.db": Secret(secret)], versions: ["passwords": version])
        }
    }
    func move(_ name: HostName, to address: Address) { addresses.withLock { $0[name] = address } }

    subscript(name: HostName) -> FakeHost { hosts[name] ?? FakeHost(name, log) }

    /// The host cannot be connected to.
    func takeDown(_ name: HostName, _ failure: HostFailure = HostFailure(.unreachable, "timed out")) {
        down.withLock { $0[name] = failure }
    }
    func loseSecrets(_ diagnostics: Diagnostics) { badSecrets.withLock { $0 = diagnostics } }

    // MARK: Runs

    var outside: Outside {
        let number = Mutex(0)
        return Outside(
            resolve: { [self] (names, inventory) async throws(Diagnostics) in
                names.reduce(into: [:]) { places, name in
                    let isFirst = name.rawValue.hasSuffix("1") || name.rawValue.hasSuffix("3")
                    let index = UInt32(inventory.roles.flatMap(\.hosts).firstIndex(of: name) ?? 0)
                    places[name] = PlacedHost(
                        host: name,
                        address: addresses.withLock { $0[name] }
                            ?? Address(number: (isFirst ? 0x0A01_8000 : 0x0A01_C000) + 10 + index),
                        availabilityZone: isFirst ? "zone-a" : "zone-c")
                }
            },
            fetch: { [self] _, _, _ in
                badSecrets.withLock { $0 }.map { .failure($0) } ?? .success(secrets.withLock { $0 })
            },
            connect: { [self] (place, _) async throws(HostFailure) in
                if let failure = down.withLock({ $0[place.host] }) { throw failure }
                log.add(.connected(place.host))
                return FakeLink(host: self[place.host])
            },
            local: { [self] () async throws(HostFailure) in
                log.add(.connected("controller"))
                return FakeLink(host: controller)
            },
            rotated: { [self] _, _, _ in rotations.withLock { $0 } },
            newRun: {
                RunID(
                    "run\(number.withLock { number in number += 1; return number })")
            })
    }

    var stateFolder: String { folder.file("state") }

    func run(
        _ selection: Selection = Selection(roles: ["app"]), changes: Bool = true, state: String? = nil,
        interruption: Interruption = Interruption(), progress: @escaping ProgressSink = { _ in },
        confirm: (@Sendable ([HostReport]) async -> Bool)? = nil, allowed: Set<PermissionName> = [],
        adjust: (inout RunRequest) -> Void = { _ in }
    ) async throws -> RunReport {
        let controller = Controller(
            owner: "tester", hostname: "here", environment: [:], stateFolder: state ?? stateFolder)
        var request = RunRequest(
            selection: selection, changesHosts: changes, confirm: confirm, controller: controller,
            allowed: allowed)
        adjust(&request)
        return try await FleetRun(
            fleet: fleet, request: request, outside: outside, progress: progress, interruption: interruption
        ).execute()
    }

    /// A plan as it would be saved, with the report that was shown.
    func plan(_ selection: Selection = Selection(roles: ["app"])) async throws -> (SavedPlan, RunReport) {
        let kept = Mutex<SavedPlan?>(nil)
        let report = try await run(
            selection, changes: false, adjust: { $0.keep = { plan in kept.withLock { $0 = plan } } })
        return (try #require(kept.withLock { $0 }), report)
    }

    /// The plan, from its bytes, as `apply FILE` reads it.
    func apply(_ plan: SavedPlan) async throws -> RunReport {
        let read = try PlanFile.decoded(PlanFile.encoded(plan), from: "plan")
        #expect(read == plan)
        return try await run(Selection(read.choice), adjust: { $0.saved = read })
    }

    /// Everything as the recipes say, and nothing logged.
    func converged() async throws -> TestFleet {
        _ = try await run(Selection(all: true))
        log.clear()
        return self
    }
}

extension RunReport {
    /// `app02 changed`, in the order of the report.
    var outcomes: [String] { hosts.map { "\($0.host) \($0.ending.outcome.rawValue)" } }
    subscript(host: HostName) -> HostReport? { hosts.first { $0.host == host } }
}

extension HostReport {
    var done: [String] { changes.map { "\($0.change.action.rawValue) \($0.change.resource)" } }
}
