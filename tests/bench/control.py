# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Part 3: the control plane: how soon a change is in effect, what one costs by the number of services, cold start,
memory, restart and idling at the largest size; answers by DNS."""
import contextlib
import json
import os
import shutil
import time

import names
import testbed
from figures import Figures, cell, print_table
from lab import PORT, ProgramStats, Testbed, cpu_seconds, endpoint_address, many_services, memory_mib, register_all, \
    run_json, say, settle, start_ready, tool

SIZES = [10, 100, 1000, 10000]
INSTANCES = 10  # of each service
CHANGES = 60  # in a round
BIG = 1000000  # numbers of endpoints that no service of many_services() has
MAPS = {"maps": {"aliases": 65536, "slots": 524288, "endpoints": 131072}}


def last_byte(address):
    return address.rsplit(":", 1)[0].rsplit(".", 1)[1]


def batch(*changes):
    return json.dumps({"changes": changes})


class Changes:
    """Three kinds of change, each there and back, each seen by connects."""

    def __init__(self, bed):
        self.bed = bed
        self.task = bed.task()
        start_ready(bed, [tool("accept_server"), str(PORT)])
        one, other = endpoint_address(BIG), endpoint_address(BIG + 1)
        register_all(bed, [("pair", "a", one), ("pair", "b", other)])
        # 1,000 endpoints whose addresses all end in the same byte: a route leads to them, and back to one other.
        register_all(bed, [("big", str(i), f"127.32.{i // 250}.7:{PORT}") if i % 250 == 0 else
                           ("big", str(i), f"127.{33 + i // 250}.{i % 250}.7:{PORT}") for i in range(1000)])
        bed.route("big-or-not", {"big": 1, "pair": 0}, port=PORT)
        self.targets = {name: bed.target(name, PORT) for name in ("pair", "big-or-not")}
        self.kinds = {
            "health flip": ("pair", "POST", "/v1/batch", self.both("health", "HEALTHY", "UNHEALTHY"), last_byte(one),
                            self.both("health", "UNHEALTHY", "HEALTHY"), last_byte(other)),
            "weight change": ("pair", "POST", "/v1/batch", self.both("weight", 1, 0), last_byte(one),
                              self.both("weight", 0, 1), last_byte(other)),
            "route to 1,000 endpoints": ("big-or-not", "PUT", "/v1/routes", self.route(1), "7", self.route(0),
                                         last_byte(one)),
        }

    @staticmethod
    def both(what, first, second):
        return batch({"op": "update", "service": "pair", "id": "a", what: first},
                     {"op": "update", "service": "pair", "id": "b", what: second})

    @staticmethod
    def route(big):
        return json.dumps({"dnsName": "big-or-not", "port": PORT,
                           "targets": [{"service": "big", "weight": big}, {"service": "pair", "weight": 1 - big}]})

    def reset(self):
        """Each kind begins with both endpoints in the state that the others need."""
        for id, health in (("a", "HEALTHY"), ("b", "UNHEALTHY")):
            self.bed.update("pair", id, health=health, weight=1)

    def measure(self, kind, figures, size, count):
        name, *words = self.kinds[kind]
        self.reset()
        if kind == "weight change":
            self.bed.update("pair", "b", health="HEALTHY")
        cpu = cpu_seconds(self.bed.daemon.pid)
        report = run_json(self.bed, [tool("change_latency"), self.bed.socket_path, self.targets[name], str(count),
                                     *words], cgroup=self.task.directory)
        cpu = cpu_seconds(self.bed.daemon.pid) - cpu
        figures.add(f"{kind}, {size} services", "late_connects", report["late_connects"])
        figures.add(f"{kind}, {size} services", "daemon_cpu_us", cpu * 1e6 / count)
        for which in ("acknowledged", "effective"):
            for quantile in ("p50_us", "p99_us"):
                figures.add(f"{kind}, {size} services", f"{which}_{quantile}",
                            max(report[side][which][quantile] for side in "ab"))


def count_syscalls(bed, statistics, count=20):
    """System calls of the daemon for one weight change, its HTTP and its commit included."""
    with contextlib.closing(bed.connection()) as connection:
        connection.ask("GET", "/v1/status")
        statistics.ask(f"count {bed.daemon.pid}")
        for i in range(count):
            connection.ask("PATCH", "/v1/instances", {"service": "pair", "id": "a", "weight": 2 + i})
        return statistics.ask("syscalls")["syscalls"] / count


def measure_sizes(bed, figures, sizes, rounds):
    changes = Changes(bed)
    with contextlib.closing(ProgramStats(bed, changes.task)) as statistics:
        filled = 0
        for size in sizes:
            say(f"changes at {size} services of {INSTANCES} instances")
            register_all(bed, many_services(filled, size, INSTANCES))
            filled = size
            for _ in range(rounds):
                for kind in changes.kinds:
                    changes.measure(kind, figures, size, CHANGES)
            changes.reset()
            writes = bed.status()["writes"]["maps"]
            bed.update("pair", "a", weight=7)
            figures.add(f"weight change, {size} services", "map_writes", bed.status()["writes"]["maps"] - writes)
            figures.add(f"weight change, {size} services", "syscalls", count_syscalls(bed, statistics))


def measure_idle(bed, figures, size, seconds):
    settle(1)
    begun, cpu = time.monotonic(), cpu_seconds(bed.daemon.pid)
    time.sleep(seconds)
    share = (cpu_seconds(bed.daemon.pid) - cpu) / (time.monotonic() - begun)
    figures.add(f"{size} services", "idle_core_percent", 100 * share)


def start_slow(bed):
    """As Testbed.start(), with the patience that a large registry needs, and without asking too often."""
    testbed.START_PATIENCE = 60
    return bed.start()


def measure_starts(bed, figures, size, rounds):
    """Cold: nothing pinned. Warm: killed, everything pinned."""
    for number in range(rounds):
        say(f"starts at {size} services, round {number + 1} of {rounds}")
        bed.kill()
        shutil.rmtree(bed.bpffs, ignore_errors=True)
        settle()
        figures.add(f"{size} services", "cold_start_s", start_slow(bed))
        resident, greatest = memory_mib(bed.daemon.pid)
        figures.add_all(f"{size} services", resident_mib=resident, greatest_mib=greatest,
                        cold_start_cpu_s=cpu_seconds(bed.daemon.pid))
        bed.kill()
        figures.add(f"{size} services", "restart_s", start_slow(bed))
        figures.add_all(f"{size} services", restart_writes=bed.status()["writes"]["maps"],
                        restart_cpu_s=cpu_seconds(bed.daemon.pid))


def measure(rounds, is_quick):
    figures, sizes = Figures(), [10, 1000] if is_quick else SIZES
    with Testbed(config=MAPS) as bed:
        measure_sizes(bed, figures, sizes, max(1, rounds // 2) if is_quick else rounds)
        figures.add(f"{sizes[-1]} services", "resident_after_filling_mib", memory_mib(bed.daemon.pid)[0])
        figures.add(f"{sizes[-1]} services", "registry_mib",
                    os.path.getsize(os.path.join(bed.state_dir, "registry.db")) / 2**20)
        measure_idle(bed, figures, sizes[-1], 3 if is_quick else 10)
        bed.change("DELETE", "/v1/tasks", all=True)
        measure_starts(bed, figures, sizes[-1], max(1, rounds // 2))
    names.measure(figures, rounds)
    return {"figures": figures, "sizes": sizes}


def show(result):
    figures = result["figures"].values
    columns = ["acknowledged_p50_us", "acknowledged_p99_us", "effective_p50_us", "effective_p99_us", "late_connects",
             "daemon_cpu_us", "map_writes", "syscalls"]
    print_table("Changes by the API, us: request -> acknowledged, acknowledged -> in effect (a connect shows it)",
                ["change", "ack p50", "ack p99", "effect p50", "effect p99", "late", "daemon CPU", "map writes",
                 "syscalls"],
                [[what, *(cell(values.get(name)) for name in columns)] for what, values in figures.items()
                 if "acknowledged_p50_us" in values])
    for what, values in figures.items():
        if "cold_start_s" in values:
            print_table(f"The daemon at {what} of {INSTANCES} instances", ["what", "measured"],
                        [[name, cell(item)] for name, item in values.items()])
        if "us_per_answer" in values:
            heads = {"answers_per_second": "per second", "answers_per_core_second": "per second of one core",
                       "us_per_answer": "daemon CPU, us each"}
            print_table("Answers to a task's questions", ["what", *heads.values()],
                        [[what, *(cell(values[name]) for name in heads)]])


def judge(result, targets):
    figures, sizes = result["figures"], result["sizes"]
    large = f"{sizes[-1]} services"
    for kind in ("health flip", "weight change", "route to 1,000 endpoints"):
        what = f"{kind}, {large}"
        targets.at_most(f"{what}: acknowledged -> in effect, p50", 1000, figures.median(what, "effective_p50_us"), " us")
        targets.at_most(f"{what}: acknowledged -> in effect, p99", 5000, figures.median(what, "effective_p99_us"), " us")
    costs = [figures.median(f"weight change, {size} services", "daemon_cpu_us") for size in (sizes[0], sizes[-1])]
    targets.at_most(f"weight change: daemon CPU at {large}, times that at {sizes[0]}", 2,
                    costs[1] / costs[0] if all(costs) else None)
    targets.at_least("DNS, own names, answers for a second of one core", 20000,
                     figures.median("DNS, own names", "answers_per_core_second"))
    if sizes[-1] == 10000:
        targets.at_most("cold start, 10,000 services, 100,000 instances", 1.5, figures.median(large, "cold_start_s"), " s")
        targets.at_most("resident after a cold start at that size", 150, figures.median(large, "resident_mib"), " MiB")
        targets.at_most("idle at that size", 0.2, figures.median(large, "idle_core_percent"), " % of a core")


def told(result):
    return {"figures": result["figures"].told(), "sizes": result["sizes"]}
