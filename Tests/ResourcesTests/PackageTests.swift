import Model
import Resources
import Testing

/// Real apt and dpkg on a private copy of this machine, with a repository of packages that are made for the test.
@Suite struct PackageTests {
    /// `cso-a` 1.0 and 2.0 (2.0 has a configuration file), `cso-b` that needs `cso-a`, `cso-bad` whose configuration fails while
    /// /tmp/bad exists, `cso-daemon` that asks whether it may start.
    private func repository(in world: World) async throws {
        let made = try await world.run(
            """
            set -e; umask 022
            mkdir -p /srv/repo /tmp/build && cd /tmp/build
            make() { # name version depends
            rm -rf tree && mkdir -p tree/DEBIAN tree/usr/share/$1 && echo $2 >tree/usr/share/$1/version
            printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nMaintainer: t <t@example.invalid>\\nDescription: test\\n' $1 $2 >tree/DEBIAN/control
            [ -z "${3-}" ] || echo "Depends: $3" >>tree/DEBIAN/control
            [ ! -f post ] || { install -m 755 post tree/DEBIAN/postinst; rm post; }
            dpkg-deb --root-owner-group --build tree /srv/repo/$1_$2.deb >&2
            }
            make cso-a 1.0; make cso-a 2.0; make cso-b 1.0 cso-a
            printf '#!/bin/sh\\n[ ! -e /tmp/bad ]\\n' >post; make cso-bad 1.0
            printf '#!/bin/sh\\n/usr/sbin/policy-rc.d x start; echo $? >/tmp/policy\\n' >post; make cso-daemon 1.0
            publish() { cd /srv/repo && { dpkg-scanpackages -m . 2>/dev/null || apt-ftparchive packages .; } >Packages; }
            publish
            rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
            echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list
            apt-get -q update >&2
            """)
        try #require(
            made.status == 0,
            "the test needs dpkg-dev (dpkg-scanpackages) or apt-utils, and dpkg-deb: \(made.errorText)")
    }

    private func package(_ name: String, _ fields: [String: FieldValue] = [:]) throws -> PackageResource {
        try PackageResource(Fields(name, fields))
    }

    @Test func packagesAreInstalledPinnedAndRemoved() async throws {
        let world = try await World()
        try await repository(in: world)
        let pinned = try package("cso-a", ["version": .text("1.0")])
        let needing = try package("cso-b")
        let changes = [pinned, needing].map {
            Change(resource: $0, action: .create, observed: .absent, differences: [])
        }
        let steps = PackageResource.steps(for: changes, on: .test())
        #expect(steps.map(\.summary) == ["install cso-a=1.0, cso-b"])
        #expect(steps.allSatisfy { $0.isSupervised })
        let installed = try await Shell.perform(steps, prefix: world.prefix)
        #expect(installed.map(\.status) == [0], "\(installed.map(\.errorText))")
        for resource in [pinned, needing] {
            #expect(try await Shell.needsNothing(resource, prefix: world.prefix) == true)
        }
        // A pin leads back only if it may.
        let newer = try package("cso-a", ["version": .text("2.*")])
        let older = try package("cso-a", ["version": .text("1.0"), "downgrade": .flag(true), "hold": .flag(true)])
        for resource in [newer, older] {
            let answers = try await Shell.converge(resource, prefix: world.prefix)
            #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
            #expect(try await Shell.needsNothing(resource, prefix: world.prefix) == true)
            if resource.package == newer.package, !resource.allowsDowngrade {
                let stays = try await Shell.observe(pinned, prefix: world.prefix)
                #expect(stays.reason?.contains("2.0 is installed, which is newer than 1.0") == true)
            }
        }
        #expect(try await world.run("apt-mark showhold").outputText == "cso-a\n")
        let letGo = try await Shell.converge(try package("cso-a", ["hold": .flag(false)]), prefix: world.prefix)
        #expect(letGo.map(\.status) == [0], "\(letGo.map(\.errorText))")
        #expect(try await world.run("apt-mark showhold").outputText == "")
        // What something else needs is not removed with it.
        let gone = try package("cso-a", ["state": .text("absent")])
        let refused = try await Shell.converge(gone, prefix: world.prefix)
        #expect(refused.last?.errorText.contains("cannot remove cso-a: needed by cso-b") == true)
        let kept = try await Shell.observe(needing, prefix: world.prefix)
        #expect(kept.state?["condition"] == "installed")
        let both = try [gone, package("cso-b", ["state": .text("absent")])].map {
            Change(resource: $0, action: .remove, observed: .absent, differences: [])
        }
        let removed = try await Shell.perform(PackageResource.steps(for: both, on: .test()), prefix: world.prefix)
        #expect(removed.map(\.status) == [0], "\(removed.map(\.errorText))")
        #expect(try await Shell.observe(gone, prefix: world.prefix) == .absent)
    }

    @Test func whatIsHalfConfiguredIsSeenAndRepaired() async throws {
        let world = try await World()
        try await repository(in: world)
        let bad = try package("cso-bad")
        _ = try await world.run(": >/tmp/bad")
        let failed = try await Shell.converge(bad, prefix: world.prefix)
        #expect(failed.last?.status == 1 && failed.last?.errorText.contains("cannot install cso-bad") == true)
        let half = try await Shell.observe(bad, prefix: world.prefix)
        #expect(half.state?["condition"] == "half-configured")
        _ = try await world.run("rm /tmp/bad")
        // Any later transaction finishes it first.
        let other = try await Shell.converge(try package("cso-a"), prefix: world.prefix)
        #expect(other.map(\.status) == [0], "\(other.map(\.errorText))")
        #expect(try await Shell.needsNothing(bad, prefix: world.prefix) == true)
    }

    @Test func listsAreUpdatedOnlyWhenSomethingIsNotFound() async throws {
        let world = try await World()
        try await repository(in: world)
        _ = try await world.run(
            """
            mv /usr/bin/apt-get /usr/bin/apt-get.real
            printf '#!/bin/sh\\necho "$*" >>/srv/calls\\nexec /usr/bin/apt-get.real "$@"\\n' >/usr/bin/apt-get
            chmod 755 /usr/bin/apt-get
            """)
        #expect(try await Shell.converge(try package("cso-a"), prefix: world.prefix).map(\.status) == [0])
        #expect(try await world.run("grep -c ' update' /srv/calls").outputText == "0\n")
        // Published after the lists were read.
        _ = try await world.run(
            "cd /srv/repo && dpkg-deb -R cso-a_1.0.deb t && rm -r t/usr && sed -i 's/^Package: .*/Package: cso-new/' t/DEBIAN/control && dpkg-deb -b t cso-new_1.0.deb && rm -r t && dpkg-scanpackages -m . >Packages 2>/dev/null"
        )
        let found = try await Shell.converge(try package("cso-new"), prefix: world.prefix)
        #expect(found.map(\.status) == [0], "\(found.map(\.errorText))")
        #expect(try await world.run("grep -c ' update' /srv/calls").outputText == "1\n")
        let missing = try await Shell.converge(try package("cso-nowhere"), prefix: world.prefix)
        #expect(missing.last?.status == 1)
        #expect(try await world.run("grep -c ' update' /srv/calls").outputText == "2\n")
    }

    /// Also a policy of somebody else comes back, and one that a killed run has left is no obstacle.
    @Test(arguments: ["", "foreign", "left behind"]) func startsAreDeniedForTheTransactionOnly(before: String)
        async throws
    {
        let world = try await World()
        try await repository(in: world)
        let policy = "/usr/sbin/policy-rc.d"
        let foreign = "#!/bin/sh\\necho foreign\\nexit 101\\n"
        let ours = "#!/bin/sh\\n# cso-provision: left\\nexit 101\\n"
        let set =
            switch before {
            case "foreign": "printf '\(foreign)' >\(policy); chmod 755 \(policy)"
            case "left behind": "printf '\(ours)' >\(policy); printf '\(foreign)' >\(policy).cso-kept"
            default: "rm -f \(policy)"
            }
        _ = try await world.run(ShellText(script: set))
        let resource = try package("cso-daemon", ["start": .flag(false)])
        let answers = try await Shell.converge(resource, prefix: world.prefix)
        #expect(answers.map(\.status) == [0], "\(answers.map(\.errorText))")
        #expect(try await world.run("cat /tmp/policy").outputText == "101\n")
        let after = try await world.run("cat \(word: policy) 2>/dev/null; ls \(word: policy).cso-* 2>/dev/null")
        #expect(after.outputText == (before.isEmpty ? "" : "#!/bin/sh\necho foreign\nexit 101\n"))
    }

    @Test func absenceNeedsTheWordOfDpkg() async throws {
        let found = try await Shell.ask(PackageBatch.self, ["dpkg", "cso-nowhere", "libc6", "cso-nowhere.x"])
        #expect(found["dpkg"]?.state?["condition"] == "installed")
        #expect(found["libc6"]?.state?["version"] != nil)
        #expect(found["cso-nowhere"] == .absent && found["cso-nowhere.x"] == .absent)
        let broken = PackageBatch.parse(
            HostAnswer(output: [], errors: Array("dpkg-query: error: cannot open".utf8), status: 2),
            arguments: ["dpkg"],
            on: .test())
        #expect(
            broken["dpkg"]?.reason
                == "dpkg-query ended with status 2 and no word about it: dpkg-query: error: cannot open")
    }
}
