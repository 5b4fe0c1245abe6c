internal import Model

/// Writes a template out. Literals stay as they are; what an expression gives is put into the form of the sink.
struct Renderer {
    enum Style: Sendable, Hashable {
        /// `nil`: nothing says how the sink reads it, so values are written as they are, and a secret among other text is a
        /// mistake: whether its quotes, blanks and line breaks hurt there, only the recipe's author knows.
        case encoded(SinkEncoding?)
        /// A script for `sh`: each value becomes one word, or part of one, whatever it holds.
        case shell
        /// A place that secrets must never reach.
        case plain
    }

    private var scope: Scope
    private let source: TemplateSource
    private let style: Style
    private var output: [UInt8] = []
    private var content = Content()
    private var quoting = ShellQuoting()
    private var position: SinkPosition
    /// The first secret that was written without anybody having said how.
    private var undeclared: (name: SecretName, offset: Int)?
    /// Nested loops over hosts are small; what is larger is a mistake.
    private var remaining = 1_000_000
    private static let maximumBytes = 16 << 20

    static func render(_ template: Template, in scope: Scope, _ style: Style) throws(Diagnostic) -> Content {
        var renderer = Renderer(scope: scope, source: template.source, style: style)
        try renderer.write(template.nodes)
        renderer.flush()
        if let (name, offset) = renderer.undeclared, renderer.content.hasOtherText {
            throw template.source.diagnostic(
                "secret \(name) stands among other text, and nothing says how that is read", at: offset,
                remedy: "add encoding: (\(SinkEncoding.allCases.map(\.rawValue).joined(separator: ", "))), or write "
                    + "{{ secret(\"\(name)\") | raw }}")
        }
        return renderer.content
    }

    /// The text of a value that may not hold secrets.
    static func text(_ template: Template, in scope: Scope, _ style: Style = .plain) throws(Diagnostic) -> String {
        let content = try render(template, in: scope, style)
        guard let text = content.placeholderText, !content.holdsSecrets else {
            throw template.source.diagnostic("the text is not UTF-8", at: 0)
        }
        return text
    }

    private init(scope: Scope, source: TemplateSource, style: Style) {
        self.scope = scope
        self.source = source
        self.style = style
        if case .encoded(let encoding) = style {
            position = SinkPosition(encoding)
        } else {
            position = SinkPosition(nil)
        }
    }

    private mutating func flush() {
        if !output.isEmpty { content.append(.literal(output)) }
        output = []
    }

    private mutating func write(_ nodes: [Template.Node]) throws(Diagnostic) {
        for node in nodes {
            remaining -= 1
            switch node {
            case .literal(let bytes):
                output += bytes
                position.read(bytes)
                if style == .shell { quoting.read(bytes) }
            case .output(let expression, let encoding):
                try write(Evaluator(scope: scope, source: source).evaluate(expression), encoding, expression.offset)
            case .loop(let variable, let list, let body): try loop(variable, list, body)
            case .conditional(let branches, let otherwise):
                try write(try chosen(branches) ?? otherwise)
            }
            guard remaining > 0, output.count <= Self.maximumBytes else {
                throw source.diagnostic("the template writes more than 16 MiB or runs too long", at: 0)
            }
        }
    }

    private func chosen(_ branches: [Template.Branch]) throws(Diagnostic) -> [Template.Node]? {
        for branch in branches where try Evaluator(scope: scope, source: source).flag(branch.condition) {
            return branch.body
        }
        return nil
    }

    private mutating func loop(
        _ variable: String, _ list: Expression.Located, _ body: [Template.Node]
    ) throws(Diagnostic) {
        let value = try Evaluator(scope: scope, source: source).evaluate(list)
        guard case .list(let elements) = value else {
            throw source.diagnostic(
                "for needs a list, not \(value.typeName)", at: list.offset, remedy: "for example hosts(\"backend\")")
        }
        for (index, element) in elements.enumerated() {
            let loop: [String: Value] = [
                "first": .flag(index == 0), "last": .flag(index == elements.count - 1), "index": .number(index + 1),
            ]
            scope.variables.append((variable, element))
            scope.variables.append(("loop", .record(.plain(name: "loop", loop))))
            try write(body)
            scope.variables.removeLast(2)
        }
    }

    private mutating func write(_ value: Value, _ explicit: SinkEncoding?, _ offset: Int) throws(Diagnostic) {
        let implied: SinkEncoding =
            switch style {
            case .encoded(let encoding): encoding ?? .raw
            case .shell, .plain: .raw
            }
        let encoding = explicit ?? implied
        if case .secret(let name) = value {
            guard case .encoded = style else {
                throw source.diagnostic(
                    "secret \(name) cannot stand here", at: offset,
                    remedy: style == .shell
                        ? "scripts are visible to every process; give it to the step's input"
                        : "secrets are allowed in templates and contents")
            }
            if explicit == nil { try checkPosition(offset) }
            flush()
            if explicit == nil, style == .encoded(nil) { undeclared = undeclared ?? (name, offset) }
            content.append(.secret(name, encoding))
            return
        }
        guard let text = value.written else {
            let remedy: String? =
                switch value {
                case .list: "use join(LIST, \",\"), or a loop"
                case .record(.host): "name one of its attributes, such as .fqdn"
                default: nil
                }
            throw source.diagnostic("\(value.typeName) has no text form", at: offset, remedy: remedy)
        }
        if style == .shell, explicit == nil {
            output += try shellWord(text, offset)
            return
        }
        guard let bytes = encoding.encode(Array(text.utf8)) else {
            throw source.diagnostic("\(encoding.rawValue) has no form for this value", at: offset)
        }
        // What looks the same in every form is at home everywhere.
        if explicit == nil, !bytes.elementsEqual(text.utf8) { try checkPosition(offset) }
        output += bytes
        // What is written raw may open or close quotes; what is encoded leaves them as they are.
        if encoding == .raw { position.read(bytes[...]) }
        if style == .shell { quoting.read(bytes[...]) }
    }

    private func checkPosition(_ offset: Int) throws(Diagnostic) {
        if let objection = position.objection {
            throw source.diagnostic(objection.message, at: offset, remedy: objection.remedy)
        }
    }

    /// The value as (part of) one word. Inside quotes of the recipe's author only a value that needs none is safe.
    private func shellWord(_ text: String, _ offset: Int) throws(Diagnostic) -> [UInt8] {
        if text.isEmpty, !quoting.isOutside { return [] }
        let word = Array(ShellText.word(text).text.utf8)
        guard text.utf8.elementsEqual(word) || quoting.isOutside else {
            throw source.diagnostic(
                "the value needs quoting, and stands inside quotes or behind <<", at: offset,
                remedy: "close the quotes before it: values are quoted for the shell by themselves")
        }
        guard !text.utf8.contains(0) else { throw source.diagnostic("the value holds a NUL byte", at: offset) }
        return word
    }
}

extension Content {
    /// There is more in it than secrets and blanks.
    fileprivate var hasOtherText: Bool {
        segments.contains { segment in
            if case .literal(let bytes) = segment { bytes.contains { $0 != 0x20 && $0 != 0x0A } } else { false }
        }
    }
}
