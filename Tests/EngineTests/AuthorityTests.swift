import Model
import PKI
import Report
import Testing

@testable import Engine

/// A CA's private key goes to no host, whatever a recipe says.
@Suite struct AuthorityTests {
    @Test func aFileThatWouldHoldItIsRefusedBeforeAnyHostIsChanged() async throws {
        var random = SystemRandomNumberGenerator()
        let value = try CertificateAuthority.make(named: "CSO CA", at: Moment(seconds: 1_795_000_000), with: &random)
        let text = value.reveal(to: .digest) { String(decoding: $0, as: UTF8.self) }
        let app = """
            role: app
            resources:
              - file: /etc/app.pem
                content: '{{ secret("passwords.db") }}'
                mode: "0600"
              - service: app.service
            gates:
              - unit: app.service
            """
        let fleet = try TestFleet(app: app, secret: text)
        await #expect {
            _ = try await fleet.run()
        } throws: { error in
            let words = (error as? Diagnostics)?.description ?? ""
            return words.contains("file:/etc/app.pem: secret passwords.db is a CA with its private key")
                && !words.contains("BEGIN")
        }
        #expect(fleet["app01"].state.files.isEmpty)
    }
}
