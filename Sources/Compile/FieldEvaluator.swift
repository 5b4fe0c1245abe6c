internal import Model
internal import Resources

/// Turns values as they stand in YAML into values of the type that a declaration asks for: chooses the host's OS family,
/// evaluates expressions, checks the type. Collects every mistake.
struct FieldEvaluator {
    var scope: Scope
    let tree: SourceTree
    /// The folder of the role that the text belongs to.
    let folder: String
    private(set) var diagnostics: [Diagnostic] = []

    init(scope: Scope, tree: SourceTree, folder: String) {
        self.scope = scope
        self.tree = tree
        self.folder = folder
    }

    mutating func absorb(_ mistakes: [Diagnostic]) { diagnostics += mistakes }

    mutating func report(_ message: String, at location: SourceLocation, remedy: String? = nil) {
        diagnostics.append(Diagnostic(message, at: location, remedy: remedy))
    }

    // MARK: OS families

    enum Choice {
        case value(SpecValue)
        /// `~` for this family: the key does not count.
        case omitted
        /// A diagnostic says why.
        case failed
    }

    /// The value itself, or that of the host's family if it is a map of families.
    mutating func choice(_ value: SpecValue, _ what: String) -> Choice {
        guard case .map(let entries) = value.form else { return .value(value) }
        let families = HostFacts.OSFamily.allCases.map(\.rawValue)
        for entry in entries where !families.contains(entry.key) {
            report(
                "\(what): a map is possible only with the OS families as keys, not \"\(entry.key)\"",
                at: entry.keyLocation,
                remedy: Diagnostic.suggestion(for: entry.key, among: families))
            return .failed
        }
        let family = scope.surroundings.family.rawValue
        guard let entry = entries.first(where: { $0.key == family }) else {
            report(
                "\(what) has no value for \(family)", at: value.location,
                remedy: "add \(family): VALUE, or \(family): ~ to leave it out there")
            return .failed
        }
        if case .scalar(let text, false) = entry.value.form, ScalarText.isNull(text) { return .omitted }
        if case .map = entry.value.form {
            report("\(what): a map inside a map", at: entry.value.location)
            return .failed
        }
        return .value(entry.value)
    }

    // MARK: Expressions

    /// The template in a value of YAML, with all its names checked; `nil` if it has mistakes.
    mutating func template(_ text: String, at location: SourceLocation, _ dialect: TemplateParser.Dialect) -> Template?
    {
        parsed(TemplateSource(text, at: location, in: tree), dialect)
    }

    mutating func parsed(_ source: TemplateSource, _ dialect: TemplateParser.Dialect) -> Template? {
        do {
            let template = try TemplateParser.parse(source, dialect)
            if template.literal != nil { return template }
            let mistakes = NameChecker.check(template, in: scope)
            diagnostics += mistakes
            return mistakes.isEmpty ? template : nil
        } catch {
            diagnostics.append(error)
            return nil
        }
    }

    mutating func rendered(_ template: Template?, _ style: Renderer.Style) -> Content? {
        guard let template else { return nil }
        do {
            return try Renderer.render(template, in: scope, style)
        } catch {
            diagnostics.append(error)
            return nil
        }
    }

    mutating func text(_ template: Template?, _ style: Renderer.Style = .plain) -> String? {
        template?.literal ?? rendered(template, style)?.placeholderText
    }

    /// The value of a text that is one expression and nothing else; `nil` otherwise or after a mistake.
    mutating func soleValue(_ template: Template) -> Value? {
        guard let expression = template.soleExpression else { return nil }
        do {
            return try Evaluator(scope: scope, source: template.source).evaluate(expression)
        } catch {
            diagnostics.append(error)
            return nil
        }
    }

    /// Looks at a `when:` whose value is not asked for.
    mutating func checkNames(when value: SpecValue) {
        guard case .scalar(let text, _) = value.form else { return }
        let source = TemplateSource(text, at: value.location, in: tree)
        do {
            diagnostics += NameChecker.check(try TemplateParser.expression(source), of: source, in: scope)
        } catch {
            diagnostics.append(error)
        }
    }

    /// A `when:`; a mistake counts as false.
    mutating func condition(_ value: SpecValue) -> Bool {
        guard case .scalar(let text, _) = value.form else {
            report(
                "when must be an expression", at: value.location, remedy: "for example when: os.family == \"debian\"")
            return false
        }
        let source = TemplateSource(text, at: value.location, in: tree)
        do {
            let expression = try TemplateParser.expression(source)
            let mistakes = NameChecker.check(expression, of: source, in: scope)
            diagnostics += mistakes
            guard mistakes.isEmpty else { return false }
            return try Evaluator(scope: scope, source: source).flag(expression)
        } catch {
            diagnostics.append(error)
            return false
        }
    }
}
