/// `~/` at the beginning and `${NAME}` anywhere, from an environment that is passed in. A variable that is not set is an
/// error: an inventory without its key file must not mean another one.
enum EnvironmentText {
    struct Problem: Error {
        var message: String
        var remedy: String?
    }

    static func expand(_ text: String, _ environment: [String: String]) -> Result<String, Problem> {
        var output = ""
        var rest = Substring(text)
        if rest.hasPrefix("~/") {
            guard let home = environment["HOME"], !home.isEmpty else { return .failure(unset("HOME")) }
            output = home
            rest = rest.dropFirst()
        }
        while let start = rest.dollarBrace {
            output += rest[..<start]
            rest = rest[rest.index(start, offsetBy: 2)...]
            guard let end = rest.firstIndex(of: "}") else {
                return .failure(Problem(message: "${ without }", remedy: "write ${NAME}"))
            }
            let name = String(rest[..<end])
            guard let value = environment[name], !value.isEmpty else { return .failure(unset(name)) }
            output += value
            rest = rest[rest.index(after: end)...]
        }
        return .success(output + rest)
    }

    private static func unset(_ name: String) -> Problem {
        Problem(message: "the environment variable \(name) is not set", remedy: "export \(name)=…, or write the value")
    }
}

extension Substring {
    fileprivate var dollarBrace: Index? {
        var index = startIndex
        while let dollar = self[index...].firstIndex(of: "$") {
            let next = self.index(after: dollar)
            if next < endIndex, self[next] == "{" { return dollar }
            index = next
        }
        return nil
    }
}
