internal import Model

/// Collects what is wrong with the fields of one resource, so that all of it is said at once.
struct FieldChecks {
    let fields: Fields
    private(set) var found: [Diagnostic] = []

    init(_ fields: Fields) { self.fields = fields }

    mutating func require(
        _ condition: Bool, _ message: @autoclosure () -> String, at field: String? = nil,
        remedy: @autoclosure () -> String? = nil
    ) {
        if !condition {
            let location = field.map { fields.location(of: $0) } ?? fields.location
            found.append(Diagnostic(message(), at: location, remedy: remedy()))
        }
    }

    func finish() throws(Diagnostics) {
        if !found.isEmpty { throw Diagnostics(found) }
    }

    // MARK: Forms that several kinds share

    /// An absolute path that names one thing in one way only, so that two resources cannot share it unseen.
    mutating func requirePath(_ path: String, at field: String? = nil) {
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        require(path.hasPrefix("/"), "\"\(path)\" is not an absolute path", at: field)
        require(
            path != "/" && !parts.contains { $0.isEmpty || $0 == "." || $0 == ".." },
            "\"\(path)\" is not a plain path", at: field,
            remedy: "write it without \".\", \"..\", doubled or final slashes")
        require(!path.utf8.contains(0), "a path cannot hold a NUL", at: field)
    }

    /// As shadow's useradd takes it (with a final `$` left out), which every NSS source accepts.
    mutating func requireAccountName(_ name: String, at field: String? = nil) {
        let isRight =
            name.utf8.count <= 32
            && name.utf8.enumerated().allSatisfy { index, byte in
                switch byte {
                case 0x61...0x7A, 0x41...0x5A, 0x5F: true
                case 0x30...0x39, 0x2D, 0x2E: index > 0
                default: false
                }
            }
        require(
            isRight && !name.isEmpty, "\"\(name)\" is not a user or group name", at: field,
            remedy: "letters, digits, \"_\", \"-\" and \".\", at most 32, a letter or \"_\" first")
    }

    mutating func requireUnitName(_ name: String, at field: String? = nil) {
        require(
            UnitText.isUnit(name), "\"\(name)\" is not the name of a systemd unit", at: field,
            remedy: name.contains(".") ? nil : "with its suffix: \"\(name).service\"")
    }

    /// The secrets that a field refers to, with nothing else in it; where there may be several, white space between them.
    mutating func secrets(_ field: String, atMost most: Int = 1, example: String) -> [SecretName] {
        guard let content = fields.content(field) else { return [] }
        var names: [SecretName] = []
        var isPure = true
        for segment in content.segments {
            switch segment {
            case .secret(let name, .raw): names.append(name)
            case .literal([]): break
            case .literal(let bytes) where most > 1 && bytes.allSatisfy { $0 == 0x20 || $0 == 0x0A }: break
            default: isPure = false
            }
        }
        require(
            isPure && (1...most).contains(names.count),
            "\(field) must be \(most == 1 ? "one secret" : "secrets") and nothing else", at: field,
            remedy: "\(field): '{{ secret(\"\(example)\") }}'")
        require(Set(names).count == names.count, "a secret stands twice in \(field)", at: field)
        return names
    }

    /// The name is empty if the field is left out or refers to no secret, which is among the mistakes then.
    mutating func oneSecret(_ field: String, example: String) -> SecretName {
        require(
            fields.content(field) != nil, "\(field) must be one secret", at: field,
            remedy: "\(field): '{{ secret(\"\(example)\") }}'")
        return secrets(field, example: example).first ?? SecretName("")
    }

    /// A line of /etc/passwd has no way to express these.
    mutating func requirePasswdText(_ text: String, at field: String) {
        require(
            !text.utf8.contains { $0 == 0x3A || $0 < 0x20 }, "\(field) cannot hold a colon or a control character",
            at: field)
    }
}

/// Names of systemd units (systemd.unit(5)).
enum UnitText {
    private static let suffixes: Set<String> = [
        "service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope",
    ]

    static func isUnit(_ name: String) -> Bool {
        guard let dot = name.utf8.lastIndex(of: 0x2E), name.utf8.count <= 255 else { return false }
        let stem = name.utf8[..<dot]
        let suffix = String(name[name.utf8.index(after: dot)...])
        return suffixes.contains(suffix) && !stem.isEmpty && stem.first != 0x2D && stem.first != 0x40
            && stem.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x3A, 0x2D, 0x5F, 0x2E, 0x5C, 0x40: true
                default: false
                }
            }
    }

    /// `foo@.service`, which is no unit but makes them.
    static func isTemplate(_ name: String) -> Bool { name.contains("@.") }
}
