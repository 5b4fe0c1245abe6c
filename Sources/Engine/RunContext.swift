internal import Model
internal import Planning

/// What all roles of one change run share.
struct RunContext: Sendable {
    let run: RunID
    let planner: RolePlanner
    let approval: Approval
    let binder: InputBinder
    let prover: Prover
    let masker: Masker
    let progress: ProgressSink
    let interruption: Interruption
    let journal: RunJournal
    let permits: Permits
}
