import Glibc
import Model
import Resources
import Transport

/// The shells that a host's `sh` may be: dash on Debian, bash on Amazon Linux.
let shells = ["/bin/dash", "/bin/bash"]

/// Why a real execution is not possible here, with the remedy.
struct Unfit: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A folder of its own for one test, removed at its end.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/cso-resources-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Unfit("cannot make a folder in /tmp") }
        path = String(cString: made)
        chmod(path, 0o755)
    }
    deinit { _ = try? removeAll() }

    private func removeAll() throws {
        let process = try SpawnedProcess.spawn(["rm", "-rf", "--", path])
        while process.reapIfEnded() == nil { usleep(1000) }
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Unfit("cannot write \(path)/\(name)") }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Unfit("cannot write \(path)/\(name)") }
            rest = rest.dropFirst(count)
        }
    }
    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    func read(_ name: String) throws -> [UInt8] {
        let descriptor = open("\(path)/\(name)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Unfit("cannot read \(path)/\(name)") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw Unfit("cannot read \(path)/\(name)") }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
    func text(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }

    func status(_ name: String) -> stat? {
        var found = stat()
        return lstat("\(path)/\(name)", &found) == 0 ? found : nil
    }
}

/// Runs scripts as the session does: by `sh -c`, in the C locale, with a fixed PATH, from `/`, umask 077.
enum Shell {
    static func run(
        _ script: ShellText, input: [UInt8] = [], shell: String = "/bin/dash", prefix: [String] = [],
        seconds: Int = 60
    ) async throws -> HostAnswer {
        let files = try Scratch()
        try files.write("in", input)
        let descriptors = [
            open(files.path + "/in", O_RDONLY | O_CLOEXEC),
            open(files.path + "/out", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600),
            open(files.path + "/err", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600),
        ]
        defer { for descriptor in descriptors { close(descriptor) } }
        let process = try SpawnedProcess.spawn(
            prefix + [shell, "-c", "cd /; umask 077\n" + script.text],
            environment: ["LC_ALL=C", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            stdin: descriptors[0], stdout: descriptors[1], stderr: descriptors[2], newSession: true)
        let status: Int32
        do {
            switch try await process.wait(by: Deadline("a test's script", in: .seconds(seconds))) {
            case .exited(let code): status = code
            case .signalled, .unknown: status = 255
            }
        } catch {
            process.kill(group: true)
            while process.reapIfEnded() == nil { usleep(1000) }
            throw error
        }
        return HostAnswer(output: try files.read("out"), errors: try files.read("err"), status: status)
    }

    /// Asks a batch about its arguments, all in one question.
    static func ask<Batch: ProbeBatch>(
        _ batch: Batch.Type, _ arguments: [String], on facts: HostFacts = .test(), shell: String = "/bin/dash",
        prefix: [String] = []
    ) async throws -> [String: Observation] {
        let answer = try await run(batch.question(arguments, on: facts).script, shell: shell, prefix: prefix)
        return batch.parse(answer, arguments: arguments, on: facts)
    }

    /// Observes one resource as the engine does: its probes, by their batches.
    static func observe<Resource: ResourceKind>(
        _ resource: Resource, on facts: HostFacts = .test(), book: SecretBook = SecretBook(),
        shell: String = "/bin/dash", prefix: [String] = []
    ) async throws -> Observation {
        var answers = ProbeAnswers()
        for (name, requests) in Dictionary(grouping: resource.probes(on: facts), by: \.batch) {
            guard let batch = BatchCatalogue.standard[name] else { throw Unfit("no batch \(name)") }
            let found = try await ask(batch, requests.map(\.argument), on: facts, shell: shell, prefix: prefix)
            for request in requests { answers[request] = found[request.argument] ?? .unknown(reason: "no answer") }
        }
        return resource.observation(from: answers, on: facts, with: book)
    }

    /// Brings one resource to its desired state and returns what its steps said. Empty if there was nothing to do.
    static func converge<Resource: ResourceKind>(
        _ resource: Resource, on facts: HostFacts = .test(), book: SecretBook = SecretBook(),
        shell: String = "/bin/dash",
        prefix: [String] = []
    ) async throws -> [HostAnswer] {
        let observed = try await observe(resource, on: facts, shell: shell, prefix: prefix)
        let desired = try resource.desired(with: book, on: facts)
        guard let change = Difference.change(resource, observed: observed, desired: desired) else { return [] }
        return try await perform(Resource.steps(for: [change], on: facts), book: book, shell: shell, prefix: prefix)
    }

    /// Whether the resource is as it shall be.
    static func needsNothing<Resource: ResourceKind>(
        _ resource: Resource, on facts: HostFacts = .test(), shell: String = "/bin/dash", prefix: [String] = []
    ) async throws -> Bool {
        let observed = try await observe(resource, on: facts, shell: shell, prefix: prefix)
        if case .unknown = observed { return false }
        return Difference.change(
            resource, observed: observed, desired: try resource.desired(with: SecretBook(), on: facts)) == nil
    }

    /// Runs steps until one fails.
    static func perform(
        _ steps: [HostStep], book: SecretBook = SecretBook(), shell: String = "/bin/dash", prefix: [String] = []
    ) async throws -> [HostAnswer] {
        var answers: [HostAnswer] = []
        for step in steps {
            let input = try step.input?.bound(to: book, for: .host) ?? []
            answers.append(try await run(step.script, input: input, shell: shell, prefix: prefix))
            if answers.last?.status != 0 { break }
        }
        return answers
    }
}

extension HostFacts {
    static func test(
        _ family: OSFamily? = .debian, hasSystemd: Bool = true, networkMounts: [String] = []
    ) -> HostFacts {
        HostFacts(
            osID: family == .amazon ? "amzn" : "debian", osVersion: family == .amazon ? "2023" : "12", family: family,
            architecture: "x86_64", hostname: "backend01", bootID: "4f2a9c", userID: 0, hasSystemd: hasSystemd,
            mounts: networkMounts.map { Mount(point: $0, type: "nfs4", source: "efs:/", options: ["rw"]) })
    }
}

extension Difference {
    /// What the planner makes of observed and desired state.
    static func change<Resource: ResourceKind>(
        _ resource: Resource, observed: Observation, desired: State?
    ) -> Change<Resource>? {
        switch (observed, desired) {
        case (.unknown, _), (.absent, nil): return nil
        case (.present(let state), nil):
            return Change(
                resource: resource, action: .remove, observed: observed,
                differences: state.map { Difference(key: $0.key, observed: $0.value, desired: nil) })
        case (.absent, let desired?):
            return Change(
                resource: resource, action: resource.creation, observed: observed,
                differences: desired.map { Difference(key: $0.key, observed: nil, desired: $0.value) })
        case (.present(let state), let desired?):
            let differences = desired.filter { state[$0.key] != $0.value }
                .map { Difference(key: $0.key, observed: state[$0.key], desired: $0.value) }
            return differences.isEmpty
                ? nil : Change(resource: resource, action: .update, observed: observed, differences: differences)
        }
    }
}

extension Fields {
    /// Fields as Compile would hand them over, without places.
    init(_ subject: String, _ values: [String: FieldValue] = [:]) {
        self.init(subject: subject, values: values, location: SourceLocation(file: "role.yaml"))
    }
}
