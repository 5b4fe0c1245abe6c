import Glibc
import Model
import Resources
import Testing

/// Names that a wrong quote anywhere would break.
let awkwardNames = [
    "with blank", "it's", "\"quoted\"", "line\nbreak", "-dash", "100%d", "$(id)", "`id`", "back\\slash", "tab\tname",
    "größe", "*", "\u{7}bell", "trailing ", "a:b", "x\u{301}",
]

@Suite struct PathProbeTests {
    @Test(arguments: shells) func awkwardNamesAreFoundOrProvenAbsent(shell: String) async throws {
        let scratch = try Scratch()
        for name in awkwardNames { try scratch.write(name, name) }
        let there = awkwardNames.map { "\(scratch.path)/\($0)" }
        let missing = awkwardNames.map { "\(scratch.path)/no \($0)" }
        let found = try await Shell.ask(PathBatch.self, there + missing, shell: shell)
        for path in there { #expect(found[path]?.state?["type"] == "file", "\(path.debugDescription)") }
        for path in missing { #expect(found[path] == .absent, "\(path.debugDescription)") }

        let digests = try await Shell.ask(DigestBatch.self, there + missing, shell: shell)
        for (path, name) in zip(there, awkwardNames) {
            #expect(digests[path] == .present(["sha256": .text(Digest.sha256(Array(name.utf8)))]))
        }
        for path in missing { #expect(digests[path] == .absent, "\(path.debugDescription)") }
    }

    @Test func tellsTypesAndModes() async throws {
        let scratch = try Scratch()
        try scratch.write("file", "four")
        chmod(scratch.path + "/file", 0o4640)
        mkdir(scratch.path + "/folder", 0o2755)
        chmod(scratch.path + "/folder", 0o2755)
        symlink("/no where", scratch.path + "/link")
        mkfifo(scratch.path + "/fifo", 0o600)
        let paths = ["file", "folder", "link", "fifo", "file/below"].map { "\(scratch.path)/\($0)" } + ["relative"]
        let found = try await Shell.ask(PathBatch.self, paths)
        let file = try #require(found[paths[0]]?.state)
        #expect(file["mode"] == "4640" && file["size"] == 4 && file["owner"] == "root" && file["gid"] == 0)
        #expect(file["inode"] == .number(Int(try #require(scratch.status("file")).st_ino)))
        #expect(found[paths[1]]?.state?["type"] == "directory")
        #expect(found[paths[1]]?.state?["mode"] == "2755")
        #expect(found[paths[2]]?.state?["type"] == "symlink")
        #expect(found[paths[2]]?.state?["target"] == "/no where")
        #expect(found[paths[3]]?.state?["type"] == "fifo")
        #expect(found[paths[4]] == .absent, "below a file there is nothing")
        #expect(found["relative"] == .unknown(reason: "not an absolute path"))
    }

    /// What is not a regular file must not be opened: a fifo would hang, a link would lead elsewhere.
    @Test func digestsOnlyRegularFilesUpToTheLimit() async throws {
        let scratch = try Scratch()
        try scratch.write("file", "x")
        symlink("file", scratch.path + "/link")
        mkfifo(scratch.path + "/fifo", 0o600)
        mkdir(scratch.path + "/folder", 0o755)
        try scratch.write("limit", "")
        try scratch.write("beyond", "")
        truncate(scratch.path + "/limit", 16 << 20)
        truncate(scratch.path + "/beyond", (16 << 20) + 1)
        let paths = ["file", "link", "fifo", "folder", "limit", "beyond"].map { "\(scratch.path)/\($0)" }
        let found = try await Shell.ask(DigestBatch.self, paths)
        #expect(found[paths[0]]?.state != nil && found[paths[4]]?.state != nil)
        for path in [paths[1], paths[2], paths[3], paths[5]] {
            #expect(found[path] == .unknown(reason: "not a regular file of at most 16 MB"))
        }
        let whole = try await Shell.ask(WholeDigestBatch.self, paths)
        #expect(whole[paths[5]]?.state?["sha256"]?.text?.count == 64)
    }

    /// The mounts are only named here: that they are asked apart is seen from a `find` that refuses to look at them.
    @Test(arguments: shells) func whatLiesOnANetworkMountCannotTakeTheRestWithIt(shell: String) async throws {
        let world = try await World()
        let set = try await world.run(
            """
            mkdir -p /srv/t/it\\'s/efs/deep /srv/t/local && : > /srv/t/it\\'s/efs/file && : > /srv/t/local/file &&
            ln -s it\\'s/efs /srv/t/relative && ln -s /srv/t/relative/deep /srv/t/twice && ln -s ../t/local /srv/t/near &&
            ln -s loop /srv/t/loop && mv /usr/bin/find /usr/bin/find.real && cat >/usr/bin/find <<'END'
            #!/bin/bash
            for word; do case $word in *efs*|*relative/*|*twice/*) exec sleep 60 ;; esac; done
            exec -a find /usr/bin/find.real "$@"
            END
            chmod 755 /usr/bin/find
            """)
        #expect(set.status == 0, "\(set.errorText)")
        let hung = ["/srv/t/it's/efs", "/srv/t/it's/efs/file", "/srv/t/relative/file", "/srv/t/twice/no"]
        let fine = ["/srv/t/local/file", "/srv/t/near/file", "/srv/t/relative", "/srv/t/no", "/srv/t/it's"]
        let facts = HostFacts.test(networkMounts: ["/srv/t/it's/efs"])
        let start = ContinuousClock.now
        let found = try await Shell.ask(
            PathBatch.self, hung + fine + ["/srv/t/loop/x"], on: facts, shell: shell, prefix: world.prefix)
        #expect(ContinuousClock.now - start < .seconds(15))
        for path in hung {
            #expect(found[path] == .unknown(reason: "its network mount does not answer (waited 5 s)"), "\(path)")
        }
        for path in fine.dropLast(2) { #expect(found[path]?.state != nil, "\(path)") }
        #expect(found["/srv/t/no"] == .absent)
        #expect(found["/srv/t/it's"]?.state?["type"] == "directory")
        #expect(found["/srv/t/loop/x"] == .unknown(reason: "Too many levels of symbolic links"))
    }

    @Test func aBrokenAnswerProvesNothing() {
        let paths = ["/a", "/ab", "/c"]
        // Killed in the middle of the second record: its path is cut, the third one was never reached.
        let answer = HostAnswer(
            output: Array(
                "f\t644\troot\t0\troot\t0\t1\t1.5\t1\t2\0/a\0\0.\0f\t644\troot\t0\troot\t0\t1\t1.5\t1\t3\0/a".utf8)
                + Array("/\0=\0local\0137\0.\0".utf8))
        let found = PathBatch.parse(answer, arguments: paths, on: .test())
        #expect(found["/a"]?.state?["inode"] == 2)
        #expect(found["/ab"] == .unknown(reason: "no answer (waited 20 s)"))
        #expect(found["/c"] == .unknown(reason: "no answer (waited 20 s)"))
        let nothing = PathBatch.parse(HostAnswer(output: [], status: 137), arguments: paths, on: .test())
        #expect(nothing["/a"] == .unknown(reason: "the answer is not complete"))
    }

    @Test func textIsGivenWholeOrNotAtAll() async throws {
        let scratch = try Scratch()
        try scratch.write("text", "a\nb\n\n")
        try scratch.write("empty", "")
        try scratch.write("binary", [0x31, 0, 0x32, 0, 0x30, 0])
        try scratch.write("latin", [0xE9])
        try scratch.write("large", [UInt8](repeating: 0x61, count: 70000))
        let paths = ["text", "empty", "binary", "latin", "large", "missing", "text"].map { "\(scratch.path)/\($0)" }
        let found = try await Shell.ask(TextBatch.self, Array(paths.dropLast()))
        #expect(found[paths[0]] == .present(["text": "a\nb\n\n"]))
        #expect(found[paths[1]] == .present(["text": ""]))
        for path in paths[2...5] {
            if case .unknown = found[path] { continue }
            Issue.record("\(path) gave \(String(describing: found[path]))")
        }
    }
}

extension Observation {
    var state: State? {
        if case .present(let state) = self { state } else { nil }
    }
}
