# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Part 4: what active TCP health checks cost, by the daemon's engine on loopback (probe_load)."""
import re

from figures import Figures, cell, print_table
from lab import Testbed, say, tool

TARGETS, INTERVAL_MS = 10000, 10000
LINE = re.compile(r"^after the first round +(\d+) probes +(\d+)/s +([\d.]+) % of a core +([\d.]+) us each$", re.M)


def measure(_rounds, is_quick):
    """One run: its two intervals are the rounds of a crowd and of the steady state; the latter counts."""
    figures = Figures()
    seconds = 15 if is_quick else 30
    say(f"{TARGETS:,} TCP health checks for {seconds} s")
    with Testbed(start=False) as bed:
        result = bed.run([tool("probe_load"), str(TARGETS), str(INTERVAL_MS), str(seconds)], timeout=seconds + 30)
    found = LINE.search(result.out)
    assert result.rc == 0 and found, result
    figures.add_all(f"{TARGETS} TCP checks every {INTERVAL_MS // 1000} s", probes_per_second=float(found[2]),
                    core_percent=float(found[3]), us_per_probe=float(found[4]))
    return figures


def show(figures):
    rows = [[what, *(cell(values[name]) for name in ("probes_per_second", "core_percent", "us_per_probe"))]
            for what, values in figures.values.items()]
    print_table("Health checks", ["what", "probes/s", "% of a core", "us each"], rows)


def judge(figures, targets):
    for what, values in figures.values.items():
        targets.at_most(what, 10, values["core_percent"][0], " % of a core")


def told(figures):
    return {"figures": figures.told()}
