package import Model

/// A hosted zone of Route 53, to list names that nobody declared. The addresses that are used come from DNS.
package struct HostedZone: Sendable {
    private let command: AWSCommand
    private let retry: RetryPolicy

    package init(command: AWSCommand = .installed(), retry: RetryPolicy = RetryPolicy()) {
        self.command = command
        self.retry = retry
    }

    /// The names that have A records, in lower case without a final dot, with their addresses (none for an alias to
    /// another AWS resource, whose address the zone does not say). The command asks for further pages by itself.
    package func names(id: String, within allowance: Duration) async throws(CloudError) -> [String: [Address]] {
        let end = ContinuousClock.now.advanced(by: allowance)
        var tries = 0
        while true {
            tries += 1
            do throws(AWSFailure) {
                let output = try await command(
                    ["route53", "list-resource-record-sets", "--hosted-zone-id", id],
                    within: ContinuousClock.now.duration(to: end))
                return try Self.names(output)
            } catch {
                if error.isTransient, await retry.allowsAnother(after: tries, before: end) { continue }
                throw .hostedZone(error.isTransient && tries > 1 ? .gaveUp(after: tries, error) : error, id: id)
            }
        }
    }

    static func names(_ output: [UInt8]) throws(AWSFailure) -> [String: [Address]] {
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(parsing: output) } catch { throw .badAnswer("not JSON, \(error)") }
        guard let sets = json["ResourceRecordSets"]?.list else { throw .badAnswer("no list ResourceRecordSets") }
        var names: [String: [Address]] = [:]
        for set in sets where set["Type"]?.text == "A" {
            guard let name = set["Name"]?.text else { throw .badAnswer("a record without a name") }
            let addresses = set["ResourceRecords"]?.list?.compactMap { $0["Value"]?.text.flatMap { Address($0) } } ?? []
            names[plain(name), default: []] += addresses
        }
        return names
    }

    /// Route 53 writes `backend01.prod-ha.cso.ss.`, and characters beyond letters, digits, `-` and `.` as `\052`
    /// (octal).
    private static func plain(_ name: String) -> String {
        var result = ""
        var rest = Substring(name.lowercased())
        while let character = rest.popFirst() {
            if character == "\\", let code = UInt8(rest.prefix(3), radix: 8), rest.count >= 3 {
                result.unicodeScalars.append(Unicode.Scalar(code))
                rest = rest.dropFirst(3)
            } else {
                result.append(character)
            }
        }
        return result.hasSuffix(".") ? String(result.dropLast()) : result
    }
}
