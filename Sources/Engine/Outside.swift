package import Model
package import Zone

/// The outside world of a run, in one value, so that tests swap it whole.
package struct Outside: Sendable {
    /// Every host, or why the run cannot start.
    package var resolve: @Sendable ([HostName], Inventory) async throws(Diagnostics) -> [HostName: PlacedHost]
    package var fetch:
        @Sendable (Set<SecretName>, [SecretSource], [String: String]) async -> Result<SecretBook, Diagnostics>
    package var connect: @Sendable (PlacedHost, Inventory) async throws(HostFailure) -> any HostLink
    package var newRun: @Sendable () -> RunID

    package init(
        resolve: @escaping @Sendable ([HostName], Inventory) async throws(Diagnostics) -> [HostName: PlacedHost],
        fetch:
            @escaping @Sendable (Set<SecretName>, [SecretSource], [String: String]) async -> Result<
                SecretBook, Diagnostics
            >,
        connect: @escaping @Sendable (PlacedHost, Inventory) async throws(HostFailure) -> any HostLink,
        newRun: @escaping @Sendable () -> RunID
    ) {
        self.resolve = resolve
        self.fetch = fetch
        self.connect = connect
        self.newRun = newRun
    }
}
