import Glibc
import Model
import Resources
import Testing

/// Files over 16 MB, which are read whole only where no mark tells what they hold.
@Suite struct FileMarksTests {
    private static let size = 17 << 20
    private static let names = ["/srv/big", "/srv/it's a \\ big\none "]

    private struct Found {
        var digest: String?
        var isMarked: Bool
    }

    private func look(_ world: World, _ path: String, shell: String, isDeep: Bool = false) async throws -> Found {
        let question =
            isDeep
            ? WholeDigestBatch.deepQuestion(Self.names, on: .test())
            : WholeDigestBatch.question(Self.names, on: .test())
        let answer = try await Shell.run(question.script, shell: shell, prefix: world.prefix)
        let state = WholeDigestBatch.parse(answer, arguments: Self.names, on: .test())[path]?.state
        return Found(digest: state?["sha256"]?.text, isMarked: state?["isMarked"] == true)
    }

    /// Two files of 17 MB, the same in all runs.
    private func world() async throws -> World {
        let world = try await World()
        for (index, name) in Self.names.enumerated() {
            let made = try await world.run(
                "head -c \(Self.size) /dev/zero | tr '\\000' \(word: index == 0 ? "a" : "b") >\(word: name)")
            try #require(made.status == 0, "\(made.errorText)")
        }
        return world
    }

    private func mark(_ world: World, shell: String) async throws {
        let answer = try await Shell.run(
            FileMarks.step(marking: Self.names).script, shell: shell, prefix: world.prefix)
        try #require(answer.status == 0, "\(answer.errorText)")
    }

    private func digest(_ letter: UInt8, _ first: UInt8? = nil) -> String {
        var bytes = [UInt8](repeating: letter, count: Self.size)
        if let first { bytes[0] = first }
        return Digest.sha256(bytes)
    }

    @Test(arguments: shells) func aMarkIsBelievedUntilAnythingOfTheFileIsOther(shell: String) async throws {
        let world = try await world()
        let right = [digest(0x61), digest(0x62)]
        for (name, digest) in zip(Self.names, right) {
            let found = try await look(world, name, shell: shell)
            #expect(found.digest == digest && !found.isMarked, "without a mark it is read")
        }
        try await mark(world, shell: shell)
        for (name, digest) in zip(Self.names, right) {
            let found = try await look(world, name, shell: shell)
            #expect(found.digest == digest && found.isMarked)
        }
        // Written in place with its old time set again, and as long as before: only the time of change tells.
        let edited = try await world.run(
            """
            cd /srv && touch -r big /tmp/time && printf z | dd of=big conv=notrunc status=none && touch -r /tmp/time big
            """)
        try #require(edited.status == 0, "\(edited.errorText)")
        let found = try await look(world, Self.names[0], shell: shell)
        #expect(found.digest == digest(0x61, 0x7A) && !found.isMarked)
        let other = try await look(world, Self.names[1], shell: shell)
        #expect(other.digest == right[1] && other.isMarked, "the other file is marked still")
        // Another file put in its place, with the same time.
        let replaced = try await world.run(
            "cd /srv && head -c \(Self.size) /dev/zero >new && touch -r /tmp/time new && mv -f new big")
        try #require(replaced.status == 0)
        let second = try await look(world, Self.names[0], shell: shell)
        #expect(second.digest == digest(0) && !second.isMarked)
    }

    @Test(arguments: shells) func onlyADeepLookFindsAFalseMark(shell: String) async throws {
        let world = try await world()
        try await mark(world, shell: shell)
        let false_ = String(repeating: "0", count: 64)
        let forged = try await world.run(
            "cd /var/lib/cso-provision && sed 's/ [0-9a-f]*  */ '\(word: false_)' /' digests >t && mv t digests")
        try #require(forged.status == 0)
        #expect(try await look(world, Self.names[0], shell: shell).digest == false_)
        let deep = try await look(world, Self.names[0], shell: shell, isDeep: true)
        #expect(deep.digest == digest(0x61) && !deep.isMarked)
        // Marks that are no marks are none.
        for text in ["", "garbage\n", "\u{1}\n\n x y z\n"] {
            let set = try await world.run("printf %s \(word: text) >/var/lib/cso-provision/digests")
            try #require(set.status == 0)
            let found = try await look(world, Self.names[0], shell: shell)
            #expect(found.digest == digest(0x61) && !found.isMarked)
        }
        let short = try await world.run(
            """
            printf '%s abc /srv/big\\n' "$(stat -c '%d:%i:%s:%.9Y:%.9Z' /srv/big)" >/var/lib/cso-provision/digests
            """)
        try #require(short.status == 0)
        #expect(try await look(world, Self.names[0], shell: shell).digest == digest(0x61))
    }

    @Test func whatIsNotThereOrNoFileIsNotMarked() async throws {
        let world = try await World()
        let answer = try await world.run(
            "mkdir /srv/d && ln -s /etc/passwd /srv/l && \(script: "( ")\n"
                + FileMarks.step(marking: ["/srv/none", "/srv/d", "/srv/l"]).script
                + "\n) && ! [ -s /var/lib/cso-provision/digests ] && stat -c %a /var/lib/cso-provision /var/lib/cso-provision/digests"
        )
        #expect(answer.status == 0, "\(answer.errorText)")
        #expect(answer.outputText == "700\n600\n")
    }
}
