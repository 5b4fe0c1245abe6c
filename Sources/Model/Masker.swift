internal import Synchronization

/// Replaces secrets in output by `<secret>`, in every form of ``MaskedForms``.
///
/// Every byte that belongs to any occurrence of any form is covered, also where occurrences overlap or touch (such a
/// run becomes one mark). It finds an occurrence that is split over chunks. It cannot know one that was cut before it
/// saw it, so text is masked first and shortened after. Values under ``shortest`` bytes are not masked: they would
/// match everywhere.
package final class Masker: Sendable, CustomReflectable {
    package static let shortest = 4
    package static let mark = Array("<secret>".utf8)
    /// Masks nothing.
    package static let none = Masker(SecretBook())

    private struct Known {
        var forms: Set<[UInt8]>
        var automaton: Automaton
    }
    // Hosts that are changed together may learn something while others print.
    private let known: Mutex<Known>

    package convenience init(_ book: SecretBook) { self.init(book.secrets) }

    package init(_ secrets: some Sequence<Secret>) {
        let forms = Self.forms(of: secrets)
        known = Mutex(Known(forms: forms, automaton: Automaton(forms)))
    }

    /// From here on these are masked too; streams that have begun go on with what they know.
    package func learn(_ secrets: some Sequence<Secret>) {
        let forms = Self.forms(of: secrets)
        known.withLock { known in
            if forms.isSubset(of: known.forms) { return }
            known.forms.formUnion(forms)
            known.automaton = Automaton(known.forms)
        }
    }

    private static func forms(of secrets: some Sequence<Secret>) -> Set<[UInt8]> {
        var forms: Set<[UInt8]> = []
        for secret in secrets { secret.reveal(to: .masking) { forms.formUnion(MaskedForms.all(of: $0)) } }
        return forms
    }

    private var automaton: Automaton { known.withLock { $0.automaton } }
    package var isEmpty: Bool { automaton.isEmpty }
    /// Nothing: the automaton spells the secrets.
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// A text that is complete.
    package func mask(_ bytes: [UInt8]) -> [UInt8] {
        if isEmpty { return bytes }
        var stream = self.stream()
        return stream.mask(bytes) + stream.finish()
    }
    package func mask(_ text: String) -> String {
        isEmpty ? text : String(decoding: mask(Array(text.utf8)), as: UTF8.self)
    }

    /// One stream of output that arrives in pieces.
    package func stream() -> Stream { Stream(automaton) }

    package struct Stream: Sendable {
        /// A beginning of a secret that stands at the very end of a stream is covered from this length on: the output
        /// was cut there. Shorter ones are most likely something else.
        static let shortestCut = 8

        private let automaton: Automaton
        private var node = Automaton.root
        /// What was read and not yet given out: it may still become part of a longer occurrence.
        private var pending: [UInt8] = []
        /// For each pending byte whether an occurrence covers it.
        private var covered: [Bool] = []
        /// The byte given out last was covered, so its mark stands already.
        private var insideMark = false

        fileprivate init(_ automaton: Automaton) { self.automaton = automaton }

        /// What may be shown by now; the rest waits for more, at most as many bytes as the longest form has.
        package mutating func mask(_ chunk: some Sequence<UInt8>) -> [UInt8] {
            if automaton.isEmpty { return Array(chunk) }
            var output: [UInt8] = []
            for byte in chunk {
                node = automaton.next(node, byte)
                pending.append(byte)
                covered.append(false)
                let length = Int(automaton.longestEnd[node])
                if length > 0 {
                    for index in (pending.count - length)..<pending.count { covered[index] = true }
                }
                // Bytes before the current path can belong to no later occurrence.
                if pending.count > 4096 || automaton.depth[node] == 0 {
                    release(pending.count - Int(automaton.depth[node]), to: &output)
                }
            }
            release(pending.count - Int(automaton.depth[node]), to: &output)
            return output
        }

        /// The rest. The stream can be used again afterwards.
        package mutating func finish() -> [UInt8] {
            var output: [UInt8] = []
            let depth = Int(automaton.depth[node])
            if depth >= Self.shortestCut {
                for index in (pending.count - depth)..<pending.count { covered[index] = true }
            }
            release(pending.count, to: &output)
            node = Automaton.root
            insideMark = false
            return output
        }

        private mutating func release(_ count: Int, to output: inout [UInt8]) {
            for index in 0..<count {
                if !covered[index] {
                    output.append(pending[index])
                } else if !insideMark {
                    output += Masker.mark
                }
                insideMark = covered[index]
            }
            pending.removeFirst(count)
            covered.removeFirst(count)
        }
    }
}

/// Aho and Corasick's automaton over bytes: all forms are looked for at once, each byte is looked at once.
private final class Automaton: Sendable {
    static let root = 0

    /// Node << 8 | byte -> child. A dense table would need 1 KiB a node, and a private key alone makes thousands.
    private let children: [Int: Int]
    private let fallback: [Int32]
    /// How many bytes lead from the root to the node.
    let depth: [Int32]
    /// The length of the longest form that ends at the node; 0 = none.
    let longestEnd: [Int32]

    var isEmpty: Bool { children.isEmpty }

    init(_ forms: some Sequence<[UInt8]>) {
        var children: [Int: Int] = [:]
        var depth: [Int32] = [0]
        var longestEnd: [Int32] = [0]
        var incoming: [UInt8] = [0]
        var parent = [0]
        for form in forms {
            var node = Self.root
            for byte in form {
                if let child = children[node << 8 | Int(byte)] {
                    node = child
                } else {
                    children[node << 8 | Int(byte)] = depth.count
                    depth.append(depth[node] + 1)
                    longestEnd.append(0)
                    incoming.append(byte)
                    parent.append(node)
                    node = depth.count - 1
                }
            }
            longestEnd[node] = depth[node]
        }
        // A node's fallback is shallower than the node, so going by depth finds it complete.
        var fallback = [Int32](repeating: 0, count: depth.count)
        for node in depth.indices.sorted(by: { depth[$0] < depth[$1] }) where depth[node] > 1 {
            var candidate = Int(fallback[parent[node]])
            while candidate != Self.root, children[candidate << 8 | Int(incoming[node])] == nil {
                candidate = Int(fallback[candidate])
            }
            let found = children[candidate << 8 | Int(incoming[node])] ?? Self.root
            fallback[node] = Int32(found)
            if longestEnd[node] == 0 { longestEnd[node] = longestEnd[found] }
        }
        self.children = children
        self.fallback = fallback
        self.depth = depth
        self.longestEnd = longestEnd
    }

    func next(_ node: Int, _ byte: UInt8) -> Int {
        var node = node
        while true {
            if let child = children[node << 8 | Int(byte)] { return child }
            if node == Self.root { return node }
            node = Int(fallback[node])
        }
    }
}
