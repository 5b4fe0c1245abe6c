package import Model

/// RabbitMQ's node on the host: its data, and what the running node says of itself and its cluster. One argument, the empty
/// one. See ``BrokerAnswer`` for what the answer becomes.
///
/// No Erlang machine is started for it: erl_call (erl_interface, 100 kB of C) asks the running one, as its own user, so
/// that it reads the cookie itself: about 40 ms against 1.2 s of rabbitmqctl, which is only the way where there is no
/// erl_call. Names and texts come in hexadecimal behind an `x`, so that none of them can look like another line.
package enum BrokerBatch: ProbeBatch {
    package static let name: BatchName = "rabbitmq"
    static let request = ProbeRequest(name, "")
    /// Seconds for the node's answer, and until its client is killed.
    static let patience = 10
    static let limit = 20

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion { HostQuestion(script) }

    /// Prints the answer.
    static var script: ShellText {
        """
        b=\(word: Broker.home)
        if [ -x \(word: Broker.command("rabbitmqctl")) ]; then echo installed; fi
        for d in "$b"/mnesia/*@*; do
        [ -d "$d" ] || continue
        case $d in *-plugins-expand | *-feature_flags) continue ;; esac
        set -- "$d"/*
        [ -e "$1" ] || continue
        printf 'data %s\\n' "${d##*/}"
        if [ -e "$d"/cluster_nodes.config ]; then
        r=
        while read -r l || [ "$l" ]; do r=$r$l; done <"$d"/cluster_nodes.config || r=
        printf 'record %s\\n' "$r"
        fi
        done
        n=
        for f in "$b"/mnesia/*@*.pid; do
        [ -f "$f" ] || continue
        p= c=
        read -r p <"$f" || :
        case $p in '' | *[!0-9]*) continue ;; esac
        # The file outlives its process, and the number may be another's by now.
        [ -r /proc/$p/comm ] && read -r c </proc/$p/comm || :
        case $c in beam*) n=${f##*/} n=${n%.pid}; printf 'live %s\\n' "$n" ;; esac
        done
        if [ "$n" ]; then
        cd /
        case $n in *@*.*) k=-name ;; *) k=-sname ;; esac
        as() {
        HOME=$b timeout -s KILL \(limit) setpriv --reuid=\(word: Broker.user) --regid=\(word: Broker.user) \
        --init-groups -- "$@" 2>/dev/null
        }
        for e in /usr/bin/erl_call /usr/lib*/erlang/bin/erl_call /usr/lib*/erlang/erts-*/bin/erl_call; do
        [ ! -x "$e" ] || break
        done
        q=\(word: expression)
        if [ -x "$e" ]; then
        as "$e" -R -timeout \(patience) -no_result_term -fetch_stdout $k "$n" -e <<EOF
        $q
        EOF
        else as \(word: Broker.command("rabbitmqctl")) -q -n "$n" -t \(patience) eval "$q" </dev/null
        fi
        s=$?
        printf '\\nasked %s\\n' "$s"
        if [ "$s" -ne 0 ]; then
        for e in /usr/bin/epmd /usr/lib*/erlang/bin/epmd /usr/lib*/erlang/erts-*/bin/epmd; do
        [ ! -x "$e" ] || break
        done
        timeout -s KILL 5 "$e" -names 2>/dev/null | grep -q "^name ${n%%@*} at port " && echo registered
        fi
        fi
        echo end

        """
    }

    /// Everything at once. What a kind does not need costs the node some microseconds.
    private static let expression = """
        X = fun(V) when is_binary(V) -> V; (V) when is_atom(V) -> atom_to_binary(V, utf8);
        (V) when is_integer(V) -> integer_to_binary(V); (V) -> unicode:characters_to_binary(V) end,
        L = fun(Key, Values) ->
        io:put_chars([Key, [[" x", [io_lib:format("~2.16.0b", [B]) || <<B>> <= X(V)]] || V <- Values], "\\n"]) end,
        Has = fun(M, F) -> erlang:function_exported(M, F, 0) end,
        Get = fun(Keys, P) -> [proplists:get_value(K, P) || K <- Keys] end,
        try
        L("node", [node()]),
        case rabbit:is_running() of
        false ->
        Booting = rabbit:is_booting(),
        case mnesia:system_info(is_running) of
        yes when Booting ->
        All = mnesia:system_info(db_nodes),
        L("members", lists:sort(All)),
        case All -- mnesia:system_info(running_db_nodes) of
        [] -> L("state", [booting]);
        Away -> L("state", [waiting]), L("away", lists:sort(Away))
        end;
        _ when Booting -> L("state", [booting]);
        _ -> L("state", [stopped])
        end;
        true ->
        Members = case Has(rabbit_nodes, list_members) of
        true -> rabbit_nodes:list_members(); false -> rabbit_mnesia:cluster_nodes(all) end,
        Running = case Has(rabbit_nodes, list_running) of
        true -> rabbit_nodes:list_running(); false -> rabbit_mnesia:cluster_nodes(running) end,
        L("state", [running]),
        L("members", lists:sort(Members)),
        L("running", lists:sort(Running)),
        L("partitions", lists:sort(rabbit_node_monitor:partitions())),
        L("cluster", [rabbit_nodes:cluster_name()]),
        L("alarms", lists:usort([A || {{resource_limit, A, _}, _} <- rabbit_alarm:get_local_alarms()])),
        L("drained", [rabbit_maintenance:is_being_drained_local_read(node())]),
        [L("vhost", [vhost:get_name(V), case vhost:get_metadata(V) of #{default_queue_type := T} -> T; _ -> undefined end])
        || V <- rabbit_vhost:all()],
        [L("user", [proplists:get_value(user, U) | lists:sort([X(T) || T <- proplists:get_value(tags, U)])])
        || U <- rabbit_auth_backend_internal:list_users()],
        [L("permission", Get([vhost, user, configure, write, read], P))
        || P <- rabbit_auth_backend_internal:list_permissions()],
        [L("policy", Get([vhost, name, pattern, 'apply-to', priority], P)
        ++ [rabbit_json:encode(maps:from_list(proplists:get_value(definition, P)))]) || P <- rabbit_policy:list()],
        case Members of
        [_] ->
        Named = [N || V <- rabbit_vhost:list_names(),
        [{name, {resource, _, exchange, N}}] <- rabbit_exchange:info_all(V, [name]),
        N =/= <<>>, not lists:prefix("amq.", binary_to_list(N))],
        L("own", [length(rabbit_amqqueue:list()), length(Named)]);
        _ -> ok
        end
        end,
        L("whole", [])
        catch Class:Reason -> L("error", [Class, io_lib:format("~0p", [Reason])])
        end.
        """

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        let observation = BrokerAnswer.observation(answer)
        return Dictionary(arguments.map { ($0, observation) }, uniquingKeysWith: { first, _ in first })
    }
}
