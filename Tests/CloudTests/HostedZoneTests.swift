import Model
import Testing

@testable import Cloud

@Suite("Hosted zone")
struct HostedZoneTests {
    @Test("names with A records, in lower case, wildcards decoded")
    func names() throws {
        let names = try HostedZone.names(Fixture.bytes("route53.json"))
        #expect(
            try names == [
                "backend01.prod-ha.cso.ss": [#require(Address("10.1.128.11"))], "*.apps.prod-ha.cso.ss": [],
                "forgotten01.prod-ha.cso.ss": [#require(Address("10.1.128.99")), #require(Address("10.1.192.99"))],
            ])
    }

    @Test("throttling is tried again, another refusal is not")
    func retries() async throws {
        let patient = Script([.failure(.throttled(code: "Throttling")), .success(#"{"ResourceRecordSets": []}"#)])
        #expect(
            try await HostedZone(command: patient.command, retry: patient.retry).names(id: "Z1", within: .seconds(5))
                .isEmpty)
        #expect(patient.calls.last == ["route53", "list-resource-record-sets", "--hosted-zone-id", "Z1"])
        let refused = AWSFailure.refused(
            code: "NoSuchHostedZone", operation: "ListResourceRecordSets", detail: "no zone")
        let script = Script([.failure(refused)])
        await #expect(throws: CloudError.hostedZone(refused, id: "Z1")) {
            try await HostedZone(command: script.command, retry: script.retry).names(id: "Z1", within: .seconds(5))
        }
    }

    @Test("answers that are no lists of records", arguments: ["", "[]", #"{"ResourceRecordSets": [{"Type": "A"}]}"#])
    func badAnswers(text: String) {
        #expect(throws: AWSFailure.self) { try HostedZone.names(Array(text.utf8)) }
    }
}
