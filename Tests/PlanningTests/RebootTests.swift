import Compile
import Model
import Planning
import Resources
import Testing

@Suite("Reboots that are owed")
struct RebootTests {
    private static let asked = ProbeRequest(RebootBatch.name, "required-file kernel packages")

    private func plan(
        _ permission: RebootPermission, owed: [Notification] = [], says: [String]? = [],
        _ others: [DeclaredResource] = []
    ) throws -> HostPlan {
        let reboot = DeclaredResource(
            resource: try RebootResource(
                Fields(
                    subject: "after updates", values: ["deadline": .duration(.seconds(90))], location: Declared.place)),
            notifies: [], secretNames: [], location: Declared.place, digest: "reboot")
        let answer = says.map { Observation.present(["owed": .list($0)]) } ?? .unknown(reason: "no answer")
        let seen = Seen(owed: owed).nothing(at: "/a").with(Self.asked, answer)
        let view = seen.view("backend01", others + [reboot])
        return RolePlanner(book: SecretBook(), reboots: permission).plan("backend", members: [.seen(view)]).hosts[0]
    }

    @Test("without permission it is said, and nothing is to be done") func said() throws {
        let quiet = try plan(.notGiven)
        #expect(quiet.notes.isEmpty)
        for plan in [try plan(.notGiven, owed: [.reboot]), try plan(.notGiven, says: ["kernel 2 is installed"])] {
            #expect(plan.isEmpty)
            #expect(plan.notes.count == 1 && plan.notes[0].contains("--reboot-if-owed does it"))
        }
    }

    @Test("with permission it is the only group when nothing else is left") func done() throws {
        let plan = try plan(.given, owed: [.reboot], says: ["kernel 2 is installed"])
        #expect(plan.changes.map(\.action) == [.reboot] && plan.changes.map(\.resource) == [RebootResource.id])
        #expect(plan.groups.count == 1 && plan.groups[0].reboot?.deadline == .seconds(90))
        #expect(plan.groups[0].steps.count == 1)
        let nothing = try self.plan(.given)
        #expect(nothing.isEmpty)
    }

    @Test("it comes after all other changes, and what they may bring is shown") func last() throws {
        let owing = try plan(.given, [try Declared.file("/a", notifies: [.reboot])])
        #expect(owing.changes.map(\.action) == [.create, .reboot])
        #expect(owing.changes.map(\.isExpected) == [true, true])
        #expect(owing.groups.count == 1 && owing.groups[0].reboot == nil)
        #expect(owing.groups[0].steps[0].script.text.contains("owed/reboot:host"))
        let mayOwe = try plan(.given, [try Declared.file("/a")])
        #expect(mayOwe.changes.last?.action == .reboot && mayOwe.changes.last?.isExpected == false)
        let unasked = try plan(.notGiven, [try Declared.file("/a", notifies: [.reboot])])
        #expect(unasked.changes.map(\.action) == [.create] && unasked.notes.count == 1)
    }

    @Test("where it cannot be done nothing is, if it is owed") func impossible() throws {
        let free = try plan(.impossible("not here"))
        #expect(free.isEmpty)
        let refused = try plan(.impossible("not here"), owed: [.reboot], [try Declared.file("/a")])
        #expect(refused.obstacle?.cause == .refused && refused.obstacle?.reason.contains("not here") == true)
        #expect(refused.groups.isEmpty)
    }

    @Test("a host that cannot tell is not rebooted for it, and it is said") func doubt() throws {
        let plan = try plan(.given, says: nil)
        #expect(plan.isEmpty && plan.notes == ["no answer"])
    }
}
