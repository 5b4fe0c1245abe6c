import Compile
import Model
import Resources

/// Resources as recipes would declare them, made without the language.
enum Declared {
    static let place = SourceLocation(file: "role.yaml", line: 7, column: 5)

    static func file(
        _ path: String, _ content: Content = Content("new\n"), mode: UInt16? = nil, sensitive: Bool? = nil,
        notifies: [Notification] = []
    ) throws -> DeclaredResource {
        var values: [String: FieldValue] = ["content": .content(content)]
        values["mode"] = mode.map { .mode($0) }
        values["sensitive"] = sensitive.map { .flag($0) }
        return resource(try FileResource(fields(path, values)), notifies, content.secretNames)
    }

    static func noFile(_ path: String, notifies: [Notification] = []) throws -> DeclaredResource {
        resource(try FileResource(fields(path, ["state": .text("absent")])), notifies, [])
    }

    static func package(
        _ name: String, absent: Bool = false, notifies: [Notification] = []
    ) throws -> DeclaredResource {
        resource(try PackageResource(fields(name, absent ? ["state": .text("absent")] : [:])), notifies, [])
    }

    static func service(
        _ unit: String, running: Bool = true, notifies: [Notification] = []
    ) throws -> DeclaredResource {
        resource(
            try ServiceResource(fields(unit, ["running": .flag(running), "enabled": .flag(running)])), notifies, [])
    }

    static func command(
        _ label: String, unless: String, input: Content? = nil, inputs: [String] = [], notifies: [Notification] = []
    ) throws -> DeclaredResource {
        var values: [String: FieldValue] = ["run": .text("do it"), "unless": .text(unless)]
        values["input"] = input.map { .content($0) }
        values["inputs"] = inputs.isEmpty ? nil : .list(inputs)
        return resource(try CommandResource(fields(label, values)), notifies, [])
    }

    static func once(
        _ label: String, evidence: String, seenFrom: String = "members", unseen: String? = nil
    ) throws -> DeclaredResource {
        var values: [String: FieldValue] = [
            "run": .text("do it"), "evidence": .text(evidence), "seen_from": .text(seenFrom),
        ]
        values["unseen"] = unseen.map { .text($0) }
        return resource(try OnceResource(fields(label, values)), [], [])
    }

    static func transfer(
        _ path: String, madeBy: String? = nil, notifies: [Notification] = []
    ) throws -> DeclaredResource {
        var values: [String: FieldValue] = [:]
        values["made_by"] = madeBy.map { .text($0) }
        return resource(try TransferResource(fields(path, values)), notifies, [])
    }

    private static func fields(_ subject: String, _ values: [String: FieldValue]) -> Fields {
        Fields(subject: subject, values: values, location: place)
    }
    private static func resource(
        _ kind: some ResourceKind, _ notifies: [Notification], _ secrets: Set<SecretName>
    ) -> DeclaredResource {
        DeclaredResource(
            resource: kind, notifies: notifies, secretNames: secrets, location: place, digest: String(reflecting: kind))
    }
}
