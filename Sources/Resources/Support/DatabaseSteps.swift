internal import Model

/// How a database, its account and the account's option file come to be: first the server, then the file, so that a
/// service which reads the file at each connection finds a password in it that is accepted.
///
/// Passwords come on standard input and go to the client as an option file by descriptor, or into its SQL on standard
/// input; the shell's own `printf` writes them, which is no process. The statements are those of MySQL 8 and MariaDB alike.
enum DatabaseSteps {
    static func step(for change: Change<DatabaseResource>) -> HostStep {
        let database = change.resource
        let account = "'\(database.user)'@'\(database.from)'"
        let mends = change.differences.contains { ["tls", "schema", "privileges"].contains($0.key) }
        var script = StepText.opening(path: database.clientFile)
        script += """
            take() { read -r n && v=$(head -c "$n"; printf x) && v=${v%x} || die "$p: the credentials did not come"; }
            take; account=$v
            take; admin=$v
            take; literal=$v
            # ask OPTIONS SQL: what the server answers, and what the client complains of.
            ask() {
            printf '%s\\n' "$2" | {
            exec 4<&0
            printf '%s' "$1" | timeout -s KILL 60 mariadb --defaults-file=/dev/fd/3 --connect-timeout=10 --batch --raw \\
            --skip-column-names 3<&0 0<&4 4<&- 2>&1
            }
            }
            # The client repeats a statement that failed, with what stands in it.
            error() { printf '%s\n' "$answer" | grep '^ERROR' || echo "the client ended without a word of the server"; }
            order() {
            answer=$(ask "$admin" "$1") || case $answer in
            *"ERROR 1045 "*) die "the server refuses its administrator: the secret is not what the server has ($(error))" ;;
            *) die "$(error)" ;;
            esac
            }
            # 1045 alone means that the password is wrong; a server that is away has said nothing about it.
            login() {
            answer=$(ask "$account" "SELECT 1;") && return 0
            case $answer in *"ERROR 1045 "*) return 1 ;; *) die "$(error)" ;; esac
            }
            mend=\(mends ? 1 : 0)
            if login; then known=yes; else known= mend=1; fi
            if [ "$mend" = 1 ]; then
            order "SELECT COUNT(*) FROM mysql.user WHERE User = '\(script: text(database.user))' AND Host = '\(script: text(database.from))';"
            existed=$answer
            order "SELECT VERSION();"
            retain=
            # Both passwords are accepted until the next change, so that members which have the old one still get in.
            case $answer in
            *MariaDB* | [1-7].* | 8.0.? | 8.0.?[!0-9]* | 8.0.1[0-3] | 8.0.1[0-3][!0-9]*) ;;
            *) retain=" RETAIN CURRENT PASSWORD" ;;
            esac
            sql="SET SESSION sql_mode = '';
            CREATE DATABASE IF NOT EXISTS \(script: quoted(database.schema)) CHARACTER SET \(script: text(database.charset));
            CREATE USER IF NOT EXISTS \(script: text(account)) IDENTIFIED BY $literal REQUIRE SSL;
            ALTER USER \(script: text(account)) REQUIRE SSL;"
            if [ "$existed" = 1 ] && [ -z "$known" ]; then
            sql="$sql
            ALTER USER \(script: text(account)) IDENTIFIED BY $literal$retain;"
            fi
            sql="$sql
            \(script: grants(change, account))"
            order "$sql"
            login || die "the server refuses the password that it was given just now: is there another account that fits this host better than \(script: text(account))?"
            fi

            """
        script += writing(database, change.observed == .absent)
        return HostStep(
            "set up database \(database.schema) and its account", script: script,
            input: .framed([
                database.clientContent, database.adminContent,
                Content([.literal([0x27]), .secret(database.password, .sql), .literal([0x27])]),
            ]), limit: .seconds(180))
    }

    /// Only words that were checked at load stand in it; what the server said of other privileges is used where it is
    /// words as well.
    private static func grants(_ change: Change<DatabaseResource>, _ account: String) -> ShellText {
        let database = change.resource
        // The shell text stands in double quotes there.
        let place = "\\`\(SQLText.pattern(database.schema).split(separator: "\\").joined(separator: "\\\\\\\\"))\\`.*"
        var lines = ["GRANT \(database.privileges.joined(separator: ", ")) ON \(place) TO \(account);"]
        if let difference = change.differences.first(where: { $0.key == "privileges" }),
            case .list(let observed)? = difference.observed, case .list(let desired)? = difference.desired
        {
            for extra in observed where !desired.contains(extra) {
                let parts = extra.components(" ON ")
                if extra == "GRANT OPTION" {
                    lines.insert("REVOKE GRANT OPTION ON \(place) FROM \(account);", at: 0)
                } else if parts.count == 2, SQLText.isPrivilege(parts[0]), let other = revocable(parts[1]) {
                    let isAll = parts[1] == "\(database.schema).*" && parts[0] == "ALL PRIVILEGES"
                    lines.insert("REVOKE \(parts[0]) ON \(other) FROM \(account);", at: isAll ? 0 : lines.count - 1)
                }
            }
        }
        return ShellText(script: lines.joined(separator: "\n"))
    }

    /// `db.*` or `*.*` in the form of SQL between double quotes of the shell.
    private static func revocable(_ place: String) -> String? {
        let parts = place.components(".")
        guard parts.count == 2 else { return nil }
        let words = parts.map { part -> String? in
            if part == "*" { return part }
            guard !part.isEmpty, part.utf8.allSatisfy({ SQLText.isHost($0) || (0x41...0x5A).contains($0) }) else {
                return nil
            }
            return "\\`" + SQLText.pattern(part).split(separator: "\\").joined(separator: "\\\\\\\\") + "\\`"
        }
        guard let first = words[0], let second = words[1] else { return nil }
        return "\(first).\(second)"
    }

    /// The file, whole or not at all, as ``FileSteps`` makes files.
    private static func writing(_ database: DatabaseResource, _ isNew: Bool) -> ShellText {
        var script: ShellText = """
            if [ -L "$p" ] || { [ -e "$p" ] && ! [ -f "$p" ]; }; then die "$p is not a file; it is not replaced"; fi
            if [ -f "$p" ]; then old=yes; else old=; fi

            """
        script += FileSteps.clearing
        script += """
            set -C
            printf '%s' "$account" >"$t" || die "$p: cannot write it"
            set +C

            """
        script += FileSteps.ownership(database.attributes, creationMode: 0o600)
        script += FileSteps.placing(validate: nil)
        return script
    }

    private static func text(_ text: String) -> ShellText { ShellText(script: text) }
    private static func quoted(_ name: String) -> ShellText { ShellText(script: "\\`\(name)\\`") }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}

extension DatabaseResource {
    /// The option file. PyMySQL strips one pair of quotes and knows no escapes, the server's own clients escape.
    var clientContent: Content {
        var content = options(user: user, password: [.secret(password, .optionFile)])
        content.append(Content("[python]\nuser = \"\(user)\"\npassword = \""))
        content.append(.secret(password, .quotedINI))
        content.append(Content("\"\n"))
        return content
    }

    var adminContent: Content {
        options(user: adminUser, password: [.secret(adminPassword, .optionFile)])
    }

    private func options(user: String, password: [Content.Segment]) -> Content {
        var content = Content(
            "[client]\nhost = \"\(server)\"\nport = \(port)\nprotocol = tcp\nssl-ca = \"\(authority)\"\nssl-verify-server-cert = 1\nuser = \""
        )
        content.append(Content(user))
        content.append(Content("\"\npassword = \""))
        content.append(Content(password))
        content.append(Content("\"\n"))
        return content
    }
}
