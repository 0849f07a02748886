# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""docs/openapi.json, and whether a JSON value is as one of its schemas says: as much of JSON Schema as the file uses."""
import json
import os

from testbed import TOP

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float), "null": type(None)}
KNOWN = {"$ref", "type", "description", "properties", "required", "additionalProperties", "items", "enum", "minimum", "maximum",
         "maxItems", "oneOf", "format"}


def load():
    with open(os.path.join(TOP, "docs", "openapi.json"), encoding="utf-8") as file:
        return json.load(file)


class Checker:
    """Collects what is wrong, each with the place in the value."""

    def __init__(self, document):
        self.document = document
        self.faults = []

    def resolve(self, schema):
        while "$ref" in schema:
            target = self.document
            for word in schema["$ref"].removeprefix("#/").split("/"):
                target = target[word]
            schema = target
        return schema

    def is_of(self, value, names):
        names = names if isinstance(names, list) else [names]
        return any(isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names)

    def check(self, value, schema, place):
        schema = self.resolve(schema)
        assert not schema.keys() - KNOWN, f"the test cannot read {schema.keys() - KNOWN}"
        if "type" in schema and not self.is_of(value, schema["type"]):
            self.faults.append(f"{place}: {value!r} is no {schema['type']}")
        elif "enum" in schema and value not in schema["enum"]:
            self.faults.append(f"{place}: {value!r} is none of {schema['enum']}")
        elif isinstance(value, dict):
            self.check_members(value, schema, place)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                self.check(item, schema["items"], f"{place}[{number}]")
        elif value is not None and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            self.faults.append(f"{place}: {value!r} is out of range")

    def check_members(self, value, schema, place):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        self.faults += [f"{place}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, member in value.items():
            if name in properties:
                self.check(member, properties[name], f"{place}.{name}")
            elif others is False:
                self.faults.append(f"{place}: {name} is not in the document")
            elif isinstance(others, dict):
                self.check(member, others, f"{place}.{name}")


def operations(document):
    """(METHOD, path): the operation."""
    return {(method.upper(), path): operation for path, methods in document["paths"].items() for method, operation in methods.items()}


def answer_schema(operation):
    return operation["responses"]["200"]["content"]["application/json"]["schema"]


def body_members(document, operation):
    """The names of a body's members, or None where there is no body."""
    if "requestBody" not in operation:
        return None
    return set(Checker(document).resolve(operation["requestBody"]["content"]["application/json"]["schema"]).get("properties", {}))
