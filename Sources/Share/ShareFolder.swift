internal import Crypto
internal import Glibc

/// The share's directory, held open: every name is one in it and never a way elsewhere, links are not followed, and nothing
/// here waits for what is no regular file.
struct ShareFolder: ~Copyable {
    let path: String
    private let descriptor: Int32

    /// `makes`: the directory is made if its own is there.
    init(_ path: String, makes: Bool) throws(ShareError) {
        self.path = path
        var opened = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        if opened < 0, errno == ENOENT, makes {
            if mkdir(path, 0o755) != 0 { throw Self.failure("\(path) cannot be made") }
            opened = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        }
        guard opened >= 0 else {
            throw .wrong(
                "\(path) cannot be opened: \(Self.reason)",
                remedy: "--to names the directory that hosts take files from")
        }
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// What lies in it, by name.
    func names() throws(ShareError) -> [String] {
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let listing = fdopendir(copy) else { throw Self.failure("\(path) cannot be read") }
        defer { closedir(listing) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw Self.failure("\(path) cannot be read") }
        return names.sorted()
    }

    struct Status {
        var isRegular: Bool
        var isDirectory: Bool
        /// Bytes.
        var size: Int
        /// Group or all others.
        var isWritableByOthers: Bool

        init(_ status: stat) {
            isRegular = status.st_mode & S_IFMT == S_IFREG
            isDirectory = status.st_mode & S_IFMT == S_IFDIR
            size = Int(status.st_size)
            isWritableByOthers = status.st_mode & 0o022 != 0
        }
    }

    /// `nil`: nothing has that name. An empty name is the directory itself.
    func status(_ name: String) throws(ShareError) -> Status? {
        var found = stat()
        let code =
            name.isEmpty ? fstat(descriptor, &found) : fstatat(descriptor, name, &found, AT_SYMLINK_NOFOLLOW)
        if code == 0 { return Status(found) }
        if errno == ENOENT { return nil }
        throw Self.failure("\(path)/\(name) cannot be looked at")
    }

    func open(_ name: String) throws(ShareError) -> OpenFile {
        let opened = openat(descriptor, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard opened >= 0 else { throw Self.failure("\(path)/\(name) cannot be read") }
        return OpenFile(descriptor: opened, path: "\(path)/\(name)")
    }

    /// A new file, for its writer alone until it is whole.
    func create(_ name: String) throws(ShareError) -> OpenFile {
        let opened = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw Self.failure("\(path)/\(name) cannot be made") }
        return OpenFile(descriptor: opened, path: "\(path)/\(name)")
    }

    func rename(_ name: String, to other: String) throws(ShareError) {
        guard renameat(descriptor, name, descriptor, other) == 0 else {
            throw Self.failure("\(path)/\(name) cannot become \(other)")
        }
    }

    func remove(_ name: String) throws(ShareError) {
        guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
            throw Self.failure("\(path)/\(name) cannot be removed")
        }
    }

    /// Until the names are on the server's disk. Some file systems of user space know no such call for directories.
    func synchronize() throws(ShareError) {
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOSYS else {
            throw Self.failure("\(path): its names are not on the disk")
        }
    }

    /// Bytes that whoever asks may still write.
    func freeBytes() throws(ShareError) -> Int {
        var status = statvfs()
        guard fstatvfs(descriptor, &status) == 0 else { throw Self.failure("\(path): its space is not known") }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: status.f_frsize))
        return overflow ? Int.max : bytes
    }

    static var reason: String { String(cString: strerror(errno)) }

    /// Of the call that has just failed.
    static func failure(_ text: String) -> ShareError {
        let remedy =
            switch errno {
            case EROFS: "it is mounted read-only here; publish on the jump server, which mounts it for writing"
            case EACCES, EPERM: "publish as a user who may write there, usually with sudo"
            case ENOSPC, EDQUOT: "make room, then publish again; what was begun is swept"
            default: "publish again; what was begun is swept"
            }
        return .failed("\(text): \(reason)", remedy: remedy)
    }
}

/// A file's descriptor, closed with its owner.
struct OpenFile: ~Copyable {
    let descriptor: Int32
    let path: String

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// For reading, links followed; `nil` with errno set if it cannot be.
    init?(reading path: String) {
        let opened = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if opened < 0 { return nil }
        descriptor = opened
        self.path = path
    }

    func status() -> ShareFolder.Status? {
        var found = stat()
        return fstat(descriptor, &found) == 0 ? ShareFolder.Status(found) : nil
    }

    /// Calls `body` with each part of the content, at most 1 MiB, from the beginning.
    func read(_ body: (UnsafeRawBufferPointer) throws(ShareError) -> Void) throws(ShareError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var offset = 0
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ShareFolder.failure("\(path) cannot be read") }
            if count == 0 { return }
            offset += count
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// SHA-256 as 64 hex digits, and the number of bytes.
    func digest(_ watch: () throws(ShareError) -> Void) throws(ShareError) -> (sum: String, size: Int) {
        var hash = SHA256()
        var size = 0
        try read { (part) throws(ShareError) in
            try watch()
            hash.update(bufferPointer: part)
            size += part.count
        }
        return (Self.text(hash.finalize()), size)
    }

    static func text(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    func write(_ part: UnsafeRawBufferPointer) throws(ShareError) {
        var rest = part
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ShareFolder.failure("\(path) cannot be written") }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    func write(_ bytes: [UInt8]) throws(ShareError) {
        let failure = bytes.withUnsafeBytes { part in
            do throws(ShareError) {
                try write(part)
                return ShareError?.none
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Until the content is on the server's disk. A network's file system tells here what it could not write before.
    func synchronize() throws(ShareError) {
        guard fsync(descriptor) == 0 else { throw ShareFolder.failure("\(path) is not on the disk") }
    }

    /// Everybody may read it.
    func makeReadable() throws(ShareError) {
        guard fchmod(descriptor, 0o644) == 0 else { throw ShareFolder.failure("\(path): its permissions") }
    }
}
