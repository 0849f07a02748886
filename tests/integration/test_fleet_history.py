# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What the hosts of a fleet have acknowledged and told while etcd loses its leader: one order explains all of it."""
import base64
import contextlib
import itertools
import json
import threading
import time

import histories
from fleet import Etcd, fleet, rows, wait_for_same
from testbed import note, wait_until

HOSTS = 5
KEYS = [f"s{i}" for i in range(12)]
PAIR = ("left", "right")  # written by one batch, always, of two namespaces
HERE = [name for i, name in enumerate(KEYS) if i % 2 == 0]
PACE = 40                 # changes a second of each host: 200 in all


def test_the_checker_of_histories():
    histories.self_test()


def namespace_of(service):
    return "default" if service in HERE or service == "left" else "other"


def known_to(bed, names):
    """The weights as a host knows them: of each namespace at one moment."""
    endpoints = {name: bed.endpoints(name) for name in {namespace_of(name) for name in names}}
    return [endpoints[namespace_of(name)][name, "x"]["weight"] for name in names]


def ask_etcd(etcd, member, services):
    """The weights as a quorum of etcd has them, at one moment."""
    def key(service):
        return base64.b64encode(f"svcconnect/fleet/in/{namespace_of(service)}/rows/instances/{service}/x".encode()).decode()
    answer = etcd.ask("/v3/kv/txn", member=member, success=[{"request_range": {"key": key(service)}} for service in services])
    values = [part["response_range"]["kvs"][0]["value"] for part in answer["responses"]]
    return [json.loads(base64.b64decode(value))["weight"] for value in values]


class Work:
    """One host's writer, its reader, and one who asks etcd, until `stop`."""

    def __init__(self, etcd, beds):
        self.etcd, self.beds = etcd, beds
        self.history = histories.History()
        self.weights = itertools.count(2)
        self.stop = threading.Event()
        self.refused, self.failures, self.torn = 0, [], []
        self.threads = [threading.Thread(target=self.guarded, args=(work, n))
                        for n in range(len(beds)) for work in (self.write, self.read)]
        self.threads += [threading.Thread(target=self.guarded, args=(self.read_etcd, n)) for n in range(len(etcd.clients))]

    def acknowledged(self):
        return self.history.count("write", is_acknowledged=True)

    def guarded(self, work, n):
        try:
            work(n)
        except Exception as failure:  # told by the test's own thread
            self.failures.append(failure)

    def write(self, n):
        begin = time.monotonic()
        for i in itertools.count():
            if self.stop.wait(max(0, begin + i / PACE - time.monotonic())):
                return
            services = PAIR if i % 5 == 4 else (KEYS[(i * 7 + n) % len(KEYS)],)
            weight = next(self.weights)
            changes = [{"op": "update", "service": service, "id": "x", "weight": weight,
                        "namespace": namespace_of(service)} for service in services]
            if not self.history.write(services, weight, n, lambda changes=changes: self.send(n, changes)):
                self.refused += 1

    def send(self, n, changes):
        """What was not acknowledged may have been written all the same."""
        return self.beds[n].api("POST", "/v1/batch", {"changes": changes})[0] == 200 or None

    def read(self, n):
        for names in itertools.cycle(([*HERE, "left"], [*(set(KEYS) - set(HERE)), "right"])):
            if self.stop.wait(0.1):
                return
            self.history.read(names, n, lambda names=names: known_to(self.beds[n], names))

    def read_etcd(self, member):
        names = (KEYS[member], *PAIR)
        while not self.stop.wait(0.1):
            with contextlib.suppress(OSError, KeyError, ValueError):
                values = self.history.read(names, None, lambda: ask_etcd(self.etcd, member, names))
                if values[1] != values[2]:
                    self.torn.append((f"etcd member {member}", values[1:]))


def test_the_leader_is_killed_under_writes():
    with Etcd(3) as etcd, fleet(etcd, HOSTS) as beds:
        beds[0].service("web", weights=(1, 1))
        names = (*KEYS, *PAIR)
        beds[0].batch([{"op": "register", "service": name, "id": "x", "address": f"127.9.0.1:{i + 1}", "weight": 1,
                        "namespace": namespace_of(name)}
                       for i, name in enumerate(names)])
        for bed in beds:
            wait_until(lambda bed=bed: ("right", "x") in bed.endpoints("other") and ("web", "1") in bed.endpoints(), 30, "all is known")
        tasks = [bed.task() for bed in beds]
        connectors = [task.start_connector({bed.target("web", 8080): None}, "--seconds", 12) for bed, task in zip(beds, tasks)]
        work = Work(etcd, beds)
        for name in names:  # the first writes of all, before the others begin
            work.history.add(name, "write", 1, 0, 0, 0)
        begin = time.monotonic()
        for thread in work.threads:
            thread.start()
        time.sleep(3)
        before = len(work.history)
        etcd.kill(etcd.leader())
        # A new one leads when changes are acknowledged again.
        wait_until(lambda: beds[1].api("POST", "/v1/instances", {"service": "late", "id": "x", "address": "127.9.0.1:99"})[0] == 200,
                   30, "a change is acknowledged")
        acknowledged = work.acknowledged()
        wait_until(lambda: work.acknowledged() >= acknowledged + 60, 60, "the fleet goes on")
        work.stop.set()
        for thread in work.threads:
            thread.join()
        seconds = time.monotonic() - begin
        assert not work.failures, work.failures
        for connector in connectors:
            report = connector.finish()
            assert report["failed"] == 0 and report["answered"] > 0, report
        wait_for_same(beds)
        for n, bed in enumerate(beds):
            work.history.read(names, n, lambda bed=bed: known_to(bed, names))
            assert bed.endpoints("other")["right", "x"]["weight"] == bed.endpoints()["left", "x"]["weight"]
            assert rows(bed) == rows(beds[0])
        alive = next(i for i, process in enumerate(etcd.processes) if process)
        work.history.read(names, None, lambda: ask_etcd(etcd, alive, names))
        writes, acknowledged = work.history.count("write"), work.acknowledged()
        note(f"{acknowledged} writes acknowledged in {seconds:.1f} s, {writes - acknowledged} of which nobody knows, "
             f"{work.history.count('read')} reads, {len(work.history) - before} of all after the kill")
        assert not work.torn, work.torn
        unexplained = work.history.check()
        for key in unexplained:
            note(f"{key}: " + "; ".join("{kind} {value} {begin:.3f}..{end:.3f}".format(**o) for o in work.history.operations[key]))
        assert unexplained == []
        etcd.start()  # the member that was killed
        beds[4].register("late", "127.9.0.1:98", "y")
        wait_until(lambda: ("late", "y") in beds[1].endpoints(), 30, "the fleet goes on")


test_the_leader_is_killed_under_writes.timeout = 120
