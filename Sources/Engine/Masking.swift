internal import Model
internal import Planning
internal import Report
internal import Resources

// What hosts say may hold a secret in whatever form: everything that leaves the engine goes through the masker once more.

extension ProgressEvent {
    func masked(by masker: Masker) -> ProgressEvent {
        switch self {
        case .phase(let text): .phase(masker.mask(text))
        case .step(let host, let text): .step(host, masker.mask(text))
        case .output: self
        case .ended(let host, let ending): .ended(host, ending.masked(by: masker))
        }
    }
}

extension Ending {
    func masked(by masker: Masker) -> Ending { Ending(outcome, reason.map { masker.mask($0) }) }
}

extension HostReport {
    func masked(by masker: Masker) -> HostReport {
        if masker.isEmpty { return self }
        var report = self
        report.ending = ending.masked(by: masker)
        report.notes = notes.map { masker.mask($0) }
        report.tail = tail.map { masker.mask($0) }
        for index in changes.indices {
            report.changes[index].diff = changes[index].diff.map { masker.mask($0) }
            report.changes[index].change.differences = changes[index].change.differences.map { $0.masked(by: masker) }
        }
        return report
    }
}
