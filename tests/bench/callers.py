# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What it costs to count who calls whom, and to log: all runs of the programs for one connection and its close, by the kernel's
run-time statistics. A daemon for each setting, side by side, the same connects in a task of each, in turns whose order changes.
A price is the difference to the programs that count nothing, taken within a round: what the machine does besides hits both, and
the difference between two daemons that count nothing says how far that goes."""
import contextlib
import statistics

from figures import Figures, print_table
from lab import PORT, ProgramStats, Testbed, ahead_of_others, endpoint_address, register_all, run_json, say, start_ready, tool
from program import BIG

SETTINGS = {"callers off": {"callers": "off"}, "callers off, another": {"callers": "off"},
            "callers on, log off": {"connectionLog": "off"}, "log of failures": {"connectionLog": "failed"},
            "log of all": {"connectionLog": "all"}}
BASE = "callers off"
CASES = (10, 1000)
CONNECTS = 300  # few, and many rounds of them: an interruption in the middle of a program spoils one round only
ROUNDS = 10     # for each of the others' rounds
PROGRAMS = ("connect4", "sock_ops")
MOST = 60       # ns, of the counters alone


class Side:
    def __init__(self, name, bed, stack):
        self.name, self.bed = name, bed
        register_all(bed, [(f"e{n}", str(i), endpoint_address(BIG + n + i)) for n in CASES for i in range(n)])
        self.task = bed.task(service="caller")
        self.statistics = stack.enter_context(contextlib.closing(ProgramStats(bed, self.task)))
        self.targets = {n: bed.target(f"e{n}", PORT) for n in CASES}

    def measure(self, n):
        """ns of all runs for one connection."""
        words = [tool("connect_rate"), "--count", str(CONNECTS), self.targets[n]]
        with self.statistics.difference() as runs:
            report = run_json(self.bed, words, cgroup=self.task.directory, preexec_fn=ahead_of_others)
        assert report["failed"] == 0, f"{self.name}, {n} endpoints: {report}"
        return sum(runs[program]["run_ns"] for program in PROGRAMS) / CONNECTS


def measure(rounds, is_quick):
    figures = Figures()
    with contextlib.ExitStack() as stack:
        beds = {name: stack.enter_context(Testbed(config=config)) for name, config in SETTINGS.items()}
        start_ready(beds[BASE], [tool("accept_server"), str(PORT)])
        sides = [Side(name, bed, stack) for name, bed in beds.items()]
        rounds *= ROUNDS // 2 if is_quick else ROUNDS
        for number in range(rounds):
            if number % 10 == 0:
                say(f"who calls whom, round {number + 1} of {rounds}")
            turn = number % len(sides)
            order = sides[turn:] + sides[:turn]
            for n in CASES:
                for side in order[::-1] if number % 2 else order:
                    figures.add(f"{side.name}, {n} endpoints", "raw_ns", side.measure(n))
    return {"figures": figures}


def prices(figures, name, n):
    """What the setting adds, round by round."""
    base, own = (figures.values[f"{which}, {n} endpoints"]["raw_ns"] for which in (BASE, name))
    return [b - a for a, b in zip(base, own)]


def middle(values):
    """The average of the half in the middle: interruptions are in neither."""
    values = sorted(values)
    return statistics.mean(values[len(values) // 4:len(values) - len(values) // 4])


def quietest(values):
    """The average of the least tenth: nothing else ran meanwhile, and what the programs touch was in the caches."""
    return statistics.mean(sorted(values)[:max(1, len(values) // 10)])


def show(result):
    figures, rows = result["figures"], []
    for name in SETTINGS:
        row = [name]
        for n in CASES:
            added = sorted(prices(figures, name, n))
            base, own = (figures.values[f"{which}, {n} endpoints"]["raw_ns"] for which in (BASE, name))
            row += [f"{statistics.median(own):,.0f}", f"{quietest(own) - quietest(base):+.0f}",
                    f"{middle(added):+.0f} ({added[len(added) // 4]:+.0f}..{added[-1 - len(added) // 4]:+.0f})"]
        rows.append(row)
    print_table("Who calls whom, and the log: ns of all runs of connect4 and sock_ops for one connection and its close, and what is added to those "
                "of callers off: in the quietest tenth of the rounds, and in the same round (average of the half in the middle, and its ends)",
                ["setting", *(text for n in CASES for text in (f"{n:,} endpoints", "added, quietest", "added"))], rows)


def judge(result, targets):
    added = [middle(prices(result["figures"], "callers on, log off", n)) for n in CASES]
    targets.at_most("counters of who calls whom, ns a connection", MOST, statistics.mean(added))


def told(result):
    return {"figures": result["figures"].told()}
