package import Model

/// A release of somebody else's software: an archive with a pinned SHA-256, unpacked into a folder of its own on the host,
/// perhaps installed by the vendor's installer (a black box), and marked only once its gate holds.
///
/// Below `folder`: one directory for each release that is kept, and `.NAME`, the records (0700 root):
/// `marker` tells the release in use and, after it, the earlier ones; `previous` is the same while an installation is
/// under way, so that one that was cut off is known and can be left again; `DIRECTORY.install`, `.ready` and `.log` belong
/// to one release each, so that an earlier one is installed and judged by its own rules.
package struct ReleaseResource: ResourceKind {
    /// What becomes of a release whose installer or gate failed.
    package enum OnFailure: String, Sendable, Hashable, CaseIterable {
        case `return`, leave
    }
    package enum Format: String, Sendable, Hashable, CaseIterable {
        case tar, zip
    }

    package let name: String
    package let isAbsent: Bool
    let version: String
    let archive: String
    let sha256: String
    let format: Format
    let strip: Int
    let folder: String
    let current: String?
    let attributes: FileAttributes
    package let install: ShellText?
    let creates: [String]
    package let inputs: [String]
    let backup: [String]
    let backupWithout: [String]
    let limit: Duration
    let refusedLog: String?
    let restart: [UnitName]
    package let ready: Ready?
    let keep: Int
    let onFailure: OnFailure
    let rollback: ShellText?
    let uninstall: ShellText?

    /// The gate that a release has to pass before it is marked.
    package struct Ready: Sendable, Hashable {
        package var command: ShellText
        var deadline: Duration
        var successes: Int
        var interval: Duration
    }

    /// Where the releases of a host lie unless a recipe says otherwise.
    static let defaultFolder = "/opt/prov/releases"

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        name = fields.subject
        isAbsent = fields.isAbsent
        version = fields.text("version") ?? ""
        archive = fields.text("archive") ?? ""
        sha256 = fields.text("sha256") ?? ""
        folder = fields.text("folder") ?? Self.defaultFolder
        current = fields.text("current")
        install = fields.text("install").map { ShellText(script: $0) }
        creates = fields.list("creates") ?? []
        inputs = fields.list("inputs") ?? []
        backup = fields.list("backup") ?? []
        backupWithout = fields.list("backup_without") ?? []
        limit = fields.duration("limit") ?? .seconds(2700)
        refusedLog = fields.text("refuse_log")
        restart = (fields.list("restart") ?? []).map { UnitName($0) }
        ready = fields.text("ready").map {
            Ready(
                command: ShellText(script: $0), deadline: fields.duration("ready_deadline") ?? .seconds(120),
                successes: fields.number("ready_successes") ?? 2,
                interval: fields.duration("ready_interval") ?? .seconds(1))
        }
        keep = fields.number("keep") ?? 1
        strip = fields.number("strip") ?? 0
        onFailure = fields.text("on_failure").flatMap(OnFailure.init(rawValue:)) ?? .return
        rollback = fields.text("rollback").map { ShellText(script: $0) }
        uninstall = fields.text("uninstall").map { ShellText(script: $0) }
        var wanted = FileAttributes(fields, &checks)
        wanted.mode = wanted.mode ?? 0o750
        attributes = wanted
        format = fields.text("format").flatMap(Format.init(rawValue:)) ?? Self.format(of: archive) ?? .tar
        checks.requireRelease(self, formatIsKnown: fields["format"] != nil || Self.format(of: archive) != nil)
        try checks.finish()
    }

    /// By the end of its name; `nil` = it has to be said.
    private static func format(of archive: String) -> Format? {
        let tar = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tar.zst"]
        if tar.contains(where: archive.hasSuffix) { return .tar }
        return [".zip", ".jar", ".war"].contains(where: archive.hasSuffix) ? .zip : nil
    }

    package var identity: String { name }
    var records: String { "\(folder)/.\(name)" }
    package var managedPaths: [String] { [records] + (current.map { [$0] } ?? []) }
    /// An installer writes wherever it likes.
    package var influence: Influence {
        install == nil && restart.isEmpty && uninstall == nil ? .itself : .anything
    }

    // MARK: Looking

    private var request: ProbeRequest { ProbeRequest(ReleaseBatch.name, records) }
    private func path(_ path: String) -> ProbeRequest { ProbeRequest(PathBatch.name, path) }
    private var inputRequest: ProbeRequest? {
        isAbsent ? nil : Self.inputRequest(inputs, marks: "\(records)/inputs")
    }
    package func objection(among resources: [any ResourceKind]) -> Objection? { objectionToInputs(among: resources) }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        [request] + (current.map { [path($0)] } ?? []) + (isAbsent ? [] : creates.map(path))
            + (inputRequest.map { [$0] } ?? [])
    }

    /// Keys: `version` and `sha256` of the marked release, `current` (the version that the link leads to), `missing` (what
    /// should be there and is not), `surplus` (earlier releases beyond those that are kept), `inputs` (files
    /// that are not as they were when it was installed).
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        if let mount = facts.networkMount(of: folder) {
            return .unknown(
                reason: "\(folder) lies on the network mount \(mount); a release has to lie on the host's own disk")
        }
        if !isAbsent, sha256.utf8.allSatisfy({ $0 == 0x30 }) {
            return .unknown(
                reason: "sha256 is a placeholder of zeros; write the archive's own there (sha256sum \(archive))")
        }
        guard case .present(let found) = answers[request] else { return answers[request] }
        var state: State = [:]
        var marked: ReleaseBatch.Record?
        let known = ReleaseBatch.records(in: found)
        if found["state"] == "marker", let first = known.first {
            marked = first
            state["version"] = .text(first.version)
            state["sha256"] = .text(first.sha256)
        } else {
            let earlier = known.first.map { "; \($0.version) was there before it" } ?? ""
            state["version"] = .text("an installation that did not end\(earlier)")
        }
        if isAbsent { return .present(state) }
        if let current {
            switch answers[path(current)] {
            case .unknown(let reason): return .unknown(reason: "\(current): \(reason)")
            case .absent: state["current"] = "none"
            case .present(let link):
                let target = link["target"]?.text
                let isRight = marked.map { target == "\(folder)/\($0.directory)" } ?? false
                state["current"] = .text((isRight ? marked?.version : target) ?? link["type"]?.text ?? "")
            }
        }
        var missing: [String] = []
        if let marked, !marked.isThere { missing.append("\(folder)/\(marked.directory)") }
        for product in creates {
            switch answers[path(product)] {
            case .unknown(let reason): return .unknown(reason: "\(product): \(reason)")
            case .absent: missing.append(product)
            case .present: break
            }
        }
        if let inputRequest {
            switch answers[inputRequest] {
            case .unknown(let reason): return .unknown(reason: "inputs: \(reason)")
            case .absent: state["inputs"] = "not recorded"
            case .present(let found): state["inputs"] = found["changed"]
            }
        }
        state["missing"] = .list(missing)
        state["surplus"] = .number(max(0, known.count - 1 - keep))
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        guard !isAbsent else { return nil }
        var state: State = ["version": .text(version), "sha256": .text(sha256)]
        if current != nil { state["current"] = .text(version) }
        if !inputs.isEmpty { state["inputs"] = .list([]) }
        state["missing"] = .list([])
        state["surplus"] = 0
        return state
    }

    // MARK: Doing

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let script = ReleaseScript(change.resource, on: facts)
            if change.action == .remove { return script.remove }
            let isTidying =
                change.action == .update
                && change.differences.allSatisfy { $0.key == "current" || $0.key == "surplus" }
            return isTidying ? script.tidy : script.install
        }
    }
}
