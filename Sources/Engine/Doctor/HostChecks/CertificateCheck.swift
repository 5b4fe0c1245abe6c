internal import Model

/// The certificates that lie where the role's recipes put some: their dates, and whether they name the host.
struct CertificateCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? {
        let paths = subject.needs.certificates
        guard !paths.isEmpty else { return nil }
        // The dates are judged by openssl, on the host, by whose clock its services judge them too.
        return HostQuestion(
            """
            if command -v openssl >/dev/null 2>&1; then
            timeout -s KILL 20 sh -c 'n=0; for f do
            if [ ! -e "$f" ]; then w=absent
            elif ! openssl x509 -in "$f" -noout 2>/dev/null; then w=unreadable
            elif ! openssl x509 -in "$f" -noout -checkend 0 >/dev/null; then w=expired
            elif ! openssl x509 -in "$f" -noout -checkend 2592000 >/dev/null; then w=soon
            else w=fine; fi
            printf "certificate %s %s\\n" "$n" "$w"
            case $w in absent|unreadable) ;; *) openssl x509 -in "$f" -noout -enddate -ext subjectAltName,basicConstraints 2>/dev/null;; esac
            n=$((n+1)); done' sh \(words: paths)
            else echo absent; fi
            """)
    }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        let paths = subject.needs.certificates
        guard !paths.isEmpty else {
            return [.notApplicable("certificates", of: subject.name, "its role puts none anywhere")]
        }
        let lines = answer.outputText.split(separator: "\n").map(String.init)
        if lines == ["absent"] { return [.notApplicable("certificates", of: subject.name, "it has no openssl")] }
        var parts: [Int: (word: String, text: [String])] = [:]
        var current: Int?
        for line in lines {
            let words = line.split(separator: " ")
            if words.count == 3, words[0] == "certificate", let index = Int(words[1]) {
                parts[index] = (String(words[2]), [])
                current = index
            } else if let current {
                parts[current]?.text.append(line)
            }
        }
        return paths.enumerated().map { index, path in
            guard let part = parts[index] else {
                return .unknown("certificate \(path)", of: subject.name, "no answer within 20 s")
            }
            return Self.judge(part.word, part.text, path, subject)
        }
    }

    private static func judge(
        _ word: String, _ text: [String], _ path: String, _ subject: HostSubject
    ) -> Finding {
        let check = "certificate \(path)"
        let end = text.first { $0.hasPrefix("notAfter=") }?.dropFirst("notAfter=".count) ?? "?"
        let renewal = "cso-provision --host \(subject.name) renews what its role declares"
        switch word {
        case "absent": return .notApplicable(check, of: subject.name, "not there yet")
        case "unreadable":
            return Finding(check, of: subject.name, .warning, "no certificate in PEM form", remedy: renewal)
        case "expired": return Finding(check, of: subject.name, .warning, "expired: \(end)", remedy: renewal)
        case "soon":
            return Finding(check, of: subject.name, .warning, "ends within 30 days: \(end)", remedy: renewal)
        default: break
        }
        if text.contains(where: { $0.contains("CA:TRUE") }) {
            return .ok(check, of: subject.name, "a CA's, until \(end)")
        }
        let names = text.flatMap { $0.split(separator: ",") }.map { $0.filter { !$0.isWhitespace }.lowercased() }
            .filter { $0.hasPrefix("dns:") }.map { $0.dropFirst(4) }
        if names.contains(where: { $0 == subject.fullName }) { return .ok(check, of: subject.name, "until \(end)") }
        return Finding(
            check, of: subject.name, .warning,
            names.isEmpty
                ? "it has no subject alternative names, which clients need"
                : "it is for \(names.joined(separator: ", ")), not for \(subject.fullName)",
            remedy: renewal)
    }
}
