# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A name server that a test can teach names, and silence (zone_server.py)."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Zone:
    """A name server of the test's own, and what it says."""

    def __init__(self, bed, port=5300):
        self.bed = bed
        self.where = bed.address(port)
        self.path = os.path.join(bed.base, f"zone-{self.where}.json")
        self.log_path = os.path.join(bed.base, f"zone-{self.where}.log")
        self.names = {}
        self.set()
        self.server = None
        self.start()

    def set(self):
        temporary = self.path + ".new"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(self.names, file)
        os.rename(temporary, self.path)

    def put(self, name, **entry):
        self.names[name] = entry
        self.set()

    def remove(self, name):
        del self.names[name]
        self.set()

    def start(self):
        self.server = self.bed.popen([sys.executable, os.path.join(HERE, "zone_server.py"), self.where, self.path,
                                      self.log_path], stdout=-1)
        assert self.server.stdout.readline() == "READY\n"

    def stop(self):
        self.server.kill()
        self.server.wait()

    def questions(self):
        with open(self.log_path, encoding="utf-8") as lines:
            return lines.read().splitlines()
