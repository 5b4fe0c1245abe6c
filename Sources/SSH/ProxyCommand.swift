internal import Model

/// A shell command whose standard input and output are the connection to a host, like OpenSSH's ProxyCommand.
///
/// `%h` is the address, `%n` the host's first name, `%p` the port, `%r` the user, `%%` a per cent sign. Each value is one
/// quoted word for the shell.
package struct ProxyCommand: Sendable, Hashable {
    package let text: String

    /// `nil` for a per cent sign before anything else.
    package init?(_ text: String) {
        self.text = text
        guard expand({ _ in "" }) != nil else { return nil }
    }

    func expanded(for endpoint: SSHEndpoint, user: String) -> String {
        // init has proved that every sequence is known.
        expand { letter in
            switch letter {
            case "h": endpoint.address.description
            case "n": endpoint.names.first ?? endpoint.address.description
            case "p": String(endpoint.port)
            default: user
            }
        } ?? text
    }

    private func expand(_ value: (Character) -> String) -> String? {
        var output = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "%" else {
                output.append(character)
                continue
            }
            switch rest.popFirst() {
            case "%": output.append("%")
            case .some(let letter) where "hnpr".contains(letter): output += ShellText.word(value(letter)).text
            default: return nil
            }
        }
        return output
    }
}
