# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The indented blocks of docs/*.md as a script that runs them in their order.

A block that is not to be run has a comment before it that says why: <!-- not run: REASON -->. Lines that go on until they are ended
(a daemon, --follow, top) are seen to run and ended; `# exit status N` behind a command is what it has to end with. JSON is a part of
the configuration or of a document and is taken by the daemon as such. What a page takes for granted (instances, files, commands
of others) is in pages/PAGE.sh: what stands below `#= HEADING` there comes before the first block below that heading."""
import json
import os
import re
import shlex

from testbed import TOP

HERE = os.path.dirname(os.path.abspath(__file__))
NOT_RUN = re.compile(r"<!-- not run: (.{20,}) -->")
GOES_ON = re.compile(r"^(svcconnectd .*|svcconnect top\b.*|svcconnect .*--(follow|watch)\b.*)$")
EXIT_STATUS = re.compile(r"^(.*?) +# exit status (\d+)\b")
DOCUMENT = re.compile(r"serviceConnectConfiguration|portName")


class Block:
    def __init__(self, page, line, heading, reason):
        self.page, self.line, self.heading, self.reason, self.lines = page, line, heading, reason, []

    @property
    def text(self):
        indent = min(len(line) - len(line.lstrip()) for line in self.lines if line.strip())
        return "\n".join(line[indent:] for line in self.lines).rstrip() + "\n"

    @property
    def is_json(self):
        return self.text[0] in '{"'

    def json(self):
        text = re.sub(r"(?m)\s+# .*$", "", self.text).strip()
        return json.loads(text if text[0] == "{" else "{" + text + "}")


def blocks_of(page, text=None):
    """All blocks of a page in their order."""
    if text is None:
        with open(os.path.join(TOP, "docs", page), encoding="utf-8") as file:
            text = file.read()
    found, block, heading, reason, is_free = [], None, "", None, True
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("    ") and (block or is_free):
            if not block:
                block = Block(page, number, heading, reason)
                found.append(block)
            block.lines.append(line)
        elif not line.strip():
            is_free = True
            if block:
                block.lines.append("")
        else:
            block = None
            is_free = line.startswith(("#", "<!--"))
            told = NOT_RUN.fullmatch(line.strip())
            reason = told[1] if told else None
            if line.startswith("#"):
                heading = line.lstrip("# ")
    return found


def fixtures_of(page):
    """{heading: what comes before the first block below it}; "" is the beginning of the page."""
    path = os.path.join(HERE, "pages", page.removesuffix(".md") + ".sh")
    parts, heading = {"": []}, ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith("#= "):
                    heading = line[3:].strip()
                    parts[heading] = []
                else:
                    parts[heading].append(line)
    return {name: "".join(lines) for name, lines in parts.items()}


def as_document(value):
    """A service whose part `value` is, of one port named http."""
    definition = {"family": "part", "containerDefinitions": [{"name": "part", "portMappings": [{"name": "http", "containerPort": 8080}]}]}
    if "portName" in value:
        value = {"serviceConnectConfiguration": {"enabled": True, "services": [value]}}
    return {"serviceName": "part", "taskDefinition": definition, **value}


def script_of(page, text=None):
    """What runs the page. The functions that it calls are in pages/place.sh."""
    fixtures = fixtures_of(page)
    lines = [fixtures.pop("")]
    for block in blocks_of(page, text):
        lines += [fixtures.pop(block.heading, ""), f"at={shlex.quote(f'docs/{page}:{block.line}')}"]
        if block.reason:
            continue
        if block.is_json:
            value = block.json()
            is_document = DOCUMENT.search(block.text) is not None
            value = json.dumps(as_document(value) if is_document else value)
            lines.append(f"{'takes_document' if is_document else 'takes_settings'} {shlex.quote(value)}")
            continue
        for line in block.text.splitlines():
            command, status = line.split(" # ")[0].rstrip(), EXIT_STATUS.match(line)
            if GOES_ON.match(command):
                line = f"goes_on {shlex.quote(command)}"
            elif status:
                line = f"ends_with {status[2]} {shlex.quote(status[1])}"
            lines.append(line)
    assert not fixtures, f"pages/{page}: no heading with a block is called {list(fixtures)}"
    return "\n".join(lines) + "\n"
