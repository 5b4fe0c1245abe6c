import Compile
import Model
import Testing

@Suite("Gates that others ask, as recipes write them")
struct VantageTests {
    private func gate(_ text: String, parameters: String = "") throws -> Gate {
        try #require(try World("gates:\n" + text, parameters: parameters).compile().gates.first)
    }

    @Test("they know where the host is; those it is asked itself need not")
    func addresses() throws {
        #expect(try gate("  - tcp: 80\n    vantage: peer\n").address?.description == "10.1.0.1")
        #expect(try gate("  - command: test 1\n    vantage: controller\n").address?.description == "10.1.0.1")
        #expect(try gate("  - tcp: 80\n").address == nil)
        #expect(try gate("  - tcp: 80\n    scope: role\n").scope == .role)
    }

    @Test(
        "what can never be asked is an error",
        arguments: [
            (
                "  - unit: a.service\n    vantage: peer\n",
                "role.yaml:4:14 a unit can only be asked on the host itself; vantage: self"
            ),
            (
                "  - http: http://127.0.0.1:80/\n    vantage: controller\n",
                "role.yaml:4:14 http://127.0.0.1:80/ is whoever asks: from another host it says nothing of this one; ask {{ host.address }}, or leave out vantage"
            ),
            (
                "  - http: \"http://[::1]/\"\n    vantage: peer\n",
                "role.yaml:4:14 http://[::1]/ is whoever asks: from another host it says nothing of this one; ask {{ host.address }}, or leave out vantage"
            ),
            (
                "  - http: http://a/\n    at: 127.0.0.2\n    vantage: peer\n",
                "role.yaml:5:14 http://a/ is whoever asks: from another host it says nothing of this one; ask {{ host.address }}, or leave out vantage"
            ),
            (
                "  - http: http://:80/\n",
                "role.yaml:3:11 \"http://:80/\" is not a URL; write http://HOST:PORT/PATH, or https://"
            ),
            (
                "  - http: http://a:99999/\n",
                "role.yaml:3:11 \"http://a:99999/\" is not a URL; write http://HOST:PORT/PATH, or https://"
            ),
        ])
    func impossible(_ gates: String, _ expected: String) {
        #expect(World("gates:\n" + gates).mistakes() == [expected])
    }

    @Test("a peer needs a role of two")
    func onlyMember() throws {
        var world = World("")
        world.files["Roles/db/role.yaml"] = "role: db\ngates:\n  - tcp: 80\n    vantage: peer\n"
        #expect(
            try world.check() == [
                "role.yaml:4:14 the gate can never be asked: role \"db\" has one member, and so no peer; when: count(hosts(\"db\")) > 1, or another vantage"
            ])
        world.files["Roles/db/role.yaml"]?.append("    when: count(hosts(\"db\")) > 1\n")
        #expect(try world.check() == [])
    }
}
