internal import Compile
package import Model
internal import Resources

/// What is really run for a change, as far as it is known when the plan is made. Digests, names and version ids only:
/// nothing in it tells of a secret.
package struct Deed: Sendable, Hashable {
    /// Of all that the recipe says of the resource, with what its change owes. Whatever a kind does is made from this and
    /// from what is found. Empty = not known; nothing covers it.
    package var recipe: String
    /// Source -> version, of the secrets that it is made with.
    package var secrets: [String: String]
    /// Of the steps: scripts, inputs with secrets by reference, limits. `nil` while they cannot be known.
    package var steps: String?

    package init(recipe: String = "", secrets: [String: String] = [:], steps: String? = nil) {
        self.recipe = recipe
        self.secrets = secrets
        self.steps = steps
    }

    /// Of a resource; its steps are not known yet.
    init(_ declared: DeclaredResource, _ book: SecretBook) {
        var print = Fingerprint()
        print.add(declared.id.rawValue)
        print.add(declared.digest)
        print.add(declared.confirm?.rawValue ?? "")
        print.add(Set(declared.notifies).map(\.noteName).sorted())
        recipe = print.digest
        secrets = declared.secretNames.reduce(into: [:]) { $0[$1.source] = book.versions[$1.source] ?? "" }
    }

    /// Of what settles a restart or a reload that is owed: all of it is known before.
    init(settling step: HostStep) {
        self.init(recipe: Self.digest(of: [step]), steps: Self.digest(of: [step]))
    }

    static func digest(of steps: [HostStep]) -> String {
        var print = Fingerprint()
        for step in steps { print.add(step) }
        return print.digest
    }
}

extension DesiredHost {
    /// Of everything that says when this host may be called done and which others go with it. A run under other terms is
    /// not the one that was agreed to.
    package func terms(atOnce: Bool, after: [RoleName]) -> String {
        var print = Fingerprint()
        print.add(role.rawValue)
        print.add(atOnce)
        print.add(after.map(\.rawValue))
        for var gate in gates {
            // Where it stands in a file is no term of it.
            gate.location = SourceLocation(file: "")
            print.add(String(reflecting: gate))
        }
        return print.digest
    }
}
