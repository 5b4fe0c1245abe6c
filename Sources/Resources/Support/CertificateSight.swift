internal import Model
internal import PKI

/// What was seen of a certificate, its key and the CA's file, put into words beside what is wanted.
struct CertificateSight {
    private let resource: CertificateResource
    private let answers: ProbeAnswers

    init(_ resource: CertificateResource, _ answers: ProbeAnswers) {
        self.resource = resource
        self.answers = answers
    }

    // MARK: Wanted

    static func desired(_ resource: CertificateResource, with book: SecretBook) throws(BindingError) -> State {
        let issuer = try authority(of: resource, in: book)
        let trusted = try trusted(by: resource, in: book)
        var state: State = [
            "certificate": "there",
            "names": .list(resource.order.labelledNames.sorted()),
            "issuer": .text(issuer.description),
            "algorithm": .text(resource.algorithm.rawValue),
            "usage": .list(resource.usage.words),
            "valid_for": .text(text(resource.validity)),
            "renewal": .text(whenDue(resource)),
            "key": .text(matching),
        ]
        state["key_access"] = .text(access(resource.attributes))
        state["certificate_access"] = .text(access(CertificateResource.publicAttributes))
        state["ca"] = .list(trusted.map(\.label))
        state["ca_access"] = .text(access(CertificateResource.publicAttributes))
        return state
    }

    static let matching = "of this certificate"

    private static func whenDue(_ resource: CertificateResource) -> String {
        "\(text(resource.renewBefore)) before its end"
    }

    /// The CA that signs, checked whole.
    static func authority(
        of resource: CertificateResource, in book: SecretBook
    ) throws(BindingError) -> CertificateAuthority {
        guard let name = resource.issuer else { throw .notIssued(resource.path) }
        guard let value = book[name] else { throw .missing(name) }
        do throws(CertificateAuthority.Fault) { return try CertificateAuthority(value) } catch {
            throw .unusable(name, error.description)
        }
    }

    /// All CAs that go into the file, the issuer first.
    static func trusted(
        by resource: CertificateResource, in book: SecretBook
    ) throws(BindingError) -> [CertificateFacts] {
        var trusted: [CertificateFacts] = []
        for name in [resource.issuer].compactMap(\.self) + resource.alsoTrusted {
            guard let value = book[name] else { throw .missing(name) }
            guard let facts = value.reveal(to: .digest, { CertificateFacts.all(pem: $0) }) else {
                throw .unusable(name, "it holds no certificate in PEM that can be read")
            }
            if !facts.allSatisfy(\.isAuthority) { throw .unusable(name, "its certificate is not a CA's") }
            trusted += facts
            // What is written must be readable again.
            let size = value.reveal(to: .digest) { PEMText.certificates($0).joined().count }
            if size > TextBatch.largest / 8 { throw .unusable(name, "it holds more certificates than a CA has") }
        }
        return trusted
    }

    // MARK: Seen

    func observation(with book: SecretBook) -> Observation {
        var files: [State?] = []
        for path in resource.managedPaths {
            switch answers[ProbeRequest(PathBatch.name, path)] {
            case .present(let state): files.append(state)
            case .absent: files.append(nil)
            case .unknown(let reason): return .unknown(reason: "\(path): \(reason)")
            }
        }
        let types = files.map { $0?["type"]?.text }
        if resource.isAbsent {
            var state: State = [:]
            for (key, type) in zip(["certificate", "key", "ca"], types) { state[key] = type.map { .text($0) } }
            return state.isEmpty ? .absent : .present(state)
        }
        let key: State
        switch answers[ProbeRequest(PublicKeyBatch.name, resource.keyPath)] {
        case .present(let state): key = state
        case .absent: return .unknown(reason: "the host gave no answer about its key")
        case .unknown(let reason): return .unknown(reason: reason)
        }
        guard case .number(let seconds)? = key["now"] else { return .unknown(reason: "the host's clock is not known") }
        let now = Moment(seconds: seconds)
        let issuer: CertificateAuthority
        do throws(BindingError) { issuer = try Self.authority(of: resource, in: book) } catch {
            return .unknown(reason: error.description)
        }
        // Renewing is no way out when the CA itself is at its end.
        if issuer.facts.notAfter <= now + resource.renewBefore {
            return .unknown(
                reason: "the CA \(issuer) ends on \(issuer.facts.notAfter.date): make another, let hosts trust both "
                    + "(also_trusted), then change the issuer")
        }
        if types.allSatisfy({ $0 == nil }) { return .absent }

        var state: State = [:]
        let certificate = text(resource.path, types[0]).flatMap { CertificateFacts(pem: $0.utf8) }
        state["certificate"] = .text(word(types[0], isRead: certificate != nil, "certificate"))
        if let certificate { state.merge(described(certificate, issuer, at: now)) { _, new in new } }
        state["key"] = .text(keyWord(key, types[1], certificate))
        let trusted = text(resource.authorityPath, types[2]).flatMap { CertificateFacts.all(pem: $0.utf8) }
        state["ca"] =
            trusted.map { .list($0.map(\.label)) } ?? .text(word(types[2], isRead: false, "certificate"))
        let wanted = [CertificateResource.publicAttributes, resource.attributes, CertificateResource.publicAttributes]
        for (index, name) in ["certificate_access", "key_access", "ca_access"].enumerated() {
            state[name] = files[index].map { .text(Self.access(wanted[index], of: $0)) }
        }
        return .present(state)
    }

    private func text(_ path: String, _ type: String?) -> String? {
        guard type == "file", case .present(let state) = answers[ProbeRequest(TextBatch.name, path)] else { return nil }
        return state["text"]?.text
    }

    private func word(_ type: String?, isRead: Bool, _ what: String) -> String {
        switch type {
        case nil: "absent"
        case "file"?: isRead ? "there" : "no \(what) in PEM"
        case let type?: "a \(type)"
        }
    }

    private func keyWord(_ key: State, _ type: String?, _ certificate: CertificateFacts?) -> String {
        if let type, type != "file" { return "a \(type)" }
        guard let publicKey = key["public"]?.text else { return key["trouble"]?.text ?? "absent" }
        guard let certificate else { return "of no certificate" }
        return certificate.isOf(publicKey: publicKey) ? Self.matching : "of another certificate"
    }

    private func described(
        _ certificate: CertificateFacts, _ issuer: CertificateAuthority, at now: Moment
    ) -> State {
        let names = certificate.names.isEmpty ? ["none, only the common name"] : certificate.names
        let isOurs = certificate.isSigned(by: issuer.facts)
        // What was put before its beginning, and the second that both ends lie in, are no longer life.
        let excess = Duration.backdating + .seconds(2)
        let lifetime = Duration.seconds(certificate.notAfter.seconds - certificate.notBefore.seconds)
        return [
            "names": .list(names),
            "issuer": .text(isOurs ? issuer.description : "another: \(certificate.issuerName)"),
            "algorithm": .text(certificate.algorithm),
            "usage": .list(certificate.isAuthority ? ["ca"] : certificate.usage),
            "valid_for": .text(Self.text(lifetime > resource.validity + excess ? lifetime : resource.validity)),
            "renewal": .text(due(certificate, at: now) ?? Self.whenDue(resource)),
        ]
    }

    /// Why it is not to be used any longer; `nil` = it may stay.
    private func due(_ certificate: CertificateFacts, at now: Moment) -> String? {
        if now < certificate.notBefore { return "not valid before \(certificate.notBefore)" }
        if certificate.notAfter <= now { return "ended on \(certificate.notAfter)" }
        let since = certificate.notAfter - resource.renewBefore
        return since <= now ? "due since \(since.date), it ends on \(certificate.notAfter.date)" : nil
    }

    // MARK: Words

    private static func text(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        for (size, unit) in [(86400, "day"), (3600, "hour"), (60, "minute")] as [(Int64, String)]
        where seconds >= size && seconds % size < size / 10 {
            return "\(seconds / size) \(unit)\(seconds / size == 1 ? "" : "s")"
        }
        return "\(seconds) seconds"
    }

    private static func access(_ attributes: FileAttributes) -> String { words(attributes.desired) }
    private static func access(_ attributes: FileAttributes, of path: State) -> String {
        words(attributes.observed(path))
    }
    private static func words(_ state: State) -> String {
        let part = { (key: String) in state[key]?.description ?? "?" }
        return "\(part("mode")) \(part("owner")):\(part("group"))"
    }
}
