#!/usr/bin/env python3
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Writes the picture of `svcconnect top`: a daemon, servers and tasks of its own, and a terminal that tmux is.

usage: top.py FILE.svg"""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]
sys.dont_write_bytecode = True

import worker
from screen_svg import draw

SIZE = {"columns": 118, "rows": 17}
SECONDS = 14


def capture():
    """The lines of the screen, with their colours."""
    with Testbed() as bed:
        open_shop(bed)
        with calling(bed), terminal(bed, "picture", **SIZE) as screen:
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
        from scene import calling, open_shop
        from testbed import Testbed  # reads the directories as it is loaded
        from test_top import terminal
        main()
