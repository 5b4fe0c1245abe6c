import Model
import Testing

@testable import Engine

@Suite struct UnaskedGatesTests {
    private static let place = SourceLocation(file: "role.yaml", line: 3, column: 5)

    private func mistakes(_ key: String, _ value: String) -> [String] {
        let field = SpecEntry(
            key: key, keyLocation: Self.place, value: SpecValue(.scalar(value, isQuoted: false), at: Self.place))
        let gate = GateSpec(
            check: "tcp", subject: SpecValue(.scalar("80", isQuoted: false), at: Self.place), fields: [field],
            location: Self.place)
        let role = RoleSpec(
            name: "web", description: "", includes: [], after: [], parameters: [], resources: [], gates: [gate],
            folder: "Roles/web", location: Self.place)
        return UnaskedGates.mistakes(in: role).map(\.message)
    }

    @Test(arguments: [("scope", "role"), ("vantage", "peer"), ("vantage", "controller")])
    func whatNoRunAsksIsRefused(key: String, value: String) {
        #expect(mistakes(key, value) == ["\(key): \(value) is not asked by any run yet"])
    }

    @Test(arguments: [("scope", "host"), ("vantage", "self"), ("deadline", "10s")])
    func whatRunsAskPasses(key: String, value: String) {
        #expect(mistakes(key, value).isEmpty)
    }
}
