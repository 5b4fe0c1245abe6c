internal import Model
internal import Resources

/// Names of certificates beside what the fleet is: a certificate for another zone's names is what nobody's client accepts.
enum CertificateNames {
    static func mistakes(_ resources: [DeclaredResource], zone: String) -> [Diagnostic] {
        resources.flatMap { declared -> [Diagnostic] in
            guard let certificate = declared.resource as? CertificateResource,
                !certificate.allowed.contains(.outsideZone)
            else { return [] }
            return certificate.names.filter { Address($0) == nil && !$0.hasSuffix(".\(zone)") }.map { name in
                Diagnostic(
                    "\(declared.id): \"\(name)\" is not a name in \(zone)", at: declared.location,
                    remedy: name.contains(".")
                        ? "if it is meant, add allow: [outside-zone]" : "write it whole: \"\(name).\(zone)\"")
            }
        }
    }
}
