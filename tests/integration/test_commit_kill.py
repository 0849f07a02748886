# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""kill -9 between any two steps of a commit, under concurrent writers: what was acknowledged is there after the restart,
what was not is there whole or not at all, and no connect fails or goes wrong meanwhile."""
import http.client
import os
import signal
import threading
import time

from testbed import START_PATIENCE, Testbed, note, tool, wait_until

WRITERS = 4
# A commit has some ten steps until it is durable, then entries are written; beyond them lie the next commits.
STEPS = [*range(1, 25), 29, 37, 53, 80]


class Writer(threading.Thread):
    """Gives two instances of two services the same weight in one batch, and makes and deletes a service beside."""

    def __init__(self, bed, number):
        super().__init__(daemon=True)
        self.bed, self.number = bed, number
        self.value = self.acknowledged = 1  # the value: of weights, and odd while the service is there
        self.problems = []

    def batch(self, value):
        number = self.number
        changes = [{"op": "update", "service": name, "id": str(number), "weight": value} for name in ("one", "two")]
        if value % 2:
            changes.append({"op": "register", "service": f"more{number}", "id": "0", "address": self.bed.spare})
        else:
            changes.append({"op": "delete-service", "service": f"more{number}"})
        return {"changes": changes}

    def run(self):
        connection = self.bed.connection()
        while True:
            value = self.value + 1
            try:
                self.value = value
                status, answer = connection.ask("POST", "/v1/batch", self.batch(value))
            except (OSError, http.client.HTTPException):
                return  # the daemon has died
            if status != 200:
                self.problems.append(f"{status} {answer}")
                return
            self.acknowledged = value

    def check(self, endpoints):
        """Returns what is there, which the next one goes on from."""
        weights = {endpoints[name, str(self.number)]["weight"] for name in ("one", "two")}
        assert len(weights) == 1, f"writer {self.number}: half a batch: {weights}"
        weight = weights.pop()
        assert weight in (self.acknowledged, self.value), (weight, self.acknowledged, self.value)
        assert ((f"more{self.number}", "0") in endpoints) == bool(weight % 2), f"writer {self.number}: half a batch"
        assert not self.problems, self.problems
        return weight


def launch_to_die(bed, at):
    armed = os.path.join(bed.base, f"armed-{at}")
    environment = {**os.environ, "LD_PRELOAD": tool("preload/kill_at.so"), "KILL_AT": str(at), "KILL_ARMED": armed,
                   "KILL_FILE": bed.state_dir}
    bed.daemon = bed.launch(env=environment)
    wait_until(bed.is_up, START_PATIENCE, "the daemon answers")
    return armed


def kill_at(bed, at, values):
    """The daemon dies at that step of a commit; returns how the values stand after the next start."""
    armed = launch_to_die(bed, at)
    writers = [Writer(bed, number) for number in range(WRITERS)]
    for writer, value in zip(writers, values):
        writer.value = writer.acknowledged = value
        writer.start()
    with open(armed, "w", encoding="utf-8"):
        pass
    assert bed.daemon.wait(30) == -signal.SIGKILL
    for writer in writers:
        writer.join(30)
        assert not writer.is_alive(), "a writer hangs"
    bed.start()
    endpoints = bed.endpoints()
    values = [writer.check(endpoints) for writer in writers]
    bed.kill()
    return values, sum(writer.acknowledged != writer.value for writer in writers)


def test_killed_at_any_step_of_a_commit():
    with Testbed() as bed:
        client = bed.task()
        listeners = {}
        bed.spare = bed.address()
        for name in ("one", "two"):
            for number in range(WRITERS):
                address = bed.address()
                listeners[address] = name
                bed.register(name, address, str(number))
        for number in range(WRITERS):
            bed.register(f"more{number}", bed.spare, "0")
        bed.announce(listeners)
        targets = {bed.target(name, 8080): name for name in ("one", "two")}
        bed.kill()
        running = client.start_connector(targets, "--seconds", 300, "--parallel", 1)
        values, unanswered, began = [1] * WRITERS, 0, time.monotonic()
        for at in STEPS:
            values, lost = kill_at(bed, at, values)
            unanswered += lost
        bed.start()
        report = running.stop()
        note(f"killed at {len(STEPS)} steps in {time.monotonic() - began:.0f} s, {unanswered} batches in flight then, "
             f"{sum(values)} written, {report['answered']} connects")
        assert report["answered"] and not report["failed"] and not report["wrong"], report
        assert unanswered >= len(STEPS) and sum(values) > len(STEPS)


test_killed_at_any_step_of_a_commit.timeout = 240
