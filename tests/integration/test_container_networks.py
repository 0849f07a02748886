# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Docker's networks have no way to each other: nobody is sent where it has none, and who tries all the same takes nothing from others."""
import time

from container_host import docker_host, outcome
from testbed import wait_until


def call(host, client, number=30, seconds=60):
    """What connects saw of a container that runs already."""
    return outcome(host.docker.ok("exec", client, "/bin/busybox", "timeout", str(seconds), "/bin/first", "call", "backend", "80", str(number)))


def begin(host, *networks):
    for name in networks:
        host.docker.ok("network", "create", name)
        host.serve(f"backend-{name}", "backend", "svcconnect.port=8080", options=["--network", name])
        host.run(f"client-{name}", ["svcconnect.service=frontend"], "/bin/sleep", "600", options=["--network", name])
    wait_until(lambda: len(host.instances()) == len(networks), 5, "all are registered")
    host.addresses = {name: host.docker.ok("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
                                           f"backend-{name}").strip() for name in networks}


def outcomes(host, name):
    return next(item for item in host.instances() if item["address"] == host.addresses[name])


def test_nobody_is_sent_where_it_has_no_way():
    with docker_host() as host:
        begin(host, "blue", "green")
        for name, other in (("blue", "green"), ("green", "blue")):
            before = outcomes(host, other)["outcomes"]["established"]
            assert call(host, f"client-{name}") == (0, 0, 30)
            assert outcomes(host, other)["outcomes"]["established"] == before
        assert outcomes(host, "blue")["outcomes"]["established"] == 30
        assert not any(item["ejections"] or item["outcomes"]["retransmitted"] for item in host.instances()), host.instances()
        host.run("outside", ["svcconnect.service=frontend"], "/bin/sleep", "600", options=["--network", "host"])
        wait_until(lambda: host.containers()["outside"]["attached"], 5, "a container on the host's network")
        assert call(host, "outside", 60) == (0, 0, 60)
        assert all(outcomes(host, name)["outcomes"]["established"] > 30 for name in ("blue", "green")), "has a way to all"


test_nobody_is_sent_where_it_has_no_way.timeout = 120


def test_tasks_tell_of_their_containers():
    with docker_host() as host:
        host.serve("one", "backend", "svcconnect.port=8080")
        wait_until(lambda: host.containers()["one"]["networks"] == ["bridge"] and host.instances(), 5, "it is registered")
        cgroup = host.containers()["one"]["cgroup"]
        task = host.bed.tasks()[cgroup]
        seen = {name: task.get(name) for name in ("container", "runtime", "image", "networks", "first")}
        assert seen == {"container": "one", "runtime": "docker", "image": "svctest:1", "networks": ["bridge"], "first": "gated"}, task
        assert task["heldMicroseconds"] > 0 and task["startedAt"].startswith("20"), task
        wide = host.bed.cli_ok("tasks", "-o", "wide").out
        assert all(word in wide for word in ("CONNECTS", "NAMES", "CONTAINER", "FIRST", "NETWORK", "RUNTIME", "IMAGE", "SINCE", "svctest:1", "bridge", " ms")), wide
        host.docker.ok("rename", "one", "two")
        wait_until(lambda: host.bed.tasks()[cgroup]["container"] == "two", 5, "it is called otherwise")
        assert [item["health"] for item in host.instances()] == ["HEALTHY"], "the same instance"
        host.docker.ok("pause", "two")
        wait_until(lambda: host.containers()["two"]["state"] == "PAUSED", 5, "paused")
        wait_until(lambda: [item["health"] for item in host.instances()] == ["UNHEALTHY"], 5, "takes no traffic meanwhile")


test_tasks_tell_of_their_containers.timeout = 120


def test_who_tries_all_the_same_takes_nothing_from_others():
    with docker_host() as host:
        begin(host, "blue")
        host.docker.ok("network", "create", "red")
        host.run("lonely", ["svcconnect.service=frontend"], "/bin/sleep", "600", options=["--network", "red"])
        wait_until(lambda: host.containers()["lonely"]["attached"], 5, "it is a task")
        assert call(host, "client-blue") == (0, 0, 30)
        tries = "for i in 1 2 3 4 5 6 7 8 9 10; do busybox timeout 4 first call backend 80 1 & done; wait"
        host.docker.call("exec", "-e", "PATH=/bin", "lonely", "/bin/sh", "-c", tries)
        seen = outcomes(host, "blue")
        assert seen["outcomes"]["retransmitted"] >= 10 and seen["ejections"] == 0 and not seen["ejected"], seen
        assert call(host, "client-blue") == (0, 0, 30)
        host.docker.ok("network", "connect", "blue", "lonely")
        wait_until(lambda: "blue" in host.containers()["lonely"]["networks"], 5, "it is on both")
        time.sleep(0.2)
        assert call(host, "lonely", seconds=20) == (0, 0, 30)
        host.docker.ok("network", "disconnect", "blue", "backend-blue")
        wait_until(lambda: not [item for item in host.instances() if item["health"] == "HEALTHY"], 5, "on no network it serves nobody")


test_who_tries_all_the_same_takes_nothing_from_others.timeout = 120
