/// Where a session keeps its things on a host. Both folders are 0700 root, made by the first frame that needs them and
/// never by one that only observes.
package enum HostPaths {
    /// Gone after a reboot: the lock, and what belongs to supervised steps. Never a secret.
    package static let volatile = "/run/cso-provision"
    /// Survives a reboot. Inputs of steps pass through here, as files that are unlinked before the step begins.
    package static let lasting = "/var/lib/cso-provision"

    package static let lock = volatile + "/lock"
    package static let steps = volatile + "/steps"
}
