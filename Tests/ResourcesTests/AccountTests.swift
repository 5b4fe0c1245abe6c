import Model
import Resources
import Testing

/// On a copy of this machine's own accounts.
@Suite struct AccountTests {
    /// With the local files as the only source the shell reads them itself; with another one getent is asked.
    @Test(arguments: shells, ["files", "files sss"])
    func aUserIsMadeChangedAndRemoved(shell: String, sources: String) async throws {
        let world = try await World()
        let chosen = try await world.run(
            """
            sed -i -E "s/^(passwd|group):.*/\\\\1: "\(word: sources)/ /etc/nsswitch.conf
            grep -cE '^(passwd|group): '\(word: sources)'$' /etc/nsswitch.conf
            """)
        #expect(chosen.outputText == "2\n")
        let group = try GroupResource(Fields("cso-ecs", ["gid": .number(41234)]))
        let extra = try GroupResource(Fields("cso-extra", ["system": .flag(true)]))
        for resource in [group, extra] {
            let answers = try await Shell.converge(resource, shell: shell, prefix: world.prefix)
            #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
            let again = try await Shell.converge(resource, shell: shell, prefix: world.prefix)
            #expect(again.isEmpty)
        }
        var fields: [String: FieldValue] = [
            "uid": .number(41234), "group": .text("cso-ecs"), "groups": .list(["cso-extra", "daemon"]),
            "home": .text("/srv/it's home"), "shell": .text("/bin/sh"), "comment": .text("a \"user\" of $(ours)"),
        ]
        let user = try UserResource(Fields("cso-ecs", fields))
        let made = try await Shell.converge(user, shell: shell, prefix: world.prefix)
        #expect(made.map(\.status) == [0], "\(made.map(\.errorText))")
        let second = try await Shell.converge(user, shell: shell, prefix: world.prefix)
        #expect(second.isEmpty)
        let line = try await world.run(
            "getent passwd cso-ecs; getent shadow cso-ecs; [ -d \"/srv/it's home\" ]; echo $?")
        let lines = line.outputText.split(separator: "\n")
        #expect(lines[0] == "cso-ecs:x:41234:41234:a \"user\" of $(ours):/srv/it's home:/bin/sh")
        #expect(lines[1].hasPrefix("cso-ecs:!"), "the password is locked")
        #expect(lines[2] == "0")

        // By hand somebody has taken it out of a group and changed its shell; another group of its own stays.
        _ = try await world.run("gpasswd -d cso-ecs daemon; usermod -s /bin/bash -aG sys cso-ecs")
        let drifted = try await Shell.observe(user, prefix: world.prefix)
        #expect(drifted.state?["groups"] == .list(["cso-extra"]) && drifted.state?["shell"] == "/bin/bash")
        let mended = try await Shell.converge(user, shell: shell, prefix: world.prefix)
        #expect(mended.map(\.status) == [0], "\(mended.map(\.errorText))")
        let groups = try await world.run("id -Gn cso-ecs").outputText.trimmingSuffix()
        #expect(Set(groups.split(separator: " ")) == ["cso-ecs", "cso-extra", "daemon", "sys"])

        fields["state"] = .text("absent")
        let gone = try UserResource(Fields("cso-ecs", fields))
        #expect(try await Shell.converge(gone, shell: shell, prefix: world.prefix).map(\.status) == [0])
        #expect(try await Shell.observe(gone, prefix: world.prefix) == .absent)
        #expect(try await world.run("[ -d \"/srv/it's home\" ]").status == 0, "the home stays")
        let noGroup = try GroupResource(Fields("cso-ecs", ["state": .text("absent")]))
        _ = try await Shell.converge(noGroup, shell: shell, prefix: world.prefix)
        #expect(try await Shell.observe(noGroup, prefix: world.prefix) == .absent)
    }

    /// A number in somebody else's hands, or an account with another number, is found before anything is changed.
    @Test func numbersAreNeverTakenNorChanged() async throws {
        let taken = try UserResource(Fields("cso-new", ["uid": .number(1)]))
        #expect(try await Shell.observe(taken) == .unknown(reason: "uid 1 belongs to user daemon"))
        let other = try await Shell.observe(try UserResource(Fields("daemon", ["uid": .number(41235)])))
        #expect(other.reason?.hasPrefix("its uid is 1, not 41235") == true)
        let group = try GroupResource(Fields("cso-new", ["gid": .number(1)]))
        #expect(try await Shell.observe(group) == .unknown(reason: "gid 1 belongs to group daemon"))
        let moved = try await Shell.observe(try GroupResource(Fields("daemon", ["gid": .number(41235)])))
        #expect(moved.reason?.hasPrefix("its gid is 1, not 41235") == true)
    }

    /// A run that was cut off between useradd and the end runs the same step again.
    @Test func theStepsOfAUserMayRunTwice() async throws {
        let world = try await World()
        let user = try UserResource(Fields("cso-two", ["uid": .number(41236), "system": .flag(true)]))
        let steps = UserResource.steps(
            for: [Change(resource: user, action: .create, observed: .absent, differences: [])], on: .test())
        for _ in 1...2 {
            #expect(try await Shell.perform(steps, prefix: world.prefix).map(\.status) == [0])
        }
        // In between another one has taken the number.
        let late = try UserResource(Fields("cso-late", ["uid": .number(41236)]))
        let refused = try await Shell.perform(
            UserResource.steps(
                for: [Change(resource: late, action: .create, observed: .absent, differences: [])], on: .test()),
            prefix: world.prefix)
        #expect(refused.last?.status == 1)
        #expect(try await world.run("getent passwd cso-late").status == 2)
    }

    @Test func aDirectoryServiceThatIsDownProvesNothing() {
        let answer = HostAnswer(output: Array("root:x:0:0:root:/root:/bin/sh\r\nx".utf8), status: 137)
        let found = UserBatch.parse(answer, arguments: ["root", "ecs"], on: .test())
        #expect(found["root"]?.state?["uid"] == 0)
        #expect(found["ecs"] == .unknown(reason: "getent gave no answer (waited 10 s)"))
        let complete = UserBatch.parse(HostAnswer(output: [], status: 2), arguments: ["ecs"], on: .test())
        #expect(complete["ecs"] == .absent)
    }
}

extension Observation {
    var reason: String? {
        if case .unknown(let reason) = self { reason } else { nil }
    }
}

extension String {
    func trimmingSuffix() -> String { hasSuffix("\n") ? String(dropLast()) : self }
}
