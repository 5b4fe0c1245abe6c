extension Difference {
    /// What hosts say may hold a secret in whatever form.
    package func masked(by masker: Masker) -> Difference {
        var difference = self
        difference.observed = observed?.masked(by: masker)
        difference.desired = desired?.masked(by: masker)
        return difference
    }
}

extension StateValue {
    package func masked(by masker: Masker) -> StateValue {
        switch self {
        case .text(let text): .text(masker.mask(text))
        case .list(let list): .list(list.map { masker.mask($0) })
        case .number, .flag: self
        }
    }
}
