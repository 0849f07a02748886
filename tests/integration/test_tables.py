# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Lists of the command line: one line a row on 80 columns, -o, --filter, --sort, --watch, and ids as one types them."""
import contextlib
import json
import re
import shlex
import subprocess

from terminal import on_terminal, plain
from testbed import CLI, Testbed

LISTS = (["services"], ["endpoints"], ["aliases"], ["routes"], ["tasks"], ["settings"])
LONG = "a-service-whose-name-is-longer-than-most"


@contextlib.contextmanager
def lab():
    """Services of short and long names, one endpoint of each kind that nothing is sent to, a route, a task."""
    with Testbed() as bed:
        bed.batch([{"op": "register", "service": service, "id": id, "address": address, "weight": weight}
                   for service, id, address, weight in (("v1", "a", "10.0.0.1:80", 5), ("v1", "b", "10.0.0.2:80", 0),
                                                        ("v1", "c", "10.0.0.3:80", 2), ("v1", "d", "10.0.0.4:80", 2),
                                                        (LONG, "i" * 60, "10.0.0.5:80", 1))])
        bed.cli_ok("register", "v1", "--address", "[fd00::1]:8081")
        bed.cli_ok("route", "set", "backend:80", "v1=9", f"{LONG}=1")
        bed.cli_ok("health", "v1", "c", "unhealthy")
        bed.cli_ok("eject", "v1", "d", "--for", "600")
        bed.task(service="web")
        yield bed


def steady(text):
    """Without the seconds that run down while one looks."""
    return re.sub(r"ejected for [0-9.]+ s", "ejected for a while", text)


def rows_of(text):
    lines = plain(text).splitlines()
    return lines[0].split(), lines[1:]


def test_a_row_is_one_line():
    with lab() as bed:
        for words in LISTS:
            whole = bed.cli_ok(*words).out
            for columns in (40, 80, 100):
                status, text = on_terminal(bed, *words, columns=columns)
                lines = plain(text).splitlines()
                assert status == 0 and max(map(len, lines)) <= columns, (words, columns, text)
                is_less = "-o wide shows all" in lines[-1]
                assert len(lines) - is_less == len(whole.splitlines()), "as many rows as in a pipe"
                assert is_less or steady(plain(text)) == steady(whole), (words, text)
            status, text = on_terminal(bed, *words, "-o", "wide", columns=200)
            assert steady(plain(text)) == steady(whole), "a pipe has all columns, and so has -o wide"
            assert "\x1b" in text and "\x1b" not in whole
        header, _ = rows_of(on_terminal(bed, "endpoints")[1])
        assert {"SERVICE", "ID", "ELIGIBLE", "REASON"} <= set(header), header
        limited = bed.run([CLI, "endpoints"], env={**bed.cli_environment(), "COLUMNS": "60"}).out.splitlines()
        assert max(map(len, limited)) <= 60, limited
        assert "\x1b" not in on_terminal(bed, "endpoints", environment={"NO_COLOR": "1"})[1]


def test_why_nothing_is_sent_there():
    with lab() as bed:
        found = {}
        for line in bed.cli_ok("endpoints", "v1").out.splitlines()[1:]:
            words = line.split(None, 10)
            found[words[2]] = (words[6], words[10])
        assert found["a"] == ("yes", "not checked"), found
        assert found["b"] == ("no", "weight 0") and found["c"][0] == "no" and "owner" in found["c"][1], found
        assert found["d"][0] == "no" and found["d"][1].startswith("ejected for "), found
        assert LONG not in bed.cli_ok("endpoints", "v1").out
        refused = bed.cli("endpoints", "nosuch")
        assert refused.rc == 1 and "nosuch" in refused.err and "svcconnect services" in refused.err, refused
        assert bed.cli("endpoints", "nosuch", "--json").rc == 1


def test_filter_sort_and_forms():
    with lab() as bed:
        def ids(*words):
            return [item["id"] for item in bed.cli_ok("endpoints", *words, "--json").json()["endpoints"]]

        assert ids("--filter", "eligible=no") == ["b", "c", "d"]
        assert ids("--filter", "eligible=no", "--filter", "health=healthy") == ["b", "d"]
        assert ids("--filter", "10.0.0.3") == ["c"] and ids("--filter", "nothing") == []
        assert ids("v1", "--sort", "-weight")[0] == "a" and ids("v1", "--sort", "weight")[0] == "b"
        for words, text in ((["--filter", "colour=red"], "reason"), (["--sort", "colour"], "reason"),
                            (["-o", "yaml"], "wide, json, name"), (["--watch=0"], "86400")):
            refused = bed.cli("endpoints", *words)
            assert refused.rc == 2 and text in refused.err and not refused.out, (words, refused)
        for word in ("settings", "events"):
            assert bed.cli(word, "-o", "name").rc == 2, word
        assert bed.cli_ok("services", "-o", "json").json() == bed.get("/v1/services")
        [alias] = bed.cli_ok("aliases", "--filter", "alias=backend:80", "-o", "json").json()["aliases"]
        assert alias["dnsName"] == "backend" and len(alias["targets"]) == 2, "an alias stays whole"


def test_events_fit_and_are_filtered():
    with lab() as bed:
        bed.cli_ok("eject", "v1", "a")
        lines = plain(on_terminal(bed, "events", columns=60)[1]).splitlines()
        assert lines and max(map(len, lines)) <= 60 and any("…" in line for line in lines), lines
        assert plain(on_terminal(bed, "events", "-o", "wide", columns=60)[1]) == bed.cli_ok("events").out
        kinds = [json.loads(line)["kind"] for line in
                 bed.cli_ok("events", "--filter", "kind=ejected", "-o", "json").out.splitlines()]
        assert len(kinds) == 2 and set(kinds) == {"EJECTED"}, kinds
        assert "EJECTED" not in bed.cli_ok("events", "--filter", "attached").out
        assert bed.cli("events", "--filter", "colour=red").rc == 2


def test_names_are_what_commands_take():
    with lab() as bed:
        bed.register("v1", "10.0.1.1:80", id="x", namespace="red")
        lines = bed.cli_ok("endpoints", "-o", "name").out.splitlines()
        assert "v1 x -n red" in lines and "v1 fd00::1:8081" in lines, lines
        for line in lines:
            bed.cli_ok("weight", *shlex.split(line)[:2], "3", *shlex.split(line)[2:])
        assert {item["weight"] for item in bed.get("/v1/endpoints")["endpoints"]} == {3}
        bed.cli_ok("weight", "v1", "[fd00::1]:8081", "4")
        bed.cli_ok("register", "v1", "--address", "[fd00::1]:8082", "--id", "[fd00::1]:8082")
        for id in ("[fd00::1]:8081", "fd00::1:8082"):
            bed.cli_ok("deregister", "v1", id, "--now")
        for line in bed.cli_ok("routes", "-o", "name").out.splitlines():
            bed.cli_ok("route", "clear", *shlex.split(line))
        for line in bed.cli_ok("tasks", "-o", "name").out.splitlines():
            bed.cli_ok("detach", "--cgroup", line)
        for line in bed.cli_ok("services", "-o", "name").out.splitlines():
            bed.cli_ok("delete", "service", *shlex.split(line))
        assert not bed.get("/v1/services")["services"] and not bed.get("/v1/tasks")["tasks"]


def test_what_a_task_has_connected():
    with Testbed() as bed:
        bed.service("v1")
        tasks = {name: bed.task(name=name) for name in ("busy", "idle")}
        agent = tasks["busy"].agent()
        for _ in range(7):
            assert agent.name(bed.address_of("v1", 8080), 8080) == "v1/0"
        bed.restart()
        agent.name(bed.address_of("v1", 8080), 8080)
        assert {name: bed.tasks()[task.path]["connects"] for name, task in tasks.items()} == {"busy": 8, "idle": 0}
        header, *rows = bed.cli_ok("tasks", "-o", "wide").out.splitlines()
        end = header.index("CONNECTS") + len("CONNECTS")
        assert sorted(row[:end].split()[-1] for row in rows) == ["0", "8"], rows
        start = header.index(" NAMES ") + 1
        assert sorted(row[start:].split()[0] for row in rows)[0] == "-", "nobody is in it who could ask"


def test_watch():
    with lab() as bed:
        def until(text):
            if text.count("Ctrl-C ends") == 1 and not changed:
                bed.cli_ok("weight", "v1", "a", "9")
                changed.append(True)
            return "* " in plain(text.split("Ctrl-C ends")[-1])

        changed = []
        status, text = on_terminal(bed, "endpoints", "v1", "--watch", "1", until=until)
        assert status == 0, text
        marked = [line for line in plain(text).splitlines() if line.startswith("* ")]
        assert len(marked) == 1 and marked[0].split()[2:4] == ["a", "9"], text
        changed = [True]
        _, text = on_terminal(bed, "endpoints", "--watch", rows=6, until=lambda text: "more rows" in text)
        assert len(plain(text).splitlines()) <= 7, text
        process = bed.popen([CLI, "endpoints", "--watch=1", "-o", "json"], env=bed.cli_environment(),
                            stdout=subprocess.PIPE)
        assert all(json.loads(process.stdout.readline())["endpoints"] for _ in range(2)), "one table per interval"
        process.stdout.close()
        assert process.wait(5) in (0, 1, -13)
