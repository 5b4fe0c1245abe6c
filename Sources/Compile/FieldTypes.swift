internal import Model
internal import Resources

extension FieldEvaluator {
    /// The value of a field; `nil` if it is left out for this family or has a mistake.
    mutating func value(
        _ spec: SpecValue, as declaration: FieldDeclaration, encoding: SinkEncoding? = nil
    ) -> FieldValue? {
        guard case .value(let chosen) = choice(spec, declaration.name) else { return nil }
        if case .list = declaration.type { return list(chosen, declaration.name).map { .list($0) } }
        guard case .scalar(let text, let isQuoted) = chosen.form else {
            report("\(declaration.name) must be \(declaration.type.words), not a list", at: chosen.location)
            return nil
        }
        if !isQuoted, ScalarText.isNull(text) {
            report("\(declaration.name) has no value", at: chosen.location, remedy: "give one, or remove the key")
            return nil
        }
        switch declaration.type {
        case .content: return content(text, at: chosen.location, encoding).map { .content($0) }
        case .roleFile: return roleFile(text, at: chosen.location).map { .content($0) }
        case .roleTemplate: return roleTemplate(text, at: chosen.location, encoding).map { .content($0) }
        // Most values have nothing to evaluate.
        case .shell where !text.utf8.contains(0x7B): return typed(text, declaration, at: chosen.location)
        case _ where !text.utf8.contains(0x7B):
            return literal(text, isQuoted: isQuoted, declaration, at: chosen.location)
        case .shell:
            let template = template(text, at: chosen.location, .values)
            return self.text(template, .shell).map { .text($0) }
        default: break
        }
        guard let template = template(text, at: chosen.location, .values) else { return nil }
        if template.soleExpression != nil {
            guard let value = soleValue(template) else { return nil }
            return fieldValue(value, declaration, at: chosen.location)
        }
        if template.literal != nil { return literal(text, isQuoted: isQuoted, declaration, at: chosen.location) }
        guard let text = self.text(template) else { return nil }
        return typed(text, declaration, at: chosen.location)
    }

    // MARK: From text

    /// What stands in the file as it is: here unquoted numbers, flags and modes are told from texts.
    private mutating func literal(
        _ text: String, isQuoted: Bool, _ declaration: FieldDeclaration, at location: SourceLocation
    ) -> FieldValue? {
        let name = declaration.name
        switch declaration.type {
        case .number:
            if !isQuoted, let number = ScalarText.number(text) { return .number(number) }
            report(
                "\(name) must be a number, not \(isQuoted ? "the text " : "")\"\(text)\"", at: location,
                remedy: isQuoted && ScalarText.number(text) != nil ? "remove the quotes" : nil)
            return nil
        case .flag:
            if !isQuoted, let flag = ScalarText.flag(text) { return .flag(flag) }
            report(
                "\(name) must be true or false, not \"\(text)\"", at: location,
                remedy: isQuoted ? "remove the quotes" : nil)
            return nil
        case .mode where !isQuoted:
            let digits = text.utf8.count == 3 ? "0" + text : text
            report(
                "\(name) must be quoted: without quotes YAML readers see a number", at: location,
                remedy: "write \(name): \"\(ScalarText.mode(digits) != nil ? digits : "0644")\"")
            return nil
        default:
            if !isQuoted, ScalarText.looksLikeFlag(text) {
                report("\(name) must be text, not \(text)", at: location, remedy: "quote it: \"\(text)\"")
                return nil
            }
            return typed(text, declaration, at: location)
        }
    }

    /// A text after evaluation, for the types that are written as text.
    private mutating func typed(
        _ text: String, _ declaration: FieldDeclaration, at location: SourceLocation
    ) -> FieldValue? {
        let name = declaration.name
        switch declaration.type {
        case .mode:
            if let mode = ScalarText.mode(text) { return .mode(mode) }
            report("\(name) must be four octal digits, not \"\(text)\"", at: location, remedy: "for example \"0644\"")
        case .duration:
            if let duration = ScalarText.duration(text) { return .duration(duration) }
            report("\(name) must be a time, not \"\(text)\"", at: location, remedy: "for example 500ms, 30s, 10m, 1h")
        case .choice(let choices):
            if choices.contains(text) { return .text(text) }
            report(
                "\(name) cannot be \"\(text)\"", at: location, remedy: Diagnostic.suggestion(for: text, among: choices))
        case .path:
            if ScalarText.isPath(text) { return .text(text) }
            report(
                "\(name) must be an absolute path, not \"\(text)\"", at: location,
                remedy: "begin it with /, without . and .. in it, and without a / at the end")
        case .number, .flag:
            report("\(name) must be \(declaration.type.words), not \"\(text)\"", at: location)
        default:
            guard !text.utf8.contains(0) else {
                report("\(name) holds a NUL byte", at: location)
                return nil
            }
            return .text(text)
        }
        return nil
    }

    private mutating func fieldValue(
        _ value: Value, _ declaration: FieldDeclaration, at location: SourceLocation
    ) -> FieldValue? {
        switch (declaration.type, value) {
        case (.number, .number(let number)): return .number(number)
        case (.flag, .flag(let flag)): return .flag(flag)
        case (.number, _), (.flag, _):
            report("\(declaration.name) must be \(declaration.type.words), not \(value.typeName)", at: location)
            return nil
        case (_, .text(let text)): return typed(text, declaration, at: location)
        case (_, .number(let number)): return typed(String(number), declaration, at: location)
        case (_, .secret(let name)):
            report(
                "secret \(name) cannot stand here", at: location,
                remedy: "secrets are allowed in templates and contents")
            return nil
        default:
            report(
                "\(declaration.name) must be \(declaration.type.words), not \(value.typeName)", at: location,
                remedy: nil)
            return nil
        }
    }

    // MARK: Lists

    /// Texts; an element that is an expression with a list stands for its elements.
    mutating func list(_ spec: SpecValue, _ name: String) -> [String]? {
        guard case .list(let elements) = spec.form else {
            guard case .scalar(let text, _) = spec.form, let template = template(text, at: spec.location, .values)
            else {
                return nil
            }
            if template.soleExpression != nil {
                guard let value = soleValue(template) else { return nil }
                if case .list(let values) = value { return texts(values, name, at: spec.location) }
            }
            report("\(name) must be a list, not \"\(text)\"", at: spec.location, remedy: "write [\(text)]")
            return nil
        }
        let before = diagnostics.count
        var result: [String] = []
        for element in elements {
            guard case .value(let chosen) = choice(element, name) else { continue }
            guard case .scalar(let text, let isQuoted) = chosen.form else {
                report("a list inside \(name)", at: chosen.location)
                continue
            }
            guard let template = template(text, at: chosen.location, .values) else { continue }
            if template.soleExpression != nil {
                guard let value = soleValue(template) else { continue }
                if case .list(let values) = value {
                    result += texts(values, name, at: chosen.location) ?? []
                } else if let text = value.written {
                    result.append(text)
                } else {
                    report("\(name) must hold texts, not \(value.typeName)", at: chosen.location)
                }
            } else if template.literal != nil, !isQuoted, ScalarText.looksLikeFlag(text) || ScalarText.isNull(text) {
                report(
                    "\(name) must hold texts, not \(text.isEmpty ? "nothing" : text)", at: chosen.location,
                    remedy: "quote it")
            } else if let text = self.text(template) {
                result.append(text)
            }
        }
        return diagnostics.count == before ? result : nil
    }

    private mutating func texts(_ values: [Value], _ name: String, at location: SourceLocation) -> [String]? {
        var result: [String] = []
        for value in values {
            guard let text = value.written else {
                report("\(name) must hold texts, not \(value.typeName)", at: location)
                return nil
            }
            result.append(text)
        }
        return result
    }

    // MARK: Contents

    private mutating func content(_ text: String, at location: SourceLocation, _ encoding: SinkEncoding?) -> Content? {
        rendered(template(text, at: location, .templates), .encoded(encoding))
    }

    private mutating func roleFile(_ text: String, at location: SourceLocation) -> Content? {
        bytes(text, below: "files", at: location).map { Content(bytes: $0.bytes) }
    }

    private mutating func roleTemplate(
        _ text: String, at location: SourceLocation, _ encoding: SinkEncoding?
    ) -> Content? {
        guard let (path, bytes) = bytes(text, below: "templates", at: location) else { return nil }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            report(
                "\(path) is not UTF-8", at: location,
                remedy: "a file that is taken as it is belongs below files/: source:")
            return nil
        }
        return rendered(parsed(TemplateSource(file: path, bytes: bytes), .templates), .encoded(encoding))
    }

    /// A file of the role that the entry stands in.
    private mutating func bytes(
        _ text: String, below subfolder: String, at location: SourceLocation
    ) -> (path: String, bytes: [UInt8])? {
        guard let name = self.text(template(text, at: location, .values)) else { return nil }
        let path = "\(folder)/\(subfolder)/\(name)"
        if !ScalarText.isPath("/" + name) {
            report(
                "\"\(name)\" is not the name of a file below \(subfolder)/", at: location,
                remedy: "write it without . and ..")
            return nil
        }
        if let bytes = tree.files[path] {
            scope.surroundings.usage?.files.insert(path)
            return (path, bytes)
        }
        let names = tree.names(below: "\(folder)/\(subfolder)")
        report("there is no \(path)", at: location, remedy: Diagnostic.suggestion(for: name, among: names))
        return nil
    }
}

extension FieldDeclaration.FieldType {
    /// How messages call it.
    var words: String {
        switch self {
        case .text, .content: "text"
        case .number: "a number"
        case .flag: "true or false"
        case .list: "a list"
        case .mode: "four octal digits in quotes"
        case .duration: "a time such as 30s"
        case .choice(let choices): "one of \(choices.joined(separator: ", "))"
        case .path: "an absolute path"
        case .shell: "a shell command"
        case .roleFile: "a file below files/"
        case .roleTemplate: "a file below templates/"
        }
    }
}
