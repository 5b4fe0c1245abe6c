package import Transport

/// Everything that a command said, and how it ended.
package struct Collected: Sendable, Equatable {
    package var output: [UInt8]
    package var errors: [UInt8]
    package var status: ExitStatus

    package init(output: [UInt8] = [], errors: [UInt8] = [], status: ExitStatus = .unknown) {
        self.output = output
        self.errors = errors
        self.status = status
    }
}

package func collect(
    _ channel: any ByteChannel, by deadline: Deadline = Deadline("end of the command", in: .seconds(30))
) async throws -> Collected {
    var collected = Collected()
    while true {
        switch try await channel.receive(by: deadline) {
        case .output(let bytes): collected.output += bytes
        case .errorOutput(let bytes): collected.errors += bytes
        case .end(let status):
            collected.status = status
            return collected
        }
    }
}
