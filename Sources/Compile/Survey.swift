internal import Model
internal import Synchronization

/// What compiling every host for every OS family has shown.
struct Survey: Sendable {
    var diagnostics: [Diagnostic] = []
    /// Hosts whose address or availability zone a role's texts ask for.
    var placed: [RoleName: Set<HostName>] = [:]
    /// The resources that use each secret of a role.
    var secretUsers: [RoleName: [SecretName: Set<ResourceID>]] = [:]
    /// What kinds may ask an operator to allow by what they find.
    var permissions: Set<PermissionName> = []
}

/// Makes the survey when it is first asked for. The compiler is a value that never changes, so the answer cannot go stale.
final class SurveyMemo: Sendable {
    private let survey = Mutex<Survey?>(nil)

    func get(of compiler: Compiler) -> Survey {
        survey.withLock { survey in
            if let survey { return survey }
            let made = compiler.makeSurvey()
            survey = made
            return made
        }
    }
}
