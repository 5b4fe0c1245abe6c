import Model
import Testing

@testable import Resources

/// Holding a package with dnf is a line of dnf.conf, which others write too. Run by the host's own shells.
@Suite struct DnfConfigurationTests {
    private static func held(_ isHeld: Bool) -> String {
        let package = PackageSteps.Package(name: "cso-a", version: nil, isHeld: isHeld, isInstalled: true)
        return DnfSteps.install(.init(packages: [package])).script.text
    }

    /// What a step makes of a dnf.conf; dnf and rpm have nothing to say in it.
    private func after(_ step: String, _ text: String, shell: String) async throws -> String {
        let scratch = try Scratch()
        try scratch.write("dnf.conf", text)
        try scratch.write("note", "")
        let script = step.replacing("/etc/dnf/dnf.conf", with: "\(scratch.path)/dnf.conf")
            .replacing("/var/lib/cso-provision/", with: "\(scratch.path)/none/")
        let answer = try await Shell.run("rpm() { :; }\n" + ShellText(script: script), shell: shell)
        #expect(answer.status == 0, "\(answer.errorText)")
        return try scratch.text("dnf.conf")
    }

    @Test(
        arguments: shells,
        [
            ("[main]\ngpgcheck=1\n", "[main]\nexcludepkgs=cso-a\ngpgcheck=1\n"),
            ("", "[main]\nexcludepkgs=cso-a\n"),
            ("# ours\n[other]\nexcludepkgs=x\n", "[main]\nexcludepkgs=cso-a\n# ours\n[other]\nexcludepkgs=x\n"),
            ("[main]\nexclude = b*, c\n\td\nbest=True", "[main]\nexcludepkgs=b* c d cso-a\nbest=True\n"),
            (
                "[main]\n#excludepkgs=no\nexcludepkgs=b\n\n[other]\na=1\n",
                "[main]\nexcludepkgs=b cso-a\n#excludepkgs=no\n\n[other]\na=1\n"
            ),
            ("[main]\nexcludepkgs=cso-a\n", "[main]\nexcludepkgs=cso-a\n"),
        ])
    func aHeldPackageIsOneMoreWord(shell: String, texts: (before: String, after: String)) async throws {
        #expect(try await after(Self.held(true), texts.before, shell: shell) == texts.after)
        // Nothing changes when it runs again.
        #expect(try await after(Self.held(true), texts.after, shell: shell) == texts.after)
    }

    @Test(
        arguments: shells,
        [
            ("[main]\nexcludepkgs=cso-a\ngpgcheck=1\n", "[main]\ngpgcheck=1\n"),
            ("[main]\nexclude=b,cso-a,cso-ab\n", "[main]\nexcludepkgs=b cso-ab\n"),
            ("[main]\ngpgcheck=1\n", "[main]\ngpgcheck=1\n"),
        ])
    func onlyThatWordIsTakenAway(shell: String, texts: (before: String, after: String)) async throws {
        #expect(try await after(Self.held(false), texts.before, shell: shell) == texts.after)
    }
}
