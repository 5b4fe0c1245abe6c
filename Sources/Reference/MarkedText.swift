/// A document written by hand with parts that are made: what stands between `<!-- reference: NAME -->` and
/// `<!-- end of reference -->`.
package struct MarkedText {
    private static let end = "<!-- end of reference -->"
    package private(set) var text: String

    package init(_ text: String) { self.text = text }

    /// Puts the part in its place. `false` if the document has no such place.
    package mutating func replace(_ name: String, with part: String) -> Bool {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(of: "<!-- reference: \(name) -->"),
            let end = lines[start...].firstIndex(of: Self.end[...])
        else { return false }
        let made = ["", part.hasSuffix("\n") ? String(part.dropLast()) : part, ""].map { Substring($0) }
        text = (lines[...start] + made + lines[end...]).joined(separator: "\n")
        return true
    }
}
