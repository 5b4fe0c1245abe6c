import Glibc
import Model
import Resources
import Testing

/// Notes of owed reboots, and what a host is asked, really run.
@Suite struct RebootTests {
    private static let folder = "/var/lib/cso-provision/owed"

    /// The scripts with a folder of the test's own in place of the host's.
    private func inside(_ scratch: Scratch, _ script: ShellText) -> ShellText {
        ShellText(script: script.text.replacing("/var/lib/cso-provision", with: scratch.path))
    }

    private func noted(_ scratch: Scratch, _ shell: String) async throws -> [Notification] {
        let question = OwedBatch.question([""], on: .test())
        let answer = try await Shell.run(inside(scratch, question.script), shell: shell)
        let seen = OwedBatch.parse(answer, arguments: [""], on: .test())[""]
        return seen.map(OwedNotes.notifications) ?? []
    }

    @Test(arguments: shells) func aNoteIsOfTheBootThatItWasMadeIn(shell: String) async throws {
        let scratch = try Scratch()
        let prelude = inside(scratch, OwedNotes.prelude(for: [.reboot, Notification(.restart, "a.service")]))
        let answer = try await Shell.run(prelude + "echo $cso_notes\n", shell: shell)
        #expect(answer.status == 0, "\(answer.errorText)")
        #expect(answer.outputText.split(separator: " ").count == 2)
        #expect(try await noted(scratch, shell) == [.reboot, Notification(.restart, "a.service")])
        let bootID = try #require(try? scratch.text("owed/reboot:host"))
        // Noted again in the same boot it is not new; noted in an earlier boot it is settled, and made anew.
        #expect(try await Shell.run(prelude + "echo $cso_notes\n", shell: shell).outputText == "\n")
        try scratch.write("owed/reboot:host", "another-boot\n")
        #expect(try await noted(scratch, shell) == [Notification(.restart, "a.service")])
        #expect(try await Shell.run(prelude, shell: shell).status == 0)
        #expect(try scratch.text("owed/reboot:host") == bootID)
        // A note that was cut off while it was written counts.
        try scratch.write("owed/reboot:host", "")
        #expect(try await noted(scratch, shell).contains(.reboot))
        #expect(try await Shell.run(inside(scratch, OwedNotes.strikeOffReboot.script), shell: shell).status == 0)
        #expect(try await noted(scratch, shell) == [Notification(.restart, "a.service")])
    }

    @Test(arguments: shells) func aHostIsAskedInItsOwnFiles(shell: String) async throws {
        let scratch = try Scratch()
        for folder in ["boot", "run", "bin"] { mkdir("\(scratch.path)/\(folder)", 0o755) }
        func ask(_ source: String, _ family: HostFacts.OSFamily = .debian) async throws -> Observation? {
            let facts = HostFacts.test(family)
            var script = RebootBatch.question([source], on: facts).script.text
            for path in ["/boot/", "/run/"] { script = script.replacing(path, with: scratch.path + path) }
            script = "PATH=\(scratch.path)/bin:$PATH\n" + script
            let answer = try await Shell.run(ShellText(script: script), shell: shell)
            return RebootBatch.parse(answer, arguments: [source], on: facts)[source]
        }
        let nothing = Observation.present(["owed": .list([])])
        for source in RebootResource.Source.allCases { #expect(try await ask(source.rawValue) == nothing) }

        try scratch.write("run/reboot-required", "")
        #expect(
            try await ask("required-file") == .present(["owed": .list(["\(scratch.path)/run/reboot-required"])]))
        try scratch.write("run/reboot-required.pkgs", "linux-image\nlibc6\nlinux-image\n")
        #expect(
            try await ask("required-file")
                == .present(["owed": .list(["\(scratch.path)/run/reboot-required names linux-image libc6"])]))

        let running = try await Shell.run("uname -r").outputText.split(separator: "\n")[0]
        try scratch.write("boot/vmlinuz-\(running)", "")
        try scratch.write("boot/vmlinuz-999.1-rescue", "")
        #expect(try await ask("kernel") == nothing)
        try scratch.write("boot/vmlinuz-99.10", "")
        try scratch.write("boot/vmlinuz-99.9", "")
        #expect(
            try await ask("kernel") == .present(["owed": .list(["kernel 99.10 is installed and \(running) runs"])]))

        try scratch.write("bin/rpm", "#!/bin/sh\nprintf 'glibc 1000\\nsystemd 9999999999\\n'\n")
        chmod(scratch.path + "/bin/rpm", 0o755)
        #expect(try await ask("packages", .amazon) == .present(["owed": .list(["newer than the boot: systemd"])]))
        try scratch.write("bin/rpm", "#!/bin/sh\necho 'the database is locked' >&2\nexit 1\n")
        guard case .unknown(let reason)? = try await ask("packages", .amazon) else {
            Issue.record("taken for an answer")
            return
        }
        #expect(reason.contains("the database is locked"))
    }
}
