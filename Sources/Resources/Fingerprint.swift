package import Model

/// A digest over values of several parts. Each part stands with its length, so that no two lists of parts look alike.
///
/// Secrets go in by name and encoding, never by value: what comes out tells nothing of them.
package struct Fingerprint {
    private var bytes: [UInt8] = []

    package init() {}

    /// 64 lower-case hex digits.
    package var digest: String { Digest.sha256(bytes) }

    package mutating func add(_ part: [UInt8]) {
        let count = UInt64(part.count)
        for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(count >> shift & 255)) }
        bytes += part
    }
    package mutating func add(_ text: String) { add(Array(text.utf8)) }
    package mutating func add(_ flag: Bool) { add(flag ? "yes" : "no") }
    package mutating func add(_ list: some Sequence<String>) {
        let list = Array(list)
        add(String(list.count))
        list.forEach { add($0) }
    }
    package mutating func add(_ duration: Duration) {
        add("\(duration.components.seconds).\(duration.components.attoseconds)")
    }

    package mutating func add(_ content: Content?) {
        guard let content else { return add("no content") }
        add(String(content.segments.count))
        for segment in content.segments {
            switch segment {
            case .literal(let bytes):
                add("literal")
                add(Digest.sha256(bytes))
            case .secret(let name, let encoding): add(["secret", name.rawValue, encoding.rawValue])
            case .peerFile(let host, let path): add(["file", host.rawValue, path])
            case .peerFolder(let host, let path): add(["folder", host.rawValue, path])
            case .certificates(let name): add(["certificates", name.rawValue])
            case .issued(let order): add(order)
            case .lengthLine: add("length")
            }
        }
    }

    private mutating func add(_ order: CertificateOrder) {
        add(["issued", order.path, order.authority.rawValue, order.algorithm.rawValue, order.usage.rawValue])
        add(order.names)
        add(order.validity)
        add(order.renewBefore)
        add(order.request.text)
    }

    /// Everything that makes the step what it is.
    package mutating func add(_ step: HostStep) {
        add(step.summary)
        add(step.script.text)
        add(step.input)
        add(step.isSupervised)
        add(step.limit)
    }

    package mutating func add(_ value: FieldValue) {
        switch value {
        case .text(let text): add(["text", text])
        case .number(let number): add(["number", String(number)])
        case .flag(let flag): add(["flag", flag ? "yes" : "no"])
        case .list(let list): add(["list"] + list)
        case .mode(let mode): add(["mode", ModeText.text(mode)])
        case .duration(let duration):
            add("duration")
            add(duration)
        case .content(let content):
            add("content")
            add(content)
        }
    }
}

extension Fields {
    /// All that a recipe says of one resource: whatever its kind may ever do to it is made from this and from what is
    /// found on the host. Where it stands in the recipe does not count.
    package var digest: String {
        var print = Fingerprint()
        print.add(subject)
        for name in names.sorted() {
            guard let value = self[name] else { continue }
            print.add(name)
            print.add(value)
        }
        return print.digest
    }
}
