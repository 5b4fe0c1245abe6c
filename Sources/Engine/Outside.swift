package import Model
package import Zone

/// The outside world of a run, in one value, so that tests swap it whole.
package struct Outside: Sendable {
    /// Every host, or why the run cannot start.
    package var resolve: @Sendable ([HostName], Inventory) async throws(Diagnostics) -> [HostName: PlacedHost]
    package var fetch:
        @Sendable (Set<SecretName>, [SecretSource], [String: String]) async -> Result<SecretBook, Diagnostics>
    package var connect: @Sendable (PlacedHost, Inventory) async throws(HostFailure) -> any HostLink
    /// The controller's own session, for gates that it asks.
    package var local: @Sendable () async throws(HostFailure) -> any HostLink
    /// What an operator should know about secrets that were rotated while the run went on, a sentence each.
    package var rotated: @Sendable (SecretBook, [SecretSource], [String: String]) async -> [String]
    package var newRun: @Sendable () -> RunID

    package init(
        resolve: @escaping @Sendable ([HostName], Inventory) async throws(Diagnostics) -> [HostName: PlacedHost],
        fetch:
            @escaping @Sendable (Set<SecretName>, [SecretSource], [String: String]) async -> Result<
                SecretBook, Diagnostics
            >,
        connect: @escaping @Sendable (PlacedHost, Inventory) async throws(HostFailure) -> any HostLink,
        local: @escaping @Sendable () async throws(HostFailure) -> any HostLink = { () async throws(HostFailure) in
            throw HostFailure(.failed, "nobody was to ask from here")
        },
        rotated: @escaping @Sendable (SecretBook, [SecretSource], [String: String]) async -> [String] = { _, _, _ in
            []
        },
        newRun: @escaping @Sendable () -> RunID
    ) {
        self.resolve = resolve
        self.fetch = fetch
        self.connect = connect
        self.local = local
        self.rotated = rotated
        self.newRun = newRun
    }
}
