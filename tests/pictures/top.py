#!/usr/bin/env python3
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Writes the picture of `svcconnect top`: a daemon, servers and tasks of its own, and a terminal that tmux is.

usage: top.py FILE.svg"""
import contextlib
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]
sys.dont_write_bytecode = True

import worker
from screen_svg import draw

SIZE = {"columns": 118, "rows": 17}
SECONDS = 14


@contextlib.contextmanager
def calling(bed, calls):
    """Tasks that connect all the time: for each (client, alias name, seconds between connects) a thread with an agent."""
    is_over, threads = threading.Event(), []

    def go(agent, address, pause):
        while not is_over.wait(pause):
            agent.ask(address, PORT)
        agent.end()
    for client, name, pause in calls:
        task = bed.task(service=client, name=f"{client}-{name}")
        threads.append(threading.Thread(target=go, args=(task.agent(), bed.address_of(name, PORT), pause)))
        threads[-1].start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def capture():
    """The lines of the screen, with their colours."""
    with Testbed() as bed:
        for name, weights in {"checkout-v1": (1, 1, 1), "checkout-v2": (1,), "cart": (3, 1), "catalog": (1,) * 4,
                              "payments": (1, 1), "search": (1, 1)}.items():
            bed.service(name, weights)
        bed.route("checkout", {"checkout-v1": 90, "checkout-v2": 10}, port=PORT)
        bed.register("payments", bed.address(), id="2")  # nobody listens there: ejected after some refusals
        bed.update("search", "1", health="UNHEALTHY")
        calls = (("web", "checkout", 0.02), ("web", "catalog", 0.03), ("web", "search", 0.1), ("checkout", "payments", 0.03),
                 ("checkout", "cart", 0.06))
        with calling(bed, calls), terminal(bed, "picture", **SIZE) as screen:
            time.sleep(SECONDS)
            screen.press("2")
            time.sleep(2)
            return screen.tmux("capture-pane", "-e", "-p").rstrip("\n").splitlines()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    lines = capture()
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(draw(lines, "svcconnect top: the endpoints, their shares wanted and got, rates, failures and states"))


if __name__ == "__main__":
    with worker.directories(use_host_bpffs=False):
        from testbed import PORT, Testbed  # reads the directories as it is loaded
        from test_top import terminal
        main()
