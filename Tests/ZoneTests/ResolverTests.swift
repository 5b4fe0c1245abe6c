import Glibc
import Model
import Testing
import Zone

func inventory(
    server: String?, zone: String = "prod-ha.cso.ss", deadline: Duration = .seconds(5),
    roles: [(RoleName, [HostName])] = [("backend", ["backend01", "backend02"]), ("keystone", ["keystone01"])]
) throws -> Inventory {
    try Inventory(
        fleet: "test",
        zone: .init(name: zone, server: server, deadline: deadline, hostedZoneID: nil),
        network: [#require(AddressRange("10.1.0.0/16"))],
        availabilityZones: [
            ("eu-west-2a", #require(AddressRange("10.1.128.0/18"))),
            ("eu-west-2c", #require(AddressRange("10.1.192.0/18"))),
        ],
        azOrder: ["eu-west-2c", "eu-west-2a"],
        ssh: .init(
            transport: .ssh, user: "ops", port: 22, identity: nil, knownHosts: [], proxyCommand: nil,
            connectDeadline: .seconds(5)),
        secretSources: [],
        roles: roles.enumerated().map { index, role in
            .init(role: role.0, hosts: role.1, location: SourceLocation(file: "inventory.yaml", line: 10 + index))
        },
        folder: "/inventory")
}

func address(_ text: String) throws -> Address { try #require(Address(text)) }

@Suite("Resolver against BIND", WithNameServer())
struct ResolverTests {
    var server: String { "127.0.0.1:\(NameServer.current?.port ?? 0)" }

    @Test("members in both availability zones, names in mixed case, all at once")
    func members() async throws {
        let inventory = try inventory(server: server)
        let hosts: [HostName] = ["backend01", "backend02", "keystone01"]
        let answer = await ZoneResolver().resolve(hosts, in: inventory)
        #expect(
            try answer.replies == [
                "backend01": .addresses([address("10.1.128.11")], alias: nil),
                "backend02": .addresses([address("10.1.192.12")], alias: nil),
                "keystone01": .addresses([address("10.1.128.21")], alias: nil),
            ])
        let placed = try ZoneVerdict.judge(answer, in: inventory).result.get()
        #expect(
            placed.mapValues(\.availabilityZone) == [
                "backend01": "eu-west-2a", "backend02": "eu-west-2c", "keystone01": "eu-west-2a",
            ])
    }

    @Test(
        "tells the answers apart",
        arguments: [
            ("missing", "prod-ha.cso.ss", .noSuchName), ("text", "prod-ha.cso.ss", .noAddress),
            ("dangling", "prod-ha.cso.ss", .danglingAlias("gone.prod-ha.cso.ss")),
            ("outside", "prod-ha.cso.ss", .danglingAlias("host.example.org")),
            ("any", "broken.cso.ss", .failed(.serverFailure)), ("any", "elsewhere.test", .failed(.refused)),
            ("BACKEND01", "PROD-HA.CSO.SS", .addresses([Address(number: 0x0A01_800B)], alias: nil)),
            ("frontend01", "prod-ha.cso.ss", .addresses([Address(number: 0x0A01_801F)], alias: "lb.prod-ha.cso.ss")),
        ] as [(HostName, String, ZoneReply)])
    func replies(host: HostName, zone: String, reply: ZoneReply) async throws {
        let answer = await ZoneResolver().resolve([host], in: try inventory(server: server, zone: zone))
        #expect(answer.replies == [host: reply])
    }

    @Test("an answer too long for a datagram comes whole, over TCP")
    func truncated() async throws {
        let answer = await ZoneResolver().resolve(["many"], in: try inventory(server: server))
        guard case .addresses(let addresses, nil)? = answer.replies["many"] else {
            Issue.record("\(answer)")
            return
        }
        #expect(Set(addresses).count == 40)
    }

    @Test("neither search domains nor /etc/hosts have a say")
    func noSearch() async throws {
        let answer = await ZoneResolver().resolve(
            ["localhost", "backend01"], in: try inventory(server: server, zone: "empty.cso.ss"))
        #expect(answer.replies == ["localhost": .noSuchName, "backend01": .noSuchName])
    }

    @Test("aliases of names that are no hosts, with the port that some write into them")
    func aliases() async throws {
        let zone = try inventory(server: server).zone
        #expect(
            await ZoneResolver().alias(of: "mysql.prod-ha.cso.ss", in: zone)
                == .alias("prod.abc.eu-west-2.rds.amazonaws.com:3306"))
        #expect(await ZoneResolver().alias(of: "backend01.prod-ha.cso.ss", in: zone) == .noAlias)
        #expect(await ZoneResolver().alias(of: "missing.prod-ha.cso.ss", in: zone) == .noSuchName)
        #expect(await ZoneResolver().alias(of: "any.broken.cso.ss", in: zone) == .failed(.serverFailure))
    }

    @Test("a hundred names in one go")
    func hundred() async throws {
        let hosts = (1...100).map { HostName("h\($0)") } + ["backend01"]
        let answer = await ZoneResolver().resolve(hosts, in: try inventory(server: server))
        #expect(answer.replies.count == 101)
        #expect(answer.replies.values.count { $0 == .noSuchName } == 100)
    }
}

@Suite("Resolver against servers that misbehave")
struct MisbehavingServerTests {
    @Test("a server that never answers: the deadline holds")
    func silence() async throws {
        let socket = try Loopback(SOCK_DGRAM.rawValue, bind: true)
        let start = ContinuousClock.now
        let answer = await ZoneResolver().resolve(
            ["backend01", "backend02"],
            in: try inventory(server: "127.0.0.1:\(socket.port)", deadline: .milliseconds(700)))
        #expect(answer.replies.values.allSatisfy { $0 == .failed(.timedOut(after: .milliseconds(700))) })
        #expect((.milliseconds(600)..<Duration.seconds(20)).contains(start.duration(to: .now)))
    }

    @Test("a lost packet is asked for again")
    func lostPacket() async throws {
        let socket = try Loopback(SOCK_DGRAM.rawValue, bind: true)
        let count = Counter()
        socket.serve { query in count.next() == 1 ? nil : reply(to: query, address: [10, 1, 128, 11]) }
        let answer = await ZoneResolver().resolve(["backend01"], in: try inventory(server: "127.0.0.1:\(socket.port)"))
        #expect(answer.replies == ["backend01": .addresses([try address("10.1.128.11")], alias: nil)])
    }

    @Test("nobody listens: said at once")
    func nobody() async throws {
        let start = ContinuousClock.now
        let answer = await ZoneResolver().resolve(
            ["backend01"], in: try inventory(server: "127.0.0.1:\(NameServer.freePort())"))
        #expect(answer.replies == ["backend01": .failed(.unreachable)])
        #expect(start.duration(to: .now) < .seconds(20))
    }

    @Test("a truncated answer whose whole form cannot be had")
    func truncatedForEver() async throws {
        let socket = try Loopback(SOCK_DGRAM.rawValue, bind: true)
        socket.serve { query in
            var answer = reply(to: query, address: [10, 1, 128, 11])
            answer[2] |= 0x02  // TC
            return answer
        }
        let answer = await ZoneResolver().resolve(
            ["backend01"], in: try inventory(server: "127.0.0.1:\(socket.port)", deadline: .seconds(2)))
        #expect(answer.replies == ["backend01": .failed(.unreachable)])
    }

    @Test("answers that are no answers", arguments: ["cut", "loop", "other", "longRecord"])
    func malformed(form: String) async throws {
        let socket = try Loopback(SOCK_DGRAM.rawValue, bind: true)
        socket.serve { query in
            var answer = reply(to: query, address: [10, 1, 128, 11])
            switch form {
            case "cut": answer.removeLast(3)
            // The answer's owner name points at itself.
            case "loop": answer.replaceSubrange(query.count..<query.count + 2, with: [0xC0, UInt8(query.count)])
            // A record of another name than the asked one.
            case "other": answer.replaceSubrange(query.count..<query.count + 2, with: [0xC0, 0x0C + 10])
            default: answer[query.count + 11] = 200
            }
            return answer
        }
        let answer = await ZoneResolver().resolve(
            ["backend01"], in: try inventory(server: "127.0.0.1:\(socket.port)", deadline: .seconds(2)))
        #expect(answer.replies == ["backend01": form == "other" ? .noAddress : .failed(.malformed)])
    }

    @Test("an answer in another case than the question's counts")
    func otherCase() async throws {
        let socket = try Loopback(SOCK_DGRAM.rawValue, bind: true)
        socket.serve { query in
            var answer = reply(to: query, address: [10, 1, 128, 11])
            for index in 12..<query.count where (0x61...0x7A).contains(answer[index]) { answer[index] -= 0x20 }
            return answer
        }
        let answer = await ZoneResolver().resolve(["backend01"], in: try inventory(server: "127.0.0.1:\(socket.port)"))
        #expect(answer.replies == ["backend01": .addresses([try address("10.1.128.11")], alias: nil)])
    }

    @Test("cancellation ends the wait")
    func cancelled() async throws {
        let socket = try Loopback(SOCK_DGRAM.rawValue, bind: true)
        let inventory = try inventory(server: "127.0.0.1:\(socket.port)", deadline: .seconds(30))
        let start = ContinuousClock.now
        let task = Task { await ZoneResolver().resolve(["backend01"], in: inventory) }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        #expect(await task.value.replies == ["backend01": .failed(.cancelled)])
        #expect(start.duration(to: .now) < .seconds(20))
    }

    @Test(
        "a server that is no address",
        arguments: ["resolver", "10.1.0.2:", "10.1.0.2:0", "10.1.0.2:65536", "10.1.0", "", "::1"])
    func badServer(text: String) async throws {
        let answer = await ZoneResolver().resolve(["backend01"], in: try inventory(server: text))
        #expect(answer.replies == ["backend01": .failed(.badServer(text))])
    }

    @Test("no names, no query")
    func noNames() async throws {
        #expect(await ZoneResolver().resolve([], in: try inventory(server: nil)).replies.isEmpty)
    }
}

/// The query's header and question, and one A record of the asked name.
func reply(to query: [UInt8], address: [UInt8]) -> [UInt8] {
    var answer = query
    answer[2] = 0x85  // QR, AA, RD
    answer[3] = 0x80  // RA, NOERROR
    answer[7] = 1  // one answer
    answer[10...11] = [0, 0]
    // Pointer to the question's name, A, IN, TTL 300, 4 bytes.
    return answer + [0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4] + address
}
