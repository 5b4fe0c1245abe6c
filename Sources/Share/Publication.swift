internal import Crypto
internal import Glibc
package import Model

/// What a publication is about to do, told before each touch of the share and before each MiB. Whoever is told may end it
/// by throwing.
package enum PublicationStep: Sendable, Hashable {
    case reading(String)
    case looking(String)
    case sweeping(String)
    case copying(String)
    case flushing(String)
    case naming(String)
    case listing

    package var text: String {
        switch self {
        case .reading(let name): "reading \(name)"
        case .looking(let name): "looking at \(name)"
        case .sweeping(let name): "sweeping \(name)"
        case .copying(let name): "copying \(name)"
        case .flushing(let name): "waiting until \(name) is on the disk"
        case .naming(let name): "naming \(name)"
        case .listing: "writing \(ShareManifest.name)"
        }
    }
}

/// Puts files on the share, as its one writer: each whole, under a name that never stands for other bytes, and in the end
/// the list of all. Cut off at any point it leaves what was there, and perhaps files that the list does not name yet or a
/// `.tmp.` file; the next publication takes up the former and sweeps the latter.
///
/// All calls block. What lies behind a dead server waits for it; the caller watches the steps and may end the process.
package struct Publication: Sendable {
    /// An absolute path whose links were followed: ``ShareMount/directory``.
    package var directory: String
    package var publisher: String
    package var lockFolder = "/run/lock"
    package var now: @Sendable () -> Moment
    package var watch: @Sendable (PublicationStep) throws(ShareError) -> Void

    package init(
        to directory: String, by publisher: String, now: @escaping @Sendable () -> Moment,
        watch: @escaping @Sendable (PublicationStep) throws(ShareError) -> Void
    ) {
        self.directory = directory
        self.publisher = publisher
        self.now = now
        self.watch = watch
    }

    static let temporaryPrefix = ".tmp."
    /// Files of this many bytes and less are searched for private keys.
    static let searched = 4 << 20
    /// Copied bytes are brought to the disk in parts of this many, so that no one wait is long.
    static let flushed = 64 << 20
    /// Left free on the share, bytes.
    static let reserve = 1 << 20

    /// Publishes all of `files`, or none of them is in the list. A publication that fails or is interrupted sweeps what it
    /// had begun.
    package func publish(_ files: [String]) throws(ShareError) -> PublicationResult {
        let sources = try read(files)
        let moment = now()
        let lock = try PublicationLock(
            of: directory, in: lockFolder, holder: "\(publisher), process \(getpid()), since \(moment.timestamp)")
        defer { withExtendedLifetime(lock) {} }
        let folder = try ShareFolder(directory, makes: true)
        do throws(ShareError) {
            return try perform(sources, in: folder, at: moment)
        } catch {
            if case .silent = error { throw error }
            for name in (try? folder.names()) ?? [] where Self.isTemporary(name) { try? folder.remove(name) }
            throw error
        }
    }

    /// The work under the lock, without sweeping up after a failure: what a killed publication leaves.
    func perform(
        _ sources: [Source], in folder: borrowing ShareFolder, at moment: Moment
    ) throws(ShareError) -> PublicationResult {
        var result = PublicationResult(directory: directory)
        try watch(.looking(directory))
        let names = try folder.names()
        for name in names where Self.isTemporary(name) {
            try watch(.sweeping(name))
            try folder.remove(name)
            result.swept.append(name)
        }
        let before = try manifest(in: folder)
        var after = before
        var missing: [Int] = []
        for (index, source) in sources.enumerated() {
            try watch(.looking(source.name))
            let entry = before[source.name]
            if let entry, entry.sha256 != source.sha256 {
                throw .failed(
                    "\(source.name) stands for other bytes already, whose sum begins alike",
                    remedy: "give \(source.path) another name")
            }
            let found = try look(at: source, in: folder)
            if found != .right { missing.append(index) }
            let deed: PublishedFile.Deed =
                switch (found, entry) {
                case (.right, .some): .unchanged
                case (.right, .none): .listed
                case (.absent, .none): .published
                case (.absent, .some): .restored
                case (.wrong, _): .repaired
                }
            result.files.append(PublishedFile(name: source.name, sha256: source.sha256, size: source.size, deed: deed))
            if entry == nil {
                after.insert(
                    ShareEntry(
                        name: source.name, sha256: source.sha256, size: source.size, published: moment.timestamp,
                        publisher: publisher))
            }
        }
        try requireSpace(missing.reduce(0) { $0 + sources[$1].size }, in: folder)
        for index in missing { try copy(sources[index], to: folder) }
        if after != before { try write(after, to: folder) }
        let known = Set(after.entries.map(\.name))
        result.strangers = names.filter {
            !known.contains($0) && $0 != ShareManifest.name && !Self.isTemporary($0)
        }
        result.count = after.entries.count
        return result
    }

    // MARK: Sources

    struct Source: Sendable {
        var path: String
        /// On the share.
        var name: String
        var sha256: String
        var size: Int
    }

    /// Everything that is wrong with the files is found before the share is touched. The same bytes under one name count once.
    func read(_ files: [String]) throws(ShareError) -> [Source] {
        var sources: [Source] = []
        for path in files {
            let base = path.split(separator: "/").last.map(String.init) ?? ""
            if let problem = VersionedName.problem(with: base) {
                throw .wrong("\(path) is not published: \(problem)", remedy: "rename it, or leave it out")
            }
            guard let file = OpenFile(reading: path), let status = file.status() else {
                throw .wrong("\(path) cannot be read: \(ShareFolder.reason)", remedy: "name a file of this machine")
            }
            guard status.isRegular else {
                throw .wrong("\(path) is no regular file", remedy: "publish files one by one, or an archive of them")
            }
            if status.size <= Self.searched { try requireNoKey(in: file, path) }
            let (sum, size) = try file.digest { () throws(ShareError) in try watch(.reading(path)) }
            let source = Source(path: path, name: VersionedName.of(base, sha256: sum), sha256: sum, size: size)
            if !sources.contains(where: { $0.name == source.name }) { sources.append(source) }
        }
        return sources
    }

    private func requireNoKey(in file: borrowing OpenFile, _ path: String) throws(ShareError) {
        var bytes: [UInt8] = []
        try file.read { (part) throws(ShareError) in bytes += part }
        let needle = Array("PRIVATE KEY-----".utf8)
        if bytes.firstRange(of: needle) != nil {
            throw .wrong(
                "\(path) holds a private key, and every host reads the share",
                remedy: "keys are made on their hosts (kind certificate) or come from Secrets Manager")
        }
    }

    // MARK: The share

    static func isTemporary(_ name: String) -> Bool {
        name.hasPrefix(temporaryPrefix) && name.utf8.count == temporaryPrefix.utf8.count + 32
    }

    func manifest(in folder: borrowing ShareFolder) throws(ShareError) -> ShareManifest {
        try watch(.looking(ShareManifest.name))
        guard let status = try folder.status(ShareManifest.name) else { return ShareManifest() }
        var reason = "it is no regular file of at most 16 MiB"
        if status.isRegular, status.size <= 16 << 20 {
            var bytes: [UInt8] = []
            try folder.open(ShareManifest.name).read { (part) throws(ShareError) in bytes += part }
            do throws(ManifestProblem) { return try ShareManifest(parsing: bytes) } catch { reason = error.reason }
        }
        throw .failed(
            "\(directory)/\(ShareManifest.name) is not taken as the share's list: \(reason)",
            remedy: "find out who wrote it; without it, publishing the same files again makes it anew")
    }

    private enum Found { case right, absent, wrong }

    private func look(at source: Source, in folder: borrowing ShareFolder) throws(ShareError) -> Found {
        guard let status = try folder.status(source.name) else { return .absent }
        if status.isDirectory {
            throw .failed("\(directory)/\(source.name) is a directory", remedy: "find out who made it, and remove it")
        }
        guard status.isRegular, status.size == source.size, !status.isWritableByOthers else { return .wrong }
        let (sum, _) = try folder.open(source.name).digest { () throws(ShareError) in try watch(.looking(source.name)) }
        return sum == source.sha256 ? .right : .wrong
    }

    private func requireSpace(_ needed: Int, in folder: borrowing ShareFolder) throws(ShareError) {
        guard needed > 0 else { return }
        let free = try folder.freeBytes()
        if free - Self.reserve < needed {
            throw .failed(
                "\(directory) has \(ByteCount.text(free)) free, and \(ByteCount.text(needed)) are to be written",
                remedy: "remove releases that no host runs any more: publish --remove NAME")
        }
    }

    private func copy(_ source: Source, to folder: borrowing ShareFolder) throws(ShareError) {
        guard let file = OpenFile(reading: source.path) else {
            throw .wrong("\(source.path) cannot be read: \(ShareFolder.reason)", remedy: "it was there a moment ago")
        }
        let temporary = Self.temporaryName()
        do {
            try watch(.copying(source.name))
            let target = try folder.create(temporary)
            var hash = SHA256()
            var pending = 0
            try file.read { (part) throws(ShareError) in
                try watch(.copying(source.name))
                try target.write(part)
                hash.update(bufferPointer: part)
                pending += part.count
                if pending >= Self.flushed {
                    try target.synchronize()
                    pending = 0
                }
            }
            guard OpenFile.text(hash.finalize()) == source.sha256 else {
                throw ShareError.failed(
                    "\(source.path) was changed while it was read", remedy: "publish it when it is complete")
            }
            try watch(.flushing(source.name))
            try target.makeReadable()
            try target.synchronize()
        }
        try watch(.naming(source.name))
        try folder.rename(temporary, to: source.name)
        try watch(.flushing(source.name))
        try folder.synchronize()
    }

    func write(_ manifest: ShareManifest, to folder: borrowing ShareFolder) throws(ShareError) {
        let temporary = Self.temporaryName()
        do {
            try watch(.listing)
            let file = try folder.create(temporary)
            try file.write(manifest.encoded)
            try watch(.flushing(ShareManifest.name))
            try file.makeReadable()
            try file.synchronize()
        }
        try watch(.naming(ShareManifest.name))
        try folder.rename(temporary, to: ShareManifest.name)
        try watch(.flushing(ShareManifest.name))
        try folder.synchronize()
    }

    private static func temporaryName() -> String {
        let digits = [UInt64.random(in: .min ... .max), .random(in: .min ... .max)].map {
            let text = String($0, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return temporaryPrefix + digits.joined()
    }
}
