import ArgumentParser
import Model
import Reference

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Prints the JSON Schema of role.yaml or inventory.yaml, for editors.",
        discussion: """
            Save it, and name it in the first line of a file, which most editors' YAML modes read:

              cso-provision schema role > role.schema.json
              # yaml-language-server: $schema=../../role.schema.json

            It knows keys, types and forms; `cso-provision check` knows the rest.
            """)

    @Argument(help: "role or inventory.")
    var file: SchemaDocument = .role

    func run() {
        Terminal.result(file.json().encodedText(.pretty))
    }
}

extension SchemaDocument: ExpressibleByArgument {}
