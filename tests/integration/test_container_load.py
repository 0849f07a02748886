# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Replicas of a service come, go, crash and are replaced, while a container calls them 200 times a second."""
import time

from container_host import docker_host, in_parallel
from testbed import note, wait_until

PORT = "svcconnect.port=8080"


ON_ITS_WAY = ("Connection reset by peer", "closed")  # connected to one that then died: nobody can help that


def late_failures(seen):
    """Requests that began when their server was dead."""
    return sum(number for text, number in seen["errors"].items() if text not in ON_ITS_WAY)


def has_reached(host, *services):
    """Each of their instances by now has had a connection since it was asked for the first time here."""
    def connections():
        return {item["id"]: item["connections"] for service in services for item in host.instances(service)}
    before = connections()
    wait_until(lambda: all(number > before.get(id, 0) for id, number in connections().items()), 10, "all are called")


def test_scale():
    """One replica, five, two; three are killed."""
    with docker_host() as host:
        host.serve("b0", "backend", PORT)
        host.wait_for_instances(1)
        host.load("caller")
        in_parallel(lambda name: host.serve(name, "backend", PORT), ["b1", "b2", "b3", "b4"])
        host.wait_for_instances(5)
        has_reached(host, "backend")
        for name in ("b0", "b3", "b1"):
            host.docker.ok("kill", name)
        host.wait_for_instances(2)
        has_reached(host, "backend")
        seen = host.end_load("caller")
        note(f"{seen}")
        assert set(seen["answers"]) == {"b0", "b1", "b2", "b3", "b4"}, seen
        assert late_failures(seen) <= 3, seen


test_scale.timeout = 120


def test_rolling_restart():
    """Three replicas one after the other, drained first: nothing fails. Then by the runtime alone, whose program goes on
    for a moment after its signal, as web servers do. Their health check says when they listen."""
    check = ["--health-cmd", "busybox nc 127.0.0.1 8080 </dev/null", "--health-interval", "1s", "--health-retries", "1"]
    with docker_host() as host:
        names = ["r0", "r1", "r2"]
        in_parallel(lambda name: host.run(name, ["svcconnect.service=backend", PORT], "/bin/first", "serve", "8080", name, "1000",
                                          options=check), names)
        host.wait_for_instances(3)
        host.load("caller")
        has_reached(host, "backend")
        for name in names:
            assert host.bed.cli("stop", name, timeout=60).rc == 0
            host.docker.ok("start", name)
            host.wait_for_instances(3)
            has_reached(host, "backend")
        drained = host.end_load("caller")
        host.load("caller")
        has_reached(host, "backend")
        for name in names:
            host.docker.ok("restart", "-t", "10", name)
            host.wait_for_instances(3)
            has_reached(host, "backend")
        seen = host.end_load("caller")
        note(f"{drained['asked']} and {seen['asked']} requests")
        assert set(drained["answers"]) == set(names) and not drained["errors"], drained
        assert not seen["errors"], seen


test_rolling_restart.timeout = 120


def test_crashes():
    """Whoever is killed fails at most one of the requests that begin from then on, at 200 a second, however short a time ago the
    caller began; who is drained none."""
    with docker_host() as host:
        names = [f"c{number}" for number in range(6)]
        in_parallel(lambda name: host.serve(name, "backend", PORT), names)
        host.wait_for_instances(6)
        host.load("caller")
        has_reached(host, "backend")
        assert host.bed.cli("stop", "c5", timeout=60).rc == 0
        host.docker.ok("rm", "c5")
        has_reached(host, "backend")
        drained = host.end_load("caller")
        assert not drained["errors"], drained
        host.load("caller")
        for number in range(4):
            has_reached(host, "backend")
            host.docker.ok("kill", names[number])
            host.wait_for_instances(4 - number)
            has_reached(host, "backend")
        seen = host.end_load("caller")
        note(f"4 killed: {seen['errors']} of {seen['asked']}")
        assert late_failures(seen) <= 4, seen


test_crashes.timeout = 120


def test_blue_and_green():
    with docker_host() as host:
        for name in ("blue-1", "blue-2", "green-1", "green-2"):
            host.serve(name, name.split("-")[0], PORT)
        host.wait_for_instances(2, "blue")
        host.wait_for_instances(2, "green")
        host.bed.cli_ok("route", "set", "backend:80", "blue=100", "green=0")
        host.load("caller")
        has_reached(host, "blue")
        before = host.end_load("caller")
        assert set(before["answers"]) == {"blue-1", "blue-2"} and not before["errors"], before
        host.load("caller")
        has_reached(host, "blue")
        host.bed.cli_ok("route", "set", "backend:80", "blue=50", "green=50")
        has_reached(host, "blue", "green")
        host.bed.cli_ok("route", "set", "backend:80", "blue=0", "green=100")
        has_reached(host, "green")
        meanwhile = host.end_load("caller")
        assert set(meanwhile["answers"]) == {"blue-1", "blue-2", "green-1", "green-2"} and not meanwhile["errors"], meanwhile
        host.docker.ok("rm", "-f", "blue-1", "blue-2")
        host.load("caller")
        has_reached(host, "green")
        after = host.end_load("caller")
        assert set(after["answers"]) == {"green-1", "green-2"} and not after["errors"], after


test_blue_and_green.timeout = 120


def test_health():
    """Whoever is starting or unhealthy is sent nothing."""
    with docker_host() as host:
        check = ["--health-cmd", "test -e /tmp/well", "--health-interval", "1s", "--health-retries", "1", "--health-timeout", "2s"]
        host.serve("plain", "backend", PORT)
        host.serve("checked", "backend", PORT, options=[*check, "--health-start-period", "60s"])
        wait_until(lambda: len(host.instances()) == 2, 5, "both are registered")
        host.load("caller")
        time.sleep(1)
        seen = host.end_load("caller")
        assert set(seen["answers"]) == {"plain"}, f"starting: {seen}"
        host.docker.ok("exec", "checked", "/bin/busybox", "touch", "/tmp/well")
        host.wait_for_instances(2)
        host.load("caller")
        has_reached(host, "backend")
        host.docker.ok("exec", "checked", "/bin/busybox", "rm", "/tmp/well")
        host.wait_for_instances(1)
        both = host.end_load("caller")
        assert {"plain", "checked"} == set(both["answers"]) and not both["errors"], both
        host.load("caller")
        time.sleep(0.5)
        seen = host.end_load("caller")
        assert set(seen["answers"]) == {"plain"} and not seen["errors"], f"unhealthy: {seen}"
        health = {item["id"].split("-")[0]: item["health"] for item in host.instances()}
        assert health == {host.id_of("plain"): "HEALTHY", host.id_of("checked"): "UNHEALTHY"}, health


test_health.timeout = 120
