internal import Model
internal import Zone

/// What the zone said. Pure.
enum ZoneJudgement {
    /// `selected` are the hosts that are looked at; others were asked because addresses must not be shared.
    static func judge(_ answer: ZoneAnswer, selected: [HostName], in inventory: Inventory) -> [Finding] {
        let verdict = ZoneVerdict.judge(answer, in: inventory)
        let zone = "zone \(inventory.zone.name)"
        let resolver = inventory.zone.server ?? "the system's resolver"
        let failures = answer.replies.values.compactMap { reply in
            if case .failed(let failure) = reply { failure } else { nil }
        }
        // One cause is told once, not once a host.
        if let failure = failures.first, failures.count == answer.replies.count, Set(failures).count == 1 {
            return [
                Finding("resolver", of: zone, .blocker, "\(resolver): \(failure)", remedy: failure.remedy)
            ]
        }
        var findings = [Finding.ok("resolver", of: zone, "\(resolver) answers")]
        for problem in verdict.problems where selected.contains(problem.host) {
            let diagnostic = verdict.diagnostic(problem)
            findings.append(
                Finding("zone", of: problem.host.rawValue, .blocker, diagnostic.message, remedy: diagnostic.remedy))
        }
        for host in selected {
            guard let place = verdict.placed[host] else { continue }
            findings.append(.ok("zone", of: host.rawValue, "\(place.address) in \(place.availabilityZone)"))
        }
        for entry in verdict.undivided
        where inventory.membership(of: entry.role)?.hosts.contains(where: selected.contains) ?? false {
            findings.append(
                Finding(
                    "availability zones", of: "role \(entry.role)", .warning,
                    "all members are in \(entry.zone): its loss takes the role down",
                    remedy: "put one member's subnet_id into another availability zone"))
        }
        return findings
    }

    /// The database's name, which is an alias of RDS's endpoint.
    static func database(_ reply: AliasReply, name: String, in zone: String, isNeeded: Bool) -> Finding {
        let subject = "zone \(zone)"
        let check = "alias \(name)"
        guard isNeeded else {
            return .notApplicable(check, of: subject, "no selected role names it")
        }
        switch reply {
        case .alias(let target) where target.contains(":"):
            return Finding(
                check, of: subject, .blocker, "it leads to \(target): a name cannot hold a port",
                remedy: "aws_route53_record: records = [aws_db_instance.NAME.address], not .endpoint")
        case .alias(let target)
        where !(target.lowercased() + ".").hasSuffix(".rds.amazonaws.com.")
            && !target.lowercased().hasSuffix(".rds.amazonaws.com."):
            return Finding(
                check, of: subject, .warning, "it leads to \(target), which is not RDS's own name",
                remedy:
                    "aws_route53_record: records = [aws_db_instance.NAME.address]; an address of one's own does not follow a failover"
            )
        case .alias(let target): return .ok(check, of: subject, target)
        case .noAlias:
            return Finding(
                check, of: subject, .warning, "it has an address of its own, which does not follow a failover",
                remedy: "aws_route53_record: type = \"CNAME\", records = [aws_db_instance.NAME.address]")
        case .noSuchName:
            return Finding(
                check, of: subject, .warning, "it does not exist",
                remedy: "aws_route53_record: type = \"CNAME\", records = [aws_db_instance.NAME.address]")
        case .failed(let failure):
            return Finding(check, of: subject, .warning, "\(failure)", remedy: failure.remedy)
        }
    }
}
