package import Model

/// A host's private key, a certificate for it by the fleet's CA, and the CA's own certificate beside them.
///
/// The key is made on the host and never leaves it; what travels is a request for it, which the controller checks and
/// signs with the CA's key, which never leaves the controller.
package struct CertificateResource: ResourceKind {
    package let path: String
    package let keyPath: String
    package let authorityPath: String
    package let isAbsent: Bool
    /// DNS names in lower case and IPv4 addresses, as the recipe orders them.
    package let names: [String]
    package let allowed: Set<Exception>
    /// The CA that signs; `nil` only if it shall be absent.
    package let issuer: SecretName?
    /// Others whose certificates go into the CA's file too, while hosts change over from one CA to another.
    package let alsoTrusted: [SecretName]
    let algorithm: CertificateOrder.Algorithm
    let usage: CertificateOrder.Usage
    let validity: Duration
    let renewBefore: Duration
    /// Of the key; the certificates are for everybody to read.
    let attributes: FileAttributes
    static let publicAttributes = FileAttributes(mode: 0o644, owner: "root", group: "root")

    /// What is refused unless the recipe says that it is meant.
    package enum Exception: String, Sendable, Hashable, CaseIterable {
        case wildcard
        case outsideZone = "outside-zone"
        case longLived = "long-lived"
    }
    /// The longest that clients accept of public CAs, and that nobody forgets to renew.
    static let longest = Duration.seconds(825 * 86400)

    package static let declaration = KindDeclaration(
        name: "certificate",
        summary: "A private key made on the host, and a certificate for it by the fleet's CA, renewed in time.",
        subject: FieldDeclaration("certificate", .path, "Where the certificate lies. Its directory must exist."),
        fields: [
            FieldDeclaration("key", .path, isRequired: true, "Where the private key lies. It never leaves the host."),
            FieldDeclaration(
                "ca", .path, isRequired: true, "Where the CA's certificate lies, for clients and peers on this host."),
            FieldDeclaration(
                "names", .list, "Subject alternative names: DNS names and IPv4 addresses. Needed unless absent."),
            FieldDeclaration(
                "issuer", .content,
                "The secret that is the CA, certificate and key in PEM: `'{{ secret(\"pki.ca\") }}'`. Needed unless absent."
            ),
            FieldDeclaration(
                "also_trusted", .content,
                "Secrets whose certificates go into the CA's file as well, while the fleet changes from one CA to another."
            ),
            FieldDeclaration(
                "algorithm", .choice(CertificateOrder.Algorithm.allCases.map(\.rawValue)), defaultText: "ec-p256",
                "What key is made."),
            FieldDeclaration(
                "usage", .choice(CertificateOrder.Usage.allCases.map(\.rawValue)), defaultText: "server",
                "Extended key usage."),
            FieldDeclaration("valid_for", .duration, defaultText: "365d", "Lifetime of a new certificate."),
            FieldDeclaration(
                "renew_before", .duration, defaultText: "30d",
                "It is renewed when less than this is left, by the host's clock. The key stays; remove it for a new one."
            ),
            FieldDeclaration("mode", .mode, defaultText: "0600", "Permissions of the key, at most 0640."),
            FieldDeclaration("owner", .text, defaultText: "root", "Owner of the key."),
            FieldDeclaration("group", .text, defaultText: "root", "Group of the key."),
            FieldDeclaration(
                "allow", .list,
                "What is refused otherwise: `wildcard` names, names `outside-zone`, `long-lived` (over 825 days)."),
            .state,
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        path = fields.subject
        keyPath = fields.text("key") ?? ""
        authorityPath = fields.text("ca") ?? ""
        isAbsent = fields.isAbsent
        checks.requirePath(path)
        checks.requirePath(keyPath, at: "key")
        checks.requirePath(authorityPath, at: "ca")
        checks.require(Set([path, keyPath, authorityPath]).count == 3, "certificate, key and ca are three files")
        allowed = checks.exceptions()
        names = checks.certificateNames(isAbsent: isAbsent, allowsWildcards: allowed.contains(.wildcard))
        issuer = checks.secrets("issuer", example: "pki.ca").first
        alsoTrusted = checks.secrets("also_trusted", atMost: 8, example: "pki.ca")
        checks.require(
            isAbsent || issuer != nil, "no CA is named", remedy: "add issuer: '{{ secret(\"pki.ca\") }}'")
        if let issuer {
            checks.require(
                !alsoTrusted.contains(issuer), "\(issuer) is the issuer, and trusted anyway", at: "also_trusted")
        }
        algorithm = fields.text("algorithm").flatMap(CertificateOrder.Algorithm.init(rawValue:)) ?? .p256
        usage = fields.text("usage").flatMap(CertificateOrder.Usage.init(rawValue:)) ?? .server
        validity = fields.duration("valid_for") ?? .seconds(365 * 86400)
        renewBefore = fields.duration("renew_before") ?? .seconds(30 * 86400)
        checks.require(
            validity <= Self.longest || allowed.contains(.longLived), "valid_for is more than 825 days",
            at: "valid_for", remedy: "certificates renew themselves here; or add allow: [long-lived]")
        checks.require(
            renewBefore < validity, "renew_before is not less than valid_for, so it would be renewed in every run",
            at: "renew_before")
        var attributes = FileAttributes(fields, &checks)
        attributes.mode = attributes.mode ?? 0o600
        attributes.owner = attributes.owner ?? "root"
        attributes.group = attributes.group ?? "root"
        self.attributes = attributes
        let mode = attributes.mode ?? 0
        checks.require(
            mode & ~0o640 == 0 && mode & 0o400 != 0, "a private key cannot have mode \(ModeText.text(mode))",
            at: "mode", remedy: "\"0600\", or \"0640\" with a group")
        try checks.finish()
    }

    package var identity: String { path }
    package var managedPaths: [String] { [path, keyPath, authorityPath] }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        var probes = managedPaths.map { ProbeRequest(PathBatch.name, $0) }
        if !isAbsent {
            probes += [path, authorityPath].map { ProbeRequest(TextBatch.name, $0) }
            probes.append(ProbeRequest(PublicKeyBatch.name, keyPath))
        }
        return probes
    }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        observation(from: answers, on: facts, with: SecretBook())
    }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts, with book: SecretBook) -> Observation {
        CertificateSight(self, answers).observation(with: book)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) throws(BindingError) -> State? {
        isAbsent ? nil : try CertificateSight.desired(self, with: book)
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.flatMap { CertificateSteps.steps(for: $0) }
    }
}

extension FieldChecks {
    fileprivate mutating func exceptions() -> Set<CertificateResource.Exception> {
        var found: Set<CertificateResource.Exception> = []
        for word in fields.list("allow") ?? [] {
            if let exception = CertificateResource.Exception(rawValue: word) {
                found.insert(exception)
            } else {
                require(
                    false, "there is nothing called \"\(word)\" to allow", at: "allow",
                    remedy: Diagnostic.suggestion(
                        for: word, among: CertificateResource.Exception.allCases.map(\.rawValue)))
            }
        }
        return found
    }

    /// DNS ignores case, and clients compare as they like: all names are lower case here.
    fileprivate mutating func certificateNames(isAbsent: Bool, allowsWildcards: Bool) -> [String] {
        var names: [String] = []
        for given in fields.list("names") ?? [] {
            var name = given.lowercased()
            if name.hasSuffix(".") { name.removeLast() }
            let isWildcard = name.hasPrefix("*.")
            let labels = (isWildcard ? name.dropFirst(2) : name[...])
                .split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            let isName =
                name.utf8.count <= 253 && labels.allSatisfy(ScalarText.isLabel)
                && labels.last?.utf8.contains { !(0x30...0x39).contains($0) } == true
            if Address(name) == nil {
                require(
                    isName, "\"\(given)\" is neither a DNS name nor an IPv4 address", at: "names",
                    remedy: "for example \"{{ host.fqdn }}\" or \"{{ host.address }}\"")
                require(
                    !isWildcard || allowsWildcards,
                    "\"\(given)\" is for every host of its zone: whoever has its key can be any of them", at: "names",
                    remedy: "name the hosts, or add allow: [wildcard]")
            }
            require(!names.contains(name), "\"\(given)\" stands twice in names", at: "names")
            names.append(name)
        }
        require(
            isAbsent || !names.isEmpty, "it has no names, and clients believe no other", at: "names",
            remedy: "add names: [\"{{ host.fqdn }}\"]")
        return names
    }
}
