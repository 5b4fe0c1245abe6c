internal import Model

/// Where RabbitMQ's packages put things, and how its programs are called. The same in Debian's package and in the RPM.
enum Broker {
    static let unit: UnitName = "rabbitmq-server.service"
    static let user = "rabbitmq"
    static let home = "/var/lib/rabbitmq"
    static let cookie = home + "/.erlang.cookie"

    /// The program itself. /usr/sbin has a wrapper of the same name, and Debian's gives its arguments to a shell once more,
    /// which would expand every `$` in a pattern.
    static func command(_ name: String) -> String { "/usr/lib/rabbitmq/bin/\(name)" }

    /// `ctl ARGUMENTS` is rabbitmqctl as the node's user, whose home has the cookie, and `diagnose` rabbitmq-diagnostics.
    /// Arguments are visible: secrets come on standard input.
    static let functions: ShellText = """
        cd \(word: home) || die "\(script: ShellText(script: home)) does not exist; the package is to be declared before"
        as_broker() {
        HOME=\(word: home) timeout -s KILL 180 setpriv --reuid=\(word: user) --regid=\(word: user) --init-groups -- "$@"
        }
        ctl() { as_broker \(word: command("rabbitmqctl")) -q "$@"; }
        diagnose() { as_broker \(word: command("rabbitmq-diagnostics")) -q "$@"; }

        """

    static func node(on host: String) -> String { "rabbit@\(host)" }

    /// The host of a node's name: `rabbit@b01.example` is of host `b01`.
    static func host(ofNode node: String) -> HostName? {
        guard let at = node.utf8.firstIndex(of: UInt8(ascii: "@")) else { return nil }
        let place = node.utf8[node.utf8.index(after: at)...]
        return HostName(String(decoding: place.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self))
    }

    /// Erlang's long names in the form that is safe everywhere: the distribution compares them byte by byte, so capitals
    /// would make another node of the same host.
    static func isNodeName(_ name: String) -> Bool {
        let parts = name.columns("@")
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), name.utf8.count <= 255 else { return false }
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x61...0x7A, 0x2D, 0x2E, 0x40, 0x5F: true
            default: false
            }
        }
        return isPlain && parts[1].utf8.contains(UInt8(ascii: "."))
    }
}
