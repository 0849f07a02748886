# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What must not grow unnoticed (scripts/bench --guard, a part of .ci/run): instructions, runs, system calls, map writes,
allocations, and ratios of run times taken in one run. No absolute time is judged. Each limit is about half as much
again as was measured when it was set: noise does not reach it, a doubling does."""
import contextlib
import os
import struct
import sys

import stack
from lab import BUILD, PORT, ProgramStats, Testbed, ahead_of_others, attempts_map, endpoint_address, many_services, \
    register_all, run_json, start_ready, tool, unreachable_services

MOST_STACK = stack.MOST
LIMITS = {
    # what: most
    # Open tables in the place of hashes: more instructions, of which few are run, and fewer calls and lines of memory.
    "instructions of connect4": 4700,  # of which an alias without affinity, policy and balance runs three tests of bits more than before
    "instructions of connect6": 5000,
    # 1,222 where nobody counts who calls whom.
    # 2,280 without the time to the first byte, of which a connection that is not measured runs a multiplication and a comparison.
    "instructions of sock_ops": 3200,
    "instructions of sendmsg4": 4850,
    "instructions of recvmsg4": 190,
    # Kernels before 6.7 round each frame up to 32 bytes and take no more than this.
    "bytes of stack, connect4": MOST_STACK,
    "bytes of stack, connect6": MOST_STACK,
    "bytes of stack, sendmsg4": MOST_STACK,
    "bytes of stack, sendmsg6": MOST_STACK,
    "bytes of stack, sock_ops": MOST_STACK,
    "runs of connect4 per connect": 1,
    "runs of sock_ops per redirected connection": 8,
    "runs of sock_ops per other connection": 6,
    "warm hit of 1,000 endpoints / of 1": 8,
    "warm miss beside 1,000 services / beside 10": 3,
    "map writes per weight change": 4,
    "map writes per registration": 13,
    # 24 before commits went to a thread and answers came later; 38 now, and 50 where a busy machine wakes threads apart.
    "system calls per weight change": 65,
    "system calls per weight change, beside 1,000 services / beside 10": 1.5,
    "allocations per weight change": 300,
    "allocations per weight change, beside 1,000 services / beside 10": 1.5,
}
CONNECTS = 400
ROUNDS = 9
CHANGES = 10
CHANGE_ROUNDS = 5
BIG = 1000000


class Allocations:
    """The daemon's, by a library preloaded into it."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "allocations")
        with open(self.path, "wb") as file:
            file.write(bytes(4096))

    @contextlib.contextmanager
    def preloaded(self):
        os.environ.update(LD_PRELOAD=os.path.join(BUILD, "tests", "bench", "preload", "count_allocations.so"),
                          COUNT_ALLOCATIONS=self.path)
        try:
            yield
        finally:
            del os.environ["LD_PRELOAD"], os.environ["COUNT_ALLOCATIONS"]

    def count(self):
        with open(self.path, "rb") as file:
            return struct.unpack("Q", file.read(8))[0]


def net(bed, task, statistics, words):
    """(ns of connect4 less those of the empty program, its runs, those of sock_ops) per connect."""
    with statistics.difference() as runs:
        report = run_json(bed, [tool("connect_rate"), "--count", str(CONNECTS), *words], cgroup=task.directory,
                          preexec_fn=ahead_of_others)
    assert report["failed"] == 0, report
    return ((runs["connect4"]["run_ns"] - runs["no_connect4"]["run_ns"]) / CONNECTS,
            runs["connect4"]["runs"] / CONNECTS, runs["sock_ops"]["runs"] / CONNECTS)


# The clock that both the program and the empty one are measured by is coarser than what lies between them may be: a
# difference of less is taken for this much, or a ratio would have nothing to stand on.
LEAST_NS = 40


def ratio(value, base):
    return max(value, LEAST_NS) / max(base, LEAST_NS)


def least_net(bed, task, statistics, words):
    """Of several rounds: what disturbs only adds."""
    return max(1, min(net(bed, task, statistics, words)[0] for _ in range(ROUNDS)))


def measure_programs(bed, task, statistics, found):
    for name in ("connect4", "connect6", "sock_ops", "sendmsg4", "recvmsg4"):
        found[f"instructions of {name}"] = statistics.sample()[name]["instructions"]
    _, found["runs of connect4 per connect"], found["runs of sock_ops per redirected connection"] = \
        net(bed, task, statistics, [bed.target("pair", PORT)])
    found["runs of sock_ops per other connection"] = net(bed, task, statistics, [f"127.0.0.1:{PORT}"])[2]
    found["warm hit of 1,000 endpoints / of 1"] = ratio(
        *(least_net(bed, task, statistics, ["--unreachable", "--attempts", attempts_map(bed), bed.target(name, 1)])
          for name in ("w1000", "w1")))


def least_changes(bed, statistics, allocations):
    """The least of each: what the daemon does each second by itself falls into some of the rounds, and only adds."""
    return [min(values) for values in zip(*(measure_changes(bed, statistics, allocations) for _ in range(CHANGE_ROUNDS)))]


def measure_changes(bed, statistics, allocations):
    """(system calls, allocations, map writes) per weight change."""
    with contextlib.closing(bed.connection()) as connection:
        _, before = connection.ask("GET", "/v1/status")
        # The last answer is read before the daemon has given back all of it: that much is noise.
        counted = allocations.count()
        statistics.ask(f"count {bed.daemon.pid}")
        for i in range(CHANGES):
            status, answer = connection.ask("PATCH", "/v1/instances", {"service": "pair", "id": "a", "weight": 2 + i})
            assert status == 200, answer
        calls = statistics.ask("syscalls")["syscalls"]
        counted = allocations.count() - counted
        _, after = connection.ask("GET", "/v1/status")
    return calls / CHANGES, counted / CHANGES, (after["writes"]["maps"] - before["writes"]["maps"]) / CHANGES


def measure():
    deep = stack.depths(os.path.join(BUILD, "tests", "bench", "frames.o"), ("connect4", "connect6", "sendmsg4", "sendmsg6", "sock_ops"))
    found = {f"bytes of stack, {program}": depth for program, depth in deep.items()}
    bed = Testbed(start=False)
    with bed:
        allocations = Allocations(bed.base)
        with allocations.preloaded():
            bed.start()
        start_ready(bed, [tool("accept_server"), str(PORT)])
        task = bed.task()
        register_all(bed, [("pair", "a", endpoint_address(BIG)), ("pair", "b", endpoint_address(BIG + 1))])
        unreachable_services(bed, (1, 1000))
        writes = bed.status()["writes"]["maps"]
        register_all(bed, many_services(0, 10, 1))
        found["map writes per registration"] = (bed.status()["writes"]["maps"] - writes) / 10
        with contextlib.closing(ProgramStats(bed, task)) as statistics:
            measure_programs(bed, task, statistics, found)
            few = least_changes(bed, statistics, allocations)
            miss = least_net(bed, task, statistics, ["--unreachable", "198.18.255.1:1"])
            register_all(bed, many_services(10, 1000, 1))
            many = least_changes(bed, statistics, allocations)
            found["warm miss beside 1,000 services / beside 10"] = ratio(
                least_net(bed, task, statistics, ["--unreachable", "198.18.255.1:1"]), miss)
        for i, name in enumerate(("system calls", "allocations")):
            found[f"{name} per weight change"] = few[i]
            found[f"{name} per weight change, beside 1,000 services / beside 10"] = many[i] / max(few[i], 1)
        found["map writes per weight change"] = max(few[2], many[2])
    return found


def judge(found):
    """Prints a line for each; returns how many are beyond their limit, or could not be measured."""
    beyond = 0
    for what, most in LIMITS.items():
        value = found.get(what)
        is_good = value is not None and 0 < value <= most
        beyond += not is_good
        print(f"{'ok  ' if is_good else 'FAIL'}  {what:<66} {value if value is None else round(value, 2)!s:>8}  at most {most}",
              flush=True)
    print(f"guard: {len(LIMITS) - beyond} of {len(LIMITS)} within their limits")
    return beyond


def main():
    return 1 if judge(measure()) else 0


if __name__ == "__main__":
    sys.exit("guard.py is run by scripts/bench --guard")
