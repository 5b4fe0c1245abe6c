package import Model

/// Where the zone says that a host is.
package struct Placement: Sendable, Hashable {
    package var address: Address
    package var availabilityZone: AvailabilityZone

    package init(address: Address, availabilityZone: AvailabilityZone) {
        self.address = address
        self.availabilityZone = availabilityZone
    }
}
