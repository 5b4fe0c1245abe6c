/// The files of a folder one after another, each behind a line `SIZE NAME`, and `end` after the last: what goes from one
/// member to another where the names are not known beforehand. Regular files only; nothing below subfolders, no hidden ones.
package enum FolderArchive {
    /// The script that writes it to standard output, within so many seconds. Its host is quiet meanwhile: a file that
    /// changes while it is read makes an archive that cannot be taken apart.
    package static func reading(_ folder: String, limit: Int) -> ShellText {
        let body: ShellText = """
            cd -- \(word: folder) || exit 1
            for f in *; do
            if [ -f "$f" ] && ! [ -L "$f" ]; then
            n=$(wc -c <"$f") && printf '%s %s\\n' "$n" "$f" && head -c "$n" -- "$f" || exit 1
            fi
            done
            echo end
            """
        return "timeout -s KILL \(limit) sh -c \(word: body.text)"
    }

    /// `nil` if it is not whole.
    package static func files(in bytes: [UInt8]) -> [(name: String, content: [UInt8])]? {
        var rest = bytes[...]
        var files: [(name: String, content: [UInt8])] = []
        while let end = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[(end + 1)...]
            if line == "end" { return rest.isEmpty ? files : nil }
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let size = Int(words[0]), size >= 0, size <= rest.count else { return nil }
            files.append((String(words[1]), Array(rest.prefix(size))))
            rest = rest.dropFirst(size)
        }
        return nil
    }
}
