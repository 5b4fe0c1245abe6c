internal import Model

/// What a managed file was found to be, with its content as a digest.
enum FileState {
    static func probes(_ path: String, content: Content?) -> [ProbeRequest] {
        var probes = [ProbeRequest(PathBatch.name, path)]
        if let content { probes.append(ProbeRequest(digestBatch(content), path)) }
        return probes
    }

    /// Content that is itself over the limit of ``DigestBatch`` (known without its secrets, which are small) is read whole.
    private static func digestBatch(_ content: Content) -> BatchName {
        content.size > DigestBatch.largest ? WholeDigestBatch.name : DigestBatch.name
    }

    /// Keys `type`, `content` (SHA-256 in hex, or what stands in its way), and the attributes.
    static func observation(
        _ path: String, content: Content?, attributes: FileAttributes, from answers: ProbeAnswers
    ) -> Observation {
        let found: State
        switch answers[ProbeRequest(PathBatch.name, path)] {
        case .present(let state): found = state
        case let other: return other
        }
        var state: State = ["type": found["type"] ?? "unknown"]
        if let content, found["type"] == "file" {
            let batch = digestBatch(content)
            switch answers[ProbeRequest(batch, path)] {
            case .present(let digest): state["content"] = digest["sha256"]
            case .absent: return .unknown(reason: "it vanished while it was looked at")
            case .unknown(let reason):
                guard batch == DigestBatch.name, case .number(let size)? = found["size"], size > DigestBatch.largest
                else {
                    return .unknown(reason: reason)
                }
                // What is wanted is smaller, so the size alone tells that they differ.
                state["content"] = .text("\(size) bytes")
            }
        }
        state.merge(attributes.observed(found)) { _, new in new }
        return .present(state)
    }

    static func desired(
        content: Content?, attributes: FileAttributes, with book: SecretBook
    ) throws(BindingError) -> State {
        var state: State = ["type": "file"]
        if let content {
            state["content"] = .text(Digest.sha256(try content.bound(to: book, for: .digest)))
        }
        state.merge(attributes.desired) { _, new in new }
        return state
    }
}
