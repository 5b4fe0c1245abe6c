internal import Glibc
internal import Resources
internal import Transport

/// Where a directory lies, found out without touching a mount whose server may be dead.
package struct ShareMount: Sendable, Hashable {
    /// The mount point below which the directory lies, and how it is mounted.
    package var point: String
    package var type: String
    package var source: String
    package var isNetwork: Bool
    /// The directory with all links before the mount point followed.
    package var directory: String

    private static let networkTypes: Set<String> = [
        "nfs", "nfs4", "efs", "cifs", "smb3", "ceph", "9p", "fuse.sshfs", "fuse.glusterfs", "fuse.efs", "fuse",
    ]

    /// `mountinfo` is /proc/self/mountinfo. `link` reads a symbolic link, `nil` for all else; it is asked only about paths
    /// that lie on no network mount. Links are followed until the first such mount; 40 of them are a loop.
    package init(of directory: String, mountinfo: String, link: (String) -> String?) throws(ShareError) {
        let entries = mountinfo.split(separator: "\n").compactMap { MountEntry(String($0)) }
        guard directory.hasPrefix("/") else {
            throw .wrong("\(directory) is no absolute path", remedy: "begin it with /")
        }
        var rest = directory.split(separator: "/").map(String.init)
        var path = ""
        var links = 0
        func isNetworkMount(_ path: String) -> Bool {
            entries.last { $0.point == path && $0.type != "autofs" }.map { Self.networkTypes.contains($0.type) }
                ?? false
        }
        while !rest.isEmpty, !isNetworkMount(path) {
            let part = rest.removeFirst()
            if part == "." { continue }
            if part == ".." {
                path = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
                continue
            }
            let next = path + "/" + part
            guard !isNetworkMount(next), let target = link(next) else {
                path = next
                continue
            }
            links += 1
            if links > 40 { throw .wrong("\(directory) leads in a circle", remedy: "name the directory itself") }
            rest.insert(contentsOf: target.split(separator: "/").map(String.init), at: 0)
            if target.hasPrefix("/") { path = "" }
        }
        guard let holder = Self.holder(of: path.isEmpty ? "/" : path, entries) else {
            throw .failed("/proc/self/mountinfo does not tell where \(directory) lies", remedy: "is /proc mounted?")
        }
        point = holder.point
        type = holder.type
        source = holder.source
        isNetwork = Self.networkTypes.contains(holder.type)
        self.directory = "/" + (path.split(separator: "/").map(String.init) + rest).joined(separator: "/")
    }

    /// The mount that a path lies on: of the longest point, and of several at one point the last, which is on top.
    private static func holder(of path: String, _ entries: [MountEntry]) -> MountEntry? {
        var best: MountEntry?
        for entry in entries where entry.type != "autofs" && entry.holds(path) {
            if entry.point.utf8.count >= best?.point.utf8.count ?? 0 { best = entry }
        }
        return best
    }

    /// As this machine has it.
    package static func find(_ directory: String) throws(ShareError) -> ShareMount {
        let mountinfo: [UInt8]
        do throws(TransportError) { mountinfo = try Descriptors.contents(of: "/proc/self/mountinfo") } catch {
            throw .failed("\(error)", remedy: "is /proc mounted?")
        }
        return try ShareMount(of: directory, mountinfo: String(decoding: mountinfo, as: UTF8.self)) { path in
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = buffer.withUnsafeMutableBytes {
                readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
            return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
        }
    }

    /// Touches the mount for the first time, in a process of its own: one that waits for a dead server is left behind, since
    /// only KILL ends it, and not always.
    package func requireAnswer(within limit: Duration) async throws(ShareError) {
        guard let reason = await silence(limit) else { return }
        throw .silent(
            "\(point) (\(type) from \(source)) is mounted and does not answer: \(reason)",
            remedy: "see to its server; nothing was published")
    }

    /// Why it does not answer; `nil` if it does.
    private func silence(_ limit: Duration) async -> String? {
        do throws(TransportError) {
            let words = try Descriptors.memoryFile("stat")
            defer { close(words) }
            let process = try SpawnedProcess.spawn(
                ["stat", "-f", "-c", "%T", "--", point], environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"], stderr: words)
            do throws(TransportError) {
                let end = try await process.wait(by: Deadline("answer of \(point)", in: limit))
                guard end != .exited(0) else { return nil }
                // `stat: cannot read file system information for '...': Stale file handle`
                let text = String(decoding: Descriptors.tail(of: words, limit: 400), as: UTF8.self)
                let reason = text.split(separator: "\n").first?.split(separator: ":").last?.drop { $0 == " " }
                return reason.map(String.init) ?? "\(end)"
            } catch {
                process.kill()
                _ = process.reapIfEnded()
                return "no answer within \(limit.components.seconds) s"
            }
        } catch {
            return "\(error)"
        }
    }
}
