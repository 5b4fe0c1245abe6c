package import Model

/// What an account of a database server sees of itself, asked through its own option file, over TLS with the server's
/// certificate and name verified. Keys: `login` (`accepted`, `refused`), and if it was accepted `tls` (`required`,
/// `not required`), `schema` (`there`, `missing`), `privileges` (list). A server that cannot be reached or
/// verified is unknown. `absent` = there is no option file.
package enum DatabaseBatch: ProbeBatch {
    package static let name: BatchName = "database"
    /// Seconds for one account.
    static let limit = 15

    /// Option file and schema; both hold no line break.
    static func request(file: String, schema: String) -> ProbeRequest {
        ProbeRequest(name, "\(file)\u{0}\(schema)")
    }

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        // What the server says of an account may hold a digest of its password: it does not leave the host.
        var script: ShellText = #"""
            ask() {
            echo "begin"
            if [ -f "$1" ]; then
            {
            printf '%s\n' "SHOW SESSION STATUS LIKE 'Ssl_cipher';" \
            "SELECT 'schema', DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '$2';" \
            "SHOW GRANTS;" "SHOW CREATE USER CURRENT_USER();" |
            timeout -s KILL \#(limit) mariadb --defaults-file="$1" --connect-timeout=5 --batch --raw --skip-column-names 2>&1
            echo "status $?"
            } | while IFS= read -r l; do
            case $l in
            GRANT*) case $l in *"WITH GRANT OPTION"*) echo "grant GRANT OPTION" ;; esac
            g=${l%%' TO '*}; printf 'grant %s\n' "$g" ;;
            "CREATE USER"*) case $l in *" REQUIRE NONE"*) echo "tls no" ;; *" REQUIRE "*) echo "tls yes" ;; *) echo "tls no" ;; esac ;;
            Ssl_cipher* | schema* | ERROR* | "status "*) printf '%s\n' "$l" ;;
            *mariadb:*) printf 'said %s\n' "$l" ;;
            esac
            done
            else echo none
            fi
            echo end
            }

            """#
        for argument in arguments {
            let parts = argument.columns("\0")
            script += "ask \(words: parts.count == 2 ? parts : ["/nonexistent", ""])\n"
        }
        return HostQuestion(script)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        keyed(arguments, answer.blocks.map(observation))
    }

    private static func observation(_ block: [String]) -> Observation {
        if block.last == "none" { return .absent }
        func rest(_ prefix: String) -> [String] {
            block.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        }
        guard let status = rest("status ").first.flatMap({ Int($0) }) else {
            return .unknown(reason: "the answer is not complete")
        }
        if let error = rest("ERROR ").first {
            let code = error.prefix { $0 != " " }
            switch code {
            // 1045 alone says that the password is wrong; all else says nothing about it.
            case "1045": return .present(["login": "refused"])
            case "2002", "2003", "2005", "2006", "2013":
                return .unknown(reason: "the server is not reachable: \(error)")
            case "2026": return .unknown(reason: "the server's certificate is not accepted: \(error)")
            default: return .unknown(reason: "the server says: \(error)")
            }
        }
        switch status {
        case 0: break
        case 127: return .unknown(reason: "there is no mariadb client here; declare its package before")
        case 137: return .unknown(reason: "the server did not answer within \(limit) s")
        default: return .unknown(reason: rest("said ").last ?? "the client ended with status \(status)")
        }
        guard let cipher = rest("Ssl_cipher\t").first, !cipher.isEmpty else {
            return .unknown(reason: "the connection is not encrypted")
        }
        guard let tls = rest("tls ").first else { return .unknown(reason: "the answer is not complete") }
        return .present([
            "login": "accepted", "schema": rest("schema\t").isEmpty ? "missing" : "there",
            "privileges": .list(privileges(rest("grant "))), "tls": tls == "yes" ? "required" : "not required",
        ])
    }

    /// `GRANT SELECT, INSERT ON `db`.*` -> `SELECT ON db.*` and `INSERT ON db.*`. USAGE is no privilege.
    private static func privileges(_ grants: [String]) -> [String] {
        var found: Set<String> = []
        for grant in grants {
            guard grant.hasPrefix("GRANT "), let on = grant.range(ofLast: " ON ") else {
                found.insert(grant)
                continue
            }
            let place = grant[on.upperBound...].filter { $0 != "`" && $0 != "\\" }
            for privilege in grant[..<on.lowerBound].dropFirst(6).split(separator: ",") {
                let word = String(privilege).trimmed
                if word != "USAGE" { found.insert("\(word) ON \(place)") }
            }
        }
        return found.sorted()
    }
}

extension String {
    fileprivate func range(ofLast part: String) -> Range<Index>? {
        var index = endIndex
        while index > startIndex {
            index = self.index(before: index)
            if self[index...].hasPrefix(part) { return index..<self.index(index, offsetBy: part.count) }
        }
        return nil
    }
}
