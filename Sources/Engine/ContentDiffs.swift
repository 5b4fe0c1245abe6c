internal import Compile
internal import Model
internal import Planning
internal import Report
internal import Resources

/// Text diffs for the files of a plan. Costs one more round trip, and only where a file's content differs. Sensitive files
/// are never asked for.
package struct ContentDiffs: Sendable {
    /// Which files' lines are shown.
    package enum Extent: Sendable, Hashable {
        case none
        /// Of files whose content changes.
        case updates
        /// Of new and removed files too.
        case all
    }

    let member: Member
    let masker: Masker
    let extent: Extent
    /// Larger files are compared by digest alone.
    private static let largest = 64 << 10

    /// One file whose lines are to be shown.
    private struct Wanted {
        var index: Int
        var path: String
        /// `nil` = it shall be gone.
        var new: String?
        /// `nil` = there is none.
        var old: HostQuestion?
    }

    func attached(to changes: [PlannedChange]) async -> [ReportedChange] {
        var reported = changes.map { ReportedChange($0) }
        guard extent != .none, let desired = await member.declared else { return reported }
        var wanted: [Wanted] = []
        for (index, change) in changes.enumerated() where isShown(change) {
            guard let declared = desired.resources.first(where: { $0.id == change.resource }) else { continue }
            switch newText(of: declared, change) {
            case .success(let found)?: wanted.append(Wanted(index: index, path: found.path, new: found.text))
            case .failure(let reason)?: reported[index].diffOmission = reason.text
            case nil: continue
            }
        }
        for index in wanted.indices where changes[wanted[index].index].action != .create {
            wanted[index].old = HostQuestion(
                "timeout -s KILL 10 head -c \(Self.largest + 1) -- \(word: wanted[index].path)")
        }
        let questions = wanted.compactMap(\.old)
        guard let answers = questions.isEmpty ? [] : try? await member.ask(questions, for: "the contents") else {
            return reported
        }
        var rest = answers[...]
        for entry in wanted {
            var old = ""
            if entry.old != nil {
                guard let answer = rest.popFirst(), answer.status == 0 else { continue }
                switch Self.text(of: answer.output) {
                case .success(let text): old = text
                case .failure(let reason):
                    reported[entry.index].diffOmission = reason.text
                    continue
                }
            }
            reported[entry.index].diff = TextDiff.unified(from: masker.mask(old), to: entry.new ?? "")
        }
        return reported
    }

    private func isShown(_ change: PlannedChange) -> Bool {
        if change.isSensitive || !change.isExpected { return false }
        switch change.action {
        // What is no regular file now is not read: a link may lead to anything.
        case .update:
            return change.differences.contains { $0.key == "content" }
                && !change.differences.contains { $0.key == "type" }
        case .create: return extent == .all
        case .remove: return extent == .all && change.differences.contains { $0.observed == "file" }
        case .run, .transfer, .restart, .reload, .reboot: return false
        }
    }

    private struct Omission: Error { var text: String }

    /// What the file shall hold; `nil` if the resource is no file that may be shown.
    private func newText(
        of declared: DeclaredResource, _ change: PlannedChange
    ) -> Result<(path: String, text: String?), Omission>? {
        if change.action == .remove {
            guard !declared.resource.isSensitive, declared.id.kind == FileResource.name,
                let path = declared.resource.managedPaths.first
            else { return nil }
            return .success((path, nil))
        }
        guard let (path, content) = declared.resource.managedContent, !content.holdsSecrets else { return nil }
        var bytes: [UInt8] = []
        for segment in content.segments {
            guard case .literal(let literal) = segment else { return nil }
            bytes += literal
        }
        return Self.text(of: bytes).map { (path, $0) }
    }

    private static func text(of bytes: [UInt8]) -> Result<String, Omission> {
        if bytes.contains(0) { return .failure(Omission(text: "binary")) }
        if bytes.count > largest { return .failure(Omission(text: "over \(largest >> 10) KB")) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return .failure(Omission(text: "not UTF-8"))
        }
        return .success(text)
    }
}
