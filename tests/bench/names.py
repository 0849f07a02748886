# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Names: how many DNS questions of a task the daemon answers (a part of control.py). By the daemon's processor time, since
client and daemon may share a processor with others."""
import testbed
from lab import Testbed, cpu_seconds, say
from test_dns import SERVER, Place

QUESTIONS = 20000


def measure(figures, rounds):
    """Own names, intercepted on their way to the task's name server."""
    say(f"DNS, {QUESTIONS:,} questions a round")
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:9", id="0")
        here = Place(bed)
        for _ in range(rounds):
            before = cpu_seconds(bed.daemon.pid)
            result = here.run(testbed.tool("dns_rate"), SERVER, str(QUESTIONS), "backend", timeout=40)
            spent = cpu_seconds(bed.daemon.pid) - before
            assert result.rc == 0, result
            answered, milliseconds = map(int, result.out.split())
            figures.add_all("DNS, own names", answers_per_second=answered / milliseconds * 1000,
                            answers_per_core_second=answered / spent, us_per_answer=spent * 1e6 / answered)
