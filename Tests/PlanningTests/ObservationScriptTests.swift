import Compile
import Model
import Resources
import Testing

@testable import Planning

@Suite("One observation of a host")
struct ObservationScriptTests {
    private func script(
        _ resources: [DeclaredResource], gates: [Gate] = [], only: ((DeclaredResource) -> Bool)? = nil
    ) -> ObservationScript {
        ObservationScript(
            for: DesiredHost(host: "backend01", role: "backend", resources: resources, gates: gates), on: Seen.facts,
            batches: .standard, resources: only)
    }

    @Test("asks one question for each batch, however many resources there are")
    func batches() throws {
        let files = try (0..<40).map { try Declared.file("/f\($0)") }
        let packages = try (0..<10).map { try Declared.package("p\($0)x") }
        // Paths, digests, packages, what is owed, the ledger.
        #expect(script(files + packages).questions.count == 5)
    }

    @Test("asks nothing twice")
    func distinct() throws {
        let file = try Declared.file("/only-once")
        let questions = script([file, file]).questions.map(\.script.text)
        #expect(questions.filter { $0.contains("/only-once") }.count == 2)
        #expect(questions.allSatisfy { $0.components(of: "/only-once") <= 1 })
    }

    @Test("a host that answers less than it was asked leaves the rest unknown, never absent")
    func shortAnswer() throws {
        let resources = [try Declared.file("/a"), try Declared.package("nginx")]
        let answers = script(resources).parse([])
        for resource in resources {
            guard case .unknown = resource.resource.observation(from: answers, on: Seen.facts) else {
                Issue.record("\(resource.id) is not unknown")
                continue
            }
        }
        #expect(Ledger(answers[Ledger.request]) == nil)
    }

    @Test("limited to health asks only gates and services")
    func health() throws {
        let resources = [try Declared.file("/a"), try Declared.service("a.service")]
        let gate = Gate(check: .tcp(port: 8080), location: Declared.place)
        let questions = script(resources, gates: [gate], only: { $0.resource is any RunningService }).questions
        #expect(!questions.contains { $0.script.text.contains("find ") })
        #expect(questions.contains { $0.script.text.contains("a.service") })
        #expect(questions.contains { $0.script.text.contains("ss -") })
    }
}

extension String {
    /// How often `part` stands in it.
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
