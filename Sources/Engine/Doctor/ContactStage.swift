internal import HostSession
internal import SSH

/// The stages of the way to a host, in their order. A failure at one means that all before it went well.
package enum ContactStage: Int, Sendable, Hashable, CaseIterable, Comparable {
    case proxy
    /// Packets do not arrive, or no answer comes back.
    case route
    /// The host says that nobody listens.
    case port
    case banner
    case keyExchange
    case hostKey
    case login
    case channel
    case sudo
    case session

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// How findings name the check.
    package var check: String {
        switch self {
        case .proxy: "proxy command"
        case .route, .port: "port"
        case .banner: "banner"
        case .keyExchange: "key exchange"
        case .hostKey: "host key"
        case .login: "login"
        case .channel: "command channel"
        case .sudo: "sudo"
        case .session: "session"
        }
    }

    /// `nil` = it failed before, or beside, the way to the host.
    init?(_ error: SSHError) {
        switch error {
        case .proxyFailed: self = .proxy
        case .unreachable: self = .route
        case .connectionRefused: self = .port
        case .noBanner: self = .banner
        case .keyExchangeFailed: self = .keyExchange
        case .hostKeyChanged, .hostKeyUnknown, .knownHostsUnusable: self = .hostKey
        case .loginRefused, .keyUnusable, .passphraseNeeded, .passphraseWrong, .agentFailed: self = .login
        case .channelRefused: self = .channel
        case .timedOut(_, let phase, _), .cut(_, let phase, _), .wasShutDown(_, let phase):
            switch phase {
            case .connect: self = .route
            case .banner: self = .banner
            case .keyExchange: self = .keyExchange
            case .login: self = .login
            case .channel: self = .channel
            }
        case .outOfMemory: return nil
        }
    }

    init?(_ error: SessionError) {
        switch error {
        case .sudoRefused, .noShell: self = .sudo
        case .cut, .timedOut, .heartbeatLost, .protocolViolation, .outputTooLong: self = .session
        case .shutDown: return nil
        }
    }
}
