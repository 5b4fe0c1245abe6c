internal import Model

/// The keys of a `role.yaml` outside of its kinds and gates.
///
/// A new key of the language is a ``KeyDeclaration`` here and a `reader.value("key")` in the decoder; unknown keys,
/// nearest names, remedies, the reference and the schema follow. A key that is declared and not read, or read and not
/// declared, stops a debug build at the first recipe.
package enum RoleDeclarations {
    package static let role = MapDeclaration(
        "a role", "What the hosts of a role have, and when they are well.",
        keys: [
            KeyDeclaration("role", .label, isRequired: true, example: "NAME", "The name, which is the folder's."),
            KeyDeclaration("description", .text, "One sentence for people."),
            KeyDeclaration(
                "includes", .list(of: .either([.label, .map(included)])), example: "[base]",
                "Roles whose resources come first on the same host, each once."),
            KeyDeclaration(
                "after", .list(of: .label), example: "[db]",
                "Roles whose hosts are changed before those of this one."),
            KeyDeclaration(
                "uses", .list(of: .label), example: "[frontend]",
                "Roles whose hosts the texts of this one name, without any order; `hosts(\"x\")` needs x here or in `after`."
            ),
            KeyDeclaration(
                "parameters", .named(by: .identifier, .map(parameter)), example: "{port: {type: number}}",
                "What inventories and including roles may set."),
            KeyDeclaration(
                "variables", .named(by: .identifier, .map(variable)),
                example: "{half: {type: number, value: \"{{ machine.memory / 2 }}\"}}",
                "What the role makes of parameters, facts, hosts and other variables; nobody else can set them."),
            KeyDeclaration(
                "resources", .list(of: .resource), example: "[file: /etc/motd]",
                "What a host has, in this order; exactly one key of each entry is a kind."),
            KeyDeclaration(
                "gates", .list(of: .gate), example: "[tcp: 80]",
                "What must hold before the next host is changed."),
            KeyDeclaration(
                "members_at_once", .choice(["all"]), example: "all",
                "For a role without gates, which promises no service: its hosts need not wait for each other, 16 at a time."
            ),
        ])

    package static let included = MapDeclaration(
        "an included role", "A role, and values for its parameters.",
        keys: [
            KeyDeclaration("role", .label, isRequired: true, example: "NAME", "The role that is taken in."),
            KeyDeclaration("with", .named(by: .identifier, .value), "Values for its parameters."),
        ])

    package static let parameter = MapDeclaration(
        "a parameter", "A name that expressions may use.",
        keys: [
            KeyDeclaration(
                "type", .choice(ParameterSpec.ParameterType.allCases.map(\.rawValue)), isRequired: true,
                example: ParameterSpec.ParameterType.allCases.map(\.rawValue).joined(separator: " | "),
                "What its values are."),
            KeyDeclaration(
                "default", .value, "The value that it has unless one is given; may use parameters above it."),
            KeyDeclaration("description", .text, "One sentence for people."),
        ])

    package static let variable = MapDeclaration(
        "a variable", "A name that expressions may use.",
        keys: [
            KeyDeclaration(
                "type", .choice(ParameterSpec.ParameterType.allCases.map(\.rawValue)), isRequired: true,
                example: ParameterSpec.ParameterType.allCases.map(\.rawValue).joined(separator: " | "),
                "What its value is."),
            KeyDeclaration(
                "value", .value, isRequired: true, example: "\"{{ EXPRESSION }}\"",
                "What it is made of; other variables may stand before or behind it."),
            KeyDeclaration("description", .text, "One sentence for people."),
        ])

    /// Beside the keys of its kind every resource may have these.
    package static let everyResource = [
        KeyDeclaration(
            "notify", .list(of: .notification), example: "[reload UNIT]",
            "Units of the same host that are reloaded or restarted after a change."),
        when, each,
        KeyDeclaration(
            "confirm", .label, example: "NAME",
            "The name of a point of no return: it is changed only with `--allow NAME`."),
    ]

    /// Beside the keys of its check every gate may have these.
    package static let everyGate = [when, each]

    private static let when = KeyDeclaration(
        "when", .expression, example: "os.family == \"debian\"",
        "The entry is there only if this holds; asked for each element of `each`.")
    private static let each = KeyDeclaration(
        "each", .either([.expression, .list(of: .text)]), example: "peer in hosts(\"backend\")",
        "One entry for each element: `NAME in LIST`, or a list whose elements are called `item`; `loop` counts them.")
}
