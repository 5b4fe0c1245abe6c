/// Makes what `aws` says fit to be shown: its first line, without what could be a document (botocore's parser quotes
/// the whole body that it could not read) and without the caller's credentials (a signature error quotes the request).
struct AWSDetail: Sendable {
    static let longest = 300
    let hidden: [String]

    /// `environment` is the one that `aws` gets.
    init(environment: [String: String]) {
        hidden = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].compactMap { environment[$0] }.filter { $0.count >= 4 }
    }

    func detail(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimming(while: \.isWhitespace) }
        // Version 1 prints its usage before the one line that says what was wrong.
        let isUsage = lines.first?.hasPrefix("usage:") ?? false
        guard var line = (isUsage ? lines.first { $0.contains("error:") } : lines.first { !$0.isEmpty }) else {
            return "it said nothing"
        }
        line = line.prefix { $0 != "{" && $0 != "<" }
        if let quoted = line.firstRange(of: "b'") { line = line[..<quoted.lowerBound] }
        var shown = String(
            line.filter { !$0.isNewline && $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } })
        for secret in hidden { shown.replace(secret, with: "<secret>") }
        if shown.count > Self.longest { shown = shown.prefix(Self.longest) + "..." }
        shown = String(shown[...].trimming(while: \.isWhitespace))
        return shown.isEmpty ? "it said nothing that can be shown" : shown
    }
}

extension Substring {
    func trimming(while isTrimmed: (Character) -> Bool) -> Substring {
        var result = drop(while: isTrimmed)
        while let last = result.last, isTrimmed(last) { result.removeLast() }
        return result
    }
}
