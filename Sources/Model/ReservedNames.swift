/// Names that expressions give a meaning, so that no parameter and no loop's variable may have them.
package enum ReservedNames {
    package static let all: Set<String> = [
        "host", "fleet", "zone", "os", "machine", "loop", "hosts", "join", "count", "secret", "true", "false", "and",
        "or", "not",
        "in",
        "if", "elif", "else", "for",
    ]
}
