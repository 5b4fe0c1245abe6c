internal import Model

/// A command that runs only if its guard still says so at that moment: between plan and step another run may have done it.
enum GuardedRun {
    /// Seconds for a guard.
    static let guardLimit = 60

    /// Asks `script`; the shell variable `status` has the answer.
    static func ask(_ script: ShellText) -> ShellText {
        """
        timeout -s KILL \(guardLimit) sh -c \(word: script.text) </dev/null >/dev/null
        status=$?

        """
    }

    /// Runs the recipe's text with the step's standard input; a failing line ends it.
    static func run(_ script: ShellText, label: String) -> ShellText {
        """
        sh -eu -c \(word: script.text) sh || die \(word: label)": ended with status $?"

        """
    }

    /// Ends the step well if `status` is `done`, goes on if it is `todo`, and fails otherwise.
    static func decide(done: Int, todo: Int, label: String) -> ShellText {
        """
        case $status in
        \(done)) echo \(word: label)": nothing to do any more"; exit 0 ;;
        \(todo)) ;;
        *) die \(word: label)": its guard ended with status $status; not run" ;;
        esac

        """
    }
}
