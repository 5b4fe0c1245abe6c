package import Model

/// What `secrets init` would make, and what it will not. Pure.
package struct SecretCreationPlan: Sendable {
    package struct Item: Sendable {
        package var name: SecretName
        package var recipe: SecretRecipe
    }

    /// The keys that one secret of Secrets Manager lacks; they are added in one new version.
    package struct Addition: Sendable {
        package var source: SecretSource
        package var secretID: String
        package var region: String?
        /// The secret itself does not exist yet.
        package var createsSecret: Bool
        package var items: [Item]
    }

    package struct Refusal: Sendable, Hashable {
        package var name: SecretName
        package var reason: String
        package var remedy: String
    }

    /// In the order of the sources' names.
    package var additions: [Addition]
    package var refusals: [Refusal]

    package var isEmpty: Bool { additions.isEmpty }

    package init(_ survey: SecretSurvey) {
        var additions: [String: Addition] = [:]
        refusals = []
        for entry in survey.entries {
            switch entry.state {
            case .present: break
            case .unusable(let error):
                refusals.append(Refusal(name: entry.name, reason: error.message, remedy: error.remedy))
            case .missing, .sourceMissing:
                guard let source = entry.source else { continue }
                switch Self.item(entry.name, of: source) {
                case .failure(let refusal): refusals.append(refusal)
                case .success(let (item, secretID, region)):
                    additions[
                        source.name,
                        default: Addition(
                            source: source, secretID: secretID, region: region,
                            createsSecret: entry.state == .sourceMissing, items: [])
                    ].items.append(item)
                }
            }
        }
        self.additions = additions.values.sorted { $0.source.name < $1.source.name }
        // Two names for one secret would write it twice, each without the other's keys.
        var seen: [String: String] = [:]
        for addition in self.additions {
            guard let first = seen.updateValue(addition.source.name, forKey: addition.secretID) else { continue }
            refusals += addition.items.map {
                Refusal(
                    name: $0.name, reason: "the sources \(first) and \(addition.source.name) are one secret",
                    remedy: "give \(addition.secretID) one name in the inventory")
            }
            self.additions.removeAll { $0.source.name == addition.source.name }
            seen[addition.secretID] = first
        }
    }

    private static func item(
        _ name: SecretName, of source: SecretSource
    ) -> Result<(Item, secretID: String, region: String?), Refusal> {
        let secretID: String
        let region: String?
        switch source.kind {
        case .aws(let id, let declared):
            secretID = id
            region = declared ?? SecretFetcher.region(ofARN: id)
            // RDS makes and rotates it; nobody else may write it (RDS User Guide, "Password management with Amazon RDS").
            if id.hasPrefix("rds!") || id.contains(":secret:rds!") {
                return .failure(
                    Refusal(
                        name: name, reason: "\(id) is RDS's own secret",
                        remedy:
                            "put what `aws rds describe-db-instances` shows as MasterUserSecret into the inventory"
                    ))
            }
        case .file(let path):
            return .failure(
                Refusal(name: name, reason: "\(path) is not ours to write", remedy: "add \"\(name.key)\" to that file"))
        case .terraform(_, let output):
            return .failure(
                Refusal(
                    name: name, reason: "Terraform makes its own outputs",
                    remedy:
                        "add \"\(name.key)\" to the output \"\(output)\", with a random_password of letters and digits")
            )
        }
        switch SecretRecipe.choice(for: name.key) {
        case .made(let recipe): return .success((Item(name: name, recipe: recipe), secretID, region))
        case .madeElsewhere(let what):
            return .failure(Refusal(name: name, reason: what, remedy: "nothing to do here"))
        case .unknown:
            return .failure(
                Refusal(
                    name: name, reason: "what \"\(name.key)\" is made of is not known",
                    remedy: "add it to \(secretID) by hand, or give it a line in SecretRecipe.swift"))
        }
    }
}

extension SecretCreationPlan.Refusal: Error {}
