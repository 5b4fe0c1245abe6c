import Model
import Planning
import Report
import Testing

@Suite("The JSON document of a run")
struct JSONDocumentTests {
    @Test("has the keys of the contract, in its order, before any other")
    func keys() throws {
        let report = Reports.run([Reports.host(changes: Reports.changes, notes: ["n"], tail: "t")], notes: ["m"])
        let document = try #require(report.json.object)
        #expect(Array(document.keys) == ["run", "command", "outcome", "seconds", "hosts", "notes"])
        let host = try #require(report.json["hosts"]?.list?.first?.object)
        #expect(
            Array(host.keys) == [
                "host", "role", "address", "az", "outcome", "reason", "seconds", "changes", "notes", "output",
            ])
        let change = try #require(host["changes"]?.list?.first?.object)
        #expect(Array(change.keys) == ["resource", "action", "differences", "notifies", "diff"])
    }

    @Test("is this, to the byte")
    func document() {
        let report = Reports.run([
            Reports.host("backend01", Ending(.changed), changes: [Reports.changes[0]]),
            HostReport(
                host: "backend02", role: "backend", address: nil, zone: nil,
                ending: Ending(.unreachable, "no answer \"yet\"")),
        ])
        #expect(
            report.json.encodedText(.compact) == """
                {"run":"20261123T071500Z-4f2a9c00","command":"apply","outcome":"unreachable","seconds":1.235,"hosts":[\
                {"host":"backend01","role":"backend","address":"10.1.128.11","az":"eu-west-2a","outcome":"changed",\
                "reason":null,"seconds":0.988,"changes":[{"resource":"file:/etc/app.conf","action":"update",\
                "differences":{"content":{"observed":"a1","desired":"b2"},"mode":{"observed":"0600","desired":"0644"}},\
                "notifies":["reload app.service"],"diff":"@@ line 1 @@\\n-old\\n+new"}]},\
                {"host":"backend02","role":"backend","address":null,"az":null,"outcome":"unreachable",\
                "reason":"no answer \\"yet\\"","seconds":0.0,"changes":[]}]}
                """)
    }

    @Test("says of a sensitive difference that it is one, and nothing more")
    func sensitive() throws {
        let json = Reports.run([Reports.host(changes: Reports.changes)]).json
        let change = try #require(json["hosts"]?.list?[0]["changes"]?.list?[1])
        #expect(change["differences"]?["content"] == ["sensitive": true])
        #expect(change["differences"]?["mode"] == ["observed": nil, "desired": "0600"])
        #expect(!json.encodedText().contains("canary"))
    }

    @Test("tells what is known later after what, where, and as what")
    func later() throws {
        let json = Reports.run([Reports.host(changes: Reports.changes)]).json
        let change = try #require(json["hosts"]?.list?[0]["changes"]?.list?[2])
        #expect(change["from"] == "backend02")
        #expect(
            change["knownAfter"] == ["host": "backend02", "resource": "once:make", "possible": ["transfer", "update"]])
        #expect(change["expected"] == true)
    }

    @Test(
        "keeps the type of every value",
        arguments: [
            (.text("x"), .text("x")), (.number(5), .integer(5)), (.flag(true), .flag(true)),
            (.list(["a", "b"]), ["a", "b"]), (.list([]), .list([])),
        ] as [(StateValue, JSONValue)])
    func values(value: StateValue, json: JSONValue) throws {
        let change = PlannedChange(
            resource: "k:i", action: .update, differences: [Difference(key: "k", observed: nil, desired: value)])
        let report = Reports.run([Reports.host(changes: [ReportedChange(change)])])
        let shown = report.json["hosts"]?.list?[0]["changes"]?.list?[0]["differences"]?["k"]
        #expect(shown == ["observed": nil, "desired": json])
    }

    @Test("can be read back, whatever a host wrote into it")
    func hostile() throws {
        let text = String(decoding: (0...255).map { UInt8($0) }, as: UTF8.self)
        let host = Reports.host("backend01", Ending(.failed, text), notes: [text], tail: text)
        let encoded = Reports.run([host]).json.encodedText(.pretty)
        let read = try JSONValue(parsing: encoded)
        #expect(read["hosts"]?.list?[0]["reason"] == .text(text))
        #expect(read["hosts"]?.list?[0]["output"] == .text(text))
        // A terminal that shows the document gets no control character but the line breaks of its layout.
        #expect(!encoded.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
    }
}
