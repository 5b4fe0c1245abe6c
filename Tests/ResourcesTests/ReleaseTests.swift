import Glibc
import Model
import Resources
import Testing

/// Releases, really installed by the shells of the hosts.
@Suite struct ReleaseTests {
    /// A folder with releases, archives and a stand-in for what an installer makes.
    private struct Host {
        let scratch: Scratch
        let shell: String
        var path: String { scratch.path }

        init(_ shell: String) async throws {
            scratch = try Scratch()
            self.shell = shell
            mkdir(path + "/releases", 0o755)
            for version in ["1", "2", "3"] { try await pack(version) }
        }

        /// An archive whose installer does what the file `orders` beside the product says.
        func pack(_ version: String) async throws {
            mkdir(path + "/content", 0o755)
            try scratch.write("content/version", version + "\n")
            let answer = try await Shell.run(
                "cd \(word: path) && tar -c -z --sort=name --mtime=@0 -f \(word: "a-\(version).tar.gz") -C content .")
            guard answer.status == 0 else { throw Unfit("cannot pack: \(answer.errorText)") }
        }

        func sum(_ version: String) async throws -> String {
            let answer = try await Shell.run("sha256sum <\(word: "\(path)/a-\(version).tar.gz")")
            return String(answer.outputText.prefix(64))
        }

        func release(_ version: String, _ more: [String: FieldValue] = [:]) async throws -> ReleaseResource {
            let product = path + "/product"
            var values: [String: FieldValue] = [
                "version": .text(version), "archive": .text("\(path)/a-\(version).tar.gz"),
                "sha256": .text(try await sum(version)), "folder": .text(path + "/releases"),
                "current": .text(path + "/current"), "creates": .list([product]),
                "install": .text(
                    "cat version; cp version '\(product)'; if [ -f '\(path)/bad' ]; then . '\(path)/bad'; fi"),
                "refuse_log": .text("ERROR|Traceback"), "limit": .duration(.seconds(5)),
                "ready": .text("grep -qx \(version) '\(product)' && ! [ -e '\(path)/red' ]"),
                "ready_deadline": .duration(.seconds(1)), "ready_interval": .duration(.milliseconds(50)),
            ]
            values.merge(more) { _, new in new }
            return try ReleaseResource(Fields("app", values))
        }

        /// With a lock of the test's own: the machine may run other tests.
        func script(_ change: Change<ReleaseResource>) -> ShellText {
            let text = ReleaseResource.steps(for: [change], on: .test()).map(\.script.text).joined()
            return ShellText(
                script: text.replacing("/run/lock/cso-install", with: path + "/lock")
                    .replacing("/var/lib/cso-provision", with: path + "/state"))
        }
        func apply(_ release: ReleaseResource) async throws -> HostAnswer? {
            let observed = try await Shell.observe(release, shell: shell)
            let desired = release.desired(with: SecretBook(), on: .test())
            guard let change = Difference.change(release, observed: observed, desired: desired) else { return nil }
            return try await Shell.run(script(change), shell: shell)
        }
        func isRight(_ release: ReleaseResource) async throws -> Bool {
            try await Shell.needsNothing(release, shell: shell)
        }
        var product: String? { try? scratch.text("product") }
        var current: String {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = readlink(path + "/current", &buffer, buffer.count)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
        var directories: [String] { CaseTests.entries(of: path + "/releases") }
        func marker() -> String? { try? scratch.text("releases/.app/marker") }
        /// Nothing half-made lies about.
        func leftovers() async throws -> String {
            try await Shell.run("find \(word: path + "/releases") -name '*.cso-tmp'").outputText
        }
    }

    @Test(arguments: shells) func installsOnceAndIsThenRight(shell: String) async throws {
        let host = try await Host(shell)
        let release = try await host.release("1")
        let answer = try #require(try await host.apply(release))
        #expect(answer.status == 0, "\(answer.errorText)")
        #expect(host.product == "1\n" && host.current == host.path + "/releases/1")
        #expect(try await host.isRight(release))
        let log = try #require(host.scratch.status("releases/.app/1.log"))
        #expect(log.st_mode & 0o777 == 0o600)
        #expect(host.scratch.status("releases/1")?.st_mode == mode_t(S_IFDIR) | 0o750)
        #expect(try await host.leftovers().isEmpty)
        // What the installer made is gone: it is run again, beside the release that is marked.
        unlink(host.path + "/product")
        #expect(try await host.apply(release)?.status == 0)
        #expect(host.product == "1\n")
        #expect(try await host.isRight(release))
        // A turned link is turned back without the installer.
        unlink(host.path + "/current")
        symlink("/elsewhere", host.path + "/current")
        try host.scratch.write("bad", "exit 9")
        #expect(try await host.apply(release)?.status == 0)
        #expect(try await host.isRight(release))
    }

    @Test(arguments: shells) func anotherArchiveChangesNothing(shell: String) async throws {
        let host = try await Host(shell)
        let wrong = try await host.release("1", ["sha256": .text(String(repeating: "a", count: 64))])
        let answer = try #require(try await host.apply(wrong))
        #expect(answer.status == 1 && answer.errorText.contains("is not the archive that the recipe pins"))
        #expect(host.directories.isEmpty && host.product == nil && host.current.isEmpty)
        let missing = try await host.release("1", ["archive": .text(host.path + "/none.tar.gz")])
        #expect(try await host.apply(missing)?.errorText.contains("there is no such archive") == true)
        #expect(host.directories.isEmpty)
    }

    @Test(arguments: shells) func goesBackToTheEarlierRelease(shell: String) async throws {
        let host = try await Host(shell)
        let first = try await host.release("1")
        let second = try await host.release("2")
        #expect(try await host.apply(first)?.status == 0)
        for (bad, words) in [
            ("echo 'ERROR it broke'", "the installer ended with 0, but its log says: ERROR it broke"),
            ("exit 3", "the installer ended with status 3"),
            ("rm '\(host.path)/product'", "the installer made no"),
            ("kill -KILL $$", "the installer ended with status 137"),
            ("sleep 60", "time limit of 5 s had passed"),
            ("echo x >'\(host.path)/product'", "its gate did not hold within 1 s"),
        ] {
            try host.scratch.write("bad", "if [ $(cat version) = 2 ]; then \(bad); fi")
            let answer = try #require(try await host.apply(second))
            #expect(answer.status == 1)
            let last = answer.errorText.split(separator: "\n").last ?? ""
            #expect(
                last.contains(words) && last.contains("returned to release 1, which passed its gate"),
                "\(answer.errorText)")
            #expect(host.product == "1\n" && host.current == host.path + "/releases/1")
            #expect(host.directories == ["1"])
            #expect(try await host.isRight(first))
            #expect(try await !host.isRight(second))
            #expect(try await host.leftovers().isEmpty)
        }
        try host.scratch.write("bad", ":")
        #expect(try await host.apply(second)?.status == 0)
        #expect(try await host.isRight(second))
        #expect(host.directories == ["1", "2"])
    }

    @Test(arguments: shells) func saysWhenThereIsNothingToReturnTo(shell: String) async throws {
        let host = try await Host(shell)
        let release = try await host.release("1")
        try host.scratch.write("red", "")
        let answer = try #require(try await host.apply(release))
        #expect(answer.errorText.contains("there is no earlier release to return to"))
        #expect(host.marker() == nil)
        #expect(try await !host.isRight(release))
        unlink(host.path + "/red")
        #expect(try await host.apply(release)?.status == 0)
        #expect(try await host.isRight(release))
        // Both are bad: nothing is marked, the next run begins anew, and knows what was there.
        try host.scratch.write("red", "")
        let second = try await host.release("2")
        #expect(try await host.apply(second)?.errorText.contains("returning to release 1 failed too") == true)
        #expect(host.marker() == nil)
        unlink(host.path + "/red")
        try host.scratch.write("bad", "if [ $(cat version) = 2 ]; then exit 1; fi")
        #expect(try await host.apply(second)?.errorText.contains("returned to release 1") == true)
        #expect(try await host.isRight(first(host)))
    }

    private func first(_ host: Host) async throws -> ReleaseResource { try await host.release("1") }

    @Test(arguments: shells) func leavesWhatCannotGoBack(shell: String) async throws {
        let host = try await Host(shell)
        #expect(try await host.apply(try await host.release("1"))?.status == 0)
        try host.scratch.write("bad", "exit 3")
        let second = try await host.release("2", ["on_failure": .text("leave")])
        #expect(try await host.apply(second)?.errorText.contains("it is left as it is and not marked") == true)
        #expect(host.product == "2\n" && host.marker() == nil)
        let rolling = try await host.release("2", ["rollback": .text("cat version; cp version '\(host.path)/product'")])
        #expect(try await host.apply(rolling)?.errorText.contains("returned to release 1") == true)
        #expect(host.product == "1\n")
    }

    /// The step is killed with everything it started while the installer runs; the next run puts it right.
    @Test(arguments: shells) func recoversWhatWasCutOff(shell: String) async throws {
        let host = try await Host(shell)
        let first = try await host.release("1")
        #expect(try await host.apply(first)?.status == 0)
        let second = try await host.release("2", ["limit": .duration(.seconds(50))])
        try host.scratch.write("bad", "sleep 50")
        let observed = try await Shell.observe(second, shell: shell)
        let change = try #require(
            Difference.change(second, observed: observed, desired: second.desired(with: SecretBook(), on: .test())))
        await #expect(throws: (any Error).self) {
            _ = try await Shell.run(host.script(change), shell: shell, seconds: 3)
        }
        // The installer was in a process group of its own, as timeout makes it; a host's unit takes it along.
        _ = try await Shell.run(
            "for p in $(pgrep -f \(word: host.path + "/releases/.app/2.install")); do kill -KILL $p; done; sleep 0.2")
        #expect(host.marker() == nil)
        try host.scratch.write("bad", ":")
        guard case .present(let state) = try await Shell.observe(second, shell: shell) else {
            Issue.record("not seen")
            return
        }
        #expect(state["version"] == "an installation that did not end; 1 was there before it")
        // Another release than the one that was cut off: nothing of that one stays.
        let third = try await host.release("3")
        #expect(try await host.apply(third)?.status == 0)
        #expect(host.directories == ["1", "3"])
        #expect(try await host.isRight(third))
        #expect(try await host.leftovers().isEmpty)
    }

    @Test(arguments: shells) func keepsSoManyAndIsRemoved(shell: String) async throws {
        let host = try await Host(shell)
        for version in ["1", "2", "3"] {
            #expect(try await host.apply(try await host.release(version))?.status == 0)
        }
        #expect(host.directories == ["2", "3"])
        #expect(CaseTests.entries(of: host.path + "/releases/.app").isEmpty == false)
        #expect(try await host.apply(try await host.release("1", ["keep": .number(2)]))?.status == 0)
        #expect(host.directories == ["1", "2", "3"])
        #expect(try await host.apply(try await host.release("1"))?.status == 0)
        #expect(host.directories == ["1", "3"])
        // The same version from another archive lies beside the one that is used.
        try host.scratch.write("more", "x")
        _ = try await Shell.run("cd \(word: host.path) && echo y >content/y")
        try await host.pack("1")
        let again = try await host.release("1")
        #expect(try await host.apply(again)?.status == 0)
        #expect(host.directories == ["1", "1-" + String(try await host.sum("1").prefix(12))])
        #expect(try await host.isRight(again))
        let gone = try ReleaseResource(
            Fields(
                "app",
                [
                    "state": .text("absent"), "folder": .text(host.path + "/releases"),
                    "current": .text(host.path + "/current"), "uninstall": .text("rm '\(host.path)/product'"),
                ]))
        #expect(try await host.apply(gone)?.status == 0)
        #expect(host.directories.isEmpty && host.product == nil && host.current.isEmpty)
        #expect(host.scratch.status("releases/.app") == nil)
        #expect(try await host.isRight(gone))
    }

    @Test(arguments: shells) func isInstalledAgainForWhatItReads(shell: String) async throws {
        let host = try await Host(shell)
        mkdir(host.path + "/app", 0o755)
        try host.scratch.write("settings", "a=1")
        let more: [String: FieldValue] = [
            "inputs": .list([host.path + "/settings"]), "backup": .list([host.path + "/app"]),
            "backup_without": .list([host.path + "/app/keys"]),
            "install": .text(
                "cat '\(host.path)/settings' >'\(host.path)/app/read'; : >'\(host.path)/app/keys'; cp version '\(host.path)/product'; "
                    + "if [ -f '\(host.path)/bad' ]; then . '\(host.path)/bad'; fi"),
        ]
        func inputs() async throws -> StateValue? {
            try await Shell.observe(try await host.release("1", more), shell: shell).state?["inputs"]
        }
        func backups() -> [String] { CaseTests.entries(of: host.path + "/releases/.app/backup") }
        #expect(try await host.apply(try await host.release("1", more))?.status == 0)
        #expect(try await inputs() == .list([]))
        #expect(backups().isEmpty)
        try host.scratch.write("settings", "a=2")
        #expect(try await inputs() == .list([host.path + "/settings"]))
        #expect(try await host.apply(try await host.release("1", more))?.status == 0)
        #expect(try host.scratch.text("app/read") == "a=2")
        #expect(try await host.isRight(try await host.release("1", more)))
        // As it was before, without what was to be left out; readable for root alone.
        let kept = try await Shell.run(
            "cd \(word: host.path)/releases/.app/backup && tar -xOf *.gz --wildcards '*/read' && tar -tf *.gz && stat -c %a *.gz ."
        )
        #expect(kept.outputText.hasPrefix("a=1") && !kept.outputText.contains("keys"), "\(kept)")
        #expect(kept.outputText.hasSuffix("600\n700\n"))
        // Another release fails: the earlier one is put in again, of what is there now.
        try host.scratch.write("settings", "a=3")
        try host.scratch.write("bad", "if grep -q 2 version; then exit 3; fi\n")
        let failed = try #require(try await host.apply(try await host.release("2", more)))
        #expect(failed.status == 1 && failed.errorText.contains("returned to release 1"), "\(failed.errorText)")
        #expect(try await inputs() == .list([]))
        // An installation that did not end is no backup of anything.
        _ = try await Shell.run("mv \(word: host.path)/releases/.app/marker \(word: host.path)/releases/.app/previous")
        let before = backups()
        #expect(try await host.apply(try await host.release("1", more))?.status == 0)
        #expect(backups() == before && before.count == 2)
        #expect(try await host.leftovers().isEmpty)
    }

    @Test func twoInstallersNeverRunAtOnce() async throws {
        let host = try await Host("/bin/dash")
        let release = try await host.release("1")
        let work = host.script(Change(resource: release, action: .create, observed: .absent, differences: []))
        let script: ShellText = "flock -n \(word: host.path + "/lock") sh -c \(word: work.text)"
        let answer = try await Shell.run(script)
        #expect(answer.status == 1 && answer.errorText.contains("another installer is at work on this host"))
        #expect(host.directories.isEmpty)
    }

    @Test func aNetworkShareIsNoPlaceForIt() async throws {
        let host = try await Host("/bin/dash")
        let release = try await host.release("1", ["folder": .text("/opt/scripts/releases")])
        var facts = HostFacts.test()
        facts.mounts.append(.init(point: "/opt/scripts", type: "nfs4", source: "fs:/", options: ["rw"]))
        let observed = release.observation(from: ProbeAnswers(), on: facts)
        guard case .unknown(let reason) = observed else {
            Issue.record("\(observed)")
            return
        }
        #expect(reason.contains("lies on the network mount /opt/scripts"))
    }

    @Test func mistakesAreSaidTogether() throws {
        do {
            _ = try ReleaseResource(
                Fields(
                    "App",
                    ["version": .text("../1"), "archive": .text("/a/b"), "sha256": .text("abc"), "keep": .number(0)]))
            Issue.record("taken")
        } catch {
            let words = error.all.map(\.message).joined(separator: "\n")
            for part in ["name of a release", "not a version", "does not say what it is", "is no SHA-256", "keep is"] {
                #expect(words.contains(part), "\(words)")
            }
        }
    }
}
