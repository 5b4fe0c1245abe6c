package import Cloud
package import Model
internal import Report

/// The secrets that roles need, as text and as JSON. Never a value, its length or its digest.
package struct SecretsList: Sendable {
    package let survey: SecretSurvey
    let users: [SecretName: [RoleName]]
    /// What each of them is for.
    let resources: [SecretName: Set<ResourceID>]

    package var isComplete: Bool { survey.isComplete }
    package var plan: SecretCreationPlan { SecretCreationPlan(survey) }

    package var text: String {
        guard !survey.entries.isEmpty else { return "the selected roles need no secret" }
        let head = ["SECRET", "FROM", "VERSION", "STATE", "ROLES"]
        let body = survey.entries.map { entry in
            [
                entry.name.rawValue, entry.source.map(Self.place) ?? "-", entry.version ?? "-", Self.word(entry.state),
                (users[entry.name] ?? []).map(\.rawValue).joined(separator: ", "),
            ]
        }
        let widths = head.indices.map { column in ([head] + body).map { $0[column].count }.max() ?? 0 }
        var lines = ([head] + body).map { cells in
            zip(cells.dropLast(), widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(
                separator: "  ")
                + "  " + (cells.last ?? "")
        }
        for entry in survey.entries {
            let certificates = (resources[entry.name] ?? []).filter { $0.kind == "certificate" }.map(\.identity)
                .sorted()
            if certificates.isEmpty { continue }
            lines.append("# \(entry.name) is the CA of \(certificates.joined(separator: ", "))")
        }
        var told: Set<String> = []
        for entry in survey.entries {
            guard case .unusable(let error) = entry.state, told.insert(error.message).inserted else { continue }
            lines.append("# \(error.message); \(error.remedy)")
        }
        // Versions and errors are in the words of AWS, or of whoever wrote a file.
        return lines.map { TerminalText.harmless($0) }.joined(separator: "\n")
    }

    package var json: JSONValue {
        .object([
            "command": "secrets list",
            "secrets": .list(
                survey.entries.map { entry in
                    let problem: JSONValue =
                        if case .unusable(let error) = entry.state { .text("\(error.message); \(error.remedy)") } else {
                            .null
                        }
                    return .object([
                        "secret": .text(entry.name.rawValue),
                        "from": entry.source.map { .text(Self.place($0)) } ?? .null,
                        "version": entry.version.map { .text($0) } ?? .null, "state": .text(Self.word(entry.state)),
                        "problem": problem, "roles": .list((users[entry.name] ?? []).map { .text($0.rawValue) }),
                        "resources": .list((resources[entry.name] ?? []).sorted().map { .text($0.rawValue) }),
                    ])
                }),
        ])
    }

    private static func place(_ source: SecretSource) -> String {
        switch source.kind {
        case .aws(let id, let region): "aws \(id)" + (region.map { " (\($0))" } ?? "")
        case .file(let path): path == "-" ? "standard input" : "file \(path)"
        case .terraform(let path, let output): "terraform \(path), output \(output)"
        }
    }

    private static func word(_ state: SecretSurvey.State) -> String {
        switch state {
        case .present: "present"
        case .missing: "missing"
        case .sourceMissing: "no such secret"
        case .unusable: "unusable"
        }
    }
}

extension SecretCreationPlan {
    /// What would be made, as it is shown before it is.
    package var text: String {
        var lines: [String] = []
        for addition in additions {
            let place = addition.secretID + (addition.region.map { " (\($0))" } ?? "")
            lines.append(
                addition.createsSecret
                    ? "create the secret \(place), with the account's default key, and in it"
                    : "add to the secret \(place)")
            for item in addition.items { lines.append("  + \(item.name.key): \(item.recipe.description)") }
        }
        // One reason may stand for many: a source that cannot be read, for instance.
        var told: Set<String> = []
        for refusal in refusals where told.insert(refusal.reason).inserted {
            let names = refusals.filter { $0.reason == refusal.reason }.map(\.name.rawValue)
            lines.append("not made: \(names.joined(separator: ", ")): \(refusal.reason)")
            lines.append("  -> \(refusal.remedy)")
        }
        return lines.map { TerminalText.harmless($0) }.joined(separator: "\n")
    }
}
