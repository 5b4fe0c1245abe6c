internal import Glibc
package import Model

/// Reads recipes and one inventory from disk into a ``SourceTree``. The only place where input files are opened.
package enum FleetFiles {
    /// Larger files have no place among recipes; artefacts are released, not templated.
    static let largestFile = 64 << 20

    /// `inventory` is a folder that holds inventory.yaml, or that file itself. Symbolic links are followed, once per folder.
    package static func load(roles: String, inventory: String) throws(Diagnostics) -> SourceTree {
        let rolesFolder = trimmed(roles)
        var inventoryFile = trimmed(inventory)
        if isFolder(inventoryFile) { inventoryFile += "/inventory.yaml" }
        var problems: [Diagnostic] = []
        if !isFolder(rolesFolder) {
            problems.append(
                Diagnostic(
                    "there is no folder \(rolesFolder)", at: nil, remedy: "point --roles or CSO_ROLES at the recipes"))
        }
        var files: [String: [UInt8]] = [:]
        var seen: Set<String> = []
        collect(rolesFolder, into: &files, &seen, &problems)
        if let bytes = read(inventoryFile, &problems) { files[inventoryFile] = bytes }
        if !problems.isEmpty { throw Diagnostics(problems) }
        return SourceTree(rolesFolder: rolesFolder, inventoryFile: inventoryFile, files: files)
    }

    private static func collect(
        _ folder: String, into files: inout [String: [UInt8]], _ seen: inout Set<String>,
        _ problems: inout [Diagnostic]
    ) {
        var status = stat()
        guard stat(folder, &status) == 0, seen.insert("\(status.st_dev):\(status.st_ino)").inserted,
            let stream = opendir(folder)
        else { return }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            // Editors leave hidden files and copies behind.
            if !name.hasPrefix("."), !name.hasSuffix("~") { names.append(name) }
        }
        closedir(stream)
        for name in names.sorted() {
            let path = "\(folder)/\(name)"
            if isFolder(path) {
                collect(path, into: &files, &seen, &problems)
            } else if let bytes = read(path, &problems) {
                files[path] = bytes
            }
        }
    }

    /// A file's bytes; a problem if it cannot be read or is no regular file.
    static func read(_ path: String, _ problems: inout [Diagnostic]) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            problems.append(Diagnostic("cannot read \(path): \(String(cString: strerror(errno)))", at: nil))
            return nil
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= largestFile else {
            problems.append(Diagnostic("\(path) is no regular file of at most \(largestFile >> 20) MiB", at: nil))
            return nil
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(status.st_size))
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return count == 0 ? bytes : nil }
            bytes += buffer[..<count]
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func trimmed(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
