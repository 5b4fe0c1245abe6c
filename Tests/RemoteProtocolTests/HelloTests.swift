import Model
import Testing

@testable import RemoteProtocol

@Suite struct HelloTests {
    private static let boundary = "cso:11111111-2222-3333-4444-555555555555"
    private static let body = #"""
        os ID=debian
        os VERSION_ID="12"
        hostname backend01
        boot 7c1b9c3e-0000-4000-8000-1234567890ab
        arch x86_64
        init systemd
        uid 0
        mount 22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/root rw
        mount 40 22 0:44 / /mnt/efs\040data rw - nfs4 10.1.128.9:/ rw,vers=4.1
        step 20260101T000000Z-aaaaaa-3
        about summary install nginx
        about limit 600
        about owner ann
        about controller jump
        about run 20260101T000000Z-aaaaaa
        about since 2026-01-01T00:00:00Z
        status exit-code exited:7
        step 20260101T000000Z-aaaaaa-4
        about summary restart nginx.service
        about limit 90
        lock owner ann
        lock controller jump
        lock run 20260101T000000Z-aaaaaa
        lock since 2026-01-01T00:00:00Z
        lock pid 812
        lock held yes

        """#

    private static func stream(banner: String) -> [UInt8] {
        Array("\(banner)\ncso-provision-reader 1 \(boundary)\n\(body)\u{1}\(boundary) end 0 0\n".utf8)
    }

    @Test(arguments: ["", "Welcome\nto the host\n", "no line break", "\ncso-provision-read\n", "\n\n"])
    func isFoundBehindAnyBannerAndAtEverySplit(banner: String) throws {
        let stream = Self.stream(banner: banner)
        for split in 0...stream.count {
            var scanner = HelloScanner()
            // Standard error may come first: the boundary in it means nothing until the greeting is known.
            #expect(try scanner.scan(errors: Array("mesg: not a tty\u{1}\(Self.boundary) end 0 0\n".utf8)) == nil)
            let first = try scanner.scan(output: Array(stream[..<split]))
            let hello = try #require(try first ?? scanner.scan(output: Array(stream[split...]))).hello
            #expect(hello.boundary == Self.boundary)
            #expect(hello.facts.hostname == "backend01")
        }
    }

    @Test func saysWhatTheHostIs() throws {
        var scanner = HelloScanner()
        _ = try scanner.scan(output: Self.stream(banner: ""))
        let hello = try #require(try scanner.scan(errors: Array("\u{1}\(Self.boundary) end 0 0\n".utf8))).hello
        let ticket = LockTicket(
            owner: "ann", controller: "jump", run: "20260101T000000Z-aaaaaa", since: "2026-01-01T00:00:00Z")
        #expect(
            hello.facts
                == HostFacts(
                    osID: "debian", osVersion: "12", family: .debian, architecture: "x86_64", hostname: "backend01",
                    bootID: "7c1b9c3e-0000-4000-8000-1234567890ab", userID: 0, hasSystemd: true,
                    mounts: [
                        .init(point: "/", type: "ext4", source: "/dev/root", options: ["rw", "relatime"]),
                        .init(point: "/mnt/efs data", type: "nfs4", source: "10.1.128.9:/", options: ["rw"]),
                    ]))
        #expect(hello.facts.mounts[1].isNetwork)
        #expect(hello.lockHolder == ticket)
        #expect(hello.leftovers.map(\.id) == ["20260101T000000Z-aaaaaa-3", "20260101T000000Z-aaaaaa-4"])
        #expect(hello.leftovers.map(\.summary) == ["install nginx", "restart nginx.service"])
        #expect(hello.leftovers.map(\.end) == [.exited(7), nil])
        #expect(hello.leftovers[0].ticket == ticket)
        #expect(hello.leftovers[0].limit == 600)
        #expect(hello.leftovers[0].id.run == ticket.run)
        #expect(hello.leftovers[1].id.number == 4)
    }

    /// os-release, kernel and mounts as an instance of Amazon Linux 2023 has them.
    @Test func amazonLinuxIsKnown() throws {
        let body = #"""
            os NAME="Amazon Linux"
            os VERSION="2023"
            os ID="amzn"
            os ID_LIKE="fedora"
            os VERSION_ID="2023"
            os PLATFORM_ID="platform:al2023"
            os PRETTY_NAME="Amazon Linux 2023.6.20250107"
            os SUPPORT_END="2029-06-30"
            hostname ip-10-1-128-11.eu-west-2.compute.internal
            boot 7c1b9c3e-0000-4000-8000-1234567890ab
            arch aarch64
            init systemd
            uid 0
            memory 8039436
            systemd 252.23-3.amzn2023
            selinux 0
            cpus 0-1
            vendor Amazon EC2
            mount 61 1 259:1 / / rw,noatime shared:1 - xfs /dev/nvme0n1p1 rw,seclabel,attr2,inode64,logbufs=8,noquota
            mount 102 61 259:3 / /boot/efi rw,noatime shared:50 - vfat /dev/nvme0n1p128 rw,fmask=0077,dmask=0077
            mount 110 61 0:48 / /opt/scripts rw,relatime shared:60 - nfs4 127.0.0.1:/ rw,vers=4.1,port=20449,addr=127.0.0.1

            """#
        let facts = try Hello(text: Array(body.utf8), boundary: Self.boundary).facts
        #expect(facts.family == .amazon && facts.osID == "amzn" && facts.osVersion == "2023")
        #expect(facts.hostname == "ip-10-1-128-11.eu-west-2.compute.internal" && facts.architecture == "aarch64")
        #expect(facts.systemdVersion == 252 && facts.selinux == .permissive && facts.vendor == "Amazon EC2")
        #expect(facts.mounts.map(\.isNetwork) == [false, false, true])
    }

    @Test func anotherVersionIsRefused() {
        var scanner = HelloScanner()
        #expect(throws: ProtocolError.otherVersion("2")) {
            try scanner.scan(output: Array("\ncso-provision-reader 2 \(Self.boundary)\n".utf8))
        }
    }

    @Test(arguments: ["uid 0", "boot 7c1b9c3e-0000-4000-8000-1234567890ab"]) func anIncompleteHelloIsRefused(
        line: String
    ) throws {
        let text = Self.body.replacing(line + "\n", with: "")
        #expect(throws: ProtocolError.self) { try Hello(text: Array(text.utf8), boundary: Self.boundary) }
    }

    @Test(arguments: [
        (
            "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue", "/mnt2", "ext3",
            "/dev/root"
        ),
        ("36 35 98:0 / /a\\134b\\012c rw - tmpfs none rw", "/a\\b\nc", "tmpfs", "none"),
        ("36 35 98:0 / /a rw shared:1 master:2 propagate_from:3 - xfs /dev/x rw", "/a", "xfs", "/dev/x"),
    ]) func mountInfoIsDecoded(line: String, point: String, type: String, source: String) throws {
        let mount = try #require(HostFacts.Mount(mountInfo: line))
        #expect([mount.point, mount.type, mount.source] == [point, type, source])
    }

    @Test(arguments: ["", "36 35 98:0 / /a rw", "36 35 98:0 / /a rw - ext3"]) func brokenMountInfoIsNoMount(
        line: String
    ) {
        #expect(HostFacts.Mount(mountInfo: line) == nil)
    }
}

@Suite("Facts about a machine") struct MachineFactTests {
    private static func facts(_ lines: String) throws -> HostFacts {
        let head = "boot b\nuid 0\nmount 22 1 0:20 / / rw - ext4 /dev/root rw\n"
        let text =
            "\ncso-provision-reader 1 cso:11111111-2222-3333-4444-555555555555\n\(head)\(lines)\u{1}cso:11111111-2222-3333-4444-555555555555 end 0 0\n"
        var scanner = HelloScanner()
        _ = try scanner.scan(output: Array(text.utf8))
        return try #require(
            try scanner.scan(errors: Array("\u{1}cso:11111111-2222-3333-4444-555555555555 end 0 0\n".utf8))
        ).hello.facts
    }

    @Test("are read from what the kernel and systemd leave in files")
    func known() throws {
        let facts = try Self.facts(
            "memory 8039436\nsystemd 252.23-3.amzn2023.so\nselinux 0\ncpus 0-3,6\nvendor Amazon EC2\ncontainer \n")
        #expect(facts.memory == 7851)
        #expect(facts.systemdVersion == 252)
        #expect(facts.selinux == .permissive)
        #expect(facts.cpus == 5)
        #expect(facts.vendor == "Amazon EC2")
        #expect(facts.container == "")
    }

    @Test(
        "are not known where a host says nothing or nonsense",
        arguments: ["", "memory x\nsystemd so\nselinux 2\ncpus 3-1\n", "cpus 0-99999999\n"])
    func unknown(lines: String) throws {
        let facts = try Self.facts(lines)
        #expect(facts.memory == nil)
        #expect(facts.systemdVersion == nil)
        #expect(facts.selinux == nil)
        #expect(facts.cpus == nil)
    }
}
