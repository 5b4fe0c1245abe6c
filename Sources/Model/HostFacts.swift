/// What a host says of itself in the answer to the exec request.
package struct HostFacts: Sendable, Hashable, Codable {
    /// By package manager and file layout, not by brand: `amazon` is Amazon Linux 2023 (dnf), `debian` Debian 12 (apt).
    package enum OSFamily: String, Sendable, Hashable, Codable, CaseIterable {
        case debian
        case amazon
    }

    package var osID: String
    package var osVersion: String
    package var family: OSFamily?
    package var architecture: String
    package var hostname: String
    package var bootID: String
    /// Effective user of the session's shell; 0 unless sudo is not wanted (local transport).
    package var userID: Int
    /// PID 1 is systemd.
    package var hasSystemd: Bool
    package var mounts: [Mount]
    /// MiB, as the kernel counts it (less than the machine was sold with); `nil` = not known, as below.
    package var memory: Int?
    /// Processors that are online.
    package var cpus: Int?
    /// The number before the first dot of systemd's version.
    package var systemdVersion: Int?
    package var selinux: SELinux?
    /// What systemd calls the container that the host is: `systemd-nspawn`, `docker`; empty for a machine.
    package var container: String?
    /// Who made the machine, as its firmware says: `Amazon EC2`; empty where there is no firmware.
    package var vendor: String?

    package enum SELinux: String, Sendable, Hashable, Codable, CaseIterable {
        case enforcing, permissive, disabled
    }

    package init(
        osID: String, osVersion: String, family: OSFamily?, architecture: String, hostname: String, bootID: String,
        userID: Int, hasSystemd: Bool, mounts: [Mount]
    ) {
        self.osID = osID
        self.osVersion = osVersion
        self.family = family
        self.architecture = architecture
        self.hostname = hostname
        self.bootID = bootID
        self.userID = userID
        self.hasSystemd = hasSystemd
        self.mounts = mounts
    }

    /// One line of /proc/self/mountinfo (proc(5)), octal escapes decoded.
    package struct Mount: Sendable, Hashable, Codable {
        package var point: String
        package var type: String
        package var source: String
        package var options: [String]

        package init(point: String, type: String, source: String, options: [String]) {
            self.point = point
            self.type = type
            self.source = source
            self.options = options
        }

        /// A dead server can make any access below this mount point hang.
        package var isNetwork: Bool {
            [
                "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "fuse.sshfs", "fuse.s3fs", "fuse.glusterfs", "fuse.efs",
                "efs",
            ]
            .contains(type)
        }
    }
}
