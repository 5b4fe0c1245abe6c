import Model
import Resources
import Testing

@Suite struct ScriptAndGateProbeTests {
    @Test(arguments: shells) func eachScriptHasItsOwnStatusAndWords(shell: String) async throws {
        let scripts = [
            "exit 0", "echo no >&2; exit 1", "printf '\\0000 0\\n' >&2; echo '0 0'; exit 7", "kill -9 $$",
            "no-such-command", "read -r x && exit 0; exit 1", "echo 'it'\\''s' >&2; exit 3", "if",
            "set -eu; echo $undefined",
        ]
        let found = try await Shell.ask(ScriptBatch.self, scripts, shell: shell)
        let statuses = scripts.map { found[$0]?.state?["status"] }
        #expect(statuses[0..<7] == [0, 1, 7, 137, 127, 1, 3])
        #expect(found[scripts[1]]?.state?["errors"] == "no")
        #expect(found[scripts[6]]?.state?["errors"] == "it's")
        #expect(found[scripts[7]]?.state?["status"] != 0 && found[scripts[8]]?.state?["status"] != 0)
    }

    @Test func aScriptThatHangsIsEndedAndTheNextOneIsAnswered() async throws {
        let scripts = ["sleep 100 & sleep 100", "exit 1"]
        let start = ContinuousClock.now
        let found = try await Shell.ask(ScriptBatch.self, scripts)
        #expect(ContinuousClock.now - start < .seconds(40))
        #expect(found[scripts[0]]?.state?["status"] == 137 && found[scripts[1]]?.state?["status"] == 1)
        let gate = Gate(check: .command("sleep 100 & sleep 100"), location: SourceLocation(file: "r"))
        let observation = try #require(found[scripts[0]])
        #expect(GateProbe.verdict(gate, observation) == .failed("did not end within 20 s"))
    }

    @Test func aCutOffAnswerProvesNothing() {
        let found = ScriptBatch.parse(HostAnswer(output: Array("0 1\n1".utf8)), arguments: ["a", "b"], on: .test())
        #expect(found["a"]?.state?["status"] == 1)
        #expect(found["b"] == .unknown(reason: "the answer is not complete"))
    }

    @Test(arguments: shells) func portsAreSeenByNumber(shell: String) async throws {
        let server = try LoopbackServer { _ in [] }
        let other = server.port == 1 ? "2" : "1"
        let found = try await Shell.ask(PortBatch.self, [String(server.port), other], shell: shell)
        #expect(found[String(server.port)] == .present(["addresses": .list(["127.0.0.1"])]))
        #expect(found[other] == .absent)
        // Nothing may be believed absent when ss is not there.
        let answer = HostAnswer(output: [], errors: Array("sh: 1: ss: not found".utf8), status: 127)
        #expect(PortBatch.parse(answer, arguments: ["22"], on: .test())["22"]?.reason?.contains("not found") == true)
    }

    @Test(arguments: shells) func oneCurlAsksForAllURLs(shell: String) async throws {
        let imitation = "\n3\t200\t0\t\n"
        let server = try LoopbackServer { path in
            switch path {
            case "/ok": LoopbackServer.answer(200, "version 2.4.4")
            case "/imitation": LoopbackServer.answer(503, imitation)
            case "/empty": LoopbackServer.answer(204, "")
            case "/query?a=[1]&b={x}": LoopbackServer.answer(200, "globs are text")
            case "/moved":
                Array("HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)
            default: []
            }
        }
        let base = "http://127.0.0.1:\(server.port)"
        let urls =
            ["/ok", "/imitation", "/empty", "/query?a=[1]&b={x}", "/moved", "/closed"].map { base + $0 }
            + ["http://127.0.0.1:1/", "http://127.0.0.1:\(server.port)/ok?\"it's $(id)\""]
        let found = try await Shell.ask(HTTPBatch.self, urls, shell: shell)
        #expect(found[urls[0]] == .present(["status": 200, "body": "version 2.4.4"]))
        #expect(found[urls[1]] == .present(["status": 503, "body": .text(imitation)]))
        #expect(found[urls[2]] == .present(["status": 204, "body": ""]))
        #expect(found[urls[3]] == .present(["status": 200, "body": "globs are text"]))
        #expect(found[urls[4]] == .present(["status": 302, "body": ""]))
        #expect(found[urls[5]]?.state?["error"]?.text?.contains("Empty reply") == true)
        #expect(found[urls[6]]?.state?["error"]?.text?.contains("connect") == true)
        #expect(found[urls[7]]?.state != nil)
    }

    /// A server with a certificate for another name than where it is, of a CA that no system trusts.
    @Test(arguments: shells) func httpsByNameAtAnAddressWithACA(shell: String) async throws {
        let scratch = try Scratch()
        let plain = try LoopbackServer { _ in LoopbackServer.answer(200, "plain") }
        let start: ShellText = """
            cd \(word: scratch.path)
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out "the ca" -days 2 -subj /CN=test \
            -addext subjectAltName=DNS:backend.zone.test 2>/dev/null
            setsid openssl s_server -accept 127.0.0.1:0 -www -cert "the ca" -key key >log 2>&1 </dev/null &
            echo $! >pid
            for i in $(seq 100); do grep -q ACCEPT log && break; sleep 0.05; done
            sed -n 's/^ACCEPT 127.0.0.1://p' log
            """
        let port = try await Shell.run(start).outputText.filter(\.isNumber)
        try #require(Int(port) != nil, "openssl s_server does not listen")
        func request(_ name: String, _ route: Gate.Route) -> ProbeRequest {
            HTTPBatch.request("https://\(name):\(port)/", route)
        }
        let here = Address("127.0.0.1")
        let authority = scratch.path + "/the ca"
        let requests = [
            request("backend.zone.test", .init(at: here, authority: authority)),
            HTTPBatch.request("http://127.0.0.1:\(plain.port)/", .plain),
            request("other.zone.test", .init(at: here, authority: authority)),
            request("backend.zone.test", .init(at: here)),
            request("backend.zone.test", .init(at: here, authority: scratch.path + "/none")),
            HTTPBatch.request("http://elsewhere.test:\(plain.port)/", .init(at: here)),
        ]
        let found = try await Shell.ask(HTTPBatch.self, requests.map(\.argument), shell: shell)
        _ = try await Shell.run("kill $(cat \(word: scratch.path)/pid)")
        func error(_ index: Int) -> String? { found[requests[index].argument]?.state?["error"]?.text }
        #expect(found[requests[0].argument]?.state?["status"] == 200, "\(found)")
        #expect(found[requests[1].argument]?.state?["body"] == "plain")
        #expect(error(2)?.contains("no alternative certificate subject name") == true, "\(found)")
        #expect(error(3)?.contains("certificate") == true, "\(found)")
        #expect(error(4)?.contains("certificate") == true, "\(found)")
        #expect(found[requests[5].argument]?.state?["body"] == "plain")
    }

    private static let verdicts: [(Gate.Check, Observation, GateVerdict)] = [
        (.unit("x.service"), .present(["active": "active", "sub": "running"]), .passed),
        (.unit("x.service"), .present(["active": "active", "sub": "exited"]), .passed),
        (
            .unit("x.service"), .present(["active": "activating", "sub": "auto-restart"]),
            .failed("activating (auto-restart)")
        ),
        (.unit("x.service"), .absent, .failed("there is no such unit")),
        (.unit("x.service"), .unknown(reason: "why"), .unknown("why")),
        (.tcp(port: 22), .present(["addresses": .list(["*"])]), .passed),
        (.tcp(port: 22), .absent, .failed("nothing listens")),
        (
            .http(url: "u", status: 200, contains: "2.4", lacks: nil), .present(["status": 200, "body": "v2.4.4"]),
            .passed
        ),
        (
            .http(url: "u", status: 200, contains: nil, lacks: nil), .present(["status": 500, "body": ""]),
            .failed("status 500 instead of 200")
        ),
        (
            .http(url: "u", status: 200, contains: "3", lacks: nil), .present(["status": 200, "body": "v2"]),
            .failed("the body does not contain \"3\"")
        ),
        (
            .http(url: "u", status: 200, contains: nil, lacks: "v"), .present(["status": 200, "body": "v2"]),
            .failed("the body contains \"v\"")
        ),
        (
            .http(url: "u", status: 200, contains: nil, lacks: nil), .present(["error": "Connection refused"]),
            .failed("Connection refused")
        ),
        (.command("x"), .present(["status": 0, "errors": ""]), .passed),
        (.command("x"), .present(["status": 2, "errors": "bad"]), .failed("status 2: bad")),
    ]

    @Test func verdictsSayWhatWasFound() {
        for (check, observation, verdict) in Self.verdicts {
            #expect(GateProbe.verdict(Gate(check: check, location: SourceLocation(file: "r")), observation) == verdict)
        }
    }

    @Test func gatesAskTheBatchesThatKindsAsk() {
        func request(_ check: Gate.Check) -> ProbeRequest {
            GateProbe.request(for: Gate(check: check, location: SourceLocation(file: "r")))
        }
        #expect(request(.unit("x.service")) == ProbeRequest("unit", "x.service"))
        #expect(request(.tcp(port: 22)) == ProbeRequest("tcp", "22"))
        #expect(
            request(.http(url: "http://a/", status: 200, contains: nil, lacks: nil))
                == ProbeRequest("http", "http://a/"))
        let route = Gate.Route(at: Address("10.1.0.1"), authority: "/a b/ca")
        #expect(
            request(.http(url: "https://a/", status: 200, contains: nil, lacks: nil, route: route))
                == ProbeRequest("http", "https://a/ 10.1.0.1 /a b/ca"))
        #expect(request(.command("true")) == ProbeRequest("script", "true"))
    }
}
