import Model
import Resources
import Testing

/// Keys as keystone reads them: what members decide from each other's, and what the steps leave behind, wherever they are cut.
@Suite struct KeystoneKeysTests {
    private typealias Seen = [(host: HostName, observation: Observation?)]

    private func folder(_ path: String = "/etc/keystone/fernet-keys", keep: Int = 3) throws -> KeystoneKeysResource {
        try KeystoneKeysResource(
            Fields(
                path,
                ["purpose": .text("fernet"), "keep": .number(keep), "owner": .text("root"), "group": .text("root")]))
    }

    /// Keys by one letter each, which stands for its digest.
    private func holds(_ keys: [Int: String], access: String = "right") -> Observation {
        .present([
            "type": "directory", "keys": .list(keys.keys.sorted().map { "\($0) \(keys[$0] ?? "")" }),
            "access": .text(access),
        ])
    }
    private let none = Observation.present(["type": "directory", "keys": .list([]), "access": "right"])

    // MARK: Decisions

    @Test func theFirstMakesThemAndTheOthersGetThem() throws {
        let folder = try folder()
        for empty in [Observation.absent, none] {
            let seen: Seen = [("a", empty), ("b", .absent)]
            guard case .change(.create, _, nil, _) = folder.decision(on: "a", seen: seen),
                case .change(.transfer, _, "a", _) = folder.decision(on: "b", seen: seen)
            else {
                Issue.record("nobody makes them, or not everybody gets them")
                return
            }
        }
        let seen: Seen = [("a", .absent), ("b", holds([0: "x", 1: "y"]))]
        guard case .change(.transfer, let differences, "b", _) = folder.decision(on: "a", seen: seen) else {
            Issue.record("a blank member does not take over what the other has")
            return
        }
        #expect(differences.allSatisfy { $0.isSensitive })
        #expect(folder.decision(on: "b", seen: seen) == .nothing)
    }

    @Test func aMemberThatCannotBeAskedMayHaveThem() throws {
        let folder = try folder()
        guard case .refused(let reason) = folder.decision(on: "a", seen: [("a", .absent), ("b", nil)]) else {
            Issue.record("new keys beside those of a member that is down")
            return
        }
        #expect(reason.hasPrefix("b could not be asked"))
        // Where somebody has them, it does not matter.
        let seen: Seen = [("a", .absent), ("b", nil), ("c", holds([0: "x", 1: "y"]))]
        guard case .change(.transfer, _, "c", _) = folder.decision(on: "a", seen: seen) else {
            Issue.record("no transfer")
            return
        }
        #expect(
            folder.decision(on: "a", seen: [("a", holds([0: "x", 1: "y"])), ("b", .unknown(reason: "r"))])
                == .unknown(reason: "b: r"))
    }

    @Test func keysOfDifferentDescentAreRefused() throws {
        let folder = try folder()
        let strangers: [([Int: String], [Int: String])] = [
            ([0: "a", 1: "b"], [0: "c", 1: "d"]),
            // The same staged key beside another primary one: neither comes from the other.
            ([0: "a", 1: "b"], [0: "a", 1: "c"]),
            ([0: "a", 2: "b"], [0: "a", 1: "c", 3: "d"]),
            // Two that were rotated apart.
            ([0: "c", 1: "b", 2: "a"], [0: "d", 1: "b", 2: "a"]),
        ]
        for (one, other) in strangers {
            let seen: Seen = [("a", holds(one)), ("b", holds(other))]
            for host in ["a", "b"] as [HostName] {
                guard case .refused(let reason) = folder.decision(on: host, seen: seen) else {
                    Issue.record("\(one) and \(other) are taken for one another's on \(host)")
                    continue
                }
                #expect(reason.hasPrefix("a, b have different keys"))
            }
        }
    }

    @Test func accessIsPutRight() throws {
        let folder = try folder()
        let seen: Seen = [
            ("a", holds([0: "x", 1: "y"], access: "key 0 0644 root:root")), ("b", holds([0: "x", 1: "y"])),
        ]
        guard case .change(.update, let differences, nil, _) = folder.decision(on: "a", seen: seen) else {
            Issue.record("everybody may read it")
            return
        }
        #expect(differences.map(\.key) == ["access"])
        let change = Change(
            resource: folder, action: .update, observed: .absent, differences: differences, source: nil)
        #expect(KeystoneKeysResource.steps(for: [change], on: .test())[0].summary.hasPrefix("set owner and mode"))
    }

    /// Every state that a rotation or its distribution can be cut off in is known for an older state of the same keys.
    @Test func wherewerARotationIsCutOffTheNewerKeysAreGivenOn() throws {
        let folder = try folder()
        let before = [0: "c", 1: "a", 2: "b"]
        /// What the leader has: after the promotion, after the new staged key, after the oldest one went.
        let leader = [[0: "c", 1: "a", 2: "b", 3: "c"], [0: "d", 1: "a", 2: "b", 3: "c"], [0: "d", 2: "b", 3: "c"]]
        let other = [
            before, [0: "c", 1: "a", 2: "b", 3: "c"], [0: "d", 1: "a", 2: "b", 3: "c"],
        ]
        for ahead in leader {
            for behind in other where behind != ahead && (ahead[0] == "d" || behind[0] == "c") {
                let seen: Seen = [("b", holds(behind)), ("a", holds(ahead))]
                guard case .change(.transfer, _, "a", _) = folder.decision(on: "b", seen: seen) else {
                    Issue.record("\(behind) is not seen as older than \(ahead)")
                    continue
                }
                #expect(folder.decision(on: "a", seen: seen) == .nothing)
            }
        }
        // A member that was put back from a backup of a rotation before.
        let seen: Seen = [("a", holds([0: "e", 3: "c", 4: "d"])), ("b", holds([0: "c", 1: "a", 2: "b"]))]
        guard case .change(.transfer, _, "a", _) = folder.decision(on: "b", seen: seen) else {
            Issue.record("an older backup is not brought up to date")
            return
        }
    }

    // MARK: Rotation

    private func rotation(_ folder: KeystoneKeysResource, _ seen: Seen) -> KeyRotation {
        var rotation = KeyRotation(.fernet)
        rotation.begin(folder, seen: seen)
        return rotation
    }

    @Test func aRotationIsOneStepAndItsDistribution() throws {
        let folder = try folder()
        let before: Seen = [("a", holds([0: "x", 1: "y"])), ("b", holds([0: "x", 1: "y"]))]
        let rotation = rotation(folder, before)
        guard
            case .change(.update, let differences, nil, _) = folder.decision(on: "a", seen: before, rotating: rotation),
            case .change(.transfer, _, "a", _) = folder.decision(on: "b", seen: before, rotating: rotation)
        else {
            Issue.record("no rotation")
            return
        }
        #expect(differences == [Difference(key: "keys", observed: "primary 1", desired: "primary 2")])
        let after = holds([0: "z", 1: "y", 2: "x"])
        // The other member, seen first as in its own turn: it takes them over and does not rotate by itself.
        let half: Seen = [("b", holds([0: "x", 1: "y"])), ("a", after)]
        guard case .change(.transfer, _, "a", _) = folder.decision(on: "b", seen: half, rotating: rotation) else {
            Issue.record("not distributed")
            return
        }
        #expect(folder.decision(on: "a", seen: half, rotating: rotation) == .nothing)
        for host in ["a", "b"] as [HostName] {
            #expect(folder.decision(on: host, seen: [("b", after), ("a", after)], rotating: rotation) == .nothing)
        }
    }

    @Test func aRotationNeedsEverybody() throws {
        let folder = try folder()
        let seen: Seen = [("a", holds([0: "x", 1: "y"])), ("b", nil)]
        guard case .refused(let reason) = folder.decision(on: "a", seen: seen, rotating: rotation(folder, seen)) else {
            Issue.record("rotated without b")
            return
        }
        #expect(reason.hasPrefix("b could not be asked"))
        let strangers: Seen = [("a", holds([0: "x", 1: "y"])), ("b", holds([0: "v", 1: "w"]))]
        guard case .refused = folder.decision(on: "a", seen: strangers, rotating: rotation(folder, strangers)) else {
            Issue.record("rotated although keys differ")
            return
        }
        let blank: Seen = [("a", .absent), ("b", .absent)]
        guard case .refused = folder.decision(on: "a", seen: blank, rotating: rotation(folder, blank)) else {
            Issue.record("keys made by a rotation")
            return
        }
        // A rotation that was cut off is finished, and no other begun.
        let cut: Seen = [("a", holds([0: "z", 1: "y", 2: "x"])), ("b", holds([0: "x", 1: "y"]))]
        #expect(folder.decision(on: "a", seen: cut, rotating: rotation(folder, cut)) == .nothing)
        guard case .change(.transfer, _, "a", _) = folder.decision(on: "b", seen: cut, rotating: rotation(folder, cut))
        else {
            Issue.record("not finished")
            return
        }
        let finished = holds([0: "z", 1: "y", 2: "x"])
        #expect(
            folder.decision(on: "b", seen: [("b", finished), ("a", finished)], rotating: rotation(folder, cut))
                == .nothing)
    }

    // MARK: Steps

    private func change(
        _ folder: KeystoneKeysResource, _ action: ChangeAction, from observed: Observation = .absent,
        source: HostName? = nil
    ) -> [HostStep] {
        KeystoneKeysResource.steps(
            for: [
                Change(
                    resource: folder, action: action, observed: observed,
                    differences: [Difference(key: "keys", observed: nil, desired: nil)], source: source)
            ], on: .test())
    }

    private func keys(_ scratch: Scratch) async throws -> [String: String] {
        let answer = try await Shell.run(
            "cd \(word: scratch.path + "/keys") && for f in *; do printf '%s %s\\n' \"$f\" \"$(cat \"$f\")\"; done")
        return Dictionary(
            uniqueKeysWithValues: answer.outputText.split(separator: "\n").map { line in
                let words = line.split(separator: " ")
                return (String(words[0]), String(words.last ?? ""))
            })
    }

    @Test(arguments: shells) func keysAreMadeRotatedAndCarried(shell: String) async throws {
        let scratch = try Scratch()
        let folder = try folder(scratch.path + "/keys")
        #expect(try await Shell.observe(folder, shell: shell) == .absent)
        #expect(try await Shell.perform(change(folder, .create), shell: shell).map(\.status) == [0])
        let first = try await keys(scratch)
        #expect(first.keys.sorted() == ["0", "1"] && first["0"] != first["1"])
        #expect(first.values.allSatisfy { $0.utf8.count == 44 && $0.hasSuffix("=") && !$0.contains("/") })
        guard case .present(let state) = try await Shell.observe(folder, shell: shell) else {
            Issue.record("not seen")
            return
        }
        #expect(state["access"] == "right")
        // They are never replaced.
        #expect(try await Shell.perform(change(folder, .create), shell: shell).map(\.status) == [1])
        #expect(try await keys(scratch) == first)

        var last = first
        for turn in 1...3 {
            let observed = try await Shell.observe(folder, shell: shell)
            let steps = change(folder, .update, from: observed)
            #expect(try await Shell.perform(steps, shell: shell).map(\.status) == [0])
            let now = try await keys(scratch)
            #expect(now[String(turn + 1)] == last["0"], "the staged key is the primary one")
            #expect(now["0"] != last["0"] && now.count == 3, "\(now.keys.sorted())")
            // Run again, as after a cut: it has been done.
            #expect(try await Shell.perform(steps, shell: shell).map(\.status) == [0])
            #expect(try await keys(scratch) == now)
            last = now
        }
        #expect(last.keys.sorted() == ["0", "3", "4"])

        // Carried to another member, over an older set with what others put there.
        let other = try Scratch()
        let there = try self.folder(other.path + "/keys")
        #expect(try await Shell.perform(change(there, .create), shell: shell).map(\.status) == [0])
        try other.write("keys/README", "not a key")
        try other.write("keys/7.cso-tmp", "of a dead run")
        let archive = try await Shell.run(FolderArchive.reading(scratch.path + "/keys", limit: 20), shell: shell)
        let step = change(there, .transfer, source: "a")[0]
        #expect(step.input?.peerFiles == [PeerFile(host: "a", path: there.path, isFolder: true)])
        let done = try await Shell.run(step.script, input: archive.output, shell: shell)
        #expect(done.status == 0, "\(done.errorText)")
        #expect(try await keys(other) == last.merging(["README": "key"]) { $1 })
        // What does not come whole changes nothing.
        for length in [0, 3, archive.output.count / 2, archive.output.count - 4] {
            let cut = try await Shell.run(step.script, input: Array(archive.output.prefix(length)), shell: shell)
            #expect(cut.status == 1, "\(length) bytes were enough")
            #expect(try await keys(other) == last.merging(["README": "key"]) { $1 })
        }
    }

    @Test func aRotationThatWasCutOffIsFinished() async throws {
        let scratch = try Scratch()
        let folder = try folder(scratch.path + "/keys")
        _ = try await Shell.perform(change(folder, .create))
        let before = try await Shell.observe(folder)
        let old = try await keys(scratch)
        // Killed between the promotion and the new staged key.
        _ = try await Shell.run("cd \(word: folder.path) && ln 0 2 && echo half >0.cso-tmp")
        #expect(try await Shell.perform(change(folder, .update, from: before)).map(\.status) == [0])
        var now = try await keys(scratch)
        #expect(now["2"] == old["0"] && now["0"] != old["0"] && now.keys.sorted() == ["0", "1", "2"])
        // A rotation by somebody else since the plan was made is not followed by ours.
        _ = try await Shell.run("cd \(word: folder.path) && cp 0 3 && cp 0 4")
        #expect(try await Shell.perform(change(folder, .update, from: before)).map(\.status) == [1])
        // A set without a staged key gets one.
        _ = try await Shell.run("cd \(word: folder.path) && rm 0 3 4")
        let incomplete = try await Shell.observe(folder)
        guard case .change(.update, _, nil, _) = folder.decision(on: "a", seen: [("a", incomplete)]) else {
            Issue.record("a set without a staged key is left")
            return
        }
        #expect(try await Shell.perform(change(folder, .update, from: incomplete)).map(\.status) == [0])
        now = try await keys(scratch)
        #expect(now.keys.sorted() == ["0", "1", "2"] && now["2"] == old["0"])
    }

    @Test func anArchiveIsReadWholeOrNotAtAll() throws {
        let bytes = Array("3 a b\nx\ny0 empty\n4 last\nend\nend\n".utf8)
        let files = try #require(FolderArchive.files(in: bytes))
        #expect(files.map(\.name) == ["a b", "empty", "last"])
        #expect(files.map { String(decoding: $0.content, as: UTF8.self) } == ["x\ny", "", "end\n"])
        for length in bytes.indices {
            #expect(FolderArchive.files(in: Array(bytes.prefix(length))) == nil, "\(length)")
        }
        #expect(FolderArchive.files(in: bytes + [0x0A]) == nil)
    }
}
