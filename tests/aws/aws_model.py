# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""AWS's service models as JSON: requests made of them, good and wrong in one place each, and answers held against them.

The models are botocore's data files. Debian's awscli has an old one; a newer botocore that is installed beside it knows more
operations and members. Each operation is taken from the newest model that has it."""
import functools
import glob
import gzip
import importlib.util
import json
import os
import re

from aws_client import DEBIAN, LATER, LEFT_OUT, TARGETS
from testbed import Skip, TOP

VERSIONS = {"servicediscovery": "2017-03-14", "ecs": "2014-11-13"}
# What any operation may fail with, in no model's list.
COMMON = {"SerializationException", "AccessDeniedException", "UnknownOperationException", "InternalFailure",
          "ServiceUnavailable", "UnrecognizedClientException", "InvalidSignatureException"}
WIDENED = {"ResourceId"}  # since Debian's model: ARNs are taken too


def data_folders():
    for module in ("botocore", "awscli"):
        found = importlib.util.find_spec(module)
        for place in found.submodule_search_locations or () if found else ():
            yield from (os.path.join(place, "data"), os.path.join(place, "botocore", "data"))
    yield f"{DEBIAN}/awscli/botocore/data"


FOLDERS = list(data_folders())  # before Debian's botocore is imported, which takes the name


def read(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        return {**json.load(file), "is_debians": path.startswith(DEBIAN)}


@functools.lru_cache(None)
def models(service):
    """The newest first."""
    files = [file for folder in FOLDERS
             for file in glob.glob(f"{folder}/{service}/{VERSIONS[service]}/service-2.json*")]
    if not files:
        raise Skip("no botocore is installed, nor Debian's awscli (scripts/install-deps test)")
    return sorted(map(read, dict.fromkeys(files)), key=lambda model: len(model["shapes"]), reverse=True)


def served(service):
    """The names of the operations in the daemon's own table."""
    with open(f"{TOP}/userspace/aws_api/call/table.h", encoding="utf-8") as file:
        table = file.read().split({"servicediscovery": "AWS_CLOUD_MAP_TABLE", "ecs": "AWS_ECS_TABLE"}[service])[1]
    names = re.findall(r"ROW\((\w+),", table.split("#define")[0])
    assert len(names) > 20, names
    return names


class Operation:
    def __init__(self, service, name):
        self.service, self.name = service, name
        self.model = next((model for model in models(service) if name in model["operations"]), None)
        self.is_known = self.model is not None
        if self.is_known:
            self.shapes = self.model["shapes"]
            self.entry = self.model["operations"][name]
            self.input = self.entry["input"]["shape"]
            self.errors = {self.shapes[item["shape"]].get("error", {}).get("code", item["shape"])
                           for item in self.entry.get("errors", ())} | COMMON
        assert service in TARGETS

    def full(self, name=None, depth=0):
        """A value of the shape with everything that it may have."""
        shape = self.shapes[name or self.input]
        kind = shape["type"]
        if kind == "structure":
            return {member: self.full(ref["shape"], depth + 1) for member, ref in shape["members"].items()
                    if not shape.get("union")}
        if kind == "list":
            return [self.full(shape["member"]["shape"], depth + 1)]
        if kind == "map":
            return {self.full(shape["key"]["shape"]): self.full(shape["value"]["shape"])}
        if kind == "string":
            return shape["enum"][0] if "enum" in shape else good_text(shape)
        return {"boolean": True, "timestamp": 1700000000}.get(kind, max(1, shape.get("min", 1)))

    def least(self, name=None):
        """A request with nothing but what it must have."""
        shape = self.shapes[name or self.input]
        if shape["type"] != "structure":
            return self.full(name)
        return {member: self.least(shape["members"][member]["shape"]) for member in shape.get("required", ())}

    def wrong(self, name=None, path=()):
        """(path, what, value or None for missing, expected: is it the JSON type?)"""
        shape = self.shapes[name or self.input]
        kind = shape["type"]
        if path:
            yield path, "another type", 1 if kind in ("string", "list", "map", "structure", "boolean") else "x", True
        if kind == "structure":
            for member, ref in shape["members"].items():
                if member in shape.get("required", ()):
                    yield (*path, member), "missing", None, False
                yield from self.wrong(ref["shape"], (*path, member))
        elif kind == "list":
            item = shape["member"]["shape"]
            for n in (shape.get("min", 0) - 1, shape.get("max", 10**6) + 1):
                if 0 <= n < 10**6:
                    yield path, f"{n} items", [self.full(item)] * n, False
            yield from self.wrong(item, (*path, 0))
        elif kind == "map":
            key = self.full(shape["key"]["shape"])
            for text in wrong_texts(self.shapes[shape["key"]["shape"]]):
                yield path, f"key {text!r:.40}", {text: self.full(shape["value"]["shape"])}, False
            if "max" in shape:
                yield path, "too many", {f"k{n}": self.full(shape["value"]["shape"])
                                         for n in range(shape["max"] + 1)}, False
            yield from self.wrong(shape["value"]["shape"], (*path, key))
        elif kind == "string" and not (self.model["is_debians"] and name in WIDENED):
            for text in wrong_texts(shape):
                yield path, f"{text!r:.40}", text, False
        elif kind in ("integer", "long"):
            yield path, "a fraction", 1.5, True
            for n in (shape.get("min", 0) - 1 if "min" in shape else None, shape["max"] + 1 if "max" in shape else None):
                if n is not None:
                    yield path, f"{n}", n, False

    def check(self, value, name=None, path=""):
        """An answer, member by member."""
        if name is None:
            name, path = self.entry.get("output", {}).get("shape"), self.name
            if name is None:
                assert not value, f"{path}: {value} where nothing is answered"
                return
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            assert isinstance(value, dict), f"{path}: {value!r}"
            for member in shape.get("required", ()):
                assert member in value or f"{path}.{member}".endswith(LEFT_OUT), f"{path}.{member} is missing"
            for member, item in value.items():
                if member not in shape["members"] and self.model["is_debians"] and member in LATER:
                    continue
                assert member in shape["members"], f"{path}.{member} is in no model: {item!r}"
                self.check(item, shape["members"][member]["shape"], f"{path}.{member}")
        elif kind == "list":
            assert isinstance(value, list), f"{path}: {value!r}"
            for item in value:
                self.check(item, shape["member"]["shape"], f"{path}[]")
        elif kind == "map":
            assert isinstance(value, dict), f"{path}: {value!r}"
            for item in value.values():
                self.check(item, shape["value"]["shape"], f"{path}{{}}")
        else:
            types = {"string": str, "boolean": bool, "integer": int, "long": int}.get(kind, (int, float))
            assert isinstance(value, types) and (kind == "boolean" or not isinstance(value, bool)), f"{path}: {value!r}"
            assert value in shape.get("enum", (value,)), f"{path}: {value!r} is not of {shape['enum']}"


def pattern_of(shape):
    """As Python has it: of any script, and of the whole text."""
    pattern = shape.get("pattern")
    return pattern and re.compile(pattern.replace(r"\p{L}", "^\\W\\d_").replace(r"[^\W\d_\p{Z}\p{N}", r"[\w\s")
                                  .replace(r"\p{Z}", r"\s").replace(r"\p{N}", r"\d"))


def good_text(shape):
    for text in ("a1", "a.b", "123456789012"):
        if shape.get("min", 0) <= len(text) <= shape.get("max", 99) and \
                (not pattern_of(shape) or pattern_of(shape).fullmatch(text)):
            return text
    raise AssertionError(shape)


def wrong_texts(shape):
    if "enum" in shape:
        yield from ("NONSENSE", shape["enum"][0].swapcase())
        return
    if shape.get("min", 0) > 0:
        yield "a" * (shape["min"] - 1)
    if shape.get("max", 10**6) < 10**6:
        yield "a" * (shape["max"] + 1)
    pattern = pattern_of(shape)
    for text in ("arn:aws:x", "a b", "a<>b", "\u00e4", "a\u0007b"):
        if pattern and not pattern.fullmatch(text):
            yield text


def put(body, path, value):
    """The body with one place changed; None takes it away."""
    copy = json.loads(json.dumps(body))
    at = copy
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return copy
