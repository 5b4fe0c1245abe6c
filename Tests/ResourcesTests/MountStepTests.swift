import Model
import Resources
import Testing

/// Real mounts, in a mount namespace of their own. NFS itself is in no kernel that the tests run on: its options are tested
/// by cases, and a server that does not answer by a FUSE file system whose program reads nothing.
@Suite struct MountStepTests {
    private let facts = HostFacts.test(hasSystemd: false)

    private func world() async throws -> World {
        let world = try await World()
        let set = try await world.run(
            """
            printf '# first\\n\\n%s\\n' 'proc /proc proc defaults 0 0' >/etc/fstab && mkdir -p '/srv/one two' /srv/data &&
            echo inside >/srv/data/file
            """)
        #expect(set.status == 0, "\(set.errorText)")
        return world
    }
    private func mount(_ point: String, _ fields: [String: FieldValue]) throws -> MountResource {
        try MountResource(Fields(point, fields))
    }
    private func tmpfs(_ point: String, _ options: String...) throws -> MountResource {
        try mount(point, ["type": .text("tmpfs"), "options": .list(options)])
    }
    private func gone(_ point: String) throws -> MountResource { try mount(point, ["state": .text("absent")]) }

    private func converge(_ mount: MountResource, in world: World, _ shell: String = "/bin/dash") async throws
        -> [HostAnswer]
    {
        try await Shell.converge(mount, on: facts, shell: shell, prefix: world.prefix)
    }
    private func observe(_ mount: MountResource, in world: World, _ shell: String = "/bin/dash") async throws
        -> Observation
    {
        try await Shell.observe(mount, on: facts, shell: shell, prefix: world.prefix)
    }
    private func isRight(_ mount: MountResource, in world: World, _ shell: String = "/bin/dash") async throws -> Bool {
        try await Shell.needsNothing(mount, on: facts, shell: shell, prefix: world.prefix)
    }

    @Test(arguments: shells) func itIsMountedOnceAndItsLineIsOneAmongOthers(shell: String) async throws {
        let world = try await world()
        let scratch = try tmpfs("/srv/one two", "size=1m", "mode=0750", "noexec")
        let bind = try mount("/srv/deep/bind", ["type": .text("bind"), "source": .text("/srv/data")])
        for mount in [scratch, bind] {
            if mount.point == bind.point { _ = try await world.run("mkdir /srv/deep") }
            let answers = try await converge(mount, in: world, shell)
            #expect(answers.allSatisfy { $0.status == 0 } && answers.count == 3, "\(answers.map(\.errorText))")
            #expect(try await isRight(mount, in: world, shell) == true)
        }
        let text = try await world.run(
            "cat /etc/fstab /srv/deep/bind/file; stat -f -c %T '/srv/one two'; stat -c %a '/srv/one two'")
        #expect(
            text.outputText == """
                # first

                proc /proc proc defaults 0 0
                tmpfs /srv/one\\040two tmpfs nofail,size=1m,mode=0750,noexec 0 0
                /srv/data /srv/deep/bind none bind,nofail 0 0
                inside
                tmpfs
                750

                """)
        // The same mount written otherwise is the same.
        _ = try await world.run(
            "sed -i 's#^tmpfs .*#tmpfs\\t/srv/one\\\\040two/ tmpfs mode=750,noexec,nofail,size=1024k#' /etc/fstab")
        #expect(try await isRight(scratch, in: world, shell) == true)
        for mount in [scratch, bind] {
            let answers = try await converge(try gone(mount.point), in: world, shell)
            #expect(answers.allSatisfy { $0.status == 0 } && answers.count == 2, "\(answers.map(\.errorText))")
            #expect(try await observe(try gone(mount.point), in: world, shell) == .absent)
        }
        #expect(try await world.run("cat /etc/fstab").outputText == "# first\n\nproc /proc proc defaults 0 0\n")
    }

    @Test(arguments: shells) func driftOfEachTruthIsFoundByItself(shell: String) async throws {
        let world = try await world()
        let wanted = try tmpfs("/srv/m", "size=1m")
        _ = try await converge(wanted, in: world, shell)
        // Only the line: nothing is mounted again.
        let id = try await world.run("grep ' /srv/m ' /proc/self/mountinfo | cut -d' ' -f1").outputText
        _ = try await world.run(
            "printf '%s\\n' 'tmpfs /srv/m tmpfs size=9m 0 0' 'other /x ext4 noauto 0 0' 'tmpfs /srv/m/ tmpfs size=1m' >>/etc/fstab; sed -i '/nofail/d' /etc/fstab"
        )
        let lines = try await converge(wanted, in: world, shell)
        #expect(lines.last?.status == 0, "\(lines.map(\.errorText))")
        #expect(
            try await world.run("tail -n +4 /etc/fstab").outputText
                == "tmpfs /srv/m tmpfs nofail,size=1m 0 0\nother /x ext4 noauto 0 0\n")
        #expect(try await world.run("grep ' /srv/m ' /proc/self/mountinfo | cut -d' ' -f1").outputText == id)
        // Only the options: a remount keeps what is in it.
        _ = try await world.run("echo kept >/srv/m/kept; mount -o remount,ro,size=3m /srv/m")
        let drifted = try await observe(wanted, in: world, shell)
        #expect(drifted.state?["options"] == .list(["ro", "size=3072k"]), "\(drifted)")
        let remounted = try await converge(wanted, in: world, shell)
        #expect(remounted.map(\.status) == [0], "\(remounted.map(\.errorText))")
        #expect(try await isRight(wanted, in: world, shell) == true)
        #expect(try await world.run("cat /srv/m/kept").outputText == "kept\n")
        // Not mounted; mounted twice; something else mounted.
        for trouble: ShellText in [
            "umount /srv/m", "mount -t tmpfs again /srv/m", "umount /srv/m; mount --bind /srv/data /srv/m",
        ] {
            #expect(try await world.run(trouble).status == 0)
            let answers = try await converge(wanted, in: world, shell)
            #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
            #expect(try await isRight(wanted, in: world, shell) == true)
        }
        #expect(try await world.run("cat /srv/data/file").outputText == "inside\n")
    }

    @Test(arguments: shells) func whatIsInUseStaysMountedAndItsUsersAreNamed(shell: String) async throws {
        let world = try await world()
        let wanted = try tmpfs("/srv/m", "size=1m")
        _ = try await converge(wanted, in: world, shell)
        let user = try await world.run("cd /srv/m && { sleep 300 >/dev/null 2>&1 & echo $!; }")
        let pid = user.outputText.trimmingLine
        let answers = try await converge(try gone("/srv/m"), in: world, shell)
        _ = try await world.run("kill \(script: ShellText(script: pid))")
        #expect(answers.map(\.status) == [1])
        #expect(
            answers.last?.errorText.contains("/srv/m is in use and stays mounted: \(pid) (sleep)") == true,
            "\(answers.last?.errorText ?? "")")
        // It was asked before its line was taken out.
        #expect(try await isRight(wanted, in: world, shell) == true)
        _ = try await world.run("mkdir /srv/m/below && mount -t tmpfs x /srv/m/below")
        let nested = try await converge(try gone("/srv/m"), in: world, shell)
        #expect(nested.last?.errorText.contains("the mount /srv/m/below") == true, "\(nested.map(\.errorText))")
    }

    @Test(arguments: shells) func filesBeneathAreNamedAndNotHidden(shell: String) async throws {
        let world = try await world()
        let wanted = try tmpfs("/srv/m", "size=1m")
        _ = try await world.run("mkdir /srv/m && : >/srv/m/.setup-done")
        let observed = try await observe(wanted, in: world, shell)
        #expect(observed.reason?.contains("/srv/m holds files of its own that it would hide: .setup-done") == true)
        let change = Change(
            resource: wanted, action: .create, observed: .absent,
            differences: [
                Difference(key: "mounted", observed: nil, desired: true)
            ])
        let answers = try await Shell.perform(
            MountResource.steps(for: [change], on: facts), shell: shell, prefix: world.prefix)
        #expect(answers.last?.errorText.contains("would hide: .setup-done; move them away") == true)
        #expect(try await world.run("grep -c ' /srv/m ' /proc/self/mountinfo").outputText == "0\n")
    }

    /// A table that findmnt refuses does not get into its place, whoever wrote the line that is wrong.
    @Test func aTableThatIsNotRightChangesNothing() async throws {
        let world = try await world()
        _ = try await world.run("echo '/dev/missing /missing ext4 defaults 0 0' >>/etc/fstab")
        let before = try await world.run("cat /etc/fstab").outputText
        let answers = try await converge(try tmpfs("/srv/m"), in: world)
        #expect(answers.map(\.status) == [0, 1], "\(answers.map(\.errorText))")
        #expect(answers.last?.errorText.contains("/missing") == true, "\(answers.map(\.errorText))")
        #expect(answers.last?.errorText.contains("the new content is not valid; the old file stays") == true)
        #expect(try await world.run("cat /etc/fstab").outputText == before)
    }

    /// mount(8) calls it a success, because of `nofail`.
    @Test func aSourceThatIsMissingIsAFailure() async throws {
        let world = try await world()
        let wanted = try mount("/srv/m", ["type": .text("bind"), "source": .text("/srv/missing")])
        let answers = try await converge(wanted, in: world)
        #expect(answers.last?.status == 1)
        #expect(answers.last?.errorText.contains("/srv/m: nothing was mounted; does /srv/missing exist?") == true)
    }

    /// Each access hangs as on a hard NFS mount whose server is gone. Looking ends by itself.
    @Test(arguments: shells) func aDeadMountIsUnknownAndHoldsNobodyUp(shell: String) async throws {
        let world = try await world()
        let set = try await world.run(
            """
            mkdir /srv/dead && exec 3<>/dev/fuse &&
            mount -i -t fuse.sshfs -o fd=3,rootmode=40000,user_id=0,group_id=0 host:/share /srv/dead && echo mounted
            sleep 300 >/dev/null 2>&1 & echo $!
            """)
        let lines = set.outputText.split(separator: "\n").map(String.init)
        #expect(lines.first == "mounted", "\(set.errorText)")
        let wanted = try mount("/srv/dead", ["type": .text("fuse.sshfs"), "source": .text("host:/share")])
        let other = try tmpfs("/srv/one two", "size=1m")
        let requests = wanted.probes(on: facts) + other.probes(on: facts)
        let found = try await Shell.ask(
            MountBatch.self, requests.map(\.argument), on: facts, shell: shell, prefix: world.prefix)
        var answers = ProbeAnswers()
        for request in requests { answers[request] = found[request.argument] ?? .absent }
        #expect(
            wanted.observation(from: answers, on: facts).reason?.contains("does not answer: no answer within 10 s")
                == true)
        // The others' answers are there.
        #expect(other.observation(from: answers, on: facts) == .absent)
        // Its program has died: what it says then is said.
        _ = try await world.run("kill \(script: ShellText(script: lines.last ?? "0")); sleep 0.2")
        let dead = try await observe(wanted, in: world, shell)
        #expect(dead.reason?.contains("Transport endpoint is not connected") == true, "\(dead)")
        // Taken away by force.
        let removed = try await converge(try gone("/srv/dead"), in: world, shell)
        #expect(removed.allSatisfy { $0.status == 0 }, "\(removed.map(\.errorText))")
        #expect(try await observe(try gone("/srv/dead"), in: world, shell) == .absent)
    }

    @Test(arguments: [
        (
            "nowhere.invalid:/",
            "nowhere.invalid: its name does not resolve; an EFS has a name in each availability zone"
        ),
        ("localhost:/", "localhost: TCP 2049 is not answered within 3 s"),
    ]) func whyAServerCannotBeMountedIsSaid(source: String, words: String) async throws {
        let world = try await world()
        _ = try await world.run(
            "printf '#!/bin/sh\\nexit 99\\n' >/usr/sbin/mount.nfs; chmod 755 /usr/sbin/mount.nfs; mkdir /srv/n")
        let wanted = try mount("/srv/n", ["type": .text("nfs4"), "source": .text(source)])
        let change = Change(
            resource: wanted, action: .update, observed: .absent,
            differences: [
                Difference(key: "mounted", observed: false, desired: true)
            ])
        let answers = try await Shell.perform(
            MountResource.steps(for: [change], on: facts), prefix: world.prefix)
        #expect(answers.last?.errorText.contains(words) == true, "\(answers.last?.errorText ?? "")")
    }
}

extension String {
    fileprivate var trimmingLine: String { String(prefix { $0 != "\n" }) }
}
