internal import Model

/// What stands between `{{` and `}}`, or behind `if` and `in`.
indirect enum Expression: Sendable, Hashable {
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([Located])
    case name(String)
    case attribute(Located, String)
    case call(String, [Located])
    case not(Located)
    case both(Located, Located)
    case either(Located, Located)
    case comparison(Comparison, Located, Located)
    case arithmetic(Arithmetic, Located, Located)
    /// The first if the second is true, else the third: `A if CONDITION else B`.
    case choice(Located, condition: Located, otherwise: Located)

    enum Arithmetic: String, Sendable, Hashable, CaseIterable {
        case plus = "+"
        case minus = "-"
        case times = "*"
        case by = "/"
    }

    enum Comparison: String, Sendable, Hashable, CaseIterable {
        case equal = "=="
        case unequal = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case contained = "in"
    }

    /// The names that it asks for, wherever they stand in it.
    var names: Set<String> {
        switch self {
        case .text, .number, .flag: []
        case .name(let name): [name]
        case .list(let elements), .call(_, let elements):
            elements.reduce(into: []) { $0.formUnion($1.expression.names) }
        case .attribute(let inner, _), .not(let inner): inner.expression.names
        case .both(let left, let right), .either(let left, let right), .comparison(_, let left, let right),
            .arithmetic(_, let left, let right):
            left.expression.names.union(right.expression.names)
        case .choice(let value, let condition, let otherwise):
            value.expression.names.union(condition.expression.names).union(otherwise.expression.names)
        }
    }

    /// An expression and the byte of the source at which it begins.
    struct Located: Sendable, Hashable {
        var expression: Expression
        var offset: Int

        init(_ expression: Expression, at offset: Int) {
            self.expression = expression
            self.offset = offset
        }
    }
}

/// A parsed text: literals, and what is to be put between them.
struct Template: Sendable {
    indirect enum Node: Sendable {
        case literal(ArraySlice<UInt8>)
        /// `encoding` is the explicit one: `{{ value | json }}`.
        case output(Expression.Located, encoding: SinkEncoding?)
        case loop(variable: String, list: Expression.Located, body: [Node])
        case conditional([Branch], otherwise: [Node])
    }
    struct Branch: Sendable {
        var condition: Expression.Located
        var body: [Node]
    }

    var source: TemplateSource
    var nodes: [Node]

    /// The names that its expressions ask for; of a value of YAML, which has no loops.
    var names: Set<String> {
        nodes.reduce(into: []) { names, node in
            if case .output(let expression, _) = node { names.formUnion(expression.expression.names) }
        }
    }

    /// The text, if it has nothing to evaluate.
    var literal: String? {
        if nodes.isEmpty { return "" }
        if nodes.count == 1, case .literal(let bytes) = nodes[0] { return String(decoding: bytes, as: UTF8.self) }
        return nil
    }

    /// The expression, if the text is nothing else: its value then keeps its type.
    var soleExpression: Expression.Located? {
        if nodes.count == 1, case .output(let expression, nil) = nodes[0] { expression } else { nil }
    }
}
