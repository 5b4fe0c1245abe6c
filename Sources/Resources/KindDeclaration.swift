package import Model

/// What recipes may write for one kind. The decoder, the reference and the JSON Schema all come from this value, so
/// they cannot disagree.
package struct KindDeclaration: Sendable {
    package var name: KindName
    /// One sentence: what the kind manages.
    package var summary: String
    /// What stands behind the kind's own key: `- file: /etc/motd`.
    package var subject: FieldDeclaration
    /// A list behind the kind's key declares one resource for each element.
    package var allowsSubjectList: Bool
    package var fields: [FieldDeclaration]

    package init(
        name: KindName, summary: String, subject: FieldDeclaration, allowsSubjectList: Bool = false,
        fields: [FieldDeclaration]
    ) {
        self.name = name
        self.summary = summary
        self.subject = subject
        self.allowsSubjectList = allowsSubjectList
        self.fields = fields
    }

    package func field(_ name: String) -> FieldDeclaration? { fields.first { $0.name == name } }
}

/// One key of a kind: its type, whether it must be there, its default, its meaning.
package struct FieldDeclaration: Sendable {
    package enum FieldType: Sendable, Hashable {
        case text
        case number
        case flag
        case list
        /// Four octal digits, quoted: `"0644"`.
        case mode
        /// `500ms`, `30s`, `10m`, `1h`, `90d`.
        case duration
        case choice([String])
        /// An absolute path without `.` or `..` components.
        case path
        /// Text for `sh`, run as root on the host; secrets are refused in it.
        case shell
        /// Text that may hold secret references; becomes ``Model/Content``.
        case content
        /// The name of a file below the role's `files/`; becomes ``Model/Content``.
        case roleFile
        /// The name of a file below the role's `templates/`; becomes ``Model/Content``.
        case roleTemplate
    }
    package var name: String
    package var type: FieldType
    package var isRequired: Bool
    /// As it would be written in a recipe; shown in the reference. The kind's initialiser applies it.
    package var defaultText: String?
    package var documentation: String

    package init(
        _ name: String, _ type: FieldType, isRequired: Bool = false, defaultText: String? = nil,
        _ documentation: String
    ) {
        self.name = name
        self.type = type
        self.isRequired = isRequired
        self.defaultText = defaultText
        self.documentation = documentation
    }

    /// Every kind has it.
    package static let state = FieldDeclaration(
        "state", .choice(["present", "absent"]), defaultText: "present",
        "`absent` removes it; *absent* is believed only on proof.")
}

/// The value of a field after expressions were evaluated and the type was checked.
package enum FieldValue: Sendable, Hashable {
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([String])
    case mode(UInt16)
    case duration(Duration)
    case content(Content)
}

/// The evaluated fields of one resource. Compile has checked names, types and required fields; a kind's initialiser
/// checks what only it knows (ranges, combinations) and reports at ``location(of:)``.
package struct Fields: Sendable {
    package var subject: String
    package var location: SourceLocation
    private var values: [String: FieldValue]
    private var locations: [String: SourceLocation]

    package init(
        subject: String, values: [String: FieldValue] = [:], location: SourceLocation,
        locations: [String: SourceLocation] = [:]
    ) {
        self.subject = subject
        self.values = values
        self.location = location
        self.locations = locations
    }

    package subscript(name: String) -> FieldValue? { values[name] }
    var names: [String] { Array(values.keys) }
    package func location(of name: String) -> SourceLocation { locations[name] ?? location }

    package func text(_ name: String) -> String? {
        if case .text(let value) = values[name] { value } else { nil }
    }
    package func number(_ name: String) -> Int? {
        if case .number(let value) = values[name] { value } else { nil }
    }
    package func flag(_ name: String) -> Bool? {
        if case .flag(let value) = values[name] { value } else { nil }
    }
    package func list(_ name: String) -> [String]? {
        if case .list(let value) = values[name] { value } else { nil }
    }
    package func mode(_ name: String) -> UInt16? {
        if case .mode(let value) = values[name] { value } else { nil }
    }
    package func duration(_ name: String) -> Duration? {
        if case .duration(let value) = values[name] { value } else { nil }
    }
    package func content(_ name: String) -> Content? {
        if case .content(let value) = values[name] { value } else { nil }
    }
    package var isAbsent: Bool { text("state") == "absent" }
}
