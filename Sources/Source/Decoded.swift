package import Model

/// What could be decoded, and everything that is wrong. A mistake in one place does not hide those in others, so a value
/// can be there although it has diagnostics; nothing may be changed on a host unless there are none.
package struct Decoded<Value: Sendable>: Sendable {
    package var value: Value
    package var diagnostics: [Diagnostic]

    package init(_ value: Value, _ diagnostics: [Diagnostic]) {
        self.value = value
        self.diagnostics = diagnostics
    }
}
