import Model
import Resources
import Testing

/// Against a systemctl that is told what to answer and refuses everything else; the fleet's tests use a real one.
@Suite struct ServiceStepTests {
    /// Keeps a unit's state in files below /tmp/unit; `behaviour` is shell run at `start`.
    private func world(startsBy behaviour: String) async throws -> World {
        let world = try await World()
        let set = try await world.run(
            """
            mkdir -p /tmp/unit && cd /tmp/unit && echo inactive >active && echo disabled >file && echo 0 >pid && : >calls
            mkdir -p /var/lib/cso-provision/owed && cd /var/lib/cso-provision/owed && : >restart:x.service && : >reload:x.service && : >reload:y.service
            cat >/usr/bin/systemctl <<'END'
            #!/bin/bash
            echo "$*" >>/tmp/unit/calls
            cd /tmp/unit || exit 9
            case $* in
            'show -p ActiveState -p MainPID -p NRestarts -- x.service') printf 'ActiveState=%s\\nMainPID=%s\\nNRestarts=0\\n' "$(cat active)" "$(cat pid)" ;;
            'show -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p NeedDaemonReload -- x.service')
            printf 'Id=x.service\\nLoadState=loaded\\nActiveState=%s\\nSubState=x\\nUnitFileState=%s\\nNeedDaemonReload=no\\n' "$(cat active)" "$(cat file)" ;;
            'reset-failed -- x.service') ;;
            'start -- x.service') . ./behaviour ;;
            'stop -- x.service') echo inactive >active ;;
            '-q enable -- x.service') [ "$(cat file)" = static ] || echo enabled >file ;;
            '-q disable -- x.service') echo disabled >file ;;
            'is-enabled -- x.service') cat file; [ "$(cat file)" = enabled ] || [ "$(cat file)" = static ] ;;
            'status --no-pager --full -n 20 -- x.service') echo 'last words of the journal' ;;
            *) echo "not told: $*" >&2; exit 99 ;;
            esac
            END
            chmod 755 /usr/bin/systemctl
            """)
        #expect(set.status == 0, "\(set.errorText)")
        _ = try await world.run("printf '%s\\n' \(word: behaviour) >/tmp/unit/behaviour")
        return world
    }
    private func service(_ fields: [String: FieldValue] = [:]) throws -> ServiceResource {
        try ServiceResource(Fields("x.service", fields))
    }
    private func owed(in world: World) async throws -> String {
        try await world.run("ls /var/lib/cso-provision/owed").outputText
    }

    @Test(arguments: shells) func aStartSettlesWhatTheUnitOwes(shell: String) async throws {
        let world = try await world(startsBy: "echo active >active; echo 42 >pid")
        let answers = try await Shell.converge(try service(), shell: shell, prefix: world.prefix)
        #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
        #expect(try await owed(in: world) == "reload:y.service\n")
        #expect(try await Shell.needsNothing(try service(), shell: shell, prefix: world.prefix) == true)
        let stopped = try service(["running": .flag(false)])
        #expect(try await Shell.converge(stopped, shell: shell, prefix: world.prefix).map(\.status) == [0])
        let gone = try service(["state": .text("absent")])
        #expect(try await Shell.converge(gone, shell: shell, prefix: world.prefix).map(\.status) == [0])
        #expect(try await Shell.observe(gone, shell: shell, prefix: world.prefix) == .absent)
    }

    /// A start that took place has settled what was owed, even if the unit dies later: the next run starts it again.
    @Test(arguments: [
        ("exit 1", "x.service: cannot be started", "reload:x.service\nreload:y.service\nrestart:x.service\n"),
        ("echo failed >active", "x.service: does not stay up", "reload:y.service\n"),
        // Restart= gives it a new main process again and again.
        (
            "echo active >active; (for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do echo $i >pid; sleep 0.4; done) >/dev/null 2>&1 &",
            "does not stay up", "reload:y.service\n"
        ),
    ])
    func aServiceThatDoesNotStayUpFails(behaviour: String, words: String, notes: String) async throws {
        let world = try await world(startsBy: behaviour)
        let answers = try await Shell.converge(try service(), prefix: world.prefix)
        #expect(answers.last?.status == 1)
        #expect(answers.last?.errorText.contains(words) == true, "\(answers.last?.errorText ?? "")")
        #expect(answers.last?.errorText.contains("last words of the journal") == true)
        #expect(try await owed(in: world) == notes)
    }

    @Test func aUnitWithoutInstallSectionIsNotCalledEnabled() async throws {
        let world = try await world(startsBy: "echo active >active")
        _ = try await world.run("echo static >/tmp/unit/file")
        let observed = try await Shell.observe(try service(), prefix: world.prefix)
        #expect(observed.state?["enabled"] == "static")
        let answers = try await Shell.converge(try service(), prefix: world.prefix)
        #expect(answers.last?.status == 1)
        #expect(answers.last?.errorText.contains("has no [Install] section") == true)
        let fine = try service(["enabled": .flag(false), "running": .flag(false)])
        #expect(try await Shell.needsNothing(fine, prefix: world.prefix) == true)
    }
}
