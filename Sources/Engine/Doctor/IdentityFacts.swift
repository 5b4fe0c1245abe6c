internal import Glibc
internal import Model
internal import SSH
internal import Trust

/// What there is to know of the key file without using it. The key itself does not leave this file.
struct IdentityFacts: Sendable, Hashable {
    var path: String
    /// Permission bits; `nil` = it is not there.
    var mode: UInt32?
    var isEncrypted = false
    /// `nil` = not known, since it is encrypted or cannot be used.
    var isRSA: Bool?
    /// Why it cannot be used, and what to do.
    var fault: String?
    var remedy: String?

    init(path: String, mode: UInt32?) {
        self.path = path
        self.mode = mode
    }

    static func read(_ path: String) -> IdentityFacts {
        var status = stat()
        var facts = IdentityFacts(path: path, mode: stat(path, &status) == 0 ? UInt32(status.st_mode & 0o7777) : nil)
        do throws(SSHError) {
            let key = try PrivateKey.read(path)
            facts.isEncrypted = key.isEncrypted
            if !key.isEncrypted { facts.isRSA = try key.unlocked().publicKey.isRSA }
        } catch {
            facts.fault = error.description
            facts.remedy = error.remedy
        }
        return facts
    }

    func judge() -> [Finding] {
        let subject = "this machine"
        let check = "key \(path)"
        if let fault { return [Finding(check, of: subject, .blocker, fault, remedy: remedy)] }
        var findings: [Finding] = []
        if let mode, mode & 0o077 != 0 {
            findings.append(
                Finding(
                    check, of: subject, .warning, "others of this machine may read it (mode \(String(mode, radix: 8)))",
                    remedy: "chmod 600 \(ShellText.word(path))"))
        }
        if isRSA == true {
            findings.append(
                Finding(
                    check, of: subject, .blocker,
                    "an RSA key, which this libssh2 signs with SHA-1, and current sshd refuses",
                    remedy:
                        "ssh-keygen -t ed25519 -f \(ShellText.word(path + "-ed25519")), and add its public part to the hosts",
                    outcome: .unreachable))
        }
        return findings.isEmpty
            ? [.ok(check, of: subject, isEncrypted ? "readable, with a passphrase" : "readable")] : findings
    }
}

/// What known_hosts says of a host before it was asked for its key. Pure.
enum KnownHostsJudgement {
    static func judge(_ known: KnownHosts, _ hosts: [(name: String, identity: HostIdentity)]) -> [Finding] {
        var findings: [Finding] = []
        for host in hosts {
            do throws(TrustFault) {
                guard try known.keys(for: host.identity).isEmpty else { continue }
                findings.append(
                    Finding(
                        "known_hosts", of: host.name, .warning, "no key of it is known",
                        remedy: "compare its fingerprint with the console output, then add it to known_hosts"))
            } catch {
                if case .unreadable(let file, _) = error {
                    return [
                        Finding(
                            "known_hosts", of: "this machine", .blocker, error.description,
                            remedy: "make it readable, or take \(file) out of the inventory's known_hosts",
                            outcome: .refused)
                    ]
                }
                findings.append(
                    Finding(
                        "known_hosts", of: host.name, .blocker, error.description,
                        remedy: "write the host's own key into a line without markers", outcome: .refused))
            }
        }
        return findings.isEmpty
            ? [.ok("known_hosts", of: "this machine", "readable, with a key of each host")] : findings
    }
}
