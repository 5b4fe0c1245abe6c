import Engine
import Model
import Report
import Synchronization
import Testing

@Suite("What a run leaves on hosts, and what it shows of what they say")
struct RecordsOnHostsTests {
    @Test("the ledger is written with a host's first step, so that a run that dies in the middle forgets nothing")
    func ledgerFirst() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook { hooks in
            hooks.beforeStep = { summary, state throws(HostFailure) in
                #expect(state.ledger.contains("file:/etc/secret.conf"), "before \(summary)")
                if summary.hasPrefix("write /etc/app.conf") { throw HostFailure(.unreachable, "cut") }
                return nil
            }
        }
        _ = try await fleet.run()
        #expect(fleet["app02"].state.ledger.contains("once:make the key"))
        #expect(fleet["app01"].state.ledger.isEmpty)
        #expect(!fleet.log.all.contains(.step("app02", "write the ledger")))
    }

    @Test("the bytes of a transfer are masked in whatever a host prints from then on")
    func transferred() async throws {
        let fleet = try TestFleet()
        let printed = Mutex<[String]>([])
        fleet["app01"].hook { hooks in
            hooks.beforeStep = { summary, _ in
                summary.contains("start app.service")
                    ? HostAnswer(output: Array("read key of app02 and died\n".utf8), status: 1) : nil
            }
        }
        let report = try await fleet.run(progress: { event in
            if case .output(_, let line) = event { printed.withLock { $0.append(line) } }
        })
        #expect(report["app01"]?.ending.outcome == .failed)
        let shown = report.json.encodedText() + printed.withLock { $0.joined(separator: "\n") }
        #expect(shown.contains("and died"))
        #expect(!shown.contains("key of app02"))
    }

    @Test("members that are changed all at once are so a bounded number at a time")
    func bounded() async throws {
        let names = (1...40).map { "app\($0 < 10 ? "0" : "")\($0)" }
        let inventory = TestFleet.inventory.replacing("[app01, app02]", with: "[\(names.joined(separator: ", "))]")
        let app = """
            role: app
            description: Files only.
            members_at_once: all
            resources:
              - file: /etc/a
                content: "a"
              - file: /etc/b
                content: "b"
            """
        let fleet = try TestFleet(app: app, inventory: inventory)
        let counts = Mutex((now: 0, most: 0))
        for name in names {
            fleet[HostName(name)].hook { hooks in
                hooks.beforeStep = { summary, _ in
                    if summary.hasPrefix("write /etc/a") {
                        counts.withLock { counts in
                            counts.now += 1
                            counts.most = max(counts.most, counts.now)
                        }
                    }
                    return nil
                }
            }
        }
        let report = try await fleet.run(progress: { event in
            if case .ended(let host, _) = event, host.rawValue.hasPrefix("app") { counts.withLock { $0.now -= 1 } }
        })
        #expect(report.outcome == .changed && report.hosts.count == 40)
        #expect(counts.withLock { $0.most } <= 16)
        #expect(counts.withLock { $0.now } == 0)
    }

    @Test("diffs are shown as far as asked for; what is no text is named, and what is sensitive is never read")
    func diffs() async throws {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { state in
            state.files["/etc/app.conf"]?.content = [0x61, 0, 0x62]
            state.files["/etc/secret.conf"]?.content = Array("by hand".utf8)
        }
        fleet["app02"].change { $0.files["/etc/app.conf"] = nil }
        func changes(_ extent: ContentDiffs.Extent) async throws -> [HostName: ReportedChange] {
            let report = try await fleet.run(changes: false, adjust: { $0.diffs = extent })
            return report.hosts.reduce(into: [:]) { found, host in
                found[host.host] = host.changes.first { $0.change.resource == "file:/etc/app.conf" }
            }
        }
        let updates = try await changes(.updates)
        #expect(updates["app01"]?.diff == nil && updates["app01"]?.diffOmission == "binary")
        #expect(updates["app02"]?.diff == nil)
        let all = try await changes(.all)
        #expect(all["app02"]?.diff?.contains("+first line\n+second line") == true)
        #expect(try await changes(.none)["app01"]?.diffOmission == nil)
        fleet["app01"].change { $0.files["/etc/app.conf"]?.content = [0x61, 0xE9] }
        #expect(try await changes(.updates)["app01"]?.diffOmission == "not UTF-8")
        fleet["app01"].change { $0.files["/etc/app.conf"]?.content = [UInt8](repeating: 0x61, count: 70_000) }
        #expect(try await changes(.updates)["app01"]?.diffOmission == "over 64 KB")
        let report = try await fleet.run(changes: false, adjust: { $0.diffs = .all })
        let secret = report["app01"]?.changes.first { $0.change.resource == "file:/etc/secret.conf" }
        #expect(secret != nil && secret?.diff == nil)
        #expect(!report.json.encodedText().contains("by hand"))
    }
}
