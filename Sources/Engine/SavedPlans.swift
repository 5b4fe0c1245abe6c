internal import Compile
internal import Glibc
internal import Model
internal import Planning
package import Records
internal import Report
internal import Resources

/// What a run has to do with saved plans.
extension FleetRun {
    /// The plans as `plan --out` keeps them. `hosts` is how they were shown.
    func saved(_ plans: [RolePlan], _ hosts: [HostReport], _ attempt: Attempt) async -> SavedPlan {
        var kept: [SavedPlan.Host] = []
        for role in fleet.providersFirst(attempt.roles) {
            let plan = plans.first { $0.role == role }
            for member in attempt.members[role] ?? [] {
                let planned = plan?[member.host]
                let ending = hosts.first { $0.host == member.host }?.ending.masked(by: attempt.masker)
                kept.append(
                    SavedPlan.Host(
                        host: member.host, role: role, address: member.place.address, key: await member.hostKey,
                        terms: await terms(of: member), isSelected: covers(member),
                        ending: ending ?? Ending(.notAttempted),
                        changes: (planned?.changes ?? []).map { $0.masked(by: attempt.masker).withoutSensitiveValues },
                        settlements: planned?.settlements ?? [:]))
            }
        }
        let selection = request.selection
        return SavedPlan(
            origin: SavedPlan.Origin(
                run: attempt.run, at: Timestamp.now, by: request.controller.owner, on: request.controller.hostname,
                tool: request.controller.version),
            inputs: fleet.inputs,
            choice: SavedPlan.Choice(
                roles: selection.roles, hosts: selection.hosts, zone: selection.zone, all: selection.all),
            isDeep: request.isDeep, secrets: attempt.book.versions, hosts: kept)
    }

    private func terms(of member: Member) async -> String? {
        await member.declared?.terms(atOnce: fleet.changesAtOnce(member.role), after: fleet.after(member.role))
    }

    // MARK: Applying one

    /// Does what a saved plan says, as far as it is still to be done, and nothing else.
    func carryOut(
        _ saved: SavedPlan, _ plans: [RolePlan], _ shown: [HostReport], _ attempt: Attempt
    ) async -> RunReport {
        let approval = saved.approval(maskedBy: attempt.masker)
        var notes = approval.settled(in: plans).map {
            "\($0.host): \($0.change.resource) no longer needs \($0.change.action.rawValue), which the plan has"
        }
        var hosts = shown
        if hosts.contains(where: \.isWaiting) {
            let objections = approval.objections(to: plans)
            let general = await generalObjections(saved, attempt)
            if let first = general.first ?? objections.first?.description {
                notes += general + objections.map(\.description) + changedInputs(since: saved, attempt)
                for index in hosts.indices where hosts[index].isWaiting {
                    let own = objections.first { $0.host == hosts[index].host }.map { "\($0.resource) \($0.reason)" }
                    hosts[index].ending = Ending(
                        .refused, "the plan is stale: \(general.first ?? own ?? first); make it anew with `plan --out`")
                }
                return await report(withoutChanges(hosts, waiting: nil), attempt, notes: notes)
            }
            hosts = await apply(plans, hosts, attempt, approval: approval)
        } else {
            hosts = withoutChanges(hosts, waiting: nil)
        }
        return await report(await confirmHealth(hosts, attempt), attempt, notes: notes)
    }

    /// What makes it another run than the one that was agreed to, whatever the hosts look like.
    private func generalObjections(_ saved: SavedPlan, _ attempt: Attempt) async -> [String] {
        var objections: [String] = []
        if saved.origin.tool != request.controller.version {
            objections.append(
                "it was made by version \(saved.origin.tool), and this is version \(request.controller.version)")
        }
        if saved.inputs.fleet != fleet.inputs.fleet {
            objections.append("it is for the fleet \(saved.inputs.fleet), not for \(fleet.inputs.fleet)")
        }
        for member in attempt.all {
            guard let before = saved.hosts.first(where: { $0.host == member.host }) else {
                objections.append("\(member.host) was no member of \(member.role) when it was made")
                continue
            }
            if before.role != member.role { objections.append("\(member.host) was a member of \(before.role)") }
            if before.address != member.place.address {
                objections.append(
                    "\(member.host) has the address \(member.place.address) now, where the plan says \(before.address)")
            }
            if let old = before.key, let new = await member.hostKey, old != new {
                objections.append("\(member.host) is another machine now: its host key is \(new), and was \(old)")
            }
            if let old = before.terms, let new = await terms(of: member), old != new {
                objections.append(
                    "the gates of \(member.host), or the order in which hosts are changed, are not those of the plan")
            }
        }
        return objections
    }

    /// Where a difference may come from. None of it is a reason by itself: what counts is what would be done.
    private func changedInputs(since saved: SavedPlan, _ attempt: Attempt) -> [String] {
        var notes: [String] = []
        for (source, version) in attempt.book.versions.sorted(by: { $0.key < $1.key }) {
            guard let before = saved.secrets[source], before != version else { continue }
            notes.append("since the plan, secret \(source) was rotated from version \(before) to \(version)")
        }
        notes += saved.inputs.changedFiles(to: fleet.inputs).map { "since the plan, \($0) was changed" }
        return notes
    }
}

extension Fleet {
    /// What plans are made from.
    var inputs: SavedPlan.Inputs {
        var files: [String: String] = [:]
        for (path, bytes) in tree.files {
            let name =
                path == tree.inventoryFile
                ? "inventory/inventory.yaml" : "roles/" + path.dropFirst(tree.rolesFolder.utf8.count + 1)
            files[name] = Digest.sha256(bytes)
        }
        return SavedPlan.Inputs(
            fleet: inventory.fleet, inventory: Self.absolute(tree.inventoryFile),
            roles: Self.absolute(tree.rolesFolder), files: files)
    }

    private static func absolute(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension PlannedChange {
    /// That something sensitive differs is all that may be kept of it: no digest, no length.
    fileprivate var withoutSensitiveValues: PlannedChange {
        var change = self
        for index in differences.indices where differences[index].isSensitive {
            change.differences[index].observed = nil
            change.differences[index].desired = nil
        }
        return change
    }
}

extension SecretBook {
    /// Files have no version: the inode and the time of its last change tell one writing of a file from another, and
    /// nothing of what is in it.
    func pinned(_ inventory: Inventory) -> SecretBook {
        var book = self
        for source in inventory.secretSources {
            guard let version = versions[source.name], ["file", "terraform"].contains(version) else { continue }
            switch source.kind {
            case .aws: continue
            case .file("-"): continue
            case .file(let path), .terraform(let path, _):
                var status = stat()
                let place = path.hasPrefix("/") ? path : inventory.folder + "/" + path
                guard stat(place, &status) == 0 else { continue }
                book.pin(
                    source.name,
                    to: "\(version) \(status.st_ino) of \(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)")
            }
        }
        return book
    }
}

extension SavedPlan {
    /// The sources whose values may change without anybody being able to tell.
    package var unpinnedSources: [String] {
        secrets.filter { ["file", "terraform", ""].contains($0.value) }.map(\.key).sorted()
    }
}
