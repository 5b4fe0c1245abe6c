package import Model

/// The host's own name: now, after a boot, and after cloud-init has run in that boot.
package struct HostnameResource: ResourceKind {
    package let name: String
    package let isAbsent: Bool

    package static let declaration = KindDeclaration(
        name: "hostname", summary: "The host's own name: now, after a boot, and after cloud-init has run in it.",
        subject: FieldDeclaration(
            "hostname", .text,
            "The name, in lower case; `{{ host.fqdn }}` where services identify themselves by it. /etc/hosts is left alone."
        ),
        fields: [
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` removes /etc/hostname and our file for cloud-init; the kernel keeps the name until the next boot."
            )
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        name = fields.subject
        isAbsent = fields.isAbsent
        let labels = name.columns(".")
        let isRight =
            name.utf8.count <= 64
            && labels.allSatisfy { label in
                !label.isEmpty && label.utf8.count <= 63 && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
            }
        // DNS and TLS ignore case, Erlang's node names do not.
        checks.require(
            isRight, "\"\(name)\" is not a host name",
            remedy: name == name.lowercased()
                ? "labels of letters, digits and \"-\" between dots, at most 64 characters" : "\"\(name.lowercased())\""
        )
        try checks.finish()
    }

    /// A host has one, whatever it is called.
    package var identity: String { HostnameBatch.file }
    package var managedPaths: [String] { [HostnameBatch.file, HostnameBatch.cloudFile] }

    private static let request = ProbeRequest(HostnameBatch.name, "")
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [Self.request] }

    /// Keys `static` (/etc/hostname), `live` (the kernel's) and `survives-cloud-init`: there is no cloud-init, or it is told
    /// to leave the name alone.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard case .present(let found) = answers[Self.request] else { return answers[Self.request] }
        var state: State = [:]
        state["static"] = found["static"]
        if isAbsent {
            if found["ours"] == true { state["survives-cloud-init"] = true }
            return state.isEmpty ? .absent : .present(state)
        }
        state["live"] = found["live"]
        let isPreserved = ["true", "yes", "on", "1"].contains(found["preserve"]?.text?.lowercased())
        if found["cloud"] == false || isPreserved {
            state["survives-cloud-init"] = true
        } else {
            state["survives-cloud-init"] = found["by"].map { .text("no (\($0))") } ?? false
        }
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        isAbsent ? nil : ["static": .text(name), "live": .text(name), "survives-cloud-init": true]
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.flatMap { change in
            let resource = change.resource
            if change.action == .remove {
                return [FileSteps.remove(HostnameBatch.file), FileSteps.remove(HostnameBatch.cloudFile)]
            }
            var steps: [HostStep] = []
            // First what makes the name stay: a boot in between must not take it away again.
            if change.differs(in: "survives-cloud-init") { steps.append(telling) }
            if change.differs(in: "static") || change.differs(in: "live") {
                steps += resource.naming(on: facts, isStaticRight: !change.differs(in: "static"))
            }
            return steps
        }
    }

    private static var telling: HostStep {
        let file = FileWrite(
            path: HostnameBatch.cloudFile,
            content: Content("# Kept by cso-provision: the name is its own.\npreserve_hostname: true\n"),
            attributes: FileAttributes(mode: 0o644, owner: "root", group: "root"), makesDirectory: true)
        var step = FileWriting.step([file], summary: "tell cloud-init to keep the host's name")
        let folder = HostnameBatch.cloudFolder
        step.script += """
            for f in \(word: folder)/*.cfg; do
            if [ "$f" != "$p" ] && grep -q '^preserve_hostname:' -- "$f"; then last=$f; else [ "$f" != "$p" ] || last=; fi
            done
            [ -z "${last-}" ] || ! grep -qiE '^preserve_hostname:[[:space:]]*(false|no|off|0)' -- "$last" \\
            || die "$last comes after our file and lets cloud-init set the name; take its preserve_hostname out"

            """
        return step
    }

    private func naming(on facts: HostFacts, isStaticRight: Bool) -> [HostStep] {
        let see: ShellText = """
            static=
            if [ -e \(word: HostnameBatch.file) ]; then read -r static <\(word: HostnameBatch.file) || :; fi
            read -r live </proc/sys/kernel/hostname
            [ "$static" = "$n" ] || die "\(script: ShellText(script: HostnameBatch.file)) holds '$static' and not $n"
            [ "$live" = "$n" ] || die "the kernel calls the host $live and not $n"

            """
        let opening: ShellText = "\(script: StepText.opening)n=\(word: name)\n"
        let direct: ShellText = """
            printf '%s\\n' "$n" >/proc/sys/kernel/hostname || die "the kernel does not take the name $n"

            """
        guard facts.hasSystemd else {
            let write = FileWrite(
                path: HostnameBatch.file, content: Content(name + "\n"), attributes: FileAttributes(mode: 0o644))
            let file = FileWriting.step([write], summary: "write \(HostnameBatch.file)")
            return (isStaticRight ? [] : [file]) + [HostStep("name the host \(name)", script: opening + direct + see)]
        }
        // systemd-hostnamed tells others of the new name, and writes the file atomically.
        return [
            HostStep(
                "name the host \(name)",
                script: opening + """
                    timeout -s KILL 20 hostnamectl --no-ask-password --static --transient set-hostname "$n" \
                    || die "hostnamectl cannot name the host $n"

                    """ + see)
        ]
    }
}
