internal import Model

/// Does the host know its own name, and does that name not lead back to the loopback address?
struct HostnameCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? {
        HostQuestion("timeout -s KILL 5 head -c 65536 /etc/hosts")
    }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        let (short, full, own) = (subject.name, subject.fullName, subject.facts.hostname)
        var findings: [Finding] = []
        if own == short || own == full {
            findings.append(.ok("hostname", of: short, own))
        } else {
            // Erlang's node names and certificates' names are compared by letter.
            let isCaseOnly = own.lowercased() == full.lowercased()
            findings.append(
                Finding(
                    "hostname", of: short, .warning,
                    "it calls itself \(own)" + (isCaseOnly ? ", which differs from the zone's name in upper case" : ""),
                    remedy:
                        "hostnamectl set-hostname \(full), and `preserve_hostname: true` in /etc/cloud/cloud.cfg.d so that it stays"
                ))
        }
        for line in answer.outputText.split(separator: "\n") {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map { $0.lowercased() }
            guard let address = words.first, address.hasPrefix("127.") || address == "::1" else { continue }
            // The short name alone is Debian's custom; Erlang, certificates and the zone have the full one.
            guard let name = words.dropFirst().first(where: { $0 == full }) else { continue }
            findings.append(
                Finding(
                    "/etc/hosts", of: short, .warning,
                    "\(name) is \(address) there, so services that bind to their own name listen on the loopback only",
                    remedy: "take \(name) out of that line, and set `manage_etc_hosts: false` in /etc/cloud/cloud.cfg.d"
                ))
        }
        return findings
    }
}
