package import Model

/// What happens while a run goes on, for live rows, plain lines and the journal. Holds no secret: output lines are masked
/// before they come here.
package enum ProgressEvent: Sendable {
    /// Something about the whole run: `resolving 2 names`.
    case phase(String)
    /// What a host is at: `connecting`, `write /etc/nginx/nginx.conf`.
    case step(HostName, String)
    /// A line that the running step printed.
    case output(HostName, String)
    case ended(HostName, Ending)
}

package typealias ProgressSink = @Sendable (ProgressEvent) -> Void
