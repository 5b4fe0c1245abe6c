import Model
import Resources
import Testing

/// Whatever a host answers: no crash, an observation for each argument, and nothing believed that was not said.
@Suite struct BrokenAnswerTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        var batch: BatchName
        var arguments: [String]
        var answer: HostAnswer
        var testDescription: String { batch.rawValue }
    }

    private static func path(_ path: String, inode: Int) -> String {
        "f\t644\troot\t0\troot\t0\t12\t1700000000.5\t65024\t\(inode)\0\(path)\0\0.\0"
    }
    private static let end = ["/", "=", "local", "1", ".", ""].joined(separator: "\0")
    private static let missing = "find: '/abc': No such file or directory\n"
    private static func digest(_ path: String) -> String { String(repeating: "0a", count: 32) + "  \(path)\0" }

    static let samples: [Sample] = [
        sample("path", ["/ab", "/a", "/abc"], path("/ab", inode: 17) + path("/a", inode: 1) + end, missing),
        sample("digest", ["/ab", "/a", "/abc"], digest("/ab") + digest("/a") + end, missing),
        sample("text", ["/ab", "/a"], ["/0", "text\n", "0", "/1", "other\n", "0", ""].joined(separator: "\0"), ""),
        sample(
            "unit", ["a.service", "b.service"],
            ["a", "b"].map {
                "Id=\($0).service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nNeedDaemonReload=no\n"
            }.joined(separator: "\n"), ""),
        sample("script", ["one", "two"], "0 137\n1 13\n", "\u{0}0\u{0}words of one\n\u{0}1\u{0}"),
        sample("http", ["http://a/", "http://b/"], "body\n4\t200\t0\t\n0123456789ab\n12\t503\t0\t\n", ""),
        sample(
            "package", ["nginx", "nginx-light"], "nginx\tamd64\tii \t1.22.1-9\nnginx-light\tamd64\thi \t1.22.1-9\n", ""),
        sample(
            "passwd", ["ecs", "1500"],
            "ecs:x:1500:1500:ECS:/home/ecs:/bin/bash\necs:x:1500:1500:ECS:/home/ecs:/bin/bash\n", ""),
        sample("group", ["adm", "ecs"], "adm:x:4:syslog,ecs\necs:x:1500:\n", ""),
        sample("tcp", ["8102", "810"], "LISTEN 0 128 0.0.0.0:8102 0.0.0.0:*\nLISTEN 0 128 [::]:810 [::]:*\n", ""),
        sample(
            "line", ["/etc/a\0K=1\0p\0K=", "/etc/b\0x\0t\0", "/etc/b\0y\0m\0^y\0^z"],
            "/etc/c\n=b\00\n/etc/a\012:K=0\n/etc/b\03:x\r\n=p\00\n=2\01\n=a2\00\n", ""),
        sample(
            "public-key", ["/etc/a.key", "/etc/b.key"],
            [
                "1795000000", "openssl", "0", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "0", "1",
                "", "none", "",
            ].joined(separator: "\0"), ""),
        sample(
            "sysctl", ["vm/swappiness", "vm/laptop_mode"],
            "/etc/sysctl.d/90-x.conf\0/etc/sysctl.conf\0\n/etc/sysctl.d/90-x.conf\0vm.swappiness = 1\n"
                + "/proc/sys/vm/swappiness\060\n/proc/sys/vm/laptop_mode\00\n=\00\n", ""),
        sample(
            "hostname", [""],
            "static web01\nlive web01\ncloud\npreserve /etc/cloud/cloud.cfg true\nours\nend\n", ""),
        sample(
            "mount", ["/m\0network\0\0", "/n\0local\0/dev/x\0"],
            "m 1 0 0:1 / / rw - ext4 /dev/a rw\nm 2 1 0:2 / /m rw - nfs4 s:/ rw\nf s:/ /m nfs4 hard\na 0 0 \nn 1 x\nb 1 0\n"
                + "d 1 /dev/y\nend\n", ""),
        sample("reach", ["10.1.0.9 80", "10.1.0.8 80"], "0 0 \n1 1 Connection refused\n", ""),
        sample("owed", [""], "reload:a.service\n", ""),
        sample(
            "release", ["/opt/.a", "/opt/.b"], "begin marker\nrelease 1 1 aa there\nend\nbegin previous\nend\n", ""),
        sample(
            "inputs", ["/m\0/a\0/b", "/n\0/a", "/o\0/c"],
            "begin\nsame\nchanged\nend\nbegin\nnone\nend\nbegin\ngone\nend\n", ""),
        sample(
            "key-folder", ["/k", "/j"],
            "e\t/k\t\td\t700\tk\tk\t4096\ne\t/k\t0\tf\t600\tk\tk\t44\ne\t/j\t\td\t700\tk\tk\t4096\n"
                + String(repeating: "0a", count: 32) + "  /k/0\nend 0\n", ""),
        sample(
            "database", ["/a\0a", "/b\0b"],
            "begin\nSsl_cipher\tTLS_AES\nschema\tutf8mb4\ngrant GRANT USAGE ON *.*\ngrant GRANT SELECT, INSERT ON `a`.*\n"
                + "tls yes\nstatus 0\nend\nbegin\nERROR 1045 (28000): no\nstatus 1\nend\n", ""),
        sample("reboot", ["kernel", "packages"], "begin\nowed kernel 2\nend\nbegin\nend\n", ""),
        sample("dnf-exclusion", ["a", "b"], "[main]\nexcludepkgs=a\n[end]\n", ""),
        sample(
            "upgrade", ["bookworm all"],
            "wish\tbookworm all\ncodename\tbookworm\nInst a [1] (2 Debian:12/stable [amd64])\nend\t0\t0\n", ""),
        sample(
            "rabbitmq", [""],
            "installed\ndata rabbit@a.b\nrecord {['rabbit@a.b'],['rabbit@a.b']}.\nlive rabbit@a.b\nnode x72616262697440612e62\n"
                + "state x72756e6e696e67\nmembers x72616262697440612e62\nrunning x72616262697440612e62\npartitions\n"
                + "cluster x63\nalarms\ndrained x66616c7365\nvhost x2f x756e646566696e6564\nuser x6775657374 x61\n"
                + "own x30 x31\nwhole\n\nasked 0\nend\n", ""),
        sample("ledger", [""], "present\nfile:/a\n", ""),
        sample(
            "credential", ["k:a", "k:b"], "0 mark 0aff \(String(repeating: "0a", count: 32)) source 1a2b\n1 absent\n",
            ""),
    ]

    private static func sample(_ batch: BatchName, _ arguments: [String], _ output: String, _ errors: String) -> Sample
    {
        Sample(
            batch: batch, arguments: arguments,
            answer: HostAnswer(output: Array(output.utf8), errors: Array(errors.utf8)))
    }

    private func parse(_ sample: Sample, _ answer: HostAnswer) throws -> [String: Observation] {
        let batch = try #require(BatchCatalogue.standard[sample.batch])
        return batch.parse(answer, arguments: sample.arguments, on: .test())
    }

    @Test func everyBatchHasASample() {
        let named = Set(Self.samples.map { $0.batch.rawValue })
        for batch in BatchCatalogue.standard.batches where batch.name != "digest-whole" {
            #expect(named.contains(batch.name.rawValue), "\(batch.name)")
        }
    }

    @Test(arguments: samples) func theWholeAnswerIsUnderstood(sample: Sample) throws {
        let found = try parse(sample, sample.answer)
        for argument in sample.arguments {
            if case .unknown(let reason)? = found[argument] { Issue.record("\(sample.batch) \(argument): \(reason)") }
        }
    }

    /// A batch whose output is cut off anywhere, as by a kill, gives less and never something else. (Where the tool's own
    /// status says that it has ended well, its output is whole: those are left out here.)
    @Test(
        arguments: samples.filter {
            [
                "path", "digest", "text", "unit", "script", "http", "line", "public-key", "release", "inputs", "reboot",
                "upgrade", "dnf-exclusion", "sysctl", "hostname", "mount", "rabbitmq", "key-folder",
                "database",
            ].contains($0.batch)
        })
    func aCutOffAnswerGivesNothingElse(sample: Sample) throws {
        let whole = try parse(sample, sample.answer)
        for length in sample.answer.output.indices {
            var cut = sample.answer
            cut.output = Array(cut.output.prefix(length))
            let found = try parse(sample, cut)
            for argument in sample.arguments {
                guard let observation = found[argument] else {
                    Issue.record("\(sample.batch) \(argument) is not answered at \(length)")
                    continue
                }
                if case .unknown = observation { continue }
                #expect(observation == whole[argument], "\(sample.batch) \(argument) at \(length)")
            }
        }
    }

    /// The tool was killed, so that only what it printed whole counts.
    @Test(arguments: samples.filter { ["package", "passwd", "group", "tcp"].contains($0.batch) })
    func aKilledToolProvesNoAbsence(sample: Sample) throws {
        let whole = try parse(sample, sample.answer)
        for length in sample.answer.output.indices {
            let cut = HostAnswer(output: Array(sample.answer.output.prefix(length)), status: 137)
            for (argument, observation) in try parse(sample, cut) {
                if case .unknown = observation { continue }
                #expect(observation == whole[argument], "\(sample.batch) \(argument) at \(length)")
            }
        }
    }

    /// 2000 damaged answers a batch, the same ones each time.
    @Test(arguments: samples) func damagedAnswersAreSurvived(sample: Sample) throws {
        var random = SplitMix(state: 42)
        let bytes: [UInt8] = [0, 9, 10, 13, 32, 46, 47, 48, 49, 57, 58, 61, 64, 255, 0xCC, 0x81]
        for _ in 0..<2000 {
            var answer = sample.answer
            for _ in 0...Int(random.next() % 4) {
                let place = Int(random.next() % UInt64(answer.output.count + 1))
                switch random.next() % 4 {
                case 0: answer.output.insert(bytes[Int(random.next() % 16)], at: place)
                case 1: if place < answer.output.count { answer.output.remove(at: place) }
                case 2: if place < answer.output.count { answer.output[place] = bytes[Int(random.next() % 16)] }
                default: answer.output += answer.output.prefix(place)
                }
            }
            answer.status = [0, 1, 2, 124, 127, 137][Int(random.next() % 6)]
            let found = try parse(sample, answer)
            #expect(Set(found.keys) == Set(sample.arguments))
        }
    }
}

/// Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
