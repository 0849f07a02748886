#!/usr/bin/env python3
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Writes the pictures of the page (--web-listen), its table of services and its map: a daemon, servers and tasks of its own, and a browser without a screen.

usage: page.py FILE.png MAP.png [DIRECTORY]     DIRECTORY: pictures of all views, light and dark, besides"""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]
sys.dont_write_bytecode = True

import worker
from browser import Browser

SIZE, MAP_SIZE = (1280, 560), (1280, 720)
SECONDS = int(os.environ.get("PICTURE_SECONDS") or 64)  # a minute fills the small charts
VIEWS = {"services": "services", "map": "map", "service": "service/default/checkout-v2", "payments": "service/default/payments", "tasks": "tasks",
         "events": "events", "host": "host"}


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    listen = f"127.0.0.1:{9466}"
    with Testbed(config={"webListen": listen}) as bed, Browser(size=SIZE) as browser:
        open_shop(bed)
        with calling(bed):
            browser.go(f"http://{listen}/")
            time.sleep(SECONDS / 2)
            bed.route("checkout", {"checkout-v1": 100, "checkout-v2": 0}, port=PORT)
            bed.change("POST", "/v1/canaries", dnsName="checkout", port=PORT, **{"from": "checkout-v1", "to": "checkout-v2"},
                       stepPercent=10, intervalSeconds=8, minConnects=1)
            time.sleep(SECONDS / 2)
            browser.picture(sys.argv[1], *SIZE)
            browser.run("location.hash = '#/map'")
            time.sleep(12)  # rates are those of 10 seconds
            browser.picture(sys.argv[2], *MAP_SIZE)
            if len(sys.argv) == 4:
                for is_dark in (False, True):
                    browser.show_as(is_dark)
                    for name, view in VIEWS.items():
                        browser.run(f"location.hash = '#/{view}'")
                        time.sleep(3.5)
                        browser.picture(os.path.join(sys.argv[3], f"{name}-{'dark' if is_dark else 'light'}.png"), 1360, 900)
            for line in browser.complaints():
                print(line)


if __name__ == "__main__":
    with worker.directories(use_host_bpffs=False):
        from scene import calling, open_shop
        from testbed import PORT, Testbed  # reads the directories as it is loaded
        main()
