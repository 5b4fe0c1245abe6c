package import Model

/// What hosts of each family have been seen to say of themselves, for `check`, which asks none. Two of each, as different
/// as hosts get, so that conditions on facts are compiled in both directions where that is possible.
package enum RecordedFacts {
    /// The first one is the fleet's usual host.
    package static func all(_ family: HostFacts.OSFamily) -> [HostFacts] { [usual(family), other(family)] }

    package static func usual(_ family: HostFacts.OSFamily) -> HostFacts {
        var facts = system(family, architecture: "x86_64")
        facts.memory = 7_600
        facts.cpus = 2
        facts.selinux = family == .amazon ? .permissive : .disabled
        facts.container = ""
        facts.vendor = "Amazon EC2"
        return facts
    }

    private static func other(_ family: HostFacts.OSFamily) -> HostFacts {
        var facts = system(family, architecture: "aarch64")
        facts.memory = 126_000
        facts.cpus = 64
        facts.selinux = .enforcing
        facts.container = "systemd-nspawn"
        facts.vendor = ""
        return facts
    }

    private static func system(_ family: HostFacts.OSFamily, architecture: String) -> HostFacts {
        var facts = HostFacts(
            osID: family == .amazon ? "amzn" : "debian", osVersion: family == .amazon ? "2023" : "12", family: family,
            architecture: architecture, hostname: "recorded", bootID: "recorded", userID: 0, hasSystemd: true,
            mounts: [.init(point: "/", type: "ext4", source: "/dev/root", options: ["rw"])])
        facts.systemdVersion = 252
        return facts
    }
}
