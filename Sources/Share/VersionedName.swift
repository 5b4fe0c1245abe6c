/// The name of a file on the share: its own, with the beginning of the SHA-256 of its bytes. Other bytes have another name,
/// so a name never changes what it stands for, and a host that reads while somebody publishes reads one version whole.
package enum VersionedName {
    /// Hex digits of the sum in a name.
    static let digits = 12

    /// `installation-package-2.4.4.jar` as `installation-package-2.4.4-fb6d3c60b35c.jar`. A name that carries the sum already
    /// stays as it is: a file that comes from another share keeps its name.
    package static func of(_ name: String, sha256: String) -> String {
        let mark = "-" + sha256.prefix(digits)
        let (stem, ending) = parts(name)
        return stem.hasSuffix(mark) ? name : stem + mark + ending
    }

    /// The ending begins with a letter: `tool-2.4` has none. `.tar.gz` and its like are one.
    private static func parts(_ name: String) -> (stem: String, ending: String) {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex,
            name[name.index(after: dot)...].first?.isLetter == true
        else { return (name, "") }
        let stem = name[..<dot]
        let start = stem.hasSuffix(".tar") ? name.index(dot, offsetBy: -4) : dot
        return (String(name[..<start]), String(name[start...]))
    }

    /// Why a name is not taken; `nil` if it is. Names stand in recipes, inventories and shell text.
    package static func problem(with name: String) -> String? {
        guard let first = name.utf8.first else { return "it has no name" }
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E, 0x5F, 0x7E: true
            default: false
            }
        }
        if !isPlain || first == 0x2E || first == 0x2D {
            return "its name is not plain: letters, digits and . _ + ~ - in it, a letter or digit first"
        }
        if name.utf8.count > 200 { return "its name is longer than 200 bytes" }
        if name == ShareManifest.name { return "the share's own list has that name" }
        if isSecret(name) { return "by its name it holds keys or passwords, and every host reads the share" }
        return nil
    }

    /// What never belongs on a share that every host reads.
    static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["setup.properties", ".erlang.cookie"].contains(name)
            || [".key", ".key.nopass", ".key.password", ".p12", ".pfx", ".jks", ".keystore"].contains {
                name.hasSuffix($0)
            }
    }
}
