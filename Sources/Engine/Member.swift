internal import Compile
internal import Model
internal import Planning
internal import Resources
internal import Synchronization
internal import Transport
internal import Zone

/// One member of a role during a run: where it is, the link to it, and what was last seen of it.
actor Member {
    nonisolated let host: HostName
    nonisolated let role: RoleName
    nonisolated let place: PlacedHost
    private nonisolated let box: LinkBox
    private nonisolated var link: (any HostLink)? { box.link }
    private nonisolated let reconnect: (@Sendable () async throws(HostFailure) -> any HostLink)?
    private let desired: DesiredHost?
    private let batches: BatchCatalogue
    /// Nothing that earlier runs left on the host is relied on.
    private let isDeep: Bool
    private let failure: HostFailure?
    private var answers = ProbeAnswers()
    private var testimonies: [Gate: Testimony] = [:]
    private(set) var lost: HostFailure?
    /// Time spent on connecting to it and looking at it.
    private(set) var spent: Duration
    private var holdsLock = false
    private var ticket: LockTicket?
    /// When everything was last looked at, unless a step has run since.
    private var seen: ContinuousClock.Instant?

    /// A member that was reached and compiled for.
    init(
        _ place: PlacedHost, role: RoleName, link: any HostLink, desired: DesiredHost, batches: BatchCatalogue,
        isDeep: Bool, opening: Duration, reconnect: (@Sendable () async throws(HostFailure) -> any HostLink)? = nil
    ) {
        self.isDeep = isDeep
        host = place.host
        self.role = role
        self.place = place
        box = LinkBox(link)
        self.reconnect = reconnect
        self.desired = desired
        self.batches = batches
        failure = nil
        spent = opening
    }

    /// A member that could not be reached; it counts as down.
    init(_ place: PlacedHost, role: RoleName, failure: HostFailure, batches: BatchCatalogue, opening: Duration) {
        host = place.host
        self.role = role
        self.place = place
        self.failure = failure
        self.batches = batches
        box = LinkBox(nil)
        reconnect = nil
        isDeep = false
        desired = nil
        spent = opening
    }

    var trouble: HostFailure? { failure ?? lost }
    var declared: DesiredHost? { desired }
    var leftovers: [String] { link?.leftovers ?? [] }
    var facts: HostFacts? { link?.facts }
    var hostKey: String? { get async { await link?.hostKey } }

    /// What was last seen, or why nothing is seen.
    var view: MemberView {
        if let trouble { return .notSeen(host, reason: trouble.reason) }
        guard let link, let desired else { return .notSeen(host, reason: "not connected") }
        return .seen(HostView(desired: desired, facts: link.facts, answers: answers, testimonies: testimonies))
    }

    /// What others found about it, in place of what they found before.
    func hear(_ testimonies: [Gate: Testimony]) { self.testimonies = testimonies }

    /// Asks everything that the role declares here. A failure is kept as ``trouble``.
    func observe() async {
        let start = ContinuousClock.now
        await observe { _ in true }
        seen = start
    }

    /// The same, unless that was done within ``freshness`` and nothing was done here since.
    func observeUnlessFresh() async {
        if !isFresh { await observe() }
    }

    /// Asks only what health is decided from, gates and services, unless that is known.
    func observeHealth() async {
        if !isFresh { await observe { $0.resource is any RunningService } }
        seen = nil
    }

    /// How old what was seen may be when a change is permitted on it.
    static let freshness = Duration.seconds(1)
    private var isFresh: Bool { seen.map { $0.duration(to: .now) < Self.freshness } ?? false }

    private func observe(_ resources: @escaping (DeclaredResource) -> Bool) async {
        guard let link, let desired, trouble == nil else { return }
        let start = ContinuousClock.now
        defer { spent += start.duration(to: .now) }
        let script = ObservationScript(
            for: desired, on: link.facts, batches: batches, resources: resources, isDeep: isDeep)
        do throws(HostFailure) {
            let raw = try await link.ask(
                script.questions, by: Deadline("the observation of \(host)", in: .seconds(60)))
            answers.forgetProofs()
            answers.merge(script.parse(raw))
        } catch {
            lost = error
        }
    }

    /// Tries secrets; changes nothing, and leaves what was seen as fresh as it is.
    func tryCredentials(
        _ step: HostStep, input: [UInt8], _ proofs: [(id: ResourceID, proof: CredentialProof)]
    ) async throws(HostFailure) {
        let link = try usable()
        let start = ContinuousClock.now
        defer { spent += start.duration(to: .now) }
        do throws(HostFailure) {
            let answer = try await link.run(step, input: input, name: "proof") { _ in }
            answers.merge(CredentialProofs.parse(answer, of: proofs, on: link.facts))
        } catch {
            if error.outcome == .unreachable { lost = lost ?? error }
            throw error
        }
    }

    func couldNotTry(_ resources: [ResourceID], reason: String) {
        for id in resources { answers[Credential.answer(of: id)] = .unknown(reason: reason) }
    }

    func ask(_ questions: [HostQuestion], for purpose: String) async throws(HostFailure) -> [HostAnswer] {
        let link = try usable()
        do throws(HostFailure) {
            return try await link.ask(questions, by: Deadline("\(purpose) of \(host)", in: .seconds(60)))
        } catch {
            if error.outcome == .unreachable { lost = lost ?? error }
            throw error
        }
    }

    /// Runs one step; a link that is cut stays cut.
    func run(
        _ step: HostStep, input: [UInt8], name: String, output: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(HostFailure) -> HostAnswer {
        let link = try usable()
        seen = nil
        do throws(HostFailure) {
            return try await link.run(step, input: input, name: name, output: output)
        } catch {
            if error.outcome == .unreachable { lost = lost ?? error }
            throw error
        }
    }

    func takeLock(
        _ ticket: LockTicket, progress: @escaping @Sendable (String) -> Void
    ) async throws(HostFailure) -> LockHolder? {
        let holder = try await usable().takeLock(ticket, progress: progress)
        holdsLock = holder == nil
        self.ticket = ticket
        return holder
    }

    /// Gives back what was taken. A link that was lost has nothing to give: the lock ended with its session.
    func releaseLock() async {
        guard holdsLock else { return }
        holdsLock = false
        if trouble?.outcome != .unreachable { await link?.releaseLock() }
    }

    /// Why it is not rebooted, where it cannot be.
    nonisolated var whyNotRebooted: String? {
        reconnect == nil ? "it could not be reached again after a reboot" : nil
    }

    /// A second session, after the first one has ended with the boot that it was opened in.
    func connectAnew() async throws(HostFailure) -> any HostLink {
        guard let reconnect else { throw HostFailure(.refused, "it cannot be connected anew") }
        return try await reconnect()
    }

    /// Goes on over a new session. The lock ended with the old one and is taken again.
    func relink(
        _ link: any HostLink, progress: @escaping @Sendable (String) -> Void
    ) async throws(HostFailure) {
        box.replace(link)
        lost = nil
        guard holdsLock, let ticket else { return }
        holdsLock = false
        if let holder = try await takeLock(ticket, progress: progress) {
            let failure = HostFailure(.locked, "after its reboot another run took its lock: \(holder)")
            lost = failure
            throw failure
        }
    }

    /// It takes no part in the rest of the run and counts as down.
    func leaveOut(_ failure: HostFailure) { lost = lost ?? failure }

    func close() async { await link?.close() }

    nonisolated func shutdown() { link?.shutdown() }

    private func usable() throws(HostFailure) -> any HostLink {
        if let trouble { throw trouble }
        guard let link else { throw HostFailure(.unreachable, "not connected") }
        return link
    }
}

/// The link of a member, which a reboot replaces. It can be shut down from anywhere.
private final class LinkBox: Sendable {
    private let held: Mutex<(any HostLink)?>

    init(_ link: (any HostLink)?) { held = Mutex(link) }
    var link: (any HostLink)? { held.withLock { $0 } }
    func replace(_ link: any HostLink) { held.withLock { $0 = link } }
}
