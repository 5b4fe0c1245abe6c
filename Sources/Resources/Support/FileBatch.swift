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
    func fits(_ file: FileWrite) -> Bool {
        files.isEmpty
            || (file.validate == nil && files.count < Self.mostFiles && bytes + file.content.size <= Self.mostBytes)
    }

    /// `place` is that of the change among all changes of its kind.
    mutating func add(_ file: FileWrite, _ place: Int) {
        places = files.isEmpty ? place..<place + 1 : places.lowerBound..<place + 1
        files.append(file)
        bytes += file.content.size
    }

    /// The step for what was added, none for nothing; the batch is empty then.
    mutating func take(then: ShellText = "") -> [HostStep] {
        guard !files.isEmpty else { return [] }
        var step = FileWriting.step(files, summary: "write \(StepText.list(files.map(\.path)))", then: then)
        step.changes = places
        self = FileBatch()
        return [step]
    }
}
