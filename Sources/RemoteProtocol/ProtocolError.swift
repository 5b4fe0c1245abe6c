/// What was sent or heard does not fit the protocol.
package enum ProtocolError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A mistake of ours, found before a byte was sent.
    case unsendable(String)
    case badMarker(String)
    case badHello(String)
    case otherVersion(String)

    package var description: String {
        switch self {
        case .unsendable(let reason): reason
        case .badMarker(let line): "the host sent a boundary that means nothing: \(line)"
        case .badHello(let reason): "the host's greeting is not complete: \(reason)"
        case .otherVersion(let version): "the host's end speaks version \(version), not \(RemoteReader.version)"
        }
    }
}
