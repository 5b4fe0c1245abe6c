internal import Model

/// Mode, owner and group of a file or directory, as far as a recipe declares them. What it does not declare is not
/// compared and, on an existing file, kept.
struct FileAttributes: Sendable, Hashable {
    var mode: UInt16?
    var owner: String?
    var group: String?

    static let fields = [
        FieldDeclaration("mode", .mode, "Permissions. Not compared if left out."),
        FieldDeclaration("owner", .text, "Name or number of the owner. Not compared if left out."),
        FieldDeclaration("group", .text, "Name or number of the group. Not compared if left out."),
    ]

    init(mode: UInt16? = nil, owner: String? = nil, group: String? = nil) {
        self.mode = mode
        self.owner = owner
        self.group = group
    }

    init(_ fields: Fields, _ checks: inout FieldChecks) {
        mode = fields.mode("mode")
        owner = fields.text("owner")
        group = fields.text("group")
        if let mode { checks.require(mode <= 0o7777, "a mode has four octal digits", at: "mode") }
        if let owner, !Self.isNumber(owner) { checks.requireAccountName(owner, at: "owner") }
        if let group, !Self.isNumber(group) { checks.requireAccountName(group, at: "group") }
    }

    /// What is wanted, as keys of a state.
    var desired: State {
        var state: State = [:]
        if let mode { state["mode"] = .text(ModeText.text(mode)) }
        if let owner { state["owner"] = .text(owner) }
        if let group { state["group"] = .text(group) }
        return state
    }

    /// The same keys as a path was found to have them: by number where the recipe says a number.
    func observed(_ path: State) -> State {
        var state: State = [:]
        state["mode"] = path["mode"]
        state["owner"] = owner.map(Self.isNumber) == true ? path["uid"].map(Self.asText) : path["owner"]
        state["group"] = group.map(Self.isNumber) == true ? path["gid"].map(Self.asText) : path["group"]
        return state
    }

    /// Whether nothing but these differs.
    static func isOnly(in differences: [Difference]) -> Bool {
        !differences.isEmpty && differences.allSatisfy { ["mode", "owner", "group"].contains($0.key) }
    }

    /// For chown(1): `owner:group`, `owner`, `:group`.
    var ownership: String? {
        switch (owner, group) {
        case (nil, nil): nil
        case (let owner?, nil): owner
        case (let owner, let group?): "\(owner ?? ""):\(group)"
        }
    }

    private static func isNumber(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
    private static func asText(_ value: StateValue) -> StateValue { .text(value.description) }
}
