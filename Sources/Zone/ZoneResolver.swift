internal import CLinux
internal import Dispatch
internal import Glibc
package import Model

/// Asks the zone for addresses through c-ares: at the system's resolvers (/etc/resolv.conf), or at the one server that
/// the inventory names. Fully qualified names only, so neither /etc/hosts nor search domains have a say.
package struct ZoneResolver: Sendable {
    package init() {}

    /// Asks for all hosts at once. Returns within the zone's deadline, with one reply a host.
    package func resolve(_ hosts: [HostName], in inventory: Inventory) async -> ZoneAnswer {
        let replies = await query(hosts.map(inventory.fullyQualified), .address, inventory.zone)
        return ZoneAnswer(
            replies: Dictionary(zip(hosts, replies.map(\.reply)), uniquingKeysWith: { first, _ in first }))
    }

    /// The CNAME of a fully qualified name, for findings about names that are no hosts (`mysql`).
    package func alias(of name: String, in zone: Inventory.ZoneDeclaration) async -> AliasReply {
        await query([name], .alias, zone)[0].aliasReply
    }

    private func query(
        _ names: [String], _ type: ZoneQuery.RecordType, _ zone: Inventory.ZoneDeclaration
    ) async -> [ZoneQuery.Outcome] {
        if names.isEmpty { return [] }
        let deadline = zone.deadline
        var server: String?
        if let declared = zone.server {
            guard let parsed = Self.serverText(declared) else {
                return names.map { _ in .failed(.badServer(declared)) }
            }
            server = parsed
        }
        let interrupt = Interrupt()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // c-ares wants all calls from one place, which waits in poll: a thread of Dispatch for the fraction of
                // a second that the zone takes, and not one of the few that run everything else.
                DispatchQueue.global().async { [server] in
                    let outcomes = ZoneQuery.run(
                        names.map { $0.lowercased() }, type, servers: server.map { [$0] }, within: deadline,
                        interrupt: interrupt)
                    continuation.resume(returning: outcomes)
                }
            }
        } onCancel: {
            interrupt.fire()
        }
    }

    /// `10.1.0.2` or `10.1.0.2:53` as c-ares reads it; `nil` for anything else.
    static func serverText(_ text: String) -> String? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = Address(String(parts[0])) else { return nil }
        guard parts.count == 2 else { return "\(address):53" }
        guard let port = UInt16(parts[1]), port > 0, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return "\(address):\(port)"
    }
}

/// Wakes the query's thread. The descriptor lives as long as anybody can still fire it.
final class Interrupt: Sendable {
    /// Readable once it was fired.
    let descriptor: Int32

    // Without descriptors left poll ignores the -1, and only the deadline ends the query.
    init() { descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)) }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func fire() {
        var one: UInt64 = 1
        write(descriptor, &one, 8)
    }
}
