package import Model

/// Many questions as one script that starts no process of its own: each runs in the frame's one subshell, and a marker
/// ends its part of both streams.
///
/// A question that exits, or that the shell cannot parse, ends the frame early; the questions before it are answered, and
/// those after it are asked again by the caller.
package enum QuestionScript {
    package static func text(_ questions: some Sequence<HostQuestion>) -> ShellText {
        var script: ShellText = ""
        for (index, question) in questions.enumerated() {
            // The colon makes an empty question a group; the line breaks end a comment, a here-document or a final backslash.
            script += "{ :\n\(script: question.script)\n\n}; cso_mark part \(index) $?\n"
        }
        return script
    }
}
