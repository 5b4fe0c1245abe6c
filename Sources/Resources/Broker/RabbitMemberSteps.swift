internal import Model

/// How a node gets to where it belongs. Each deed is one that can be done again after it was cut off anywhere: the next look
/// decides anew.
enum RabbitMemberSteps {
    /// The unit's own limit for a start is ten minutes.
    static let limit: Duration = .seconds(900)
    /// So often in a row, at intervals of a second, the node must say that it waits before it is believed.
    static let patience = 3

    static func step(_ change: Change<RabbitMemberResource>) -> HostStep {
        let member = change.resource
        let host = Broker.host(ofNode: member.node)?.rawValue ?? member.node
        var words: [String] = []
        var script: ShellText = """
            \(script: StepText.opening)\(script: Broker.functions)\(script: functions)\
            n=\(word: member.node) u=\(word: Broker.unit.rawValue)

            """
        let peer = peer(change)
        let starts = change.differs(in: RabbitMemberResource.Key.running)
        if change.differs(in: RabbitMemberResource.Key.entry), let witness = witness(change) {
            script += portMapper
            words.append("forget the old \(host)")
            // With its data gone it must not come back as the member that it was: it would vote on what it does not know.
            if !starts { script += "ctl stop_app || die 'cannot stop the application of '\"$n\"\n" }
            script +=
                "ctl -n \(word: witness) forget_cluster_node \"$n\" || die \"$n: \"\(word: witness)\" does not forget it\"\n"
            if !starts { script += "ctl reset || die \"cannot reset $n\"\n" }
        }
        if change.differs(in: RabbitMemberResource.Key.data) {
            words.append("set the data of \(host) aside")
            script += setAside
        }
        if change.differs(in: "enabled") {
            if !starts { words.append("enable \(Broker.unit)") }
            script += "systemctl -q enable -- \"$u\" || die \"$u: cannot be enabled\"\n"
        }
        if starts {
            words.append("start \(Broker.unit)")
            script += start + OwedNotes.strikeOff(Broker.unit)
        }
        if change.differs(in: RabbitMemberResource.Key.application) {
            words.append("start the application of \(host)")
            script += "ctl start_app || die \"the application of $n does not start\"\n"
        }
        if let peer {
            words.append("join \(peer)")
            script += "p=\(word: peer)\n" + join
        }
        return HostStep(words.joined(separator: "; "), script: script, isSupervised: true, limit: limit)
    }

    private static func peer(_ change: Change<RabbitMemberResource>) -> String? {
        text(change, RabbitMemberResource.Key.cluster, \.desired, after: "that of ")
    }
    private static func witness(_ change: Change<RabbitMemberResource>) -> String? {
        text(change, RabbitMemberResource.Key.entry, \.observed, after: "in the cluster of ")
    }
    private static func text(
        _ change: Change<RabbitMemberResource>, _ key: String, _ side: KeyPath<Difference, StateValue?>,
        after prefix: String
    ) -> String? {
        guard let text = change.differences.first(where: { $0.key == key })?[keyPath: side]?.text,
            text.hasPrefix(prefix)
        else { return nil }
        return String(text.dropFirst(prefix.count))
    }

    private static let functions: ShellText = """
        tell() { systemctl status --no-pager --full -n 5 -- "$u" >&2; tail -n 20 /var/log/rabbitmq/"$n".log >&2; die "$1"; }
        # 0 if the node waits for members that are not there.
        waits() {
        answer=$(timeout -s KILL 20 sh -c \(word: BrokerBatch.script.text))
        case $answer in *"
        away x"*) return 0 ;; esac
        return 1
        }

        """

    /// A client of Erlang starts epmd where there is none, and that one would end with this step, which then takes the name of
    /// the node from the one that it has just been started for. Debian has a unit for it.
    private static let portMapper: ShellText = "systemctl start epmd.socket 2>/dev/null || :\n"

    /// systemctl would wait as long as the node waits for its peers, which are started after it: the node's own word counts.
    private static let start: ShellText = """
        systemctl reset-failed -- "$u" 2>/dev/null
        systemctl start --no-block -- "$u" || tell "$u: cannot be started"
        waited=0
        while :; do
        sleep 1
        state=$(systemctl show -p ActiveState -p SubState --value -- "$u" | tr '\\n' ' ') || die "systemctl show failed"
        case $state in
        active*) break ;;
        'activating start '*) ;;
        *) tell "$u: does not start ($state)" ;;
        esac
        if waits; then waited=$((waited + 1)); else waited=0; fi
        if [ "$waited" -ge \(patience) ]; then echo "$n waits for members that are not started yet"; break; fi
        done

        """

    /// Nothing is removed. Its folder is beside, not below, the one where another node's data would be a stray.
    private static let setAside: ShellText = """
        systemctl stop -- "$u" || tell "$u: cannot be stopped"
        away=\(word: Broker.home)/set-aside/$(date -u +%Y%m%dT%H%M%SZ)
        if [ -e \(word: Broker.home)/mnesia/"$n" ]; then
        install -d -m 0750 -o \(word: Broker.user) -g \(word: Broker.user) \(word: Broker.home)/set-aside "$away" || exit 1
        for f in \(word: Broker.home)/mnesia/"$n"-feature_flags \(word: Broker.home)/mnesia/"$n"; do
        [ ! -e "$f" ] || mv -- "$f" "$away"/ || die "cannot move $f"
        done
        sync \(word: Broker.home)/mnesia "$away" || exit 1
        echo "the data lies in $away"
        fi

        """

    /// A node that was started without data has found the cluster by itself, as a rule.
    private static let join: ShellText = """
        members=$(ctl eval 'io:format("~s~n", [[[" ", atom_to_list(M)] || M <- rabbit_mnesia:cluster_nodes(all)]]).') ||
        die "$n does not say what its cluster is"
        joined=
        for m in $members; do [ "$m" != "$p" ] || joined=yes; done
        if ! [ "$joined" ]; then
        ctl stop_app || die "cannot stop the application of $n"
        ctl join_cluster "$p" || { ctl start_app; die "$n cannot join $p"; }
        ctl start_app || die "the application of $n does not start"
        fi

        """
}
