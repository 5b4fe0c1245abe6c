internal import Model

/// Neighbouring files that one step can write.
struct FileBatch {
    /// The step's script is one argument on the host, and its input lies there as a file while it runs.
    private static let mostFiles = 40
    private static let mostBytes = 8 << 20

    private var files: [FileWrite] = []
    private var places: Range<Int> = 0..<0
    private var bytes = 0

    /// A validation runs when all earlier files are in their places, so it begins a batch.
    private func fits(_ file: FileWrite) -> Bool {
        files.isEmpty
            || (file.validate == nil && files.count < Self.mostFiles && bytes + file.content.size <= Self.mostBytes)
    }

    /// `place` is that of the change among all changes of its kind.
    private mutating func add(_ file: FileWrite, _ place: Int) {
        places = files.isEmpty ? place..<place + 1 : places.lowerBound..<place + 1
        files.append(file)
        bytes += file.content.size
    }

    /// The step for what was added, none for nothing; the batch is empty then.
    private mutating func take(then: ShellText = "") -> [HostStep] {
        guard !files.isEmpty else { return [] }
        var step = FileWriting.step(files, summary: "write \(StepText.list(files.map(\.path)))", then: then)
        step.changes = places
        self = FileBatch()
        return [step]
    }

    /// What one change of a file comes to.
    enum Work {
        case write(FileWrite)
        case step(HostStep)
        case nothing
    }

    /// The steps for a run of neighbouring changes, in their order; writes that stand beside each other share one. `then`
    /// follows in the last step if that is a write.
    static func steps<Resource>(
        for changes: [Change<Resource>], then: ShellText = "", _ work: (Change<Resource>) -> Work
    ) -> [HostStep] {
        var steps: [HostStep] = []
        var batch = FileBatch()
        for (index, change) in changes.enumerated() {
            switch work(change) {
            case .nothing: continue
            case .write(let file):
                if !batch.fits(file) { steps += batch.take() }
                batch.add(file, index)
            case .step(var step):
                steps += batch.take()
                step.changes = index..<index + 1
                steps.append(step)
            }
        }
        return steps + batch.take(then: then)
    }
}
