package import Cloud
package import Model

/// `secrets list` and `secrets init`: what roles need, and making what nobody has made.
package struct SecretsWork: Sendable {
    private let fleet: Fleet
    private let command: AWSCommand
    private static let allowance = Duration.seconds(60)

    package init(_ fleet: Fleet) { self.init(fleet, command: .installed()) }

    init(_ fleet: Fleet, command: AWSCommand) {
        self.fleet = fleet
        self.command = command
    }

    /// Looks, and changes nothing. Contacts no host and no zone.
    package func look(_ selection: Selection) async throws(Diagnostics) -> SecretsList {
        let roles = try selection.roles(in: fleet.inventory)
        var users: [SecretName: [RoleName]] = [:]
        var resources: [SecretName: Set<ResourceID>] = [:]
        for role in roles {
            for (name, found) in fleet.secretUsers(of: role) {
                users[name, default: []].append(role)
                resources[name, default: []].formUnion(found)
            }
        }
        let fetcher = SecretFetcher(folder: fleet.inventory.folder, command: command)
        let survey = await fetcher.survey(Set(users.keys), from: fleet.inventory.secretSources, within: Self.allowance)
        return SecretsList(survey: survey, users: users, resources: resources)
    }

    /// Makes what the plan says. What was made before an error is told with it.
    package func create(
        _ plan: SecretCreationPlan
    ) async -> (created: [SecretCreator.Created], mistakes: Diagnostics?) {
        var random = SystemRandomNumberGenerator()
        let (created, failure) = await SecretCreator(command: command).create(
            plan, of: fleet.inventory.fleet, at: Timestamp.moment, with: &random, within: .seconds(120))
        return (created, failure.map { Diagnostics($0.diagnostic) })
    }
}
