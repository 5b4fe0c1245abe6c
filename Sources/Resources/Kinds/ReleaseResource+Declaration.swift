internal import Model

extension ReleaseResource {
    package static let declaration = KindDeclaration(
        name: "release",
        summary: "A release of other people's software from an archive with a pinned SHA-256; the earlier one is kept.",
        subject: FieldDeclaration("release", .text, "What is released: lower-case letters, digits and `-`."),
        fields: [
            FieldDeclaration("version", .text, "The release; names its directory. Needed unless absent."),
            FieldDeclaration(
                "archive", .path,
                "Where the archive lies. It is copied to the host's own disk, and only the copy whose SHA-256 is right is "
                    + "used, so that it may lie on a network share. Needed unless absent."),
            FieldDeclaration("sha256", .text, "The archive's SHA-256, 64 lower-case hex digits. Needed unless absent."),
            FieldDeclaration(
                "format", .choice(Format.allCases.map(\.rawValue)),
                "`tar` (also compressed) or `zip` (also jar). By the archive's name if left out."),
            FieldDeclaration("strip", .number, defaultText: "0", "Leading folders of a tar's names that are left out."),
            FieldDeclaration(
                "folder", .path, defaultText: defaultFolder,
                "Releases lie here, one directory each, on the host's own disk."),
            FieldDeclaration("current", .path, "A symbolic link that leads to the release in use."),
            FieldDeclaration("mode", .mode, defaultText: "\"0750\"", "Permissions of the release's directory."),
            FieldDeclaration("owner", .text, "Owner of all that is in it; root if left out."),
            FieldDeclaration("group", .text, "Group of all that is in it; root if left out."),
            FieldDeclaration(
                "install", .shell,
                "The installer, a black box: run by `sh -eu` as root in the release's directory, never two on a host. What it "
                    + "prints goes to a log that only root reads."),
            FieldDeclaration("creates", .list, "Paths that the installer makes; it is run again where one is gone."),
            FieldDeclaration(
                "inputs", .list,
                "Files that the installer reads besides: it is run again when the content of one has changed since."),
            FieldDeclaration(
                "backup", .list,
                "Paths that are kept as a tar before the installer touches a release that held: root's alone, two of them, "
                    + "below `folder`/.NAME/backup. For people; nothing is put back by itself."),
            FieldDeclaration("backup_without", .list, "Paths that are left out of it: logs, and what has secrets."),
            FieldDeclaration("limit", .duration, defaultText: "45m", "How long the installer may take."),
            FieldDeclaration(
                "refuse_log", .text,
                "An extended regular expression. A line of the log that matches it makes an exit with 0 a failure."),
            FieldDeclaration(
                "restart", .list,
                "Units that are restarted after the installer and before the gate. Their unit files stand before this."),
            FieldDeclaration(
                "ready", .shell,
                "The gate: exits 0 when the release serves. The release is marked only after it; else the earlier one comes "
                    + "back."),
            FieldDeclaration("ready_deadline", .duration, defaultText: "2m", "How long the gate may take to hold."),
            FieldDeclaration("ready_successes", .number, defaultText: "2", "So many successes in a row are needed."),
            FieldDeclaration("ready_interval", .duration, defaultText: "1s", "Time between two questions."),
            FieldDeclaration("keep", .number, defaultText: "1", "So many earlier releases are kept."),
            FieldDeclaration(
                "on_failure", .choice(OnFailure.allCases.map(\.rawValue)), defaultText: "return",
                "`return`: the earlier release is installed again, by its own installer, and has to pass its own gate; "
                    + "`leave`: all stays as it is, for releases that cannot go back."),
            FieldDeclaration(
                "rollback", .shell, "Run in the earlier release's directory in place of its installer when going back."),
            FieldDeclaration(
                "uninstall", .shell, "With `state: absent`: run in the release's directory before it is removed."),
            .state,
        ])
}

extension FieldChecks {
    /// What the fields of a release have to be together.
    mutating func requireRelease(_ release: ReleaseResource, formatIsKnown: Bool) {
        require(
            Self.isWord(release.name, extra: "-") && !release.name.hasPrefix("-"),
            "\"\(release.name)\" is not the name of a release", remedy: "lower-case letters, digits and \"-\"")
        requirePath(release.folder, at: "folder")
        if let current = release.current {
            requirePath(current, at: "current")
            require(
                !(current + "/").hasPrefix(release.records + "/"), "the link cannot lie among our own records",
                at: "current")
        }
        for path in release.creates { requirePath(path, at: "creates") }
        requireInputs(release.inputs)
        for path in release.backup { requirePath(path, at: "backup") }
        for path in release.backupWithout {
            requirePath(path, at: "backup_without")
            require(
                release.backup.contains { path.hasPrefix($0 + "/") }, "\(path) is not below what is kept",
                at: "backup_without", remedy: "it lies below one of `backup`")
        }
        for unit in release.restart { requireUnitName(unit.rawValue, at: "restart") }
        require((1...50).contains(release.keep), "keep is a number from 1 to 50", at: "keep")
        require((0...20).contains(release.strip), "strip is a number from 0 to 20", at: "strip")
        if let ready = release.ready {
            require(
                (1...100).contains(ready.successes), "ready_successes is a number from 1 to 100", at: "ready_successes")
        } else {
            for field in ["ready_deadline", "ready_successes", "ready_interval"] {
                require(fields[field] == nil, "\(field) is for a gate, and there is no ready", at: field)
            }
        }
        for field in ["install", "ready", "rollback", "uninstall", "refuse_log"] {
            require(fields.text(field)?.isEmpty != true, "\(field) is empty", at: field, remedy: "leave it out")
        }
        for field in ["refuse_log", "creates", "limit", "inputs", "backup"] where release.install == nil {
            require(fields[field] == nil, "\(field) is for an installer, and there is no install", at: field)
        }
        require(
            release.rollback == nil || release.onFailure == .return, "nothing is returned to with on_failure: leave",
            at: "rollback")
        require(
            release.uninstall == nil || release.isAbsent, "uninstall is for a release that shall be absent",
            at: "uninstall")
        guard !release.isAbsent else { return }
        requireArchive(release, formatIsKnown: formatIsKnown)
    }

    private mutating func requireArchive(_ release: ReleaseResource, formatIsKnown: Bool) {
        require(
            Self.isWord(release.version, extra: ".-_+~", capitals: true)
                && release.version.first.map { $0.isASCII && ($0.isLetter || $0.isNumber) } == true
                && release.version.utf8.count <= 64,
            release.version.isEmpty ? "a release has a version" : "\"\(release.version)\" is not a version",
            at: "version", remedy: "letters, digits and . - _ + ~, at most 64, a letter or digit first")
        require(!release.archive.isEmpty, "a release comes from an archive", at: "archive", remedy: "add `archive:`")
        if !release.archive.isEmpty {
            requirePath(release.archive, at: "archive")
            require(
                formatIsKnown, "\(release.archive) does not say what it is by its name", at: "archive",
                remedy: "add `format: tar` or `format: zip`")
        }
        require(
            Digest.hex(release.sha256.utf8) != nil,
            release.sha256.isEmpty ? "an archive is used only with its SHA-256" : "\"\(release.sha256)\" is no SHA-256",
            at: "sha256", remedy: "64 lower-case hex digits: sha256sum \(release.archive)")
        require(
            release.strip == 0 || release.format == .tar, "strip is for tar archives only", at: "strip")
    }

    private static func isWord(_ text: String, extra: String, capitals: Bool = false) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7A: true
                case 0x41...0x5A: capitals
                default: extra.utf8.contains(byte)
                }
            }
    }
}
