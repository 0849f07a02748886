# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Part 2: what the programs cost, by the kernel's run-time statistics, raw and net of an empty program that the same
connects run."""
import contextlib

from figures import Figures, cell, print_table
from lab import PORT, ProgramStats, Testbed, ahead_of_others, attempts_map, endpoint_address, many_services, \
    register_all, run_json, say, start_ready, tool, unreachable_services

CASES = ["hit 1", "hit 10", "hit 1000", "hit spread", "miss", "refuse", "hit6 10", "miss6",
         "warm hit 1", "warm hit 10", "warm hit 1000", "warm miss",
         "hit 10 getpeername", "hit 10 getpeername alias", "miss getpeername"]
UDP_CASES = [*(f"datagram {flow} hit {n}" for flow in ("standing flow", "new flow") for n in (1, 10, 1000)),
             "datagram miss", "datagram refuse", "datagram mapped standing flow hit 10",
             "warm datagram standing flow hit 10", "warm datagram miss", "UDP connect hit 10", "UDP connect miss"]
# The least that this design can cost: least.bpf.c runs instead of connect4.
LEAST_CASES = ["hit 1", "hit 10", "hit 1000", "hit spread", "miss", "warm hit 10", "warm hit 1000", "warm miss"]
SIZES = [1, 1000, 10000]
SPREAD = 1000
BIG = 200000  # numbers of endpoints that no service of many_services() has
CONNECTS = 1000  # few, and many rounds of them: an interruption in the middle of a program spoils one round only
UDP_PORT = 8090
ROUNDS = 3  # for each of the others' rounds
MEASURED = ("connect4", "connect6", "sock_ops", "sendmsg4", "recvmsg4", "sendmsg6", "recvmsg6", "getpeername4",
            "getpeername6")


def measured_services(bed):
    """Services of 1, 10 and 1,000 endpoints, one that refuses; {name: target}"""
    registrations = [(f"e{n}", str(i), endpoint_address(BIG + n + i)) for n in (1, 10, 1000) for i in range(n)]
    register_all(bed, [*registrations, ("none", "0", endpoint_address(BIG + 5000))])
    bed.update("none", "0", health="UNHEALTHY")
    unreachable_services(bed, (1, 10, 1000))
    targets = {name: bed.target(name, 1 if name[0] == "w" else PORT)
               for name in ("e1", "e10", "e1000", "none", "w1", "w10", "w1000")}
    # One that asks for what the program dialled, so that connect4 keeps it in the socket.
    register_all(bed, [("told", str(i), endpoint_address(BIG + 10 + i)) for i in range(10)])
    bed.change("PUT", "/v1/settings", service="told", settings={"peerName": "alias"})
    return {**targets, "told": bed.target("told", PORT), **udp_services(bed)}


def udp_services(bed):
    """The same for UDP; {name: target}"""
    addresses = {f"u{n}": [endpoint_address(BIG + n + i, UDP_PORT) for i in range(n)] for n in (1, 10, 1000)}
    addresses["unone"] = [endpoint_address(BIG + 5000, UDP_PORT)]
    addresses["uw10"] = [f"198.18.0.{1 + i}:{UDP_PORT}" for i in range(10)]
    bed.batch([{"op": "register", "service": name, "id": str(i), "address": address, "protocol": "udp"}
               for name, known in addresses.items() for i, address in enumerate(known)])
    bed.update("unone", "0", health="UNHEALTHY")
    return {name: bed.target(name, UDP_PORT) for name in addresses}


def spread_targets(bed, path):
    """One alias after the other of up to SPREAD services that lie apart: caches are cold for each."""
    aliases = {item["dnsName"]: item for item in bed.get("/v1/aliases")["aliases"]}
    names = sorted(aliases)[::max(1, len(aliases) // SPREAD)]
    with open(path, "w", encoding="utf-8") as file:
        for name in names:
            if name != "none" and name[0] != "w" and aliases[name]["protocol"] == "tcp":
                file.write(f"{aliases[name]['address']}:{PORT}\n")
    return path


def commands(targets, spread, attempts):
    """{case: words}"""
    miss, udp_miss = f"127.0.0.1:{PORT}", f"127.0.0.1:{UDP_PORT}"
    connect = {"hit 1": [targets["e1"]], "hit 10": [targets["e10"]], "hit 1000": [targets["e1000"]],
               "hit spread": ["--targets", spread], "miss": [miss], "refuse": ["--refused", targets["none"]],
               "hit6 10": ["--mapped", targets["e10"]], "miss6": ["--mapped", miss],
               **{f"warm hit {n}": ["--unreachable", "--attempts", attempts, targets[f"w{n}"]] for n in (1, 10, 1000)},
               "warm miss": ["--unreachable", "198.18.255.1:1"],
               "hit 10 getpeername": ["--peer-name", targets["e10"]],
               "hit 10 getpeername alias": ["--peer-name", targets["told"]],
               "miss getpeername": ["--peer-name", miss]}
    datagram = {**{f"datagram standing flow hit {n}": [targets[f"u{n}"]] for n in (1, 10, 1000)},
                **{f"datagram new flow hit {n}": ["--new-socket", targets[f"u{n}"]] for n in (1, 10, 1000)},
                "datagram miss": [udp_miss], "datagram refuse": ["--refused", targets["unone"]],
                "datagram mapped standing flow hit 10": ["--mapped", targets["u10"]],
                "warm datagram standing flow hit 10": ["--unreachable", targets["uw10"]],
                "warm datagram miss": ["--unreachable", "198.18.255.1:1"],
                "UDP connect hit 10": ["--connect", "--new-socket", targets["u10"]],
                "UDP connect miss": ["--connect", "--new-socket", udp_miss]}
    return {**{case: [tool("connect_rate"), *words] for case, words in connect.items()},
            **{case: [tool("udp_rate"), *words] for case, words in datagram.items()}}


def measure_case(bed, task, statistics, figures, key, words, programs=MEASURED):
    """`programs` by name: each less the empty program of its hook."""
    with statistics.difference() as runs:
        report = run_json(bed, [words[0], "--count", str(CONNECTS), *words[1:]],
                          cgroup=task.directory, preexec_fn=ahead_of_others)
    assert report["failed"] == 0, f"{key}: {report}"
    for program in programs:
        ours, empty = runs.get(program), runs.get(f"no_{program.removeprefix('least_')}")
        if not ours or not ours["runs"]:
            continue
        raw, clock = ours["run_ns"] / CONNECTS, empty["run_ns"] / CONNECTS
        figures.add_all(f"{key}, {program}", runs=ours["runs"] / CONNECTS, raw_ns=raw, empty_ns=clock)
        figures.add(f"{key}, {program}", "net_ns", raw - clock)
        figures.add(f"{key}, {program}", "net_ns_per_run", (raw - clock) * CONNECTS / ours["runs"])


def measure(rounds, is_quick):
    """Figures by "CASE, SERVICES services, PROGRAM", and what the programs are."""
    figures, programs = Figures(), {}
    with Testbed(config={"maps": {"aliases": 131072}}) as bed:
        start_ready(bed, [tool("accept_server"), str(PORT)])
        start_ready(bed, [tool("udp_echo"), f"0.0.0.0:{UDP_PORT}"])
        task = bed.task()
        targets = measured_services(bed)
        statistics, nobody = ProgramStats(bed, task), bed.bare_task("least")
        least = ProgramStats(bed, nobody, scope=bed.get("/v1/tasks")["tasks"][0]["scope"])
        with contextlib.closing(statistics), contextlib.closing(least):
            filled = 0
            for size in SIZES:
                say(f"program cost at {size} services")
                register_all(bed, many_services(filled, size, 1))
                filled = size
                spread = spread_targets(bed, f"{bed.base}/targets")
                words = commands(targets, spread, attempts_map(bed))
                for _ in range(rounds if is_quick else rounds * ROUNDS):
                    for case in CASES + UDP_CASES:
                        measure_case(bed, task, statistics, figures, f"{case}, {size} services",
                                     words[case])
                        if case in LEAST_CASES:
                            measure_case(bed, nobody, least, figures, f"{case}, {size} services", words[case],
                                         ("least_connect4",))
            programs = statistics.sample()
    return {"figures": figures, "programs": programs}


def show(result):
    figures, rows = result["figures"], []
    for what, values in figures.values.items():
        rows.append([what, cell(values["runs"]), cell(values["raw_ns"]), cell(values["net_ns"]),
                     cell(values["net_ns_per_run"])])
    print_table("Program cost: ns per connect(), or datagram and its answer, by the kernel's statistics, all runs of it "
                "together; net: less an empty program in the same", ["case, services, program", "runs", "raw", "net",
                                                                     "net, each run"], rows)
    print_table("Programs", ["name", "instructions", "bytes of machine code"],
                [[name, item["instructions"], item["bytes"]] for name, item in result["programs"].items()
                 if not name.startswith("no_")])


def judge(result, targets):
    net = {what: result["figures"].median(what, "net_ns") for what in result["figures"].values}
    worst = SIZES[-1]
    # Once among everything else that a connection does, once with nothing in between.
    for case, limit in (("miss", 70), ("hit 10", 200), ("hit 1000", 350), ("warm miss", 70), ("warm hit 10", 200),
                        ("warm hit 1000", 350)):
        for size in (SIZES[0], worst):
            targets.at_most(f"connect4, {case}, {size:,} services, net", limit,
                            net.get(f"{case}, {size} services, connect4"), " ns")


def told(result):
    return {"figures": result["figures"].told(), "programs": result["programs"]}
