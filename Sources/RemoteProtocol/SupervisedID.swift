package import Model

/// One supervised step: the run and its number in it. It names the step's unit and its folder on the host, so it is made
/// of characters that mean nothing to the shell or to systemd.
package struct SupervisedID: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package init(run: RunID, number: Int) { self.init(rawValue: "\(run)-\(number)") }

    package var run: RunID { RunID(rawValue.lastIndex(of: "-").map { String(rawValue[..<$0]) } ?? rawValue) }
    package var number: Int? { rawValue.lastIndex(of: "-").flatMap { Int(rawValue[rawValue.index(after: $0)...]) } }

    package var unit: UnitName { UnitName("cso-\(rawValue).service") }
    package var folder: String { "\(HostPaths.steps)/\(rawValue)" }
    /// Where its input waits until the step has opened it.
    package var inputFile: String { "\(HostPaths.lasting)/input.\(rawValue)" }

    /// Of letters, digits, `.`, `_` and `-` alone, as in the ids that we make.
    package var isSafe: Bool {
        !rawValue.isEmpty && rawValue.first != "."
            && rawValue.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }
}
