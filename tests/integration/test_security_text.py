# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""docs/security.md and docs/field-bugs.md say by which test each claim is shown: those tests exist."""
import os
import re

from testbed import TOP

PYTHON = re.compile(r"`(test_\w+\.py)::(test_\w+)`")
UNIT = re.compile(r"`(\w+/test_\w+)::(test_\w+)`")


def has_python(name, test):
    for folder in ("tests/integration", "tests/aws"):
        path = os.path.join(TOP, folder, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return re.search(rf"^def {test}\(", file.read(), re.MULTILINE) is not None
    return False


def has_unit(name, test):
    path = os.path.join(TOP, "tests/unit", name + ".c")
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as file:
        text = file.read()
    # Defined, and run: in the table of tests beside its definition.
    return re.search(rf"\bstatic void {test}\(", text) is not None and len(re.findall(rf"\b{test}\b", text)) > 1


def read(name):
    with open(os.path.join(TOP, "docs", name), encoding="utf-8") as file:
        return file.read()


def test_every_named_test_exists():
    text = read("security.md") + read("field-bugs.md")
    python, unit = PYTHON.findall(text), UNIT.findall(text)
    assert len(python) > 80 and len(unit) > 20, (len(python), len(unit))
    missing = [f"{name}::{test}" for name, test in python if not has_python(name, test)]
    missing += [f"{name}::{test}" for name, test in unit if not has_unit(name, test)]
    assert not missing, missing
    assert len(python) + len(unit) + text.count("`FILE.py::TEST`") + text.count("`ROOM/FILE::TEST`") == text.count("::"), \
        "a name in another form than the others is not looked for"
