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

    @Test func aTimerStartsWhatIsDeclaredBeforeIt() {
        let timer = "- timer: backup.timer\n  calendar: daily\n"
        let unit = "- unit: backup.service\n  content: x\n"
        #expect(mistakes(unit + timer) == [])
        #expect(mistakes("- service: backup.service\n" + timer) == [])
        #expect(mistakes("- timer: backup.timer\n  state: absent\n") == [])
        let instance = "- unit: b@.service\n  content: x\n- timer: b.timer\n  calendar: daily\n  starts: b@1.service\n"
        #expect(mistakes(instance) == [])
        let missing = "timer:backup.timer starts backup.service, which no unit or service before it declares"
        #expect(mistakes(timer + unit) == ["role.yaml:3:3 \(missing); there are none"])
        #expect(
            mistakes("- unit: backups.service\n  content: x\n" + timer) == [
                "role.yaml:5:3 \(missing); did you mean \"backups.service\"?"
            ])
    }
}
