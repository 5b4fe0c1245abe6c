import Engine
import Glibc
import Model
import Testing

/// Fixtures/mistakes/<case>: an input tree with Roles and Inventory, and expected.txt with what an operator reads. To write
/// it anew after a deliberate change, run with CSO_WRITE_CASES=1 and read the difference.
@Suite("Mistakes as operators read them") struct MistakeCaseTests {
    static let folder = String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/")!)) + "/Fixtures/mistakes"

    static let cases: [String] = {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }()

    @Test("there are cases") func thereAreCases() { #expect(Self.cases.count > 30) }

    @Test("every mistake has its place, what was found and what would be right", arguments: cases)
    func isSaid(name: String) throws {
        let path = "\(Self.folder)/\(name)"
        let mistakes = #expect(throws: Diagnostics.self) {
            try Fleet.load(roles: path + "/Roles", inventory: path + "/Inventory", environment: [:])
        }
        let text = InputMistakes.render(try #require(mistakes)).replacing(path + "/", with: "")
        let file = path + "/expected.txt"
        if getenv("CSO_WRITE_CASES") != nil {
            let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            defer { close(descriptor) }
            let bytes = Array(text.utf8)
            #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        } else {
            #expect(text == Self.read(file))
        }
    }

    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }
}
