internal import Model

/// What an entry's `each` and `when` make of it on one host.
extension FieldEvaluator {
    typealias LoopVariables = [(name: String, value: Value)]

    /// The elements that an entry is declared for, as the variables that its texts see; one without any if the entry has no
    /// `each`. Empty if there are none or after a mistake; `spare` then stands for one, to check the entry's names with.
    mutating func elements(_ each: SpecValue?) -> (elements: [LoopVariables], spare: LoopVariables) {
        guard let each else { return ([[]], []) }
        switch each.form {
        case .list(let elements):
            var values: [Value] = []
            for element in elements {
                if let value = loopValue(element) { values.append(value) }
            }
            let named = Self.numbered(values, "item")
            return (values.count == elements.count ? named : [], named.first ?? Self.spare("item", .text("")))
        case .scalar(let text, _): return elements(text, at: each.location)
        case .map:
            report(
                "each must be a list or an expression with one", at: each.location,
                remedy: "for example each: peer in hosts(\"backend\")")
            return ([], Self.spare("item", .text("")))
        }
    }

    /// `peer in hosts("backend")`, or only what stands behind `in`.
    private mutating func elements(
        _ text: String, at location: SourceLocation
    ) -> (elements: [LoopVariables], spare: LoopVariables) {
        let source = TemplateSource(text, at: location, in: tree)
        var name = "item"
        do throws(Diagnostic) {
            var list = try TemplateParser.expression(source)
            if case .comparison(.contained, let variable, let behind) = list.expression {
                guard case .name(let chosen) = variable.expression else {
                    throw source.diagnostic(
                        "a name must stand before in", at: variable.offset,
                        remedy: "for example each: peer in hosts(\"backend\")")
                }
                if ReservedNames.all.contains(chosen) {
                    throw source.diagnostic(
                        "\"\(chosen)\" is a name of the language", at: variable.offset, remedy: "choose another one")
                }
                (name, list) = (chosen, behind)
            }
            let isHosts = NameChecker.namesHosts(list, of: source, in: scope)
            let spare = Self.spare(name, isHosts ? .record(.host(scope.surroundings.host)) : .text(""))
            let mistakes = NameChecker.check(list, of: source, in: scope)
            guard mistakes.isEmpty else {
                absorb(mistakes)
                return ([], spare)
            }
            guard case .list(let values) = try Evaluator(scope: scope, source: source).evaluate(list) else {
                throw source.diagnostic(
                    "each needs a list", at: list.offset, remedy: "for example each: peer in hosts(\"backend\")")
            }
            return (Self.numbered(values, name), spare)
        } catch {
            absorb([error])
            return ([], Self.spare(name, .text("")))
        }
    }

    /// An element of a list in YAML: a text, a number, a flag, or an expression.
    private mutating func loopValue(_ spec: SpecValue) -> Value? {
        guard case .scalar(let raw, let isQuoted) = spec.form else {
            report("each must hold texts and numbers, not \(spec.form.isList ? "a list" : "a map")", at: spec.location)
            return nil
        }
        if !isQuoted, let number = ScalarText.number(raw) { return .number(number) }
        if !isQuoted, let flag = ScalarText.flag(raw) { return .flag(flag) }
        guard let template = template(raw, at: spec.location, .values) else { return nil }
        if template.soleExpression != nil { return soleValue(template) }
        return text(template).map { .text($0) }
    }

    private static func numbered(_ values: [Value], _ name: String) -> [LoopVariables] {
        values.enumerated().map { index, value in
            let loop: [String: Value] = [
                "first": .flag(index == 0), "last": .flag(index == values.count - 1), "index": .number(index + 1),
            ]
            return [(name, value), ("loop", .record(.plain(name: "loop", loop)))]
        }
    }

    private static func spare(_ name: String, _ value: Value) -> LoopVariables {
        numbered([value], name).first ?? []
    }

    /// Calls `declare` once for each element for which the entry is wanted. Where it is wanted for none, `checkNames` is
    /// called instead, so that a slip in it is found all the same.
    mutating func forEach(
        _ each: SpecValue?, when: SpecValue?, declare: (inout Self) -> Void, checkNames: (inout Self) -> Void
    ) {
        let (elements, spare) = elements(each)
        var isDeclared = false
        for variables in elements {
            scope.variables += variables
            if when.map({ condition($0) }) ?? true {
                isDeclared = true
                declare(&self)
            }
            scope.variables.removeLast(variables.count)
        }
        guard !isDeclared else { return }
        scope.variables += spare
        if elements.isEmpty, let when { self.checkNames(when: when) }
        checkNames(&self)
        scope.variables.removeLast(spare.count)
    }
}

extension SpecValue.Form {
    fileprivate var isList: Bool {
        if case .list = self { true } else { false }
    }
}
