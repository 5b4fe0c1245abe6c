internal import Model

/// What package managers are asked to do, each as one supervised step.
protocol PackageManagerSteps {
    static func install(_ transaction: PackageSteps.Transaction) -> HostStep
    static func remove(_ transaction: PackageSteps.Transaction) -> HostStep
}

enum PackageSteps {
    struct Package: Sendable, Hashable {
        var name: String
        var version: VersionPin?
        var isHeld: Bool?
        /// It is there as it shall be; only whether it is held differs.
        var isInstalled = false
    }
    struct Transaction: Sendable {
        var packages: [Package]
        var startsServices = true
        var allowsDowngrade = false
        /// How long to wait for another package manager to end.
        var lockWait: Duration = usualLockWait

        var names: [String] { packages.map(\.name) }
        var wait: Int { Int(lockWait.components.seconds) }
        /// The wait is no part of the work.
        var limit: Duration { PackageSteps.limit + lockWait }
        func held(_ wanted: Bool) -> [String] { packages.filter { $0.isHeld == wanted }.map(\.name) }
        var missing: [Package] { packages.filter { !$0.isInstalled } }
    }

    static let usualLockWait: Duration = .seconds(120)
    static let limit: Duration = .seconds(1800)
    /// All packages of a host.
    static let upgradeLimit: Duration = .seconds(3600)
    /// The status of a step that did nothing since another package manager is at work: the host is refused, not failed.
    static let busy = HostStep.busyStatus

    static let lockWaitField = FieldDeclaration(
        "lock_wait", .duration, defaultText: "2m",
        "How long to wait while another package manager is at work; then the host is refused, with the other's name.")

    static func lockWait(_ fields: Fields, _ checks: inout FieldChecks) -> Duration {
        let wait = fields.duration("lock_wait") ?? usualLockWait
        checks.require(
            wait >= .seconds(1) && wait <= .seconds(3600), "a wait of less than 1s or more than 1h", at: "lock_wait")
        return wait
    }

    static func isPlain(_ text: String, also others: String) -> Bool {
        guard let first = text.utf8.first, isLetterOrDigit(first) else { return false }
        return text.utf8.allSatisfy { isLetterOrDigit($0) || others.utf8.contains($0) }
    }
    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    /// Summary of an installation, and of what is only held or let go.
    static func summary(_ transaction: Transaction, _ words: [String]) -> String {
        if !words.isEmpty { return "install \(StepText.list(words))" }
        let held = transaction.held(true)
        return held.isEmpty
            ? "let upgrades take \(StepText.list(transaction.held(false)))" : "hold \(StepText.list(transaction.names))"
    }

    /// Names inside a double-quoted message; their alphabet needs no quoting.
    static func list(_ names: [String]) -> ShellText { ShellText(script: StepText.list(names)) }
}
