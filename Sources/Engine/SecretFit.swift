internal import Compile
internal import Model
internal import PKI
internal import Resources

/// Whether every secret fits where recipes want it (a line break has no form in an INI file), found before any host is
/// changed: halfway through a run would be too late.
struct SecretFit {
    let book: SecretBook

    func check(_ members: some Sequence<Member>) async throws(Diagnostics) {
        var mistakes: [Diagnostic] = []
        for member in members {
            guard let desired = await member.declared, let facts = await member.facts else { continue }
            for declared in desired.resources where !declared.secretNames.isEmpty {
                mistakes += check(declared.resource, on: facts, at: declared.location)
            }
        }
        // Both members of a role have the same templates.
        if !mistakes.isEmpty { throw Diagnostics(mistakes.sortedByPlace()) }
    }

    private func check(
        _ resource: some ResourceKind, on facts: HostFacts, at location: SourceLocation
    ) -> [Diagnostic] {
        if let certificate = resource as? CertificateResource, !certificate.isAbsent {
            do throws(BindingError) {
                _ = try certificate.desired(with: book, on: facts)
                return []
            } catch {
                return [Diagnostic("\(resource.id): \(error)", at: location, remedy: error.remedy)]
            }
        }
        if let error = resource.objection(to: book) {
            return [Diagnostic("\(resource.id): \(error)", at: location, remedy: error.remedy)]
        }
        let missing = Difference(key: "state", observed: nil, desired: "present")
        let change = Change(
            resource: resource, action: resource.creation, observed: .absent, differences: [missing])
        return type(of: resource).steps(for: [change], on: facts).compactMap { step in
            guard let input = step.input else { return nil }
            if let authority = authority(in: input) {
                return Diagnostic(
                    "\(resource.id): secret \(authority) is a CA with its private key, which never goes to a host",
                    at: location, remedy: "kind certificate takes it as its issuer, and puts what is public into ca")
            }
            do throws(BindingError) {
                _ = try input.bound(to: book, for: .digest)
                return nil
            } catch {
                return Diagnostic("\(resource.id): \(error)", at: location, remedy: error.remedy)
            }
        }
    }

    private func authority(in input: Content) -> SecretName? {
        for case .secret(let name, _) in input.segments {
            guard let value = book[name], CertificateAuthority.isHeld(in: value) else { continue }
            return name
        }
        return nil
    }
}

extension BindingError {
    fileprivate var remedy: String? {
        switch self {
        case .missing: "its source must hold that key"
        case .unfit: "give the secret another value"
        case .notEncodable: "give the secret another value, or write it to a sink that can hold this one"
        case .peerFileNotRead, .notIssued: nil
        case .unusable: "`cso-provision secrets init` makes a CA where a key of that name is missing"
        }
    }
}
