internal import Glibc
internal import Resources

/// One publication at a time on this machine. The lock's file does not lie on the share, whose locks are advisory, few, and
/// lost with its server; the kernel frees it with the process, however that ends.
struct PublicationLock: ~Copyable {
    private let descriptor: Int32

    /// `holder` is what others are told: `ann@jump01, process 4711, since 2026-11-23T13:36:25Z`.
    init(of directory: String, in folder: String, holder: String) throws(ShareError) {
        let path = "\(folder)/cso-publish-\(Digest.sha256(Array(directory.utf8)).prefix(12)).lock"
        // Reading is enough to lock it, so that operators with accounts of their own exclude each other too.
        var opened = Self.make(path)
        if opened < 0 { opened = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
        guard opened >= 0 else {
            throw .failed("\(path) cannot be opened: \(ShareFolder.reason)", remedy: "publish with sudo")
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            var buffer = [UInt8](repeating: 0, count: 300)
            let count = max(0, pread(opened, &buffer, buffer.count, 0))
            close(opened)
            let words = String(decoding: buffer.prefix(count).filter { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)
            throw .locked("another publication to \(directory) is at work" + (words.isEmpty ? "" : ": \(words)"))
        }
        // Its maker's note alone can be kept up to date; a note of somebody else's last publication would mislead.
        if ftruncate(opened, 0) == 0 {
            _ = Array(holder.utf8).withUnsafeBytes { pwrite(opened, $0.baseAddress, $0.count, 0) }
        }
        descriptor = opened
    }

    deinit { close(descriptor) }

    private static func make(_ path: String) -> Int32 {
        let made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
        return made >= 0 || errno != EEXIST ? made : open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    }
}
