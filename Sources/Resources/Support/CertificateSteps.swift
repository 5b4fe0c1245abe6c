internal import Model

/// How a key, its certificate and the CA's file come to be, as one set.
///
/// All of it is written beside its place and checked there by openssl on the host: that the certificate is of this key,
/// and that the CA's file proves it, by the host's clock. Then come the renames, one right after another, the
/// certificate's last. A cut between them leaves a pair that does not match, which the next run sees and replaces; a
/// renewal keeps its key, so that it is one rename.
enum CertificateSteps {
    /// What differs in these keys is mended without a new certificate.
    private static let around: Set<String> = ["ca", "key_access", "certificate_access", "ca_access"]

    static func steps(for change: Change<CertificateResource>) -> [HostStep] {
        let resource = change.resource
        if change.action == .remove { return [remove(resource)] }
        if change.action == .create || change.differences.contains(where: { !around.contains($0.key) }) {
            let isNewKey =
                change.action == .create || change.differs(in: "key") || change.differs(in: "algorithm")
            let issue = issue(resource, isNewKey: isNewKey)
            return isNewKey ? [makeKey(resource), issue] : [issue]
        }
        var steps: [HostStep] = []
        if change.differs(in: "ca") {
            steps.append(
                FileWriting.step(
                    [
                        FileWrite(
                            path: resource.authorityPath, content: Content(resource.trusted.map { .certificates($0) }),
                            attributes: CertificateResource.publicAttributes)
                    ], summary: "write \(resource.authorityPath)"))
        } else if change.differs(in: "ca_access") {
            steps.append(FileSteps.adjust(resource.authorityPath, attributes: CertificateResource.publicAttributes))
        }
        if change.differs(in: "key_access") {
            steps.append(FileSteps.adjust(resource.keyPath, attributes: resource.attributes))
        }
        if change.differs(in: "certificate_access") {
            steps.append(FileSteps.adjust(resource.path, attributes: CertificateResource.publicAttributes))
        }
        return steps
    }

    // MARK: The key

    private static func makeKey(_ resource: CertificateResource) -> HostStep {
        var script = StepText.opening(path: resource.keyPath)
        script += """
            command -v openssl >/dev/null || die "there is no openssl here; declare package: openssl before it"
            trap 'rm -f -- "$t" ${cso_notes-}' EXIT
            trap 'exit 143' HUP INT TERM
            if [ -e "$t" ] || [ -L "$t" ]; then rm -f -- "$t" || die "cannot remove $t"; fi
            set -C
            e=$( { openssl genpkey \(words: resource.algorithm.words) 2>&1 >&3; } 3>"$t" ) || die "$p: no key was made: $e"
            sync -- "$t" || die "$p: cannot sync the new key"
            trap - EXIT

            """
        return HostStep("make a private key beside \(resource.keyPath)", script: script, limit: .seconds(120))
    }

    // MARK: The certificate

    private static func issue(_ resource: CertificateResource, isNewKey: Bool) -> HostStep {
        let temporary = PathText.temporary(for: resource.keyPath)
        var script = StepText.opening
        script += """
            c=\(word: resource.path) k=\(word: resource.keyPath) a=\(word: resource.authorityPath)
            ct=\(word: PathText.temporary(for: resource.path)) at=\(word: PathText.temporary(for: resource.authorityPath))
            new=\(word: isNewKey ? temporary : "") s=\(word: isNewKey ? temporary : resource.keyPath)
            # The old file's context, or the policy's for its name; what the policy has none for is right already.
            label() {
            if [ -f "$1" ] && ! [ -L "$1" ]; then chcon --reference="$1" -- "$2"
            elif command -v matchpathcon >/dev/null; then
            l=$(matchpathcon -n -m file -- "$1") || return 1
            case $l in '' | '<<none>>') ;; *) chcon -- "$l" "$2" ;; esac
            else labelled=yes; fi
            }
            for p in "$c" "$k" "$a"; do
            d=${p%/*}
            [ -d "${d:-/}" ] || die "$p: its directory ${d:-/} does not exist; declare it before"
            if [ -d "$p" ] && ! [ -L "$p" ]; then die "$p is a directory; it is not replaced"; fi
            done
            [ -f "$s" ] && ! [ -L "$s" ] || die "$s: the key is gone; run it again"
            trap 'rm -f -- "$ct" "$at" ${new:+"$new"} ${cso_notes-}' EXIT
            trap 'exit 143' HUP INT TERM
            rm -f -- "$ct" "$at" || die "cannot remove $ct"
            set -C
            { w=3
            while IFS= read -r line; do
            printf '%s\\n' "$line" >&$w || exit 1
            case $line in '-----END CERTIFICATE-----') w=4 ;; esac
            done; } 3>"$ct" 4>"$at" || die "$c: cannot write the new certificate; the old one stays"
            set +C
            one=$(openssl x509 -in "$ct" -noout -pubkey) && two=$(openssl pkey -in "$s" -pubout </dev/null) \
            || die "$c: the new certificate or its key cannot be read; the old one stays"
            [ "$one" = "$two" ] || die "$c: the new certificate is not of this key; the old one stays"
            e=$(openssl verify -no-CApath -purpose \(word: resource.usage.purpose) -CAfile "$at" "$ct" 2>&1) \
            || die "$c: openssl does not accept the new certificate, the old one stays: $e"
            chown -- root:root "$ct" "$at" && chmod -- 0644 "$ct" "$at" || die "$c: cannot set its mode"
            chown -- \(word: resource.attributes.ownership ?? "root:root") "$s" \
            && chmod -- \(word: ModeText.text(resource.attributes.mode ?? 0o600)) "$s" || die "$k: cannot set owner and mode"
            labelled=
            if [ -e /sys/fs/selinux/enforce ]; then
            label "$c" "$ct" && label "$a" "$at" && { [ -z "$new" ] || label "$k" "$new"; } \
            || die "$c: cannot set its SELinux context; the old one stays"
            fi
            sync -- "$ct" "$at" "$s" || die "$c: cannot sync it; the old one stays"
            # From here on something has changed, and what is owed for it stays noted.
            trap 'rm -f -- "$ct" "$at" ${new:+"$new"}' EXIT
            mv -fT -- "$at" "$a" || die "$a: cannot put it in its place"
            if [ "$new" ]; then mv -fT -- "$new" "$k" || die "$k: cannot put it in its place"; fi
            mv -fT -- "$ct" "$c" || die "$c: cannot put it in its place; run it again"
            trap - EXIT
            if [ "$labelled" ] && command -v restorecon >/dev/null; then
            restorecon -- "$c" "$k" "$a" || die "$c: cannot set its SELinux context"
            fi
            for p in "$c" "$k" "$a"; do d=${p%/*}; sync -- "${d:-/}" || die "cannot sync ${d:-/}"; done

            """
        var order = resource.order
        order.request = request(resource, key: isNewKey ? temporary : resource.keyPath)
        return HostStep(
            "issue \(resource.path)", script: script,
            input: Content([.issued(order)] + resource.trusted.map { .certificates($0) }))
    }

    /// The configuration comes on standard input, so that no file of the host's plays a part.
    private static func request(_ resource: CertificateResource, key: String) -> ShellText {
        let names = resource.order.labelledNames.joined(separator: ",")
        return """
            timeout -s KILL 20 openssl req -new -sha256 -key \(word: key) -config /dev/stdin <<'EOF'
            [req]
            prompt = no
            distinguished_name = subject
            req_extensions = extensions
            [subject]
            O = cso-provision
            [extensions]
            subjectAltName = \(script: ShellText(script: names))
            EOF
            """
    }

    private static func remove(_ resource: CertificateResource) -> HostStep {
        var script = StepText.opening
        for path in resource.managedPaths {
            script += """
                p=\(word: path) d=\(word: PathText.parent(of: path))
                if [ -d "$p" ] && ! [ -L "$p" ]; then die "$p is a directory; it is not removed as a file"; fi
                rm -f -- "$p" "$p.cso-tmp" || die "cannot remove $p"
                if [ -d "$d" ]; then sync -- "$d" || die "cannot sync $d"; fi

                """
        }
        return HostStep("remove \(resource.path), its key and the CA's file", script: script)
    }
}

extension CertificateResource {
    /// Without the script that makes the request, which depends on where the key lies.
    var order: CertificateOrder {
        CertificateOrder(
            path: path, names: names, algorithm: algorithm, usage: usage, validity: validity, renewBefore: renewBefore,
            authority: issuer ?? SecretName(""), request: "")
    }
    /// In the order of the CA's file.
    var trusted: [SecretName] { [issuer].compactMap(\.self) + alsoTrusted }
}

extension CertificateOrder.Algorithm {
    /// Options of `openssl genpkey`.
    fileprivate var words: [String] {
        switch self {
        case .p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"]
        case .p384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-pkeyopt", "ec_param_enc:named_curve"]
        case .rsa2048: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        case .rsa3072: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"]
        case .rsa4096: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"]
        }
    }
}

extension CertificateOrder.Usage {
    /// `-purpose` of `openssl verify`.
    fileprivate var purpose: String { self == .client ? "sslclient" : "sslserver" }
}
