import Testing

@testable import Share

@Suite("Where a directory lies")
struct ShareMountTests {
    private static let mountinfo = """
        22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw
        30 22 0:40 / /opt/scripts rw,relatime - autofs systemd-1 rw
        31 30 0:52 / /opt/scripts rw,relatime - nfs4 fs-1.efs.eu-west-2.amazonaws.com:/ rw,vers=4.1
        32 22 0:53 / /mnt/with\\040blank rw - fuse.sshfs srv:/x rw
        """

    private func mount(_ path: String, _ links: [String: String] = [:]) throws -> ShareMount {
        try ShareMount(of: path, mountinfo: Self.mountinfo) { asked in
            #expect(!asked.hasPrefix("/opt/scripts/") && asked != "/opt/scripts", "touched: \(asked)")
            return links[asked]
        }
    }

    @Test("is told from mountinfo, and nothing at or below a network's mount is touched")
    func found() throws {
        let share = try mount("/opt/scripts/install")
        #expect(share.isNetwork)
        #expect(share.point == "/opt/scripts")
        #expect(share.type == "nfs4")
        #expect(share.directory == "/opt/scripts/install")
        #expect(try mount("/mnt/with blank/x").isNetwork)
        #expect(try mount("/opt/scriptsX").isNetwork == false)
        #expect(try mount("/srv/efs").point == "/")
    }

    @Test("links before the mount are followed, a circle is named")
    func links() throws {
        let links = ["/opt/install": "scripts/install", "/home/a": "/opt", "/b": "/b", "/up": "/srv/../opt/./install"]
        #expect(try mount("/opt/install/x", links).directory == "/opt/scripts/install/x")
        #expect(try mount("/home/a/install", links).isNetwork)
        #expect(try mount("/up", links).directory == "/opt/scripts/install")
        #expect(throws: ShareError.self) { try mount("/b", links) }
        #expect(throws: ShareError.self) { try mount("relative", links) }
    }
}
