package import Model

/// Tries secrets on a host: several in one step, each on the standard input of its own script.
package enum CredentialProofs {
    static let name: BatchName = "proof"

    /// Input, frame by frame: what each script reads. Output: a line `INDEX STATUS` each.
    package static func step(for proofs: [(id: ResourceID, proof: CredentialProof)]) -> HostStep {
        var script: ShellText = takeFrame
        for (index, entry) in proofs.enumerated() {
            script += """
                take
                printf '\\000%s\\000' \(index) >&2
                printf '%s' "$taken" | timeout -s KILL \(entry.proof.limit) sh -c \(word: entry.proof.script.text) >/dev/null
                printf '%s %s\\n' \(index) "$?"

                """
        }
        let seconds = proofs.reduce(10) { $0 + $1.proof.limit }
        return HostStep(
            "try \(proofs.count == 1 ? "a secret" : "\(proofs.count) secrets")", script: script,
            input: Content.framed(proofs.map(\.proof.input)), limit: .seconds(seconds))
    }

    /// `take` reads the next frame into `$taken`: `printf`, which writes it where it goes, is part of the shell, so that no
    /// process has it in its arguments.
    static let takeFrame: ShellText = """
        take() { IFS= read -r cso_size && taken=$(head -c "$cso_size"; printf x) && taken=${taken%x}; }

        """

    package static func parse(
        _ answer: HostAnswer, of proofs: [(id: ResourceID, proof: CredentialProof)], on facts: HostFacts
    ) -> ProbeAnswers {
        let observations = ScriptBatch.parse(answer, arguments: proofs.indices.map(String.init), on: facts)
        var answers = ProbeAnswers()
        for (index, entry) in proofs.enumerated() {
            answers[Credential.answer(of: entry.id)] =
                observations[String(index)] ?? .unknown(reason: "the answer is not complete")
        }
        return answers
    }
}

/// Makes a service accept a secret, and proves it: tried, set if it is refused, tried again, marked.
package struct CredentialStep {
    package var id: ResourceID
    package var proof: CredentialProof
    /// Run by `sh -eu` with `changeInput` (the proof's own input if `nil`) as its standard input when the secret is refused.
    package var change: ShellText
    package var changeInput: Content?
    /// Run before and after; `die MESSAGE` ends the step.
    package var before: ShellText = ""
    package var after: ShellText = ""
    package var limit = Duration.seconds(180)

    package init(id: ResourceID, proof: CredentialProof, change: ShellText, changeInput: Content? = nil) {
        self.id = id
        self.proof = proof
        self.change = change
        self.changeInput = changeInput
    }

    /// `wanted` is ``Credential/desired(_:with:)``, as the change's difference in ``Credential/key`` has it.
    package func step(_ summary: String, wanted: StateValue?) -> HostStep {
        let path = Credential.path(of: id)
        let temporary = path + ".cso-tmp"
        let script: ShellText = """
            \(script: StepText.opening)\(script: CredentialProofs.takeFrame)take || die 'the input is cut off'
            value=$taken
            take || die 'the input is cut off'
            change=$taken
            prove() { printf '%s' "$value" | timeout -s KILL \(proof.limit) sh -c \(word: proof.script.text) >/dev/null; }
            \(script: before)
            if prove; then :; else
            status=$?
            [ "$status" -eq 1 ] || die "whether the secret is accepted could not be told (status $status)"
            printf '%s' "$change" | sh -eu -c \(word: change.text) sh || die "it could not be set (status $?)"
            prove || die "it is refused after it was set"
            fi
            \(script: after)
            mkdir -p -m 0700 /var/lib/cso-provision \(word: Credential.folder) || exit 1
            salt=$(od -An -v -N16 -tx1 /dev/urandom | tr -d ' \\n')
            [ "${#salt}" -eq 32 ] || die 'no random bytes'
            digest=$(printf '%s%s' "$salt" "$value" | sha256sum)
            printf '%s %s %s\\n' "$salt" "${digest%% *}" \(word: wanted?.text ?? "?") >\(word: temporary) || exit 1
            sync \(word: temporary) && mv -T \(word: temporary) \(word: path) || exit 1

            """
        return HostStep(
            summary, script: script, input: Content.framed([proof.input, changeInput ?? proof.input]),
            isSupervised: true, limit: limit)
    }

    /// For steps that take the holder of the secret away.
    package static func forget(_ id: ResourceID) -> ShellText { "rm -f \(word: Credential.path(of: id)) || exit 1\n" }
}
