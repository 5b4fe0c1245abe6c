package import Model

/// Breaks a host's lock, after the operator saw who holds it.
package struct Unlock: Sendable {
    private let fleet: Fleet
    private let outside: Outside
    private let controller: Controller

    package init(fleet: Fleet, outside: Outside, controller: Controller) {
        self.fleet = fleet
        self.outside = outside
        self.controller = controller
    }

    package func execute(
        _ host: HostName, agree: (LockHolder) -> Bool
    ) async throws(Diagnostics) -> Result<String, HostFailure> {
        _ = try Selection(hosts: [host]).roles(in: fleet.inventory)
        let places = try await outside.resolve([host], fleet.inventory)
        guard let place = places[host] else { return .failure(HostFailure(.unreachable, "\(host) has no address")) }
        do throws(HostFailure) {
            let link = try await outside.connect(place, fleet.inventory)
            let result: Result<String, HostFailure>
            do throws(HostFailure) {
                result = .success(try await unlock(host, link, agree))
            } catch {
                result = .failure(error)
            }
            await link.close()
            return result
        } catch {
            return .failure(error)
        }
    }

    private func unlock(
        _ host: HostName, _ link: any HostLink, _ agree: (LockHolder) -> Bool
    ) async throws(HostFailure) -> String {
        guard let holder = link.lockHolder else { return "\(host) is not locked" }
        guard agree(holder) else { return "left alone" }
        let ticket = LockTicket(
            owner: controller.owner, controller: controller.hostname, run: outside.newRun(), since: Timestamp.now)
        let broken = try await link.breakLock(ticket)
        return "broke the lock of \(broken ?? holder) on \(host)"
    }
}
