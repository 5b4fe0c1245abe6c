import Glibc
import Model
import OrderedCollections
import Resources
import Testing

/// Fixtures/<kind>/<case>.json: what a recipe says, what a host answered, and what must follow (`showsScripts`: with the
/// text of the steps). To write what follows anew
/// after a deliberate change, run with CSO_WRITE_CASES=1 and read the difference.
@Suite struct CaseTests {
    static let folder = String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/")!)) + "/Fixtures"

    static let cases: [String] = entries(of: folder).flatMap { kind in
        entries(of: "\(folder)/\(kind)").filter { $0.hasSuffix(".json") }.map { "\(kind)/\($0)" }
    }

    static func entries(of path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    @Test func everyKindHasCases() {
        for kind in Catalogue.standard.names { #expect(Self.cases.contains { $0.hasPrefix("\(kind)/") }, "\(kind)") }
    }

    @Test(arguments: cases) func followsFromFieldsAndAnswers(name: String) throws {
        let path = "\(Self.folder)/\(name)"
        let document = try JSONValue(parsing: Self.read(path))
        let kind = try #require(Catalogue.standard[KindName(String(name.prefix { $0 != "/" }))])
        let found = try Case(document, kind: kind).outcome()
        if getenv("CSO_WRITE_CASES") != nil {
            guard case .object(var members) = document else { return }
            members["expected"] = found
            try Self.write(JSONValue.object(members).encoded(.pretty), to: path)
        } else {
            #expect(document["expected"] == found)
        }
    }

    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Unfit("cannot read \(path)") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count <= 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0, Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw Unfit("cannot write \(path)")
        }
        close(descriptor)
    }
}

/// One case, decoded.
private struct Case {
    var kind: any ResourceKind.Type
    var document: JSONValue

    init(_ document: JSONValue, kind: any ResourceKind.Type) {
        self.document = document
        self.kind = kind
    }

    func outcome() throws -> JSONValue {
        let facts = HostFacts.test(
            HostFacts.OSFamily(rawValue: document["family"]?.text ?? "debian"),
            hasSystemd: document["hasSystemd"]?.flag ?? true)
        let fields = try fields()
        do {
            return try outcome(of: kind.init(fields), on: facts)
        } catch let error as Diagnostics {
            return ["mistakes": .list(error.all.map { .text($0.message) })]
        }
    }

    private func outcome<Resource: ResourceKind>(of resource: Resource, on facts: HostFacts) throws -> JSONValue {
        let requests = resource.probes(on: facts)
        var answers = ProbeAnswers()
        for (name, group) in OrderedDictionary(grouping: requests, by: \.batch) {
            let batch = try #require(BatchCatalogue.standard[name])
            guard let recorded = document["answers"]?[name.rawValue] else { continue }
            let answer = HostAnswer(
                output: Array((recorded["output"]?.text ?? "").utf8),
                errors: Array((recorded["errors"]?.text ?? "").utf8),
                status: Int32(recorded["status"]?.integer ?? 0))
            let parsed = batch.parse(answer, arguments: group.map(\.argument), on: facts)
            for request in group { answers[request] = parsed[request.argument] ?? .unknown(reason: "no answer") }
        }
        let book = SecretBook(values: [
            "passwords.db": Secret("p%40$(id)\"'\\@:/?#&é x"),
            "passwords.ascii": Secret("p%40$(id)\"'\\@:/?#& x"),
            "pki.ca": Secret(try CaseTests.read("\(CaseTests.folder)/ca-for-cases.pem")),
        ])
        let observed = resource.observation(from: answers, on: facts, with: book)
        let desired = try resource.desired(with: book, on: facts)
        var members: OrderedDictionary<String, JSONValue> = [
            "probes": .list(requests.map { .text("\($0.batch) \($0.argument)") }), "observed": json(observed),
        ]
        if let change = Difference.change(resource, observed: observed, desired: desired) {
            members["action"] = .text(change.action.rawValue)
            members["differences"] = .object(
                OrderedDictionary(
                    uniqueKeysWithValues: change.differences.map {
                        ($0.key, .text("\($0.observed?.description ?? "-") -> \($0.desired?.description ?? "-")"))
                    }))
            members["steps"] = .list(Resource.steps(for: [change], on: facts).map(json))
        }
        return .object(members)
    }

    /// A script is shown as its lines, where a case asks for it: one of each kind, so that a change of it is seen.
    private func json(_ step: HostStep) -> JSONValue {
        var members: OrderedDictionary<String, JSONValue> = [
            "summary": .text(step.summary), "supervised": .flag(step.isSupervised),
        ]
        if document["showsScripts"] == true {
            members["script"] = .list(step.script.text.split(separator: "\n").map { .text(String($0)) })
        }
        if let input = step.input { members["input"] = .text(input.placeholderText ?? "bytes") }
        return .object(members)
    }

    private func json(_ observation: Observation) -> JSONValue {
        switch observation {
        case .absent: "absent"
        case .unknown(let reason): ["unknown": .text(reason)]
        case .present(let state):
            .object(OrderedDictionary(uniqueKeysWithValues: state.map { ($0.key, .text($0.value.description)) }))
        }
    }

    /// Field values by the types that the kind declares.
    private func fields() throws -> Fields {
        var values: [String: FieldValue] = [:]
        for (name, value) in document["fields"]?.object ?? [:] {
            let declared = try #require(kind.declaration.field(name), "no field \(name)")
            values[name] =
                switch declared.type {
                case .number: .number(try #require(value.integer))
                case .flag: .flag(try #require(value.flag as Bool?))
                case .list: .list(try #require(value.list).compactMap(\.text))
                case .mode: .mode(try #require(value.text.flatMap { UInt16($0, radix: 8) }))
                case .duration: .duration(.seconds(try #require(value.integer)))
                case .content, .roleFile, .roleTemplate: .content(content(try #require(value.text)))
                case .text, .choice, .path, .shell: .text(try #require(value.text))
                }
        }
        return Fields(try #require(document["subject"]?.text), values)
    }

    /// `{{secret}}` stands for a secret, `{{ascii}}` for one without other characters, `{{ca}}` for one that is a CA.
    private func content(_ text: String) -> Content {
        var content = Content()
        if text == "{{ascii}}" { return Content([.secret("passwords.ascii", .raw)]) }
        if text == "{{ca}}" { return Content([.secret("pki.ca", .raw)]) }
        for (index, part) in text.split(separator: "{{secret}}", omittingEmptySubsequences: false).enumerated() {
            if index > 0 { content.append(.secret("passwords.db", .raw)) }
            content.append(Content(String(part)))
        }
        return content
    }
}
