internal import Compile
package import Model
internal import Planning
package import Report
internal import Resources
internal import Zone

/// One `plan` or `apply` from the first name to the last answer. The only place where all stages meet.
package struct FleetRun: Sendable {
    let fleet: Fleet
    let request: RunRequest
    let outside: Outside
    let progress: ProgressSink
    let interruption: Interruption

    package init(
        fleet: Fleet, request: RunRequest, outside: Outside, progress: @escaping ProgressSink,
        interruption: Interruption
    ) {
        self.fleet = fleet
        self.request = request
        self.outside = outside
        self.progress = progress
        self.interruption = interruption
    }

    /// Throws when configuration, zone or credentials are wrong; then no host was changed.
    package func execute() async throws(Diagnostics) -> RunReport {
        let start = ContinuousClock.now
        let run = outside.newRun()
        let roles = try request.selection.roles(in: fleet.inventory)
        try Permits.check(request.allowed, known: fleet.permissions)
        progress(.phase("resolving"))
        let places = try await outside.resolve(fleet.hosts(of: roles), fleet.inventory)
        try requireHosts(roles, places)
        let secretNames = roles.reduce(into: Set<SecretName>()) { $0.formUnion(fleet.secretNames(of: $1)) }

        // Secrets are fetched while hosts are connected and observed. Nothing is changed yet, so that a wish to stop ends
        // every wait at once.
        let (members, controller, fetched) = await interruption.cutting {
            async let fetched = outside.fetch(
                secretNames, fleet.inventory.secretSources, request.controller.environment)
            let members = await connect(roles, places)
            return (members, await openController(for: members.values.joined()), await fetched)
        }
        let book: SecretBook
        do throws(Diagnostics) {
            book = interruption.isRequested ? SecretBook() : try fetched.get().pinned(fleet.inventory)
            if !interruption.isRequested { try await SecretFit(book: book).check(members.values.joined()) }
            try await requireKeys(members)
        } catch {
            await close(members, controller)
            throw error
        }
        let attempt = Attempt(
            run: run, roles: roles, members: members, controller: controller, batches: fleet.batches, book: book,
            start: start, progress: progress)
        for member in attempt.all {
            // Only now: why it failed may be in its own words, and they can be masked once the secrets are known.
            if let trouble = await member.trouble { attempt.progress(.ended(member.host, trouble.ending)) }
        }
        if !interruption.isRequested { await interruption.cutting { await hearWitnesses(attempt) } }
        let report = interruption.isRequested ? await interruptedReport(attempt) : await carryOut(attempt)
        await close(members, controller)
        return report
    }

    /// What one run holds once everything is connected.
    struct Attempt: Sendable {
        let run: RunID
        let roles: [RoleName]
        /// In rolling order within each role.
        let members: [RoleName: [Member]]
        let controller: Result<any HostLink, HostFailure>?
        let batches: BatchCatalogue
        let book: SecretBook
        let start: ContinuousClock.Instant
        let masker: Masker
        /// Masks what it is told.
        let progress: ProgressSink

        init(
            run: RunID, roles: [RoleName], members: [RoleName: [Member]],
            controller: Result<any HostLink, HostFailure>?, batches: BatchCatalogue, book: SecretBook,
            start: ContinuousClock.Instant, progress: @escaping ProgressSink
        ) {
            self.run = run
            self.roles = roles
            self.members = members
            self.controller = controller
            self.batches = batches
            self.book = book
            self.start = start
            let masker = Masker(book)
            self.masker = masker
            self.progress = { progress($0.masked(by: masker)) }
        }

        func witnesses(of role: RoleName) -> Witnesses {
            Witnesses(members: members[role] ?? [], controller: controller, batches: batches)
        }
        var all: [Member] { roles.flatMap { members[$0] ?? [] } }
    }

    // MARK: Connecting

    private func requireHosts(_ roles: [RoleName], _ places: [HostName: PlacedHost]) throws(Diagnostics) {
        let members = roles.flatMap { role in fleet.rollingOrder(of: role, places).map { (role, $0) } }
        let isCovered = members.contains { role, place in
            request.selection.covers(place.host, role: role, zone: place.availabilityZone)
        }
        if isCovered { return }
        let candidates = members.filter {
            request.selection.hosts.isEmpty || request.selection.hosts.contains($0.1.host)
        }
        let where_ = candidates.map { "\($0.1.host) is in \($0.1.availabilityZone)" }.joined(separator: ", ")
        throw Diagnostics(
            Diagnostic(
                "no host is in the selection", at: nil, remedy: where_.isEmpty ? "its roles have no members" : where_))
    }

    private func connect(_ roles: [RoleName], _ places: [HostName: PlacedHost]) async -> [RoleName: [Member]] {
        let all = roles.flatMap { role in
            fleet.rollingOrder(of: role, places).map { (role, $0) }
        }
        let members = await withTaskGroup(of: Member.self) { group in
            for (role, place) in all {
                group.addTask {
                    progress(.step(place.host, "connecting"))
                    let member = await contact(place, role, places)
                    await member.observe()
                    if await member.trouble == nil { progress(.step(place.host, "observed")) }
                    return member
                }
            }
            return await group.reduce(into: [HostName: Member]()) { $0[$1.host] = $1 }
        }
        return all.reduce(into: [:]) { result, entry in
            if let member = members[entry.1.host] { result[entry.0, default: []].append(member) }
        }
    }

    private func contact(_ place: PlacedHost, _ role: RoleName, _ places: [HostName: PlacedHost]) async -> Member {
        let start = ContinuousClock.now
        do throws(HostFailure) {
            let link = try await outside.connect(place, fleet.inventory)
            do throws(HostFailure) {
                let desired = try fleet.compile(role, on: place.host, facts: link.facts, places)
                return Member(
                    place, role: role, link: link, desired: desired, batches: fleet.batches, isDeep: request.isDeep,
                    opening: start.duration(to: .now),
                    reconnect: { () async throws(HostFailure) in try await outside.connect(place, fleet.inventory) })
            } catch {
                await link.close()
                throw error
            }
        } catch {
            return Member(
                place, role: role, failure: error, batches: fleet.batches, opening: start.duration(to: .now))
        }
    }

    /// The controller's session, if a gate of these members is asked from here.
    private func openController(for members: some Sequence<Member>) async -> Result<any HostLink, HostFailure>? {
        for member in members where await member.trouble == nil {
            guard await member.declared?.gates.contains(where: { $0.vantage == .controller }) == true else { continue }
            do throws(HostFailure) {
                return .success(try await outside.local())
            } catch {
                return .failure(error)
            }
        }
        return nil
    }

    /// A rotation of keys that no recipe knows is a slip.
    private func requireKeys(_ members: [RoleName: [Member]]) async throws(Diagnostics) {
        guard let rotation = request.rotation else { return }
        var isDeclared = false
        var isSeen = false
        for member in members.values.joined() {
            guard let declared = await member.declared else { continue }
            isSeen = true
            if declared.resources.contains(where: { rotation.concerns($0.resource) }) { isDeclared = true }
        }
        if isSeen, !isDeclared {
            let roles = members.keys.map(\.rawValue).sorted().joined(separator: ", ")
            throw Diagnostics(
                Diagnostic(
                    "role \(roles) has no keystone_keys of purpose \(rotation.purpose.rawValue)", at: nil,
                    remedy: "name the role that has them with --role"))
        }
    }

    private func close(
        _ members: [RoleName: [Member]], _ controller: Result<any HostLink, HostFailure>?
    ) async {
        if case .success(let link)? = controller { await link.close() }
        await withTaskGroup { group in
            for member in members.values.joined() { group.addTask { await member.close() } }
        }
    }

    // MARK: Planning

    private func carryOut(_ attempt: Attempt) async -> RunReport {
        if request.changesHosts { await settleLeftovers(attempt) }
        var plans = await plan(attempt)
        var hosts = await describe(plans, attempt)
        guard request.changesHosts else {
            if let keep = request.keep { keep(await saved(plans, hosts, attempt)) }
            return await report(hosts, attempt)
        }
        if let saved = request.saved, !interruption.isRequested {
            return await carryOut(saved, plans, hosts, attempt)
        }
        while let confirm = request.confirm, hosts.contains(where: \.isWaiting), !interruption.isRequested {
            guard await confirm(hosts.map { $0.masked(by: attempt.masker) }) else {
                return await report(withoutChanges(hosts, waiting: Ending(.notAttempted, "not agreed to")), attempt)
            }
            // The operator thinks; meanwhile the world goes on. A plan that changed is shown again.
            let approval = Approval(plans, maskedBy: attempt.masker)
            await observe(attempt)
            plans = await plan(attempt)
            hosts = await describe(plans, attempt)
            if approval.covers(plans) { break }
        }
        if interruption.isRequested {
            return await report(withoutChanges(hosts, waiting: Ending(.notAttempted, "interrupted")), attempt)
        }
        hosts =
            hosts.contains(where: \.isWaiting)
            ? await apply(plans, hosts, attempt) : withoutChanges(hosts, waiting: nil)
        return await report(await confirmHealth(hosts, attempt), attempt)
    }

    /// Another transport's command is not known to find the host again, and this machine would end this run with it.
    var reboots: RebootPermission {
        guard request.rebootsIfOwed else { return .notGiven }
        if case .command = fleet.inventory.ssh.transport {
            return .impossible("hosts are rebooted only over SSH, and the inventory's transport is a command")
        }
        return .given
    }

    func prover(_ attempt: Attempt) -> Prover {
        Prover(binder: InputBinder(book: attempt.book, masker: attempt.masker), triesAll: request.verifiesSecrets)
    }

    /// A rotation is from the keys that members have at this moment.
    func planner(_ attempt: Attempt) async -> RolePlanner {
        var rotation = request.rotation
        for role in attempt.roles where rotation != nil {
            var views: [HostView] = []
            for member in attempt.members[role] ?? [] { if let view = await member.view.view { views.append(view) } }
            for declared in views.first?.desired.resources ?? [] {
                rotation?.begin(
                    declared.resource,
                    seen: views.map { ($0.host, declared.resource.observation(from: $0.answers, on: $0.facts)) })
            }
        }
        return RolePlanner(book: attempt.book, reboots: reboots, rotation: rotation)
    }

    func plan(_ attempt: Attempt) async -> [RolePlan] {
        let planner = await planner(attempt)
        var plans: [RolePlan] = []
        for role in attempt.roles {
            if request.rotation == nil { await prover(attempt).prove(attempt.members[role] ?? []) }
            var views: [MemberView] = []
            var selected: Set<HostName> = []
            for member in attempt.members[role] ?? [] {
                views.append(await member.view)
                if covers(member) { selected.insert(member.host) }
            }
            plans.append(planner.plan(role, members: views, changing: selected.contains))
        }
        return plans
    }

    /// Steps of dead runs that nobody has awaited: what they change is not seen yet, so no plan is made before they ended.
    /// A host whose lock somebody holds is left to the run that holds it.
    private func settleLeftovers(_ attempt: Attempt) async {
        await withTaskGroup { group in
            for member in attempt.all where covers(member) {
                group.addTask {
                    guard await !member.leftovers.isEmpty, await member.trouble == nil else { return }
                    let ticket = ticket(of: attempt.run)
                    let holder = try? await member.takeLock(ticket) { attempt.progress(.step(member.host, $0)) }
                    if holder == .some(nil) { await member.releaseLock() }
                    await member.observe()
                }
            }
        }
    }

    func ticket(of run: RunID) -> LockTicket {
        LockTicket(
            owner: request.controller.owner, controller: request.controller.hostname, run: run, since: Timestamp.now)
    }

    func observe(_ attempt: Attempt) async {
        await withTaskGroup { group in
            for member in attempt.all { group.addTask { await member.observe() } }
        }
        await hearWitnesses(attempt)
    }

    private func hearWitnesses(_ attempt: Attempt) async {
        for role in attempt.roles { await attempt.witnesses(of: role).ask(about: attempt.members[role] ?? []) }
    }

    var permits: Permits { Permits(allowed: request.allowed) }

    func covers(_ member: Member) -> Bool {
        request.selection.covers(member.host, role: member.role, zone: member.place.availabilityZone)
    }
}
