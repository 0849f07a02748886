# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""docs/reference.md has every event, error code and metric that the programs have, and no other; the site has every page."""
import glob
import os
import re

import test_metrics
from testbed import TOP

ROW = re.compile(r"^\| `(svcconnect_\w+)` \| (\w+) \| ([^|]*)\| (.*) \|$", re.M)


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def section(heading):
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", read("docs/reference.md"), re.M | re.S)[1]


def first_column(text):
    return [word for line in text.splitlines() if line.startswith("| `") for word in re.findall(r"`([^`]+)`", line.split("|")[1])]


def sources():
    names = sorted(glob.glob(os.path.join(TOP, "userspace", "**", "*.c"), recursive=True))
    text = re.sub(r'"\s*\n\s*"', "", "".join(read(name) for name in names))  # a string over two lines is one
    for name, value in re.findall(r'(?m)^#define (\w+) +("svcconnect_\w+")$', text):
        text = re.sub(rf"\b{name},", f"{value},", text)
    return text


def test_events():
    named = re.findall(r'\[EVENT_\w+\] = "(\w+)"', read("userspace/events/event_log.c"))
    listed = first_column(section("Events"))
    assert len(named) > 10 and sorted(named) == sorted(listed), set(named) ^ set(listed)
    told = read("docs/api.md")
    assert not [kind for kind in named if not re.search(rf"\b{kind}\b", told)], "docs/api.md has them too"


def test_errors():
    named = re.findall(r'\[ERROR_CODE_\w+\] = \{"(\w+)"', read("userspace/base/error_code.c"))
    listed = first_column(section("Errors"))
    assert len(named) > 10 and sorted({*named, "Usage", "Unreachable"}) == sorted(listed), {*named, "Usage", "Unreachable"} ^ set(listed)
    assert not [code for code in listed if f"| `{code}` |" not in read("docs/api.md")]


def test_metrics_of_the_sources():
    """Each name and what it is said to be."""
    text = sources()
    helps = dict(re.findall(r'"(svcconnect_[a-z0-9_]+)",\s*(?:"(?:counter|gauge|histogram)",\s*)?"((?:[^"\\]|\\.)+)"', text)[::-1])
    names = set(re.findall(r'"(svcconnect_[a-z0-9_]+)"', text))
    assert names == set(helps), f"found without their sentence: {names - set(helps)}"
    listed = {name: help_text for name, _, _, help_text in ROW.findall(section("Metrics"))}
    assert len(names) > 50 and names == set(listed), names ^ set(listed)
    different = {name: (helps[name], listed[name]) for name in names if helps[name] != listed[name]}
    assert not different, different


def test_metrics_of_a_daemon():
    """Type and labels of all that a daemon tells."""
    with test_metrics.testbed() as bed:
        test_metrics.listening(bed, metricsDetail="endpoint")
        bed.service("web", (1, 2))
        test_metrics.connect(bed.task(service="front"), bed, 3)
        text = test_metrics.scrape(bed)
    types = dict(re.findall(r"(?m)^# TYPE (\w+) (\w+)$", text))
    listed, groups = {}, re.split(r"(?m)^### ", section("Metrics"))
    for group in groups:
        common = set(re.findall(r"`(\w+)`", group.splitlines()[0].partition("with the labels")[2].partition(":")[0])) if group.strip() else set()
        for name, kind, labels, _ in ROW.findall(group):
            listed[name] = (kind, common | set(re.findall(r"`(\w+)`", labels)))
    assert len(types) > 40, types
    assert not {name: kind for name, kind in types.items() if listed[name][0] != kind}
    for name, labels in re.findall(r"(?m)^(svcconnect_\w+)\{(.*)\} ", text):
        base = name if name in listed else re.sub(r"_(bucket|sum|count)$", "", name)
        told = set(re.findall(r'(\w+)="', labels))
        assert told == listed[base][1] - (set() if name.endswith("_bucket") or base == name else {"le"}), (name, told, listed[base][1])


def test_every_decision_has_a_day():
    decisions = re.search(r"^## 4\. Decisions\n(.*?)(?=^## )", read("docs/architecture.md"), re.M | re.S)[1]
    undated = re.findall(r"(?m)^### (.*)\n(?!\*Decided \d{4}-\d\d-\d\d\.\*$)", decisions)
    assert decisions.count("### ") > 30 and not undated, undated


def test_every_page_is_in_the_site():
    pages = {name for name in os.listdir(os.path.join(TOP, "docs")) if name.endswith(".md")}
    for name, pattern in (("mkdocs.yml", r": ([a-z-]+\.md)$"), ("docs/index.md", r"\(([a-z-]+\.md)\)")):
        missing = pages - {"index.md"} - set(re.findall(pattern, read(name), re.M))
        assert not missing, f"{name} lacks {missing}"
