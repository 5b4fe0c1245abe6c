package import Model
internal import OrderedCollections
internal import Planning

extension RunReport {
    /// The document of `--output json`, in the form of design.md "Command line".
    package var json: JSONValue {
        var document: OrderedDictionary<String, JSONValue> = [
            "run": .text(run.rawValue), "command": .text(command), "outcome": .text(outcome.word),
            "seconds": .decimal(seconds.roundedToMilliseconds), "hosts": .list(hosts.map(\.json)),
        ]
        if !notes.isEmpty { document["notes"] = .list(notes.map { .text($0) }) }
        return .object(document)
    }
}

extension HostReport {
    var json: JSONValue {
        var document: OrderedDictionary<String, JSONValue> = [
            "host": .text(host.rawValue), "role": .text(role.rawValue),
            "address": address.map { .text($0.description) } ?? .null, "az": zone.map { .text($0.rawValue) } ?? .null,
            "outcome": .text(ending.outcome.word), "reason": ending.reason.map { .text($0) } ?? .null,
            "seconds": .decimal(seconds.roundedToMilliseconds), "changes": .list(changes.map(\.json)),
        ]
        if !notes.isEmpty { document["notes"] = .list(notes.map { .text($0) }) }
        if let tail { document["output"] = .text(tail) }
        if !needs.isEmpty { document["needs"] = .list(needs.map { .text($0) }) }
        if !gates.isEmpty {
            document["gates"] = .list(
                gates.map { gate in
                    .object([
                        "gate": .text(gate.label), "scope": .text(gate.scope.rawValue),
                        "vantage": .text(gate.vantage.rawValue),
                    ])
                })
        }
        return .object(document)
    }
}

extension ReportedChange {
    var json: JSONValue {
        var document: OrderedDictionary<String, JSONValue> = [
            "resource": .text(change.resource.rawValue), "action": .text(change.action.rawValue),
        ]
        if let source = change.source { document["from"] = .text(source.rawValue) }
        if let later = change.knownAfter {
            document["knownAfter"] = .object([
                "host": .text(later.host.rawValue), "resource": .text(later.resource.rawValue),
                "possible": .list(later.possible.map(\.rawValue).sorted().map { .text($0) }),
            ])
            document["expected"] = .flag(change.isExpected)
        }
        var differences: OrderedDictionary<String, JSONValue> = [:]
        for difference in change.differences {
            differences[difference.key] =
                difference.isSensitive
                ? ["sensitive": true]
                : .object(["observed": difference.observed.json, "desired": difference.desired.json])
        }
        document["differences"] = .object(differences)
        if !change.notifies.isEmpty {
            document["notifies"] = .list(change.notifies.map { .text($0.description) })
        }
        if let confirm = change.confirm { document["needsAllow"] = .text(confirm.rawValue) }
        if let diff { document["diff"] = .text(diff) }
        if let diffOmission { document["diffOmitted"] = .text(diffOmission) }
        return .object(document)
    }
}

extension StateValue? {
    fileprivate var json: JSONValue {
        switch self {
        case nil: .null
        case .text(let text)?: .text(text)
        case .number(let number)?: .integer(number)
        case .flag(let flag)?: .flag(flag)
        case .list(let list)?: .list(list.map { .text($0) })
        }
    }
}

extension Double {
    /// Times are shown with three decimals; more would be noise.
    package var roundedToMilliseconds: Double { (self * 1000).rounded() / 1000 }
}
