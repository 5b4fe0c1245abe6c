import Resources
import Testing

/// What only all resources of a host together show, by the kinds that recipes really have.
@Suite struct TogetherTests {
    private func mistakes(_ resources: String) -> [String] {
        var world = World("resources:\n" + resources)
        world.catalogue = .standard
        return world.mistakes()
    }

    @Test func aFileBelongsToOneResourceOrToManyLines() {
        let lines = """
            - line: [A=1, B=2]
              in: /etc/x
            - line: C=3
              in: /etc/x
              prefix: C=

            """
        #expect(mistakes(lines) == [])
        let file = "- file: /etc/x\n  content: a\n"
        let words = "both manage /etc/x; the other stands at Roles/web/role.yaml"
        for both in [lines + file, file + lines] {
            #expect(mistakes(both).contains { $0.contains(words) }, "\(mistakes(both))")
        }
        #expect(mistakes(file + file).contains { $0.contains("is declared twice") })
        #expect(mistakes(file + "- symlink: /etc/x\n  to: y\n").contains { $0.contains(words) })
    }

    @Test func linesThatReplaceEachOtherAreRefused() {
        let found = mistakes(
            """
            - line: Port 22
              in: /etc/x
              prefix: P
            - line: PermitRootLogin no
              in: /etc/x

            """)
        #expect(
            found == [
                "role.yaml:3:3 line:/etc/x: P replaces what line:/etc/x: PermitRootLogin no puts there; "
                    + "choose prefixes of which none begins the other's line"
            ], "\(found)")
    }
}
