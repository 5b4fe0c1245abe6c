internal import CCares
internal import Model

/// The answer section of a DNS message (RFC 1035 4.1), names by c-ares's own reader.
enum ZoneMessage {
    private struct Name: Hashable {
        /// Lower case: names are compared without case (RFC 4343).
        let text: String
        init(_ text: String) { self.text = text.lowercased() }
    }

    /// Follows the CNAMEs from the asked name to their end; records of other names do not count.
    static func records(_ message: [UInt8]) -> ZoneQuery.Outcome {
        var reader = Reader(message: message)
        guard let header = reader.header(), header.questions == 1, let asked = reader.question() else {
            return .failed(.malformed)
        }
        var addresses: [Name: [Address]] = [:]
        var aliases: [Name: Name] = [:]
        for _ in 0..<header.answers {
            guard let record = reader.record() else { return .failed(.malformed) }
            // Class 1 is the Internet; 1 and 5 are A and CNAME.
            switch (record.recordClass, record.type) {
            case (1, 1):
                guard record.length == 4 else { return .failed(.malformed) }
                let number = message[record.start..<record.start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                addresses[Name(record.owner), default: []].append(Address(number: number))
            case (1, 5):
                guard let target = reader.name(at: record.start)?.text else { return .failed(.malformed) }
                aliases[Name(record.owner)] = Name(target)
            default: break
            }
        }
        var end = Name(asked)
        var passed: Set<Name> = [end]
        while let next = aliases[end] {
            guard passed.insert(next).inserted else { return .failed(.malformed) }
            end = next
        }
        let alias = end == Name(asked) ? nil : end.text
        return .records(addresses: addresses[end] ?? [], alias: alias)
    }

    private struct Record {
        var owner: String
        var type: Int
        var recordClass: Int
        var start: Int
        var length: Int
    }

    private struct Reader {
        let message: [UInt8]
        var position = 0

        init(message: [UInt8]) { self.message = message }

        mutating func header() -> (questions: Int, answers: Int)? {
            guard message.count >= 12 else { return nil }
            position = 12
            return (number(at: 4), number(at: 6))
        }

        mutating func question() -> String? {
            guard let name = name(at: position), name.end + 4 <= message.count else { return nil }
            position = name.end + 4
            return name.text
        }

        mutating func record() -> Record? {
            guard let owner = name(at: position), owner.end + 10 <= message.count else { return nil }
            let fixed = owner.end
            let length = number(at: fixed + 8)
            guard fixed + 10 + length <= message.count else { return nil }
            position = fixed + 10 + length
            return Record(
                owner: owner.text, type: number(at: fixed), recordClass: number(at: fixed + 2), start: fixed + 10,
                length: length)
        }

        /// The name and where it ends, compression followed; `nil` outside of the message or if it is no name.
        func name(at offset: Int) -> (text: String, end: Int)? {
            guard offset < message.count else { return nil }
            return message.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return nil }
                var text: UnsafeMutablePointer<CChar>?
                var length = 0
                let status = ares_expand_name(base + offset, base, Int32(buffer.count), &text, &length)
                guard status == cares_success, let text else { return nil }
                defer { ares_free_string(text) }
                return (String(cString: text), offset + length)
            }
        }

        private func number(at offset: Int) -> Int { Int(message[offset]) << 8 | Int(message[offset + 1]) }
    }
}
