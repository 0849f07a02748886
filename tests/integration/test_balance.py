# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Of two endpoints the less loaded: by open connections of this host, within what routes and zones give."""
import collections
import subprocess
import sys

import chi_square
from testbed import Testbed, note, wait_until

CONNECTS = 6000
KEEP = """
import socket, sys
kept, names = [], []
for _ in range(int(sys.argv[3])):
    kept.append(socket.create_connection((sys.argv[1], int(sys.argv[2])), 5))
    names.append(kept[-1].recv(100).decode().strip())
print(*names, flush=True)
sys.stdin.read()
"""


def serve(bed, ids, service="backend", weight=1):
    addresses = {id: bed.address() for id in ids}
    bed.announce({address: f"{service}/{id}" for id, address in addresses.items()}, "--hold")
    bed.batch([{"op": "register", "service": service, "address": address, "id": id, "weight": weight}
               for id, address in addresses.items()])


def keep(task, address, count):
    """A process that keeps so many connections open, made one after the other, and how many went where."""
    process = task.popen([sys.executable, "-c", KEEP, address, "8080", str(count)],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return process, collections.Counter(process.stdout.readline().split())


def end(process):
    process.stdin.close()
    process.wait()


def test_whoever_has_less_to_do():
    with Testbed() as bed:
        serve(bed, ["a"])
        bed.cli_ok("set", "backend", "balance=leastConnections")
        task, address = bed.task(), bed.address_of("backend", 8080)
        assert "shares follow the load" in bed.cli_ok("explain", "backend:8080").out
        first, _ = keep(task, address, 50)
        serve(bed, ["b"])
        second, counts = keep(task, address, 50)
        note(f"b has none, a 50: {dict(counts)}")
        assert counts["backend/b"] >= 48, "eight draws of one endpoint come once in 256"
        bed.kill()
        third, counts = keep(task, address, 60)
        note(f"both have as many: {dict(counts)}, with the daemon dead")
        assert abs(counts["backend/a"] - counts["backend/b"]) <= 4, counts
        end(first)
        end(third)
        fourth, counts = keep(task, address, 40)
        note(f"b has 50, a none: {dict(counts)}")
        assert counts["backend/a"] >= 38, counts
        end(second)
        end(fourth)


def test_for_its_weight():
    with Testbed() as bed:
        serve(bed, ["a"], weight=3)
        serve(bed, ["b"])
        bed.cli_ok("set", "backend", "balance=leastConnections")
        process, counts = keep(bed.task(), bed.address_of("backend", 8080), 80)
        assert 57 <= counts["backend/a"] <= 63, counts
        end(process)


def test_routes_stay_exact():
    """However loaded one of the targets is."""
    with Testbed() as bed:
        serve(bed, ["0", "1", "2"], "v1")
        serve(bed, ["0", "1"], "v2")
        bed.cli_ok("set", "v1", "balance=leastConnections")
        bed.cli_ok("set", "v2", "balance=leastConnections")
        bed.cli_ok("route", "set", "v1:8080", "v1=90", "v2=10")
        task = bed.task()
        process, _ = keep(task, bed.address_of("v2", 8080), 40)
        report = task.connector({bed.target("v1", 8080): None}, "--count", CONNECTS, "--parallel", 4)
        targets = collections.Counter()
        for name, number in report["names"].items():
            targets[name.split("/")[0]] += number
        statistic, p = chi_square.check(targets, {"v1": 0.9, "v2": 0.1})
        note(f"{dict(targets)}, chi-square {statistic:.1f}, p {p:.3f}")
        end(process)


def test_connections_from_before():
    """They are counted within some seconds."""
    with Testbed() as bed:
        serve(bed, ["a"])
        task = bed.task()
        address = bed.address_of("backend", 8080)
        process, _ = keep(task, address, 30)
        serve(bed, ["b"])
        agent = task.agent()
        bed.cli_ok("set", "backend", "balance=leastConnections")
        wait_until(lambda: [agent.name(address, 8080) for _ in range(12)].count("backend/b") >= 11, 20, "all go to b")
        bed.cli_ok("set", "backend", "balance=weighted")
        assert {agent.name(address, 8080) for _ in range(40)} == {"backend/a", "backend/b"}
        end(process)
