internal import Model
internal import OrderedCollections
internal import Planning
internal import Resources

extension SavedPlan {
    /// Something is missing, of another kind, or unknown.
    struct Malformed: Error {
        /// The name of the key. Never a value.
        var place: String
    }

    /// Maps in the order of their keys, so that equal plans are equal bytes.
    var json: JSONValue {
        .object([
            "run": .text(origin.run.rawValue), "at": .text(origin.at), "by": .text(origin.by), "on": .text(origin.on),
            "tool": .text(origin.tool),
            "fleet": .text(inputs.fleet), "inventory": .text(inputs.inventory), "roles": .text(inputs.roles),
            "files": .sorted(inputs.files),
            "selection": .object([
                "roles": .names(choice.roles), "hosts": .names(choice.hosts),
                "az": choice.zone.map { .text($0.rawValue) } ?? .null, "all": .flag(choice.all),
            ]),
            "deep": .flag(isDeep), "secrets": .sorted(secrets), "hosts": .list(hosts.map(\.json)),
        ])
    }

    init(_ json: JSONValue) throws(Malformed) {
        let selection = try json.at("selection")
        self.init(
            origin: Origin(
                run: RunID(try json.text("run")), at: try json.text("at"), by: try json.text("by"),
                on: try json.text("on"), tool: try json.text("tool")),
            inputs: Inputs(
                fleet: try json.text("fleet"), inventory: try json.text("inventory"), roles: try json.text("roles"),
                files: try json.texts("files")),
            choice: Choice(
                roles: try selection.strings("roles").map { RoleName($0) },
                hosts: try selection.strings("hosts").map { HostName($0) },
                zone: try selection.optionalText("az").map { AvailabilityZone($0) }, all: try selection.flag("all")),
            isDeep: try json.flag("deep"), secrets: try json.texts("secrets"),
            hosts: try json.list("hosts").map { (element) throws(Malformed) in try Host(element) })
    }
}

extension SavedPlan.Host {
    fileprivate var json: JSONValue {
        .object([
            "host": .text(host.rawValue), "role": .text(role.rawValue), "address": .text(address.description),
            "key": key.map { .text($0) } ?? .null, "terms": terms.map { .text($0) } ?? .null,
            "selected": .flag(isSelected), "outcome": .text(ending.outcome.rawValue),
            "reason": ending.reason.map { .text($0) } ?? .null, "changes": .list(changes.map(\.json)),
            "settles": .sorted(
                Dictionary(settlements.map { ($0.noteName, $1) }, uniquingKeysWith: { first, _ in first })),
        ])
    }

    fileprivate init(_ json: JSONValue) throws(SavedPlan.Malformed) {
        guard let address = Address(try json.text("address")) else { throw SavedPlan.Malformed(place: "address") }
        guard let outcome = Outcome(rawValue: try json.text("outcome")) else {
            throw SavedPlan.Malformed(place: "outcome")
        }
        var settlements: [Notification: String] = [:]
        for (name, digest) in try json.texts("settles") {
            guard let notification = Notification(noteName: name) else { throw SavedPlan.Malformed(place: "settles") }
            settlements[notification] = digest
        }
        self.init(
            host: HostName(try json.text("host")), role: RoleName(try json.text("role")), address: address,
            key: try json.optionalText("key"), terms: try json.optionalText("terms"),
            isSelected: try json.flag("selected"), ending: Ending(outcome, try json.optionalText("reason")),
            changes: try json.list("changes").map { (element) throws(SavedPlan.Malformed) in
                try PlannedChange(element)
            }, settlements: settlements)
    }
}

extension PlannedChange {
    fileprivate var json: JSONValue {
        .object([
            "resource": .text(resource.rawValue), "action": .text(action.rawValue),
            "differences": .list(differences.map(\.json)), "notifies": .list(notifies.map { .text($0.noteName) }),
            "sensitive": .flag(isSensitive), "from": source.map { .text($0.rawValue) } ?? .null,
            "knownAfter": knownAfter.map { later in
                .object([
                    "host": .text(later.host.rawValue), "resource": .text(later.resource.rawValue),
                    "possible": .list(later.possible.map(\.rawValue).sorted().map { .text($0) }),
                ])
            } ?? .null,
            "expected": .flag(isExpected), "recipe": .text(deed.recipe), "secrets": .sorted(deed.secrets),
            "steps": deed.steps.map { .text($0) } ?? .null,
        ])
    }

    fileprivate init(_ json: JSONValue) throws(SavedPlan.Malformed) {
        var knownAfter: KnownAfter?
        let later = try json.at("knownAfter")
        if !later.isNull {
            knownAfter = KnownAfter(
                host: HostName(try later.text("host")), resource: ResourceID(try later.text("resource")),
                possible: Set(
                    try later.strings("possible").map { (word) throws(SavedPlan.Malformed) in try changeAction(word) }))
        }
        self.init(
            resource: ResourceID(try json.text("resource")), action: try changeAction(try json.text("action")),
            differences: try json.list("differences").map { (element) throws(SavedPlan.Malformed) in
                try Difference(element)
            },
            notifies: try json.strings("notifies").map { (name) throws(SavedPlan.Malformed) in
                guard let notification = Notification(noteName: name) else {
                    throw SavedPlan.Malformed(place: "notifies")
                }
                return notification
            }, isSensitive: try json.flag("sensitive"), source: try json.optionalText("from").map { HostName($0) },
            knownAfter: knownAfter, isExpected: try json.flag("expected"),
            deed: Deed(
                recipe: try json.text("recipe"), secrets: try json.texts("secrets"),
                steps: try json.optionalText("steps"))
        )
    }
}

private func changeAction(_ word: String) throws(SavedPlan.Malformed) -> ChangeAction {
    guard let action = ChangeAction(rawValue: word) else { throw SavedPlan.Malformed(place: "action") }
    return action
}

extension Difference {
    fileprivate var json: JSONValue {
        isSensitive
            ? .object(["key": .text(key), "sensitive": true])
            : .object(["key": .text(key), "observed": StateValue.json(observed), "desired": StateValue.json(desired)])
    }

    fileprivate init(_ json: JSONValue) throws(SavedPlan.Malformed) {
        let key = try json.text("key")
        if json["sensitive"] == true {
            self.init(key: key, observed: nil, desired: nil, isSensitive: true)
        } else {
            self.init(
                key: key, observed: try StateValue.read(try json.at("observed")),
                desired: try StateValue.read(try json.at("desired")))
        }
    }
}

extension StateValue {
    fileprivate static func json(_ value: StateValue?) -> JSONValue {
        switch value {
        case nil: .null
        case .text(let text)?: .text(text)
        case .number(let number)?: .integer(number)
        case .flag(let flag)?: .flag(flag)
        case .list(let list)?: .list(list.map { .text($0) })
        }
    }

    fileprivate static func read(_ json: JSONValue) throws(SavedPlan.Malformed) -> StateValue? {
        switch json {
        case .null: return nil
        case .text(let text): return .text(text)
        case .integer(let number): return .number(number)
        case .flag(let flag): return .flag(flag)
        case .list(let list):
            return .list(
                try list.map { (element) throws(SavedPlan.Malformed) in
                    guard let text = element.text else { throw SavedPlan.Malformed(place: "differences") }
                    return text
                })
        case .decimal, .object: throw SavedPlan.Malformed(place: "differences")
        }
    }
}

// MARK: Reading keys

extension JSONValue {
    fileprivate static func sorted(_ map: [String: String]) -> JSONValue {
        .object(
            OrderedDictionary(uniqueKeysWithValues: map.sorted { $0.key < $1.key }.map { ($0.key, .text($0.value)) }))
    }
    fileprivate static func names(_ names: [some Name]) -> JSONValue { .list(names.map { .text($0.rawValue) }) }

    fileprivate func at(_ key: String) throws(SavedPlan.Malformed) -> JSONValue {
        guard let value = self[key] else { throw SavedPlan.Malformed(place: key) }
        return value
    }
    fileprivate func text(_ key: String) throws(SavedPlan.Malformed) -> String {
        guard let text = self[key]?.text else { throw SavedPlan.Malformed(place: key) }
        return text
    }
    fileprivate func optionalText(_ key: String) throws(SavedPlan.Malformed) -> String? {
        try at(key).isNull ? nil : try text(key)
    }
    fileprivate func flag(_ key: String) throws(SavedPlan.Malformed) -> Bool {
        guard let flag = self[key]?.flag else { throw SavedPlan.Malformed(place: key) }
        return flag
    }
    fileprivate func list(_ key: String) throws(SavedPlan.Malformed) -> [JSONValue] {
        guard let list = self[key]?.list else { throw SavedPlan.Malformed(place: key) }
        return list
    }
    fileprivate func strings(_ key: String) throws(SavedPlan.Malformed) -> [String] {
        try list(key).map { (element) throws(SavedPlan.Malformed) in
            guard let text = element.text else { throw SavedPlan.Malformed(place: key) }
            return text
        }
    }
    fileprivate func texts(_ key: String) throws(SavedPlan.Malformed) -> [String: String] {
        guard let members = self[key]?.object else { throw SavedPlan.Malformed(place: key) }
        var texts: [String: String] = [:]
        for (name, value) in members {
            guard let text = value.text else { throw SavedPlan.Malformed(place: key) }
            texts[name] = text
        }
        return texts
    }
}
