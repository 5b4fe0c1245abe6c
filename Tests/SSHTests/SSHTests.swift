import Model
import TestSupport
import Testing
import Transport
import Trust

@testable import SSH

/// One after the other: many of these tests measure how long something takes to give up, on two cores that the servers
/// need as well.
@Suite(.serialized) struct SSHTests {}

func soon(_ name: String = "test", _ seconds: Int = 20) -> Deadline { Deadline(name, in: .seconds(seconds)) }

/// The error that an opening ends with; an issue if it does not.
func failure(
    to endpoint: SSHEndpoint, as login: SSHLogin, trusting known: KnownHosts, by deadline: Deadline = soon(),
    at location: Testing.SourceLocation = #_sourceLocation
) async -> SSHError? {
    do throws(SSHError) {
        let connection = try await SSHConnection.open(to: endpoint, as: login, trusting: known, by: deadline)
        await connection.close()
        Issue.record("the connection was opened", sourceLocation: location)
        return nil
    } catch { return error }
}
