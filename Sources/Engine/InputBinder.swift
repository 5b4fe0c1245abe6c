internal import Model

/// Puts secrets, and files of peers, into the standard input of a step: the one place where they become bytes on their way
/// to a host.
struct InputBinder: Sendable {
    let book: SecretBook
    let masker: Masker
    /// Of longer files only the beginning is looked for in what hosts print: each byte costs memory.
    private static let longestMasked = 16 << 10

    func bytes(of step: HostStep, members: [Member]) async throws(HostFailure) -> [UInt8] {
        guard let input = step.input else { return [] }
        var files: [PeerFile: Secret] = [:]
        for file in input.peerFiles {
            let content = try await read(file, members: members)
            files[file] = content
            // What members share is a key more often than not. From now on no host's output shows it.
            masker.learn([content.reveal(to: .masking) { Secret(Array($0.prefix(Self.longestMasked))) }])
        }
        do throws(BindingError) {
            return try input.bound(to: book, peerFiles: files, for: .host)
        } catch {
            throw HostFailure(.failed, "\(step.summary): \(error)")
        }
    }

    private func read(_ file: PeerFile, members: [Member]) async throws(HostFailure) -> Secret {
        guard let peer = members.first(where: { $0.host == file.host }) else {
            throw HostFailure(.failed, "\(file.path) is on \(file.host), which is no member")
        }
        let question = HostQuestion("timeout -s KILL 20 cat -- \(word: file.path)")
        let answer = try await peer.ask([question], for: "\(file.path)")[0]
        guard answer.status == 0 else {
            throw HostFailure(.failed, "\(file.path) of \(file.host) cannot be read: \(answer.errorText)")
        }
        return Secret(answer.output)
    }
}
