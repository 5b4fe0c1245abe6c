internal import Model

/// Space and inodes where recipes write, and whether it can be written to at all.
struct DiskCheck: HostCheck {
    static let places = ["/", "/var", "/opt"]
    /// Below this a package's installation or a release fails in the middle.
    static let least = 256 << 10
    /// A release needs about three times its archive.
    static let comfortable = 2 << 20

    func question(about subject: HostSubject) -> HostQuestion? {
        HostQuestion(
            """
            timeout -s KILL 5 df -P -k \(words: Self.places) 2>/dev/null
            echo inodes
            timeout -s KILL 5 df -P -i \(words: Self.places) 2>/dev/null
            """)
    }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        let parts = answer.outputText.split(separator: "inodes\n", maxSplits: 1, omittingEmptySubsequences: false)
        let space = parts.first.map(Self.rows) ?? []
        let inodes = parts.count > 1 ? Self.rows(parts[1]) : []
        guard !space.isEmpty else { return [.unknown("disk", of: subject.name, "df gave no answer within 5 s")] }
        var findings: [Finding] = []
        for row in space {
            let check = "disk \(row.point)"
            let mount = subject.facts.mounts.last { $0.point == row.point }
            if mount?.options.contains("ro") == true {
                findings.append(
                    Finding(
                        check, of: subject.name, .blocker, "it is mounted read-only",
                        remedy: "dmesg tells why (often an error of the disk); then mount -o remount,rw \(row.point)",
                        outcome: .failed))
            } else if row.available < Self.least {
                findings.append(
                    Finding(
                        check, of: subject.name, .blocker, "\(Self.size(row.available)) free, \(row.used) % used",
                        remedy:
                            "du -xh --max-depth=2 \(row.point) | sort -h | tail; or a larger root_block_device.volume_size",
                        outcome: .failed))
            } else if row.available < Self.comfortable || row.used >= 95 {
                findings.append(
                    Finding(
                        check, of: subject.name, .warning, "\(Self.size(row.available)) free, \(row.used) % used",
                        remedy:
                            "du -xh --max-depth=2 \(row.point) | sort -h | tail; or a larger root_block_device.volume_size"
                    ))
            } else {
                findings.append(.ok(check, of: subject.name, "\(Self.size(row.available)) free"))
            }
        }
        for row in inodes where row.used >= 95 {
            findings.append(
                Finding(
                    "inodes \(row.point)", of: subject.name, row.available < 1000 ? .blocker : .warning,
                    "\(row.available) free, \(row.used) % used",
                    remedy: "du -x --inodes --max-depth=3 \(row.point) | sort -n | tail", outcome: .failed))
        }
        return findings
    }

    struct Row: Hashable {
        var point: String
        /// Of 1024 bytes, or inodes.
        var available: Int
        /// Per cent.
        var used: Int
    }

    /// Lines of POSIX df: `SOURCE TOTAL USED AVAILABLE USED% POINT`, one for each file system. Those without a percentage
    /// (no inodes to count) are left out.
    static func rows(_ text: Substring) -> [Row] {
        var rows: [Row] = []
        for line in text.split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(where: { $0.hasSuffix("%") }), index >= 2, index + 1 < words.count,
                let available = Int(words[index - 1]), let used = Int(words[index].dropLast())
            else { continue }
            let row = Row(point: words[(index + 1)...].joined(separator: " "), available: available, used: used)
            if !rows.contains(where: { $0.point == row.point }) { rows.append(row) }
        }
        return rows
    }

    private static func size(_ kibibytes: Int) -> String {
        kibibytes >= 1 << 20
            ? "\(kibibytes >> 20) GiB" : kibibytes >= 1 << 10 ? "\(kibibytes >> 10) MiB" : "\(kibibytes) KiB"
    }
}
