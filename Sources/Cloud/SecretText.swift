internal import Model

/// The JSON object that a secret's text is, for adding keys to it: what is there stays byte for byte, since a number
/// that is read and written again may not be the same text.
struct SecretText: Sendable {
    enum Fault: Error, Sendable, Hashable {
        case notAnObject
        /// Somebody made it since we looked.
        case alreadyThere(key: String)
    }

    let bytes: Secret
    private let keys: Set<String>

    init() {
        bytes = Secret("{}")
        keys = []
    }

    init(_ text: String) throws(Fault) {
        guard let object = (try? JSONValue(parsing: text))?.object else { throw .notAnObject }
        bytes = Secret(text)
        keys = Set(object.keys)
    }

    /// New members go before the last brace.
    func adding(_ values: [(key: String, value: Secret)]) throws(Fault) -> SecretText {
        for entry in values where keys.contains(entry.key) { throw .alreadyThere(key: entry.key) }
        let old = bytes.reveal(to: .client) { $0 }
        guard let brace = old.lastIndex(of: UInt8(ascii: "}")) else { throw .notAnObject }
        var members: [[UInt8]] = []
        for entry in values {
            let text = entry.value.reveal(to: .client) { String(decoding: $0, as: UTF8.self) }
            members.append(JSONValue.text(entry.key).encoded() + [0x3A] + JSONValue.text(text).encoded())
        }
        let separator: [UInt8] = keys.isEmpty || members.isEmpty ? [] : [0x2C]
        let new = old[..<brace] + separator + members.joined(separator: [0x2C]) + old[brace...]
        return try SecretText(String(decoding: new, as: UTF8.self))
    }

    /// The order of keys, and white space between them, do not count.
    func hasSameValues(as other: SecretText) -> Bool {
        func members(_ text: SecretText) -> [String: JSONValue]? {
            text.bytes.reveal(to: .digest) { bytes in
                guard let object = (try? JSONValue(parsing: bytes))?.object else { return nil }
                return Dictionary(object.map { ($0.key, $0.value) }) { first, _ in first }
            }
        }
        guard let ours = members(self), let theirs = members(other) else { return false }
        return ours == theirs
    }
}
