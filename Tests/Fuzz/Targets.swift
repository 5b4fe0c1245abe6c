internal import Model
internal import PKI
internal import Resources
internal import Source
internal import Trust

@testable internal import Cloud
@testable internal import Compile
@testable internal import RemoteProtocol
@testable internal import Zone

/// The parsers of what others write: operators' files and hosts' answers. None may crash or hang, whatever it is given;
/// beyond that, what each promises of any input stands here as preconditions.
enum Targets {
    nonisolated(unsafe) static let all: [String: ([UInt8]) -> Void] = [
        "role": role, "inventory": inventory, "template": template, "probes": probes, "protocol": conversation,
        "json": json, "cloud": cloud, "trust": trust, "certificate": certificate, "zone": zone,
    ]

    // MARK: Files

    private static let plainInventory = """
        fleet: f
        zone: {name: z.test}
        network: [10.0.0.0/8]
        availability_zones: {a: 10.0.0.0/9, b: 10.128.0.0/9}
        az_order: [a, b]
        ssh: {user: u, identity: k, known_hosts: [h]}
        secrets: {s: {file: x}}
        roles: {web: {hosts: [web01, web02]}}
        """

    private static func tree(role: [UInt8], inventory: [UInt8]) -> SourceTree {
        SourceTree(
            rolesFolder: "Roles", inventoryFile: "Inventory/inventory.yaml",
            files: [
                "Roles/web/role.yaml": role, "Inventory/inventory.yaml": inventory,
                "Roles/web/templates/t": Array("{{ host.name }} {{ secret(\"s.k\") }}\n".utf8),
                "Roles/web/files/f": [0, 1, 2],
            ])
    }

    /// Decoded, compiled for every host and family, and every mistake rendered with its line.
    private static func role(_ bytes: [UInt8]) {
        let tree = tree(role: bytes, inventory: Array(plainInventory.utf8))
        let roles = RecipeDecoder.decode(tree, catalogue: .standard)
        let inventory = InventoryDecoder.decode(tree, environment: [:])
        var mistakes = roles.diagnostics
        if let inventory = inventory.value {
            mistakes += Compiler(roles: roles.value, inventory: inventory, catalogue: .standard, tree: tree).check()
        }
        render(mistakes, tree)
    }

    private static func inventory(_ bytes: [UInt8]) {
        let tree = tree(role: Array("role: web\n".utf8), inventory: bytes)
        render(InventoryDecoder.decode(tree, environment: ["HOME": "/h", "A": "a"]).diagnostics, tree)
    }

    private static func render(_ mistakes: [Diagnostic], _ tree: SourceTree) {
        let text = DiagnosticRenderer(tree).render(mistakes)
        precondition(
            !text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" },
            "a message writes to the terminal")
        for mistake in mistakes {
            precondition(!mistake.message.isEmpty)
            if let place = mistake.location { precondition(place.line >= 1 && place.column >= 1) }
        }
    }

    private static func template(_ bytes: [UInt8]) {
        let source = TemplateSource(file: "t", bytes: bytes)
        for dialect in [TemplateParser.Dialect.values, .templates] {
            do { _ = try TemplateParser.parse(source, dialect) } catch { precondition(error.location != nil) }
        }
        do { _ = try TemplateParser.expression(source) } catch { precondition(error.location != nil) }
    }

    // MARK: Hosts

    /// The first byte chooses the batch, the second the status; a byte 255 divides output and errors.
    private static func probes(_ bytes: [UInt8]) {
        guard bytes.count > 2 else { return }
        let batches = BatchCatalogue.standard.batches
        let parts = bytes[2...].split(separator: 0xFF, maxSplits: 1, omittingEmptySubsequences: false)
        let answer = HostAnswer(
            output: Array(parts[0]), errors: parts.count > 1 ? Array(parts[1]) : [],
            status: [0, 1, 2, 124, 127, 137][Int(bytes[1] % 6)])
        let batch = batches[Int(bytes[0]) % batches.count]
        // The ledger and the notes of what is owed are one for a host: they are asked for without an argument.
        let isOfHost = batch.name == LedgerBatch.name || batch.name == OwedBatch.name
        let arguments = isOfHost ? [""] : Self.arguments
        for facts in [facts(.debian), facts(.amazon), facts(nil)] {
            let found = batch.parse(answer, arguments: arguments, on: facts)
            precondition(Set(found.keys) == Set(arguments), "\(batch.name) does not answer each argument")
            for observation in found.values {
                _ = Ledger(observation)
                _ = OwedNotes.notifications(from: observation)
            }
        }
    }

    private static let arguments = [
        "/a", "/etc/b", "a.service", "nginx", "ecs", "1500", "80", "http://a/", "test -e x", "/etc/a\0K=1\0p\0K=",
    ]

    private static func facts(_ family: HostFacts.OSFamily?) -> HostFacts {
        HostFacts(
            osID: family?.rawValue ?? "x", osVersion: "1", family: family, architecture: "x86_64", hostname: "h",
            bootID: "b", userID: 0, hasSystemd: true, mounts: [])
    }

    /// The first byte says how the bytes arrive: in pieces of that length, in turns on both streams.
    private static func conversation(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let rest = bytes.dropFirst()
        var scanner = HelloScanner()
        var place = rest.startIndex
        var isOutput = true
        do throws(ProtocolError) {
            while place < rest.endIndex {
                let end = min(rest.endIndex, place + max(1, Int(first & 0x7F)))
                let chunk = Array(rest[place..<end])
                place = end
                let found = isOutput ? try scanner.scan(output: chunk) : try scanner.scan(errors: chunk)
                if first & 0x80 != 0 { isOutput.toggle() }
                if var found {
                    _ = try found.output.scan(Array(rest[place...]))
                    break
                }
            }
        } catch { _ = error.description }
        let text = String(decoding: rest, as: UTF8.self)
        _ = SupervisedEnd(statusLine: text)
        _ = LockAnswer(HostAnswer(output: Array(rest), status: Int32(first % 4)))
        _ = HostFacts.Mount(mountInfo: text)
        _ = try? Hello(text: Array(rest), boundary: "b")
    }

    // MARK: Services

    /// What is read can be written, and is then read as the same.
    private static func json(_ bytes: [UInt8]) {
        guard let value = try? JSONValue(parsing: bytes) else { return }
        for layout in [JSONValue.Layout.compact, .pretty] {
            let written = value.encoded(layout)
            guard let again = try? JSONValue(parsing: written) else { fatalError("what was written cannot be read") }
            precondition(again.encoded(layout) == written, "what was written is read as something else")
        }
    }

    private static func cloud(_ bytes: [UInt8]) {
        _ = try? HostedZone.names(bytes)
        _ = AWSVersion(String(decoding: bytes, as: UTF8.self))
        _ = AWSConfigFile.keepingHistory(String(decoding: bytes, as: UTF8.self), file: "f")
        _ = try? SourceContent(file: bytes, source: "passwords")
        _ = try? SourceContent(terraform: bytes, output: "passwords")
    }

    private static func trust(_ bytes: [UInt8]) {
        var known = KnownHosts()
        known.add(bytes, from: "f")
        let host = HostIdentity(names: ["a.test", "10.0.0.1"], port: 22)
        let keys = (try? known.keys(for: host)) ?? []
        for key in keys { _ = known.verdict(on: key.key, from: host) }
        _ = HostKey(blob: bytes)
        let text = Base64.encode(bytes)
        precondition(Base64.decode(text) == bytes, "base64 does not come back")
    }

    /// The bytes as a text of PEM, and as what stands in one block of it.
    private static func certificate(_ bytes: [UInt8]) {
        let lines = stride(from: 0, to: bytes.count, by: 48).map {
            Base64.encode(Array(bytes[$0..<min($0 + 48, bytes.count)]))
        }
        let block = "-----BEGIN CERTIFICATE-----\n\(lines.joined(separator: "\n"))\n-----END CERTIFICATE-----\n"
        for text in [bytes, Array(block.utf8)] {
            for facts in CertificateFacts.all(pem: text) ?? [] {
                precondition(!facts.label.isEmpty && !facts.fingerprint.isEmpty)
                _ = facts.issuerName
                _ = facts.isSigned(by: facts)
            }
        }
        if let facts = CertificateFacts(pem: bytes) {
            _ = facts.isOf(publicKey: String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func zone(_ bytes: [UInt8]) {
        _ = ZoneMessage.records(bytes)
    }
}
