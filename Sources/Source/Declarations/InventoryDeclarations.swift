/// The keys of an `inventory.yaml`.
package enum InventoryDeclarations {
    package static let inventory = MapDeclaration(
        "an inventory", "Who the members of a fleet are and how they are reached.",
        keys: [
            KeyDeclaration("fleet", .text, isRequired: true, example: "NAME", "The fleet's name."),
            KeyDeclaration(
                "zone", .map(zone), isRequired: true, example: "{name: prod-ha.cso.ss}",
                "Where names become addresses."),
            KeyDeclaration(
                "network", .list(of: .range), isRequired: true, example: "[10.1.0.0/16]",
                "Where every address of the fleet lies; an answer outside is refused."),
            KeyDeclaration(
                "availability_zones", .named(by: .text, .range), isRequired: true,
                example: "{eu-west-2a: 10.1.128.0/18}", "Each zone's part of the network; they do not overlap."),
            KeyDeclaration(
                "az_order", .list(of: .text), isRequired: true, example: "[NAME, NAME]",
                "The order in which members of a role are changed: every zone once."),
            KeyDeclaration(
                "ssh", .map(ssh), isRequired: true, example: "{user: ec2-user, …}", "How hosts are logged in to."),
            KeyDeclaration(
                "secrets", .named(by: .identifier, .map(secretSource)),
                example: "{passwords: {file: secrets.json}}",
                "Sources of secrets; recipes write `secret(\"SOURCE.KEY\")`."),
            KeyDeclaration(
                "roles", .named(by: .label, .map(membership)), isRequired: true,
                example: "{backend: {hosts: [backend01]}}", "The members of each role."),
        ])

    package static let zone = MapDeclaration(
        "zone", "Where names become addresses.",
        keys: [
            KeyDeclaration(
                "name", .text, isRequired: true, example: "prod-ha.cso.ss", "The zone; hosts are `NAME.ZONE`."),
            KeyDeclaration(
                "server", .address, "The name server, `10.1.0.2` or `10.1.0.2:53`; left out: the system's resolver."),
            KeyDeclaration("deadline", .duration, defaultText: "5s", "How long an answer may take."),
            KeyDeclaration(
                "hosted_zone_id", .text, "Route 53's id of the zone, for `hosts` to list names that nobody declared."),
        ])

    package static let ssh = MapDeclaration(
        "ssh", "How hosts are logged in to.",
        keys: [
            KeyDeclaration(
                "user", .text, example: "ec2-user", "The login; it needs `NOPASSWD` sudo. Required for ssh."),
            KeyDeclaration("port", .number(1...65535), defaultText: "22", "Where sshd listens."),
            KeyDeclaration("identity", .file, "The private key that is offered; or `agent_key`."),
            KeyDeclaration(
                "agent_key", .file, "The public half of the one key that the agent is asked for; or `identity`."),
            KeyDeclaration(
                "known_hosts", .list(of: .file), example: "[known_hosts]",
                "Files with host keys, OpenSSH's format; nothing else is trusted. Required for ssh."),
            KeyDeclaration(
                "proxy_command", .text,
                "A command whose input and output are the connection: `%h` address, `%n` name, `%p` port, `%r` user."),
            KeyDeclaration(
                "connect_deadline", .duration, defaultText: "10s", "How long connecting and login may take."),
            KeyDeclaration(
                "transport", .either([.choice(["ssh"]), .map(transport)]), defaultText: "ssh",
                "`ssh`, or a program that leads into the host."),
        ],
        rules: [
            .unlessMap("transport", .required(["user", "known_hosts"])),
            .unlessMap("transport", .exactlyOne(["identity", "agent_key"])),
        ])

    package static let transport = MapDeclaration(
        "transport", "A program instead of ssh: this machine itself, or what the program leads into.",
        keys: [
            KeyDeclaration(
                "command", .list(of: .text), isRequired: true, example: "[PROGRAM, …]",
                "The program and its arguments, before `sh`; `%h` host name, `%a` address.")
        ])

    package static let secretSource = MapDeclaration(
        "a secret source", "Where the values of a source come from: `aws`, `file` or `terraform`.",
        keys: [
            KeyDeclaration("aws", .text, "Name or ARN of a secret in Secrets Manager: a JSON object of texts."),
            KeyDeclaration("region", .text, "The region of `aws`, if it is not the client's own."),
            KeyDeclaration(
                "file", .either([.choice(["-"]), .file]),
                "Output of get-secret-value or batch-get-secret-value; `\"-\"` is standard input."),
            KeyDeclaration("terraform", .file, "Output of `terraform output -json`."),
            KeyDeclaration(
                "output", .text, example: "NAME", "The output of `terraform` that holds an object of texts."),
        ],
        rules: [
            .exactlyOne(["aws", "file", "terraform"]), .only("region", with: "aws"), .only("output", with: "terraform"),
            .needed("output", with: "terraform"),
        ])

    package static let membership = MapDeclaration(
        "a role", "The members of a role, and values for its parameters.",
        keys: [
            KeyDeclaration(
                "hosts", .list(of: .label, minimum: 1), isRequired: true,
                "Short names, without the zone; a host has one role."),
            KeyDeclaration("parameters", .named(by: .identifier, .value), "Values for all of its hosts."),
            KeyDeclaration(
                "host_parameters", .named(by: .label, .named(by: .identifier, .value)),
                "Values for one host each; they win."),
        ])
}
