internal import Model
internal import Planning
internal import Report
internal import Resources

/// Text diffs for the files of a plan. Costs one more round trip, and only where a file's content differs.
struct ContentDiffs: Sendable {
    let member: Member
    let masker: Masker
    /// Larger files are compared by digest alone.
    private static let largest = 64 << 10

    func attached(to changes: [PlannedChange]) async -> [ReportedChange] {
        guard let desired = await member.declared else { return changes.map { ReportedChange($0) } }
        var wanted: [(index: Int, path: String, new: String)] = []
        for (index, change) in changes.enumerated()
        where !change.isSensitive && change.action == .update
            && change.differences.contains(where: { $0.key == "content" })
        {
            guard let declared = desired.resources.first(where: { $0.id == change.resource }),
                let (path, content) = declared.resource.managedContent, !content.holdsSecrets,
                let text = content.placeholderText, text.utf8.count <= Self.largest
            else { continue }
            wanted.append((index, path, text))
        }
        var reported = changes.map { ReportedChange($0) }
        guard !wanted.isEmpty else { return reported }
        let questions = wanted.map { entry in
            HostQuestion("timeout -s KILL 10 head -c \(Self.largest + 1) -- \(word: entry.path)")
        }
        guard let answers = try? await member.ask(questions, for: "the contents") else { return reported }
        for (entry, answer) in zip(wanted, answers) where answer.status == 0 && answer.output.count <= Self.largest {
            guard let old = String(validating: answer.output, as: UTF8.self), !old.contains("\0") else { continue }
            reported[entry.index].diff = TextDiff.unified(from: masker.mask(old), to: entry.new)
        }
        return reported
    }
}
