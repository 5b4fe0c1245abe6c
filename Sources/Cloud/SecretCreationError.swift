package import Model

/// Why a secret was not made, or not as it should be. The old version of the secret is current unless the cause says
/// otherwise.
package struct SecretCreationError: Error, Sendable {
    enum Cause: Sendable {
        case aws(AWSFailure)
        case document(SecretText.Fault)
        /// Another version was written while ours was; theirs is current.
        case overtaken(by: String)
        /// The same, but ours is current and could not be taken back.
        case theirsReplaced(String, by: String)
        case readBackDiffers
        /// The crypto library refused.
        case notMade(SecretName)
    }

    package let source: SecretSource
    let secretID: String
    let cause: Cause

    init(_ addition: SecretCreationPlan.Addition, _ cause: Cause) {
        source = addition.source
        secretID = addition.secretID
        self.cause = cause
    }

    package var diagnostic: Diagnostic {
        let name = "secret source \(source.name)"
        let (message, remedy) =
            switch cause {
            case .aws(.refused("ResourceExistsException", _, _)):
                (
                    "\(name): \(secretID) exists after all, without a current version or out of our sight",
                    "`aws secretsmanager describe-secret --secret-id \(ShellText.word(secretID))` tells its state"
                )
            case .aws(.accessDenied(let operation, false, let detail)):
                (
                    "\(name): \(operation) is denied: \(detail)",
                    "allow secretsmanager:CreateSecret, PutSecretValue and UpdateSecretVersionStage on it for as long as "
                        + "secrets are made"
                )
            case .aws(let failure): ("\(name): \(failure.message)", failure.remedy)
            case .document(.notAnObject):
                ("\(name): \(secretID) is no JSON object of strings, so no key can be added", "store it as one")
            case .document(.alreadyThere(let key)):
                ("\(name): somebody else has just made the key \"\(key)\"", "run it again: what is there is kept")
            case .overtaken(let version):
                (
                    "\(name): somebody else wrote version \(version) at the same time; it is current, and ours is not",
                    "run it again"
                )
            case .theirsReplaced(let theirs, let ours):
                (
                    "\(name): somebody else wrote version \(theirs) at the same time, and ours replaced it",
                    "aws secretsmanager update-secret-version-stage --secret-id \(ShellText.word(secretID)) --version-stage "
                        + "AWSCURRENT --move-to-version-id \(theirs) --remove-from-version-id \(ours); then run it again"
                )
            case .notMade(let made): ("\(name): no value could be made for \(made)", "run it again")
            case .readBackDiffers:
                (
                    "\(name): what was read back is not what was written",
                    "look at the versions of \(secretID); AWSPREVIOUS is the one before"
                )
            }
        return Diagnostic(message, at: source.location, remedy: remedy)
    }
}
