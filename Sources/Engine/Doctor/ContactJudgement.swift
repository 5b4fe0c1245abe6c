internal import Model
internal import Zone

/// How far the way to a host went. Pure.
enum ContactJudgement {
    static func judge(_ failure: HostFailure?, of place: PlacedHost, _ ssh: Inventory.SSHDeclaration) -> [Finding] {
        let subject = place.host.rawValue
        guard case .ssh = ssh.transport else {
            guard let failure else { return [.ok("session", of: subject, "opened by command")] }
            return [blocker(ContactStage.session.check, failure, subject)]
        }
        var stages: [ContactStage] = [.port, .banner, .keyExchange, .hostKey, .login]
        if ssh.proxyCommand != nil { stages[0] = .proxy }
        if ssh.user != "root" { stages.append(.sudo) }
        guard let failure else { return stages.map { passed($0, of: place, ssh) } }
        guard let failed = failure.stage else { return [blocker(ContactStage.session.check, failure, subject)] }
        var finding = blocker(failed.check, failure, subject)
        if failed == .route {
            let rule = PolicyText.ingress(port: ssh.port, from: "this machine's security group", to: "the host's")
            finding.remedy = rule + (failure.remedy.map { " (\($0))" } ?? "")
        }
        return stages.filter { $0 < failed && $0.check != failed.check }.map { passed($0, of: place, ssh) } + [finding]
    }

    private static func blocker(_ check: String, _ failure: HostFailure, _ subject: String) -> Finding {
        Finding(check, of: subject, .blocker, failure.reason, remedy: failure.remedy, outcome: failure.outcome)
    }

    private static func passed(
        _ stage: ContactStage, of place: PlacedHost, _ ssh: Inventory.SSHDeclaration
    ) -> Finding {
        let found =
            switch stage {
            case .proxy: "the proxy command leads to it"
            case .route, .port: "\(place.address):\(ssh.port) answers"
            case .banner, .keyExchange, .channel, .session: "as it should be"
            case .hostKey: "known and the same"
            case .login: "as \(ssh.user)"
            case .sudo: "without a password"
            }
        return .ok(stage.check, of: place.host.rawValue, found)
    }
}
