internal import Model
internal import PKI

/// Puts secrets, files of peers and new certificates, into the standard input of a step: the one place where they become bytes on their way
/// to a host.
struct InputBinder: Sendable {
    let book: SecretBook
    let masker: Masker
    /// Of longer files only the beginning is looked for in what hosts print: each byte costs memory.
    private static let longestMasked = 16 << 10
    /// The controller's clock: certificates begin by it.
    var now: @Sendable () -> Moment = { Timestamp.moment }

    func bytes(of step: HostStep, on member: Member, members: [Member]) async throws(HostFailure) -> [UInt8] {
        guard let input = step.input else { return [] }
        var files: [PeerFile: Secret] = [:]
        for file in input.peerFiles {
            let content = try await read(file, members: members)
            files[file] = content
            // What members share is a key more often than not. From now on no host's output shows it.
            masker.learn(try secrets(of: file, content).map { Secret(Array($0.prefix(Self.longestMasked))) })
        }
        var issued: [CertificateOrder: [UInt8]] = [:]
        for order in input.orders { issued[order] = try await issue(order, to: member) }
        do throws(BindingError) {
            return try input.bound(to: book, peerFiles: files, issued: issued, for: .host)
        } catch {
            throw HostFailure(.failed, "\(step.summary): \(error)")
        }
    }

    private func read(_ file: PeerFile, members: [Member]) async throws(HostFailure) -> Secret {
        guard let peer = members.first(where: { $0.host == file.host }) else {
            throw HostFailure(.failed, "\(file.path) is on \(file.host), which is no member")
        }
        let question = HostQuestion(
            file.isFolder
                ? FolderArchive.reading(file.path, limit: 20) : "timeout -s KILL 20 cat -- \(word: file.path)")
        let answer = try await peer.ask([question], for: "\(file.path)")[0]
        guard answer.status == 0 else {
            throw HostFailure(.failed, "\(file.path) of \(file.host) cannot be read: \(answer.errorText)")
        }
        return Secret(answer.output)
    }

    /// What of it must not be shown: of a folder each file's content for itself.
    private func secrets(of file: PeerFile, _ content: Secret) throws(HostFailure) -> [[UInt8]] {
        let bytes = content.reveal(to: .masking) { $0 }
        guard file.isFolder else { return [bytes] }
        guard let files = FolderArchive.files(in: bytes) else {
            throw HostFailure(.failed, "\(file.path) of \(file.host) was not read whole")
        }
        return files.map(\.content)
    }

    /// Asks the host for its request and signs it. The CA's key is read here, for as long as that takes.
    private func issue(_ order: CertificateOrder, to member: Member) async throws(HostFailure) -> [UInt8] {
        guard let value = book[order.authority] else {
            throw HostFailure(.failed, "\(order.path): \(BindingError.missing(order.authority))")
        }
        let answer = try await member.ask([HostQuestion(order.request)], for: "the request for \(order.path)")[0]
        guard answer.status == 0 else {
            throw HostFailure(.failed, "\(order.path): no request could be made: \(answer.errorText.trimmedLines)")
        }
        let authority: CertificateAuthority
        do throws(CertificateAuthority.Fault) { authority = try CertificateAuthority(value) } catch {
            throw HostFailure(.failed, "\(order.path): secret \(order.authority): \(error)")
        }
        var random = SystemRandomNumberGenerator()
        do throws(IssueFault) {
            return try authority.issue(order, request: answer.output, at: now(), with: &random)
        } catch {
            throw HostFailure(.failed, "\(order.path): \(error)")
        }
    }
}
