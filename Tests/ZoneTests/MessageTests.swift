import Glibc
import Model
import Testing

@testable import Zone

@Suite("Messages and several resolvers")
struct MessageTests {
    @Test("of the system's resolvers one that fails is not the last word, and its reason is not lost")
    func others() throws {
        let failing = try Loopback(SOCK_DGRAM.rawValue, bind: true)
        failing.serve { query in
            var answer = query
            answer[2] = 0x81
            answer[3] = 0x82  // SERVFAIL
            return answer
        }
        let good = try Loopback(SOCK_DGRAM.rawValue, bind: true)
        good.serve { reply(to: $0, address: [10, 1, 128, 11]) }
        func ask(_ ports: UInt16...) -> ZoneReply {
            ZoneQuery.run(
                ["backend01.prod-ha.cso.ss"], .address, servers: ports.map { "127.0.0.1:\($0)" }, within: .seconds(5),
                interrupt: Interrupt())[0].reply
        }
        #expect(try ask(failing.port, good.port) == .addresses([address("10.1.128.11")], alias: nil))
        #expect(ask(failing.port, failing.port) == .failed(.serverFailure))
        #expect(ask(failing.port) == .failed(.serverFailure))
    }

    @Test("no message makes the reader crash or hang", arguments: 0..<8 as Range<UInt64>)
    func mutations(seed: UInt64) {
        // A question, a CNAME and an A record, with compressed names.
        let name = Array("\u{9}backend01\u{7}prod-ha\u{3}cso\u{2}ss\u{0}".utf8)
        let whole: [UInt8] =
            [0, 1, 0x85, 0x80, 0, 1, 0, 2, 0, 0, 0, 0] + name + [0, 1, 0, 1]
            + [0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 5, 2, 0x6C, 0x62, 0xC0, 22]
            + [0xC0, 54, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 1, 128, 31]
        #expect(
            ZoneQuery.Outcome(whole).reply
                == .addresses([Address(number: 0x0A01_801F)], alias: "lb.prod-ha.cso.ss"))
        var random = SplitMix(state: seed)
        for _ in 0..<5000 {
            var message = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                message[Int.random(in: 0..<message.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            _ = ZoneQuery.Outcome(Array(message.prefix(Int.random(in: 0...message.count, using: &random))))
        }
    }
}

extension ZoneQuery.Outcome {
    init(_ message: [UInt8]) { self = ZoneMessage.records(message) }
}

/// Steele, Lea and Flood's generator: small, and the same everywhere.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
