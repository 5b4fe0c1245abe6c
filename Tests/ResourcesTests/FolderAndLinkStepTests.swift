import Glibc
import Model
import Resources
import Testing

@Suite struct FolderAndLinkStepTests {
    @Test(arguments: shells) func directoriesAreMadeInOneStep(shell: String) async throws {
        let scratch = try Scratch()
        let names = awkwardNames + ["outer", "outer/inner"]
        let changes = try names.map { name in
            Change(
                resource: try DirectoryResource(
                    Fields(
                        "\(scratch.path)/\(name)",
                        ["mode": .mode(0o2750), "owner": .text("daemon"), "group": .text("bin")])),
                action: .create, observed: .absent, differences: [])
        }
        let steps = DirectoryResource.steps(for: changes, on: .test())
        #expect(steps.count == 1)
        for _ in 1...2 {
            // The second time is what a run does that was cut off after the step.
            let answers = try await Shell.perform(steps, shell: shell)
            #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
        }
        for (name, change) in zip(names, changes) {
            let found = try #require(scratch.status(name), "\(name.debugDescription)")
            #expect(found.st_mode & 0o7777 == 0o2750 && found.st_uid == 1 && found.st_gid == 2)
            let again = try await Shell.converge(change.resource, shell: shell)
            #expect(again.isEmpty)
        }
    }

    @Test(arguments: shells) func aDirectoryIsRemovedOnlyIfEmpty(shell: String) async throws {
        let scratch = try Scratch()
        for name in ["empty", "full"] { mkdir("\(scratch.path)/\(name)", 0o755) }
        try scratch.write("full/f", "x")
        func remove(_ name: String) async throws -> HostAnswer? {
            let resource = try DirectoryResource(Fields("\(scratch.path)/\(name)", ["state": .text("absent")]))
            return try await Shell.converge(resource, shell: shell).last
        }
        #expect(try await remove("empty")?.status == 0)
        #expect(scratch.status("empty") == nil)
        #expect(try await remove("full")?.errorText.contains("only an empty directory is") == true)
        #expect(try await remove("full/f")?.errorText.contains("is not removed as one") == true)
        #expect(try scratch.text("full/f") == "x")
    }

    @Test(arguments: shells) func whatIsNotADirectoryIsNotReplacedByOne(shell: String) async throws {
        let scratch = try Scratch()
        try scratch.write("f", "x")
        symlink(".", scratch.path + "/link")
        for (name, words) in [
            ("f", "is not a directory"), ("link", "is a symbolic link"), ("no/where", "does not exist"),
        ] {
            let resource = try DirectoryResource(Fields("\(scratch.path)/\(name)"))
            let answers = try await Shell.converge(resource, shell: shell)
            #expect(answers.last?.status == 1 && answers.last?.errorText.contains(words) == true)
        }
    }

    @Test(arguments: shells) func aDirectorysModeIsSetAndTheRestKept(shell: String) async throws {
        let scratch = try Scratch()
        mkdir(scratch.path + "/d", 0o700)
        chown(scratch.path + "/d", 2, 3)
        let resource = try DirectoryResource(
            Fields("\(scratch.path)/d", ["mode": .mode(0o711), "group": .text("sys")]))
        let answers = try await Shell.converge(resource, shell: shell)
        #expect(answers.map(\.status) == [0])
        let found = try #require(scratch.status("d"))
        #expect(found.st_mode & 0o7777 == 0o711 && found.st_uid == 2 && found.st_gid == 3)
    }

    @Test(arguments: shells) func linksAreMadeAndTurned(shell: String) async throws {
        let scratch = try Scratch()
        for (name, target) in zip(awkwardNames, awkwardNames.reversed()) {
            symlink("elsewhere", "\(scratch.path)/\(name)")
            let link = try SymlinkResource(Fields("\(scratch.path)/\(name)", ["to": .text(target)]))
            let answers = try await Shell.converge(link, shell: shell)
            #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
            let again = try await Shell.converge(link, shell: shell)
            #expect(again.isEmpty)
            var buffer = [CChar](repeating: 0, count: 256)
            let count = readlink("\(scratch.path)/\(name)", &buffer, 255)
            #expect(String(decoding: buffer[..<max(0, count)].map(UInt8.init(bitPattern:)), as: UTF8.self) == target)
        }
    }

    /// `ln -sf` would make the link inside.
    @Test(arguments: shells) func aLinkToADirectoryIsTurnedAndADirectoryIsNot(shell: String) async throws {
        let scratch = try Scratch()
        mkdir(scratch.path + "/one", 0o755)
        mkdir(scratch.path + "/two", 0o755)
        symlink("one", scratch.path + "/current")
        let turned = try SymlinkResource(Fields("\(scratch.path)/current", ["to": .text("two")]))
        #expect(try await Shell.converge(turned, shell: shell).map(\.status) == [0])
        #expect(scratch.status("one/two") == nil)
        let refused = try SymlinkResource(Fields("\(scratch.path)/one", ["to": .text("two")]))
        let answers = try await Shell.converge(refused, shell: shell)
        #expect(answers.last?.errorText.contains("is a directory; a link does not replace it") == true)
        let gone = try SymlinkResource(Fields("\(scratch.path)/current", ["state": .text("absent")]))
        #expect(try await Shell.converge(gone, shell: shell).map(\.status) == [0])
        #expect(scratch.status("current") == nil && scratch.status("two") != nil)
        let real = try SymlinkResource(Fields("\(scratch.path)/two", ["state": .text("absent")]))
        #expect(try await Shell.converge(real, shell: shell).last?.status == 1)
    }
}
