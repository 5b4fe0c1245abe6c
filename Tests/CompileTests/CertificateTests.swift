import Compile
import Model
import Resources
import Source
import Testing

/// Certificates beside what the fleet is.
@Suite struct CertificateTests {
    private func compiler(_ names: String, _ more: String = "") throws -> Compiler {
        let text = String(decoding: try Disk.read("Roles/README.md"), as: UTF8.self)
        let example = String(text.components(between: "```yaml\n- certificate:", and: "```"))
            .replacing(#"["{{ host.fqdn }}", "{{ host.address }}"]"#, with: names)
            .split(separator: "\n").joined(separator: "\n  ")
        var tree = World("").tree
        let role = "role: web\nresources:\n  - certificate:" + example + "\n"
        tree.files["Roles/web/role.yaml"] = Array((role + more + "\n  - service: nginx.service\n").utf8)
        let inventory = String(decoding: tree.files["Inventory/inventory.yaml"] ?? [], as: UTF8.self)
        tree.files["Inventory/inventory.yaml"] = Array(
            inventory.replacing("secrets: {", with: "secrets: {pki: {file: pki.json}, ").utf8)
        let roles = RecipeDecoder.decode(tree, catalogue: .standard)
        let decoded = try #require(InventoryDecoder.decode(tree, environment: [:]).value)
        #expect(roles.diagnostics.isEmpty, "\(DiagnosticRenderer(tree).render(roles.diagnostics))")
        return Compiler(roles: roles.value, inventory: decoded, catalogue: .standard, tree: tree)
    }

    @Test func theExampleOfTheReadmeCompilesAndNamesItsHost() throws {
        let compiler = try compiler(#"["{{ host.fqdn }}", "{{ host.address }}"]"#)
        let host = try compiler.compile("web", on: "web01", family: .debian, placements: World.placements)
        let certificate = try #require(host.resources.lazy.compactMap { $0.resource as? CertificateResource }.first)
        #expect(certificate.names == ["web01.z.test", "10.1.0.1"])
        #expect(host.secretNames == ["pki.ca"])
        #expect(
            compiler.secretUsers(of: "web") == ["pki.ca": ["certificate:/etc/nginx/tls/server.crt"]])
    }

    @Test(arguments: [
        ("web01.dev-ha.cso.internal", "is not a name in z.test; if it is meant, add allow: [outside-zone]"),
        ("web01", #"is not a name in z.test; write it whole: "web01.z.test""#), ("az.test", "is not a name in z.test"),
    ])
    func aNameOutsideOfTheZoneIsRefusedUnlessItIsMeant(name: String, words: String) throws {
        let mistakes = World.brief(try compiler("[\(name)]").check())
        #expect(mistakes.contains { $0.contains(words) }, "\(mistakes)")
        #expect(World.brief(try compiler("[\(name)]", "    allow: [outside-zone]").check()).isEmpty)
    }

    @Test func theZonesNamesAreTakenInWhateverCase() throws {
        #expect(try compiler("[WEB.Z.Test, a.b.z.test, 10.9.9.9]").check().isEmpty)
    }
}
