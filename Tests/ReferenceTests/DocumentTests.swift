import Glibc
import Reference
import Resources
import Testing

/// The parts of the READMEs that are made. After a change of a declaration: CSO_WRITE_CASES=1, and read the difference.
struct DocumentTests {
    struct Part: Sendable, CustomTestStringConvertible {
        var file: String
        var name: String
        var text: String
        var testDescription: String { "\(name) in \(file)" }
    }

    static let parts = [
        Part(file: "Roles/README.md", name: "role", text: ReferenceText.role),
        Part(file: "Roles/README.md", name: "kinds", text: ReferenceText.kinds()),
        Part(file: "Roles/README.md", name: "gates", text: ReferenceText.gates),
        Part(file: "Inventory/README.md", name: "inventory", text: ReferenceText.inventory),
    ]

    @Test(.serialized, arguments: parts) func standsAsItIsMade(_ part: Part) throws {
        let text = try Disk.read(part.file)
        var document = MarkedText(text)
        let found = document.replace(part.name, with: part.text)
        #expect(found, "\(part.file) has no place for \(part.name)")
        if getenv("CSO_WRITE_CASES") != nil {
            try Disk.write(document.text, to: part.file)
        } else {
            #expect(
                document.text == text,
                "\(part.file) differs from the declarations: CSO_WRITE_CASES=1 swift test --filter ReferenceTests")
        }
    }

    @Test func everyKindGateAndFieldIsThere() throws {
        let text = ReferenceText.kinds() + ReferenceText.gates
        let kinds = Catalogue.standard.kinds.map { $0.declaration }
        let titles =
            kinds.map { "### \($0.name)\n" } + GateDeclarations.all.map { "### \($0.name) gate\n" }
            + (kinds + GateDeclarations.all).flatMap { $0.fields.map { "| `\($0.name)` | " } }
        #expect(titles.filter { !text.contains($0) } == [])
        #expect(titles.count > 50)
    }

    @Test func aDocumentWithoutTheMarksIsLeftAlone() {
        var document = MarkedText("a\n<!-- reference: x -->\nold\n<!-- end of reference -->\nb\n")
        let foundOther = document.replace("y", with: "new")
        #expect(!foundOther)
        #expect(document.text.contains("old"))
        let found = document.replace("x", with: "new")
        #expect(found)
        #expect(document.text == "a\n<!-- reference: x -->\n\nnew\n\n<!-- end of reference -->\nb\n")
        let once = document.text
        _ = document.replace("x", with: "new")
        #expect(document.text == once)
    }
}

/// The repository's own files.
enum Disk {
    static let root = String(#filePath.prefix(upTo: #filePath.firstRange(of: "/Tests/ReferenceTests/")!.lowerBound))

    struct Unreadable: Error { var path: String }

    static func read(_ path: String) throws -> String {
        guard let file = fopen("\(root)/\(path)", "r") else { throw Unreadable(path: path) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func write(_ text: String, to path: String) throws {
        guard let file = fopen("\(root)/\(path)", "w") else { throw Unreadable(path: path) }
        defer { fclose(file) }
        let bytes = Array(text.utf8)
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw Unreadable(path: path) }
    }
}
