internal import Model

/// What recipes may write below `gates:`, in the same form as a resource kind, so that decoding, the reference and the
/// schema treat both alike.
package enum GateDeclarations {
    package static let all = [unit, tcp, http, command]

    package static subscript(name: String) -> KindDeclaration? { all.first { $0.name.rawValue == name } }
    package static var names: [String] { all.map(\.name.rawValue) }

    static let unit = gate(
        "unit", "The systemd unit is active.", FieldDeclaration("unit", .text, "The unit with its suffix."))
    static let tcp = gate(
        "tcp", "Something accepts connections on a TCP port of the host.",
        FieldDeclaration("tcp", .number, "The port, or a list of ports."))
    static let http = gate(
        "http", "A GET request gets the answer that is wanted.",
        FieldDeclaration("http", .text, "The URL, or a list of URLs."),
        [
            FieldDeclaration(
                "at", .text,
                "The address to connect to, in place of the one that the URL's name has; the name stays what the certificate "
                    + "is checked for."),
            FieldDeclaration(
                "ca", .path,
                "https: a file on whoever asks, whose CAs alone are trusted. Left out: those that its system trusts."),
            FieldDeclaration("status", .number, defaultText: "200", "The status of the answer."),
            FieldDeclaration("contains", .text, "A text that the answer's body must contain."),
            FieldDeclaration("lacks", .text, "A text that the answer's body must not contain."),
        ])
    static let command = gate(
        "command", "A command exits with 0.",
        FieldDeclaration(
            "command", .shell, "Run by `sh` as root on the host, or where `vantage` says; the controller's is not root."
        ))

    private static func gate(
        _ name: String, _ summary: String, _ subject: FieldDeclaration, _ fields: [FieldDeclaration] = []
    ) -> KindDeclaration {
        KindDeclaration(
            name: KindName(name), summary: summary, subject: subject, allowsSubjectList: true, fields: fields + common)
    }

    private static let common = [
        FieldDeclaration(
            "deadline", .duration, defaultText: "60s", "How long after a change the gate may take to hold."),
        FieldDeclaration("interval", .duration, defaultText: "1s", "Time between two questions."),
        FieldDeclaration("successes", .number, defaultText: "2", "So many successes in a row are needed."),
        FieldDeclaration(
            "scope", .choice(Gate.Scope.allCases.map(\.rawValue)), defaultText: "host",
            "`host`: holds before the next host is changed; `role`: holds after the last."),
        FieldDeclaration(
            "vantage", .choice(Gate.Vantage.allCases.map(\.rawValue)), defaultText: "self",
            "Who asks: the host itself, another member of the role, or the controller (this machine)."),
    ]
}
