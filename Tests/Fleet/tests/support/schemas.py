"""The JSON Schemas that the program prints, in a real validator, and YAML as editors read it."""

import json

import jsonschema
import yaml


class Reader(yaml.SafeLoader):
    """YAML 1.2's core types, as editors have them: `yes` and a date are texts, `0644` is a number."""


Reader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers
            if tag in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Reader.add_implicit_resolver("tag:yaml.org,2002:bool", yaml.resolver.re.compile("^(?:true|false)$"), list("tf"))


def read(text):
    return yaml.load(text, Reader)


def validator(printed):
    """Of the schema as it was printed; a schema that is none of JSON Schema 2020-12 is an error."""
    schema = json.loads(printed)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema", schema["$schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def mistakes(of, document):
    """`PATH: MESSAGE` of each, innermost causes included."""
    found = []

    def collect(errors):
        for error in errors:
            found.append(f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
            collect(error.context)
    collect(of.iter_errors(document))
    return found
