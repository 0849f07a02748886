# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The programs of another build beside this one's, in the same rounds: two daemons with directories of their own, the same
endpoints and servers, and the same connects in a task of each. What a machine does besides hits both; only the ratios tell."""
import contextlib
import os

from figures import Figures, cell, print_table, short
from lab import BUILD, PORT, ProgramStats, Testbed, attempts_map, endpoint_address, many_services, register_all, say, \
    start_ready, tool, unreachable_services
from program import BIG, measure_case, spread_targets

SERVICES = 10000
# The most that the programs of a connection may cost, by those of the build before (docs/performance.md).
CASES = {"miss": None, "warm miss": None, "hit 10": 0.6, "hit 1000": 0.5, "hit spread": 0.5, "warm hit 10": None,
         "warm hit 1000": None}
PROGRAMS = ("connect4", "sock_ops")


class Build(Testbed):
    """A testbed whose daemon is of that build directory."""

    def __init__(self, directory, **options):
        self.program = os.path.abspath(os.path.join(directory, "svcconnectd"))
        super().__init__(**options)

    def command_line(self, flags=()):
        return [self.program, *super().command_line(flags)[1:]]


class Side:
    """One of both: services, a task, and the statistics of its programs."""

    def __init__(self, name, bed, stack):
        self.name, self.bed = name, bed
        register_all(bed, [(f"e{n}", str(i), endpoint_address(BIG + n + i)) for n in (10, 1000) for i in range(n)])
        unreachable_services(bed, (10, 1000))
        register_all(bed, many_services(0, SERVICES, 1))
        self.task = bed.task()
        self.statistics = stack.enter_context(contextlib.closing(ProgramStats(bed, self.task)))
        spread = spread_targets(bed, f"{bed.base}/targets")
        attempts = ["--unreachable", "--attempts", attempts_map(bed)]
        targets = {"miss": [f"127.0.0.1:{PORT}"], "warm miss": ["--unreachable", "198.18.255.1:1"],
                   "hit 10": [bed.target("e10", PORT)], "hit 1000": [bed.target("e1000", PORT)],
                   "hit spread": ["--targets", spread], "warm hit 10": [*attempts, bed.target("w10", 1)],
                   "warm hit 1000": [*attempts, bed.target("w1000", 1)]}
        self.words = {case: [tool("connect_rate"), *words] for case, words in targets.items()}

    def measure(self, case, figures):
        before = {program: len(figures.values.get(f"{case}, {self.name}, {program}", {}).get("net_ns", []))
                  for program in PROGRAMS}
        measure_case(self.bed, self.task, self.statistics, figures, f"{case}, {self.name}", self.words[case], PROGRAMS)
        total = 0
        for program in PROGRAMS:
            values = figures.values.get(f"{case}, {self.name}, {program}", {}).get("net_ns", [])
            if len(values) > before[program]:
                total += max(values[-1], 1)
        figures.add(f"{case}, {self.name}, both", "net_ns", total)


def measure(directory, rounds):
    figures = Figures()
    config = {"maps": {"aliases": 131072}}
    with contextlib.ExitStack() as stack:
        beds = [stack.enter_context(Build(where, config=config))
                for where in (directory, BUILD)]
        start_ready(beds[0], [tool("accept_server"), str(PORT)])
        say(f"{SERVICES} services in two daemons")
        sides = [Side(name, bed, stack) for name, bed in zip(("before", "now"), beds)]
        for number in range(rounds):
            say(f"programs beside those of before, round {number + 1} of {rounds}")
            for case in CASES:
                for side in sides[::-1] if number % 2 else sides:
                    side.measure(case, figures)
        samples = {side.name: side.statistics.sample() for side in sides}
    return {"figures": figures, "samples": samples}


def show(result):
    figures, rows = result["figures"], []
    for case in CASES:
        for what in (*PROGRAMS, "both"):
            before, now = (figures.values.get(f"{case}, {name}, {what}", {}).get("net_ns") for name in ("before", "now"))
            if before and now:
                ratio = figures.ratio(f"{case}, now, {what}", f"{case}, before, {what}", "net_ns")
                rows.append([f"{case}, {what}", cell(before), cell(now),
                             f"{short(ratio[0])} ({short(ratio[1])}..{short(ratio[2])})"])
    print_table(f"Programs beside those of the build before, {SERVICES:,} services: net ns per connect() and close",
                ["case, programs", "before", "now", "now / before"], rows)
    print_table("Instructions", ["program", "before", "now"],
                [[name, result["samples"]["before"].get(name, {}).get("instructions"), item["instructions"]]
                 for name, item in result["samples"]["now"].items() if not name.startswith("no_")])


def judge(result, targets):
    for case, limit in CASES.items():
        found = limit and result["figures"].ratio(f"{case}, now, both", f"{case}, before, both", "net_ns")
        if found:
            targets.at_most(f"connect4 + sock_ops, {case}, of the build before", limit, found[0])


def told(result):
    return {"figures": result["figures"].told()}
