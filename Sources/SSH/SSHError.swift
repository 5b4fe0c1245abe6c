package import Trust

/// Why there is no connection, or no longer one. One case for each cause that an operator would act on differently.
/// `peer` is the endpoint's label. (A name that is not in the zone is the zone's error.)
package enum SSHError: Error, Sendable, Equatable {
    case connectionRefused(peer: String)
    case timedOut(peer: String, phase: Phase, after: Duration)
    case unreachable(peer: String, reason: String)
    case noBanner(peer: String, BannerFault)
    case keyExchangeFailed(peer: String, reason: String)
    case hostKeyChanged(peer: String, offered: HostKey, known: [KnownKey])
    case hostKeyUnknown(peer: String, offered: HostKey)
    case knownHostsUnusable(peer: String, TrustFault)
    case loginRefused(peer: String, user: String, key: HostKey)
    case channelRefused(peer: String, reason: String)
    /// The connection ended and it was not us.
    case cut(peer: String, phase: Phase, reason: String)
    /// The proxy command ended before there was a session. `output` is the end of what it wrote to standard error.
    case proxyFailed(peer: String, command: String, reason: String, output: String)
    case keyUnusable(path: String, reason: String)
    case passphraseNeeded(path: String)
    case passphraseWrong(path: String)
    case agentFailed(peer: String, reason: String)
    /// We ended it: `shutdown`, `close` or the cancellation of the task.
    case wasShutDown(peer: String, phase: Phase)
    case outOfMemory(peer: String)

    /// What was under way.
    package enum Phase: String, Sendable, Hashable {
        case connect
        case banner
        case keyExchange = "key exchange"
        case login
        case channel
    }

    package enum BannerFault: Sendable, Hashable {
        /// It accepted the connection and said nothing for so long.
        case silent(Duration)
        case closed
        /// The first line of what it said.
        case otherProtocol(String)
    }

    /// Which of design.md's outcomes it is.
    package enum Category: Sendable, Hashable {
        case unreachable
        /// The host was not trusted.
        case untrusted
        /// The operator's own credentials or files are wrong; nothing was asked of the host.
        case credentials
        case interrupted
    }

    package var category: Category {
        switch self {
        case .hostKeyChanged, .hostKeyUnknown, .knownHostsUnusable: .untrusted
        case .keyUnusable, .passphraseNeeded, .passphraseWrong, .agentFailed: .credentials
        case .wasShutDown: .interrupted
        default: .unreachable
        }
    }
}

extension SSHError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .connectionRefused(let peer): "\(peer) refused the connection"
        case .timedOut(let peer, let phase, let after):
            "\(peer) timed out: no answer to \(phase.rawValue) within \(after.components.seconds) s"
        case .unreachable(let peer, let reason): "\(peer) cannot be reached: \(reason)"
        case .noBanner(let peer, .silent(let after)):
            "\(peer) accepted the connection and said nothing for \(after.components.seconds) s"
        case .noBanner(let peer, .closed): "\(peer) accepted the connection and closed it without a banner"
        case .noBanner(let peer, .otherProtocol(let line)): "\(peer) sent no SSH banner; it said \"\(line)\""
        case .keyExchangeFailed(let peer, let reason): "key exchange with \(peer) failed: \(reason)"
        case .hostKeyChanged(let peer, let offered, let known):
            "host key of \(peer) changed: it offers \(offered), known is "
                + known.map(\.description).joined(separator: ", ")
        case .hostKeyUnknown(let peer, let offered): "host key of \(peer) is unknown: it offers \(offered)"
        case .knownHostsUnusable(let peer, let fault): "cannot decide whether to trust \(peer): \(fault)"
        case .loginRefused(let peer, let user, let key): "\(peer) refused the login of \(user) with the key \(key)"
        case .channelRefused(let peer, let reason): "\(peer) refused to run a command: \(reason)"
        case .cut(let peer, let phase, let reason): "connection to \(peer) was cut during \(phase.rawValue): \(reason)"
        case .proxyFailed(let peer, let command, let reason, let output):
            "proxy command for \(peer) failed (\(reason)): \(command)" + (output.isEmpty ? "" : ": \(output)")
        case .keyUnusable(let path, let reason): "cannot use the key \(path): \(reason)"
        case .passphraseNeeded(let path): "the key \(path) is encrypted"
        case .passphraseWrong(let path): "wrong passphrase for the key \(path)"
        case .agentFailed(let peer, let reason): "the ssh-agent gave no signature for \(peer): \(reason)"
        case .wasShutDown(let peer, let phase): "connection to \(peer) ended by us during \(phase.rawValue)"
        case .outOfMemory(let peer): "no memory for a session with \(peer)"
        }
    }

    /// What to do about it, as a phrase; `nil` where the description already says it.
    package var remedy: String? {
        switch self {
        case .connectionRefused: "nothing listens on that port: is sshd running, and is the port right?"
        case .timedOut(_, .connect, _):
            "packets are dropped: does the host's security group admit port 22 from this machine, and is the host up?"
        case .timedOut: "the host answers on TCP but hangs: look at its load and at its sshd"
        case .unreachable: "look at routes and network ACLs between this machine and the host"
        case .noBanner(_, .otherProtocol):
            "something else listens there, or sshd turns us away (MaxStartups, a ban): is the port right?"
        case .noBanner: "sshd is overloaded, not started yet, or drops us (MaxStartups, PerSourcePenalties, a ban)"
        case .keyExchangeFailed:
            "the host must offer curve25519-sha256 or an ECDH group, aes128-ctr or aes256-ctr, and "
                + "an ed25519 or ECDSA host key"
        case .hostKeyChanged(_, let offered, let known):
            if known.allSatisfy(\.key.isRSA), !offered.isRSA {
                "only an RSA key is known, which this libssh2 cannot check with SHA-2: add the host's ed25519 key after "
                    + "verifying it"
            } else {
                "if the host was replaced, verify the offered fingerprint through another way, then remove "
                    + known.map(\.place.description).joined(separator: ", ") + " and add the new key"
            }
        case .hostKeyUnknown(_, let offered):
            "verify this fingerprint through another way, then add to known_hosts: NAME \(offered.line)"
        case .knownHostsUnusable(_, .unreadable): "mend the file, or take it out of the inventory's known_hosts"
        case .knownHostsUnusable(_, .malformed): "mend or remove that line"
        case .knownHostsUnusable(_, .marked):
            "list the host's own key in a file without markers, and name that file only"
        case .loginRefused(_, let user, let key):
            key.isRSA
                ? "this libssh2 signs RSA keys with SHA-1 only, which current sshd refuses: use an ed25519 or ECDSA key"
                : "is that public key in authorized_keys of \(user), and is \(user) the image's first user?"
        case .channelRefused: "is the login shell of that user usable, and MaxSessions not 0?"
        case .cut: "the host or something between ended it; run again, what was done is found and not repeated"
        case .proxyFailed: "run that command by hand: it must print the host's SSH banner"
        case .keyUnusable: "give an ed25519 or ECDSA private key in OpenSSH's or PEM format, readable by you"
        case .passphraseNeeded:
            "give its passphrase, or load it into ssh-agent and name its public key in the inventory"
        case .passphraseWrong: "try again"
        case .agentFailed: "ssh-add -l must list the key that the inventory names"
        case .wasShutDown, .outOfMemory: nil
        }
    }
}
