import Model
import Resources
import Testing

/// In a copy of this machine whose /proc/sys is a folder of files, where the kernel itself is not asked.
@Suite struct SysctlStepTests {
    private func world() async throws -> World {
        let world = try await World()
        let set = try await world.run(
            """
            mount -t tmpfs sys /proc/sys && mkdir -p /proc/sys/net/ipv4/conf/eth0.100 /proc/sys/vm && cd /proc/sys &&
            printf '4096\\t87380\\t6291456\\n' >net/ipv4/tcp_rmem && echo 0 >net/ipv4/conf/eth0.100/forwarding &&
            echo 60 >vm/swappiness && ln -s /dev/full vm/refuses && ln -s /dev/null vm/forgets &&
            rm -rf /etc/sysctl.d /usr/lib/sysctl.d /etc/sysctl.conf && mkdir /etc/sysctl.d
            """)
        #expect(set.status == 0, "\(set.errorText)")
        return world
    }
    private func parameter(_ name: String, _ value: String?) throws -> SysctlResource {
        try SysctlResource(
            Fields(name, value.map { ["value": .text($0)] } ?? ["state": .text("absent")]))
    }

    @Test(arguments: shells) func aParameterIsSetNowAndForBoots(shell: String) async throws {
        let world = try await world()
        for (name, value) in [
            ("net.ipv4.tcp_rmem", "4096  131072\t6291456"), ("net/ipv4/conf/eth0.100/forwarding", "1"),
            ("vm.swappiness", "10"),
        ] {
            let resource = try parameter(name, value)
            let answers = try await Shell.converge(resource, shell: shell, prefix: world.prefix)
            #expect(answers.map(\.status) == [0, 0], "\(answers.map(\.errorText))")
            #expect(try await Shell.needsNothing(resource, shell: shell, prefix: world.prefix) == true, "\(name)")
        }
        let seen = try await world.run(
            "cat /proc/sys/net/ipv4/tcp_rmem /proc/sys/vm/swappiness; cd /etc/sysctl.d; stat -c '%n %a' *; grep -h = *")
        #expect(
            seen.outputText == """
                4096 131072 6291456
                10
                90-cso-provision-net.ipv4.conf.eth0%2F100.forwarding.conf 644
                90-cso-provision-net.ipv4.tcp_rmem.conf 644
                90-cso-provision-vm.swappiness.conf 644
                net.ipv4.conf.eth0/100.forwarding = 1
                net.ipv4.tcp_rmem = 4096 131072 6291456
                vm.swappiness = 10

                """)
        // Drift of the live value alone writes no file.
        _ = try await world.run("echo 60 >/proc/sys/vm/swappiness")
        let mended = try await Shell.converge(try parameter("vm.swappiness", "10"), shell: shell, prefix: world.prefix)
        #expect(mended.map(\.status) == [0])
        let gone = try await Shell.converge(try parameter("vm.swappiness", nil), shell: shell, prefix: world.prefix)
        #expect(gone.last?.outputText.contains("vm.swappiness keeps its value until the next boot: 10") == true)
        #expect(
            try await Shell.needsNothing(try parameter("vm.swappiness", nil), shell: shell, prefix: world.prefix)
                == true)
    }

    @Test(arguments: shells) func whatAnotherFileWouldUndoAtBootIsNamed(shell: String) async throws {
        let world = try await world()
        _ = try await world.run("printf '# x\\n-net/ipv4/tcp_rmem = 1 2 3\\n' >/etc/sysctl.d/99-local.conf")
        let resource = try parameter("net.ipv4.tcp_rmem", "4096 131072 6291456")
        _ = try await Shell.converge(resource, shell: shell, prefix: world.prefix)
        let observed = try await Shell.observe(resource, shell: shell, prefix: world.prefix)
        #expect(observed.state?["boot"] == "1 2 3 (by /etc/sysctl.d/99-local.conf)")
        let answers = try await Shell.converge(resource, shell: shell, prefix: world.prefix)
        #expect(answers.last?.status == 1)
        #expect(
            answers.last?.errorText.contains(
                "/etc/sysctl.d/99-local.conf sets net.ipv4.tcp_rmem otherwise, and is read later at boot") == true)
        // Mended by an earlier resource between plan and step.
        let change = try #require(
            Difference.change(
                resource, observed: observed, desired: resource.desired(with: SecretBook(), on: .test())))
        _ = try await world.run("echo x.y=1 >/etc/sysctl.d/99-local.conf")
        let steps = SysctlResource.steps(for: [change], on: .test())
        #expect(try await Shell.perform(steps, shell: shell, prefix: world.prefix).map(\.status) == [0])
    }

    @Test(arguments: shells) func whatTheKernelDoesNotTakeIsNotWrittenDown(shell: String) async throws {
        let world = try await world()
        for (name, words) in [
            ("vm.refuses", "vm.refuses: the kernel does not take 1"), ("vm.forgets", "the kernel made  of 1"),
            ("vm.missing", "this kernel does not have it"),
        ] {
            let resource = try parameter(name, "1")
            let differences = ["live", "persisted", "boot"].map {
                Difference(key: $0, observed: nil, desired: "1")
            }
            let change = Change(resource: resource, action: .update, observed: .absent, differences: differences)
            let answers = try await Shell.perform(
                SysctlResource.steps(for: [change], on: .test()), shell: shell, prefix: world.prefix)
            #expect(answers.map(\.status) == [1])
            #expect(answers.last?.errorText.contains(words) == true, "\(answers.last?.errorText ?? "")")
        }
        let missing = try await Shell.observe(try parameter("vm.missing", "1"), shell: shell, prefix: world.prefix)
        #expect(missing.reason?.contains("this kernel has no vm.missing") == true, "\(missing)")
        #expect(try await world.run("ls -A /etc/sysctl.d").outputText.isEmpty)
    }
}
