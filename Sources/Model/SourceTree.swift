/// The input files of a run, as the engine loaded them: recipes, their templates and files, and one inventory. Decoding
/// and compiling see nothing else, so they need no disk. Paths are written as the operator gave them, since they are
/// what messages show.
package struct SourceTree: Sendable {
    /// The folder that holds one folder a role; without a final slash.
    package var rolesFolder: String
    /// The `inventory.yaml` of the fleet.
    package var inventoryFile: String
    /// Path -> bytes.
    package var files: [String: [UInt8]]

    package init(rolesFolder: String, inventoryFile: String, files: [String: [UInt8]]) {
        self.rolesFolder = rolesFolder
        self.inventoryFile = inventoryFile
        self.files = files
    }

    /// The folders of all roles that have a `role.yaml`, in the order of their names.
    package var roleFolders: [String] {
        let prefix = rolesFolder + "/"
        let suffix = "/role.yaml"
        return files.keys.filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }
            .map { String($0.dropLast(suffix.count)) }
            .filter { !$0.dropFirst(prefix.count).contains("/") && $0.count > prefix.count }
            .sorted()
    }

    /// The folder of the inventory; relative paths in it start here.
    package var inventoryFolder: String {
        inventoryFile.lastIndex(of: "/").map { String(inventoryFile[..<$0]) } ?? "."
    }

    /// Names below `folder`, for the nearest one to a name that is missing.
    package func names(below folder: String) -> [String] {
        let prefix = folder + "/"
        return files.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
    }

    /// The line of a file, without its line break; `nil` if there is none.
    package func line(_ number: Int, of file: String) -> String? {
        guard let bytes = files[file], number >= 1 else { return nil }
        var start = 0
        var remaining = number - 1
        while remaining > 0 {
            guard let lineBreak = bytes[start...].firstIndex(of: 0x0A) else { return nil }
            start = lineBreak + 1
            remaining -= 1
        }
        let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.endIndex
        var line = bytes[start..<end]
        if line.last == 0x0D { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }
}
