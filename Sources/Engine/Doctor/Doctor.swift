internal import Compile
package import Model
internal import Resources
internal import Source
internal import Transport
internal import Zone

/// Looks at all that an apply would rely on: files, zone, ways to the hosts, the hosts, secrets and rights. Changes
/// nothing and takes no lock. Every check of every host runs beside the others, each with a deadline, and none of them
/// keeps another from being made.
package struct Doctor: Sendable {
    private let inventory: Inventory
    /// `nil` = the recipes are wrong; what they need is not known then.
    private let fleet: Fleet?
    private let selection: Selection
    private let outside: DoctorOutside
    private let progress: ProgressSink
    /// What was wrong with the files.
    private let mistakes: [Finding]

    init(
        inventory: Inventory, fleet: Fleet?, selection: Selection, outside: DoctorOutside, mistakes: [Finding] = [],
        progress: @escaping ProgressSink = { _ in }
    ) {
        self.inventory = inventory
        self.fleet = fleet
        self.selection = selection
        self.outside = outside
        self.mistakes = mistakes
        self.progress = progress
    }

    /// Everything, from the files on. Throws what is wrong with the selection.
    package static func examine(
        roles: String, inventory path: String, selection: Selection, environment: [String: String],
        passphrase: (String) -> Secret?, progress: @escaping ProgressSink
    ) async throws(Diagnostics) -> DoctorReport {
        let start = ContinuousClock.now
        var fleet: Fleet?
        var mistakes: [Finding] = []
        do throws(Diagnostics) {
            fleet = try Fleet.load(roles: roles, inventory: path, environment: environment)
        } catch { mistakes = judge(error) }
        guard let inventory = fleet?.inventory ?? readInventory(roles, path, environment) else {
            return DoctorReport(findings: mistakes, seconds: start.duration(to: .now).inSeconds)
        }
        if let fleet { mistakes = [.ok("files", of: "recipes and inventory", fleet.checkSummary)] }
        let doctor = Doctor(
            inventory: inventory, fleet: fleet, selection: selection,
            outside: .standard(inventory, environment: environment, passphrase: passphrase), mistakes: mistakes,
            progress: progress)
        var report = try await doctor.execute()
        report.seconds = start.duration(to: .now).inSeconds
        return report
    }

    func execute() async throws(Diagnostics) -> DoctorReport {
        let start = ContinuousClock.now
        let roles = try selection.roles(in: inventory)
        let members = roles.flatMap { inventory.membership(of: $0)?.hosts ?? [] }
        progress(.phase("resolving"))
        async let alias = outside.alias(RoleNeeds.databaseName(in: inventory.zone.name), inventory.zone)
        async let cloud = askCloud(roles)
        // Those too that recipes name: nothing compiles without their addresses.
        let answer = await outside.resolve(fleet?.hosts(of: roles) ?? members, inventory)
        let placed = ZoneVerdict.judge(answer, in: inventory).placed
        let places = members.compactMap { placed[$0] }.filter(isSelected)
        let isolated = members.filter { placed[$0] == nil }
        let selected = isolated.filter { selection.hosts.isEmpty || selection.hosts.contains($0) } + places.map(\.host)
        async let local = outside.local(inventory, places)
        let hosts = await examine(places, placed)

        var findings = mistakes + (await local)
        findings += ZoneJudgement.judge(answer, selected: selected, in: inventory)
        findings.append(
            ZoneJudgement.database(
                await alias, name: RoleNeeds.databaseName(in: inventory.zone.name), in: inventory.zone.name,
                isNeeded: needsDatabase(roles, placed)))
        for host in places.map(\.host) { findings += hosts[host] ?? [] }
        findings += await cloud
        return DoctorReport(findings: findings, seconds: start.duration(to: .now).inSeconds)
    }

    private func isSelected(_ place: PlacedHost) -> Bool {
        guard let role = role(of: place.host) else { return false }
        return selection.covers(place.host, role: role, zone: place.availabilityZone)
    }

    private func role(of host: HostName) -> RoleName? {
        inventory.roles.first { $0.hosts.contains(host) }?.role
    }

    // MARK: Files

    private static func judge(_ mistakes: Diagnostics) -> [Finding] {
        mistakes.all.map { mistake in
            Finding(
                mistake.location?.description ?? "files", of: "recipes and inventory", .blocker, mistake.message,
                remedy: mistake.remedy)
        }
    }

    /// The inventory alone may be right where recipes are not.
    private static func readInventory(
        _ roles: String, _ path: String, _ environment: [String: String]
    ) -> Inventory? {
        guard let tree = try? FleetFiles.load(roles: roles, inventory: path) else { return nil }
        let decoded = InventoryDecoder.decode(tree, environment: environment)
        return decoded.diagnostics.isEmpty ? decoded.value : nil
    }

    // MARK: Secrets

    private func askCloud(_ roles: [RoleName]) async -> [Finding] {
        guard let fleet else {
            return [.notApplicable("secrets", of: "secrets", "which are needed is known once the recipes are right")]
        }
        let names = roles.reduce(into: Set<SecretName>()) { $0.formUnion(fleet.secretNames(of: $1)) }
        guard !names.isEmpty else { return [.notApplicable("secrets", of: "secrets", "the selected roles need none")] }
        return SecretJudgement.judge(await outside.cloud(names, inventory))
    }

    // MARK: Hosts

    private func examine(
        _ places: [PlacedHost], _ placed: [HostName: PlacedHost]
    ) async -> [HostName: [Finding]] {
        guard let connect = outside.connect else {
            return places.reduce(into: [:]) { all, place in
                all[place.host] = [
                    .notApplicable("session", of: place.host.rawValue, "there is no identity to log in with")
                ]
            }
        }
        return await withTaskGroup(of: (HostName, [Finding]).self) { group in
            for place in places {
                group.addTask {
                    progress(.step(place.host, "connecting"))
                    do throws(HostFailure) {
                        let link = try await connect(place, inventory)
                        progress(.step(place.host, "looking"))
                        let findings = await examine(place, link, placed)
                        await link.close()
                        return (place.host, ContactJudgement.judge(nil, of: place, inventory.ssh) + findings)
                    } catch {
                        return (place.host, ContactJudgement.judge(error, of: place, inventory.ssh))
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    private func examine(
        _ place: PlacedHost, _ link: any HostLink, _ placed: [HostName: PlacedHost]
    ) async -> [Finding] {
        let host = place.host
        let subject = HostSubject(
            host: host, fullName: inventory.fullyQualified(host), facts: link.facts,
            needs: needs(of: host, link.facts, placed), lockHolder: link.lockHolder)
        do throws(HostFailure) {
            let asked = outside.now()
            let clock = try await link.ask(
                [ClockJudgement.question], by: Deadline("the clock of \(host)", in: .seconds(15)))
            let answered = outside.now()
            let answers = try await link.ask(
                HostChecks.questions(about: subject), by: Deadline("the examination of \(host)", in: .seconds(90)))
            let clockFindings = clock.first.map {
                ClockJudgement.judge($0, asked: asked, answered: answered, of: host.rawValue)
            }
            return HostChecks.judge(answers, about: subject) + (clockFindings.map { [$0] } ?? [])
        } catch {
            return [
                Finding(
                    "session", of: host.rawValue, .blocker, error.reason, remedy: error.remedy, outcome: error.outcome)
            ]
        }
    }

    private func needs(
        of host: HostName, _ facts: HostFacts, _ placed: [HostName: PlacedHost]
    ) -> RoleNeeds {
        guard let fleet, let role = role(of: host),
            let desired = try? fleet.compile(role, on: host, facts: facts, placed)
        else { return RoleNeeds() }
        return RoleNeeds(desired, zone: inventory.zone.name, facts: facts)
    }

    /// Known without asking a host: what a role writes names the database for every OS family.
    private func needsDatabase(_ roles: [RoleName], _ placed: [HostName: PlacedHost]) -> Bool {
        let facts = HostFacts(
            osID: "", osVersion: "", family: .amazon, architecture: "", hostname: "", bootID: "", userID: 0,
            hasSystemd: true, mounts: [])
        return roles.contains { role in
            (inventory.membership(of: role)?.hosts ?? []).contains { host in
                needs(of: host, facts, placed).endpoints.contains { $0.purpose == "database" }
            }
        }
    }
}
