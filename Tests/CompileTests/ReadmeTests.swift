import Compile
import Model
import Resources
import Source
import Testing

/// The examples in the READMEs are compiled as they stand.
struct ReadmeTests {
    private func block(_ language: String, of file: String) throws -> String {
        let text = String(decoding: try Disk.read(file), as: UTF8.self)
        return String(text.components(between: "```\(language)\n", and: "```"))
    }

    @Test func theRecipeCompiles() throws {
        let yaml = try block("yaml", of: "Roles/README.md")
        let template = try block("nginx", of: "Roles/README.md")
        var tree = World("").tree
        tree.files["Roles/web/role.yaml"] = Array(yaml.utf8)
        tree.files["Roles/web/templates/page.conf"] = Array(template.utf8)
        tree.files["Roles/base/role.yaml"] = try Disk.read("Roles/base/role.yaml")
        let roles = RecipeDecoder.decode(tree, catalogue: .standard)
        #expect(roles.diagnostics.isEmpty, "\(DiagnosticRenderer(tree).render(roles.diagnostics))")
        let inventory = try #require(InventoryDecoder.decode(tree, environment: [:]).value)
        let compiler = Compiler(roles: roles.value, inventory: inventory, catalogue: .standard, tree: tree)
        let mistakes = compiler.check()
        #expect(mistakes.isEmpty, "\(DiagnosticRenderer(tree).render(mistakes))")
        let host = try compiler.compile("web", on: "web01", family: .debian, placements: World.placements)
        let file = try #require(host.resources.lazy.compactMap { $0.resource as? FileResource }.first)
        #expect(
            file.content?.placeholderText == """
                server {
                    listen 8080;
                    # 1: web01.z.test, this one
                    # 2: web02.z.test
                    location / { return 200 "served by web01\\n"; }
                }

                """)
    }

    @Test func theReleaseCompiles() throws {
        let text = String(decoding: try Disk.read("Roles/README.md"), as: UTF8.self)
        let yaml = String(text.components(between: "```yaml\n  - release:", and: "```"))
        var tree = World("").tree
        tree.files["Roles/web/role.yaml"] = Array(
            ("role: web\nresources:\n  - release:" + yaml + "  - service: shop.service\n").utf8)
        let roles = RecipeDecoder.decode(tree, catalogue: .standard)
        let inventory = try #require(InventoryDecoder.decode(tree, environment: [:]).value)
        let compiler = Compiler(roles: roles.value, inventory: inventory, catalogue: .standard, tree: tree)
        let mistakes = roles.diagnostics + compiler.check()
        #expect(mistakes.isEmpty, "\(DiagnosticRenderer(tree).render(mistakes))")
        let host = try compiler.compile("web", on: "web01", family: .debian, placements: World.placements)
        #expect(host.resources.contains { $0.id == "release:shop" })
    }

    @Test func thePackagesCompile() throws {
        let text = String(decoding: try Disk.read("Roles/README.md"), as: UTF8.self)
        let yaml = String(text.components(between: "```yaml\nrole: broker\n", and: "```"))
        var tree = World("").tree
        tree.files["Roles/web/role.yaml"] = Array(("role: web\n" + yaml).utf8)
        let roles = RecipeDecoder.decode(tree, catalogue: .standard)
        let inventory = try #require(InventoryDecoder.decode(tree, environment: [:]).value)
        let compiler = Compiler(roles: roles.value, inventory: inventory, catalogue: .standard, tree: tree)
        let mistakes = roles.diagnostics + compiler.check()
        #expect(mistakes.isEmpty, "\(DiagnosticRenderer(tree).render(mistakes))")
        for family in [HostFacts.OSFamily.debian, .amazon] {
            let host = try compiler.compile("web", on: "web01", family: family, placements: World.placements)
            #expect(host.resources.map(\.id) == ["upgrade:packages", "package:nginx"])
        }
    }

    @Test func theInventoryIsRead() throws {
        let yaml = try block("yaml", of: "Inventory/README.md")
        let tree = SourceTree(
            rolesFolder: "Roles", inventoryFile: "Inventory/inventory.yaml",
            files: ["Inventory/inventory.yaml": Array(yaml.utf8)])
        let decoded = InventoryDecoder.decode(tree, environment: ["HOME": "/home/op"])
        #expect(decoded.diagnostics.isEmpty, "\(DiagnosticRenderer(tree).render(decoded.diagnostics))")
        #expect(decoded.value?.secretSources.count == 3)
        #expect(decoded.value?.roles.first?.hostParameters["backend02"]?.count == 1)
    }

    struct Example: Sendable, CustomTestStringConvertible {
        var file: String
        var yaml: String
        /// Name below templates/ and text, where one is shown beside it.
        var templates: [String: String]
        var testDescription: String { "\(file): \(yaml.prefix { $0 != "\n" })" }
    }

    /// Every fenced block of YAML in what an operator reads, with the templates that are shown behind it.
    static let examples: [Example] = ["README.md", "Roles/README.md", "Inventory/README.md"].flatMap { file in
        var examples: [Example] = []
        var before = ""
        var block: (language: String, lines: [String])?
        let text = (try? Disk.read(file)) ?? []
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if let ended = block {
                    let text = ended.lines.joined(separator: "\n") + "\n"
                    if ended.language == "yaml" {
                        examples.append(Example(file: file, yaml: text, templates: [:]))
                    } else if before.hasPrefix("with `templates/"), !examples.isEmpty {
                        let name = String(before.components(between: "`templates/", and: "`"))
                        examples[examples.count - 1].templates[name] = text
                    }
                    block = nil
                } else {
                    block = (String(line.dropFirst(3)), [])
                }
            } else if block != nil {
                block?.lines.append(String(line))
            } else if !line.isEmpty {
                before = String(line)
            }
        }
        return examples
    }

    @Test func thereAreExamples() {
        #expect(Self.examples.count >= 2)
        #expect(Self.examples.contains { !$0.templates.isEmpty })
    }

    /// A whole role, a whole inventory, or entries as they stand below `resources:`.
    @Test(arguments: examples) func everyExampleIsRight(_ example: Example) throws {
        var tree = World("").tree
        let first = String(example.yaml.prefix { $0 != "\n" })
        if first.hasPrefix("fleet:") {
            tree.files[tree.inventoryFile] = Array(example.yaml.utf8)
            let decoded = InventoryDecoder.decode(tree, environment: ["HOME": "/home/op"])
            #expect(decoded.diagnostics.isEmpty, "\(DiagnosticRenderer(tree).render(decoded.diagnostics))")
            return
        }
        var yaml = example.yaml
        if first.hasPrefix("- ") || first.hasPrefix("  - ") {
            // Entries may notify units that the rest of a recipe would manage.
            let lines = yaml.split(separator: "\n").filter { $0.contains("notify: [") }
            let units = lines.flatMap { $0.split { " [],".contains($0) } }.filter { $0.hasSuffix(".service") }
            let indentation = first.prefix { $0 == " " }
            yaml = "role: web\nresources:\n" + yaml + Set(units).map { "\(indentation)- service: \($0)\n" }.joined()
        }
        #expect(yaml.hasPrefix("role: "), "an example that is no role, no inventory and no list of resources")
        // The inventory of the tests knows one role beside those that are shipped.
        yaml = "role: web" + yaml.drop { $0 != "\n" }
        tree.files["Roles/web/role.yaml"] = Array(yaml.utf8)
        for (name, text) in example.templates { tree.files["Roles/web/templates/\(name)"] = Array(text.utf8) }
        if yaml.contains("includes: [base]") {
            tree.files["Roles/base/role.yaml"] = try Disk.read("Roles/base/role.yaml")
        }
        // Examples of certificates take the CA from a source of its own.
        let sources = String(decoding: tree.files[tree.inventoryFile] ?? [], as: UTF8.self)
        tree.files[tree.inventoryFile] = Array(
            sources.replacing("secrets: {", with: "secrets: {pki: {file: pki.json}, ").utf8)
        let roles = RecipeDecoder.decode(tree, catalogue: .standard)
        let inventory = try #require(InventoryDecoder.decode(tree, environment: [:]).value)
        let compiler = Compiler(roles: roles.value, inventory: inventory, catalogue: .standard, tree: tree)
        let mistakes = roles.diagnostics + compiler.check()
        #expect(mistakes.isEmpty, "\(DiagnosticRenderer(tree).render(mistakes))")
    }
}
