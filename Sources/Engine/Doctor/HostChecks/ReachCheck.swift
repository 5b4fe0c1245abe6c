internal import Model

/// Can the host reach what its role needs: the database, the shared file system?
struct ReachCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? {
        let endpoints = subject.needs.endpoints
        guard !endpoints.isEmpty else { return nil }
        var script: ShellText = "if command -v bash >/dev/null 2>&1; then\n"
        for (index, endpoint) in endpoints.enumerated() {
            script += """
                if timeout -s KILL 5 getent ahostsv4 \(word: endpoint.host) >/dev/null 2>&1; then
                timeout -s KILL 5 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash \(word: endpoint.host) \(endpoint.port) 2>/dev/null
                printf 'tcp %s %s\\n' \(index) $?
                else printf 'name %s %s\\n' \(index) $?; fi

                """
        }
        return HostQuestion(script + "else echo absent; fi\n")
    }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        let endpoints = subject.needs.endpoints
        if !subject.needs.isKnown, endpoints.isEmpty {
            return [.notApplicable("reach", of: subject.name, "what its role needs is not known")]
        }
        if endpoints.isEmpty {
            return [.notApplicable("reach", of: subject.name, "its role names no database and no shared file system")]
        }
        let lines = answer.outputText.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        if lines.contains(["absent"]) {
            return [.notApplicable("reach", of: subject.name, "it has no bash to ask with")]
        }
        return endpoints.enumerated().map { index, endpoint in
            let check = "\(endpoint.purpose) \(endpoint.host):\(endpoint.port)"
            guard let line = lines.first(where: { $0.count == 3 && $0[1] == String(index) }) else {
                return .unknown(check, of: subject.name, "no answer")
            }
            switch (line[0], line[2]) {
            case ("tcp", "0"): return .ok(check, of: subject.name, "reached")
            case ("tcp", "137"):
                return Finding(
                    check, of: subject.name, .warning, "timed out: packets are dropped",
                    remedy: Self.rule(endpoint))
            case ("tcp", _):
                return Finding(
                    check, of: subject.name, .warning, "refused, or no way to it",
                    remedy:
                        "is it up, and is the port right? aws rds describe-db-instances / aws efs describe-mount-targets"
                )
            default:
                return Finding(
                    check, of: subject.name, .warning, "the host cannot resolve \(endpoint.host)",
                    remedy: "look at the zone's record and at the host's /etc/resolv.conf")
            }
        }
    }

    private static func rule(_ endpoint: RoleNeeds.Endpoint) -> String {
        PolicyText.ingress(port: endpoint.port, from: "the hosts' security group", to: "the \(endpoint.purpose)'s")
    }
}
