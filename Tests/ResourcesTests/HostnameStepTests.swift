import Model
import Resources
import Testing

/// The kernel's name is one of the machine that runs the tests: here it is a file, and hostnamectl a stand-in that writes it.
/// The fleet's tests name a real host.
@Suite struct HostnameStepTests {
    private func world() async throws -> World {
        let world = try await World()
        let set = try await world.run(
            """
            mount -t tmpfs sys /proc/sys && mkdir -p /proc/sys/kernel && echo ip-10-1-2-3 >/proc/sys/kernel/hostname &&
            rm -f /etc/hostname && rm -rf /etc/cloud && cat >/usr/bin/hostnamectl <<'END'
            #!/bin/sh
            [ "$*" = "--no-ask-password --static --transient set-hostname web01.prod.test" ] || exit 99
            [ -e /tmp/deaf ] || for f in /etc/hostname /proc/sys/kernel/hostname; do echo web01.prod.test >$f; done
            END
            chmod 755 /usr/bin/hostnamectl
            """)
        #expect(set.status == 0, "\(set.errorText)")
        return world
    }
    private let resource: HostnameResource
    private let gone: HostnameResource

    init() throws {
        resource = try HostnameResource(Fields("web01.prod.test"))
        gone = try HostnameResource(Fields("web01.prod.test", ["state": .text("absent")]))
    }

    @Test(arguments: shells, [true, false]) func theNameStays(shell: String, hasSystemd: Bool) async throws {
        let world = try await world()
        let facts = HostFacts.test(hasSystemd: hasSystemd)
        _ = try await world.run("mkdir -p /etc/cloud && echo 'preserve_hostname: false' >/etc/cloud/cloud.cfg")
        let answers = try await Shell.converge(resource, on: facts, shell: shell, prefix: world.prefix)
        #expect(answers.allSatisfy { $0.status == 0 } && !answers.isEmpty, "\(answers.map(\.errorText))")
        let seen = try await world.run("cat /etc/hostname /proc/sys/kernel/hostname /etc/cloud/cloud.cfg.d/99-*")
        #expect(
            seen.outputText == """
                web01.prod.test
                web01.prod.test
                # Kept by cso-provision: the name is its own.
                preserve_hostname: true

                """)
        #expect(try await Shell.needsNothing(resource, on: facts, shell: shell, prefix: world.prefix) == true)
        // What is indented belongs to something else; what a later file says counts.
        _ = try await world.run("printf 'x:\\n  preserve_hostname: false\\n' >/etc/cloud/cloud.cfg.d/99-x.cfg")
        #expect(try await Shell.needsNothing(resource, on: facts, shell: shell, prefix: world.prefix) == true)
        _ = try await world.run("echo 'preserve_hostname: False' >/etc/cloud/cloud.cfg.d/99-x.cfg")
        let undone = try await Shell.observe(resource, on: facts, shell: shell, prefix: world.prefix)
        #expect(undone.state?["survives-cloud-init"] == "no (/etc/cloud/cloud.cfg.d/99-x.cfg)")
        let failed = try await Shell.converge(resource, on: facts, shell: shell, prefix: world.prefix)
        #expect(failed.last?.errorText.contains("99-x.cfg comes after our file") == true, "\(failed)")
        _ = try await world.run("rm /etc/cloud/cloud.cfg.d/99-x.cfg")
        _ = try await Shell.converge(gone, on: facts, shell: shell, prefix: world.prefix)
        #expect(try await Shell.observe(gone, on: facts, shell: shell, prefix: world.prefix) == .absent)
        #expect(try await world.run("ls /etc/hostname /etc/cloud/cloud.cfg.d/*").status != 0)
    }

    @Test(arguments: shells) func aNameThatIsNotTakenIsAFailure(shell: String) async throws {
        let world = try await world()
        _ = try await world.run(": >/tmp/deaf")
        let answers = try await Shell.converge(resource, shell: shell, prefix: world.prefix)
        #expect(answers.last?.errorText.contains("/etc/hostname holds '' and not web01.prod.test") == true)
        // Without cloud-init nothing is written for it.
        #expect(answers.count == 1)
        #expect(try await world.run("[ -e /etc/cloud ]").status == 1)
    }
}
