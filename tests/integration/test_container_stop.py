# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Containers of a real Docker daemon that are drained and stopped, and what an operator says of their instances."""
import subprocess
import threading
import time

from container_host import docker_host
from testbed import wait_until

CLIENT = """
import socket, sys
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print("connected", flush=True)
sys.stdin.readline()
"""


def state(host, service="backend"):
    return {item["id"].split("-")[0]: item for item in host.instances(service)}


def run_state(host, name):
    return host.docker.ok("inspect", "-f", "{{.State.Status}}", name).strip()


class Stop:
    """`svcconnect stop`, while the test goes on."""

    def __init__(self, host, *words):
        self.result = None
        self.thread = threading.Thread(target=self.work, args=(host, words))
        self.thread.start()

    def work(self, host, words):
        self.result = host.bed.cli("stop", *words, timeout=60)

    def finish(self):
        self.thread.join()
        return self.result


def hold_connection(host):
    """A task in Docker's network namespace, with one connection to the alias; closed by `communicate()`."""
    task = host.bed.task()
    address = host.bed.address_of("backend", 8080)
    client = task.popen([*host.docker.inside, "python3", "-c", CLIENT, address, "8080"], stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE)
    assert client.stdout.readline() == "connected\n"
    return client


def test_stop_waits_for_what_is_open():
    with docker_host() as host:
        id = host.run("slow", ["svcconnect.service=backend", "svcconnect.port=8080"], "/bin/sh", "-c",
                      "while :; do busybox nc -l -p 8080; done", options=["--stop-timeout", "1"])[:12]
        wait_until(lambda: state(host), 5, "it is registered")
        client = hold_connection(host)
        stop = Stop(host, "slow", "--timeout", "1h")
        wait_until(lambda: state(host)[id]["health"] == "DRAINING", 5, "it drains")
        host.serve("other", "backend", "svcconnect.port=8080")
        host.check_caller("meanwhile", 50)  # others take what comes
        assert run_state(host, "slow") == "running" and not stop.result
        host.docker.ok("pause", "other")  # each change is another plan
        host.docker.ok("unpause", "other")
        assert state(host)[id]["health"] == "DRAINING"
        client.communicate("\n")
        result = stop.finish()
        assert result.rc == 0 and "slow is draining: 1 open connection, 1h at most\nstopped slow\n" == result.out, result
        assert run_state(host, "slow") == "exited"
        wait_until(lambda: id not in state(host), 5, "it is deregistered")
        told = [event["message"] for event in host.bed.get("/v1/events")["events"] if event["kind"] == "CONTAINER"]
        assert any(text.startswith("container slow: drains to be stopped: 1 connections open") for text in told), told
        assert "container slow: docker stops it now, 0 connections open" in told, told


test_stop_waits_for_what_is_open.timeout = 120


def test_stop_takes_the_containers_time():
    with docker_host() as host:
        host.run("slow", ["svcconnect.service=backend", "svcconnect.port=8080"], "/bin/busybox", "nc", "-l", "-p", "8080",
                 options=["--stop-timeout", "2"])
        host.run("plain", [], "/bin/sleep", "600")
        host.run("brief", ["svcconnect.service=backend", "svcconnect.port=8080"], "/bin/first", "serve", "8080", "x",
                 options=["--rm"])
        wait_until(lambda: len(state(host)) == 2 and "plain" in host.containers(), 5, "all are there")
        refused = host.bed.cli("stop", "plain")
        assert refused.rc == 1 and "svcconnect.service" in refused.err, refused
        missing = host.bed.cli("stop", "nobody")
        assert missing.rc == 1 and "no runtime has a container" in missing.err, missing
        assert host.bed.cli("stop", "slow", "--timeout", "soon").rc == 2
        assert host.bed.cli("stop").rc == 2
        brief = host.bed.cli("stop", "brief", timeout=60)
        assert brief.rc == 0 and brief.out.endswith("stopped brief\n"), brief
        client = hold_connection(host)
        result = host.bed.cli("stop", "slow", timeout=60)
        assert result.rc == 0 and result.out.startswith("slow is draining: 1 open connection, 2s at most\n"), result
        assert run_state(host, "slow") == "exited", "although one was open"
        assert run_state(host, "plain") == "running"
        client.kill()
        again = host.bed.cli("stop", "slow")
        assert again.rc == 1 and "does not run" in again.err, again


test_stop_takes_the_containers_time.timeout = 120


def test_a_word_by_hand_holds():
    with docker_host() as host:
        ids = {name: host.serve(name, "backend", "svcconnect.port=8080")[:12] for name in ("one", "two", "three", "four")}
        wait_until(lambda: len(state(host)) == 4, 5, "all are registered")
        full = {name: state(host)[id]["id"] for name, id in ids.items()}
        host.bed.cli_ok("drain", "backend", full["one"], "--timeout", "0")
        host.bed.cli_ok("health", "backend", full["two"], "unhealthy")
        host.bed.cli_ok("weight", "backend", full["three"], "7")

        def seen():
            now = state(host)
            return [now[ids["one"]]["health"], now[ids["two"]]["health"], now[ids["three"]]["weight"], now[ids["four"]]["health"]]

        time.sleep(2)  # the drain's end
        assert seen() == ["DRAINING", "UNHEALTHY", 7, "HEALTHY"], seen()
        for name in ids:
            host.docker.ok("pause", name)
        wait_until(lambda: seen()[3] == "UNHEALTHY", 5, "paused")
        for name in ids:
            host.docker.ok("unpause", name)
        wait_until(lambda: seen()[3] == "HEALTHY", 5, "goes on")
        assert seen() == ["DRAINING", "UNHEALTHY", 7, "HEALTHY"], seen()
        host.bed.restart()
        wait_until(lambda: host.bed.get("/v1/containers")["runtimes"][0]["connected"], 5, "the runtime is followed")
        host.docker.ok("pause", "four")
        wait_until(lambda: seen()[3] == "UNHEALTHY", 5, "paused")
        assert seen()[:3] == ["DRAINING", "UNHEALTHY", 7], seen()
        host.bed.cli_ok("health", "backend", full["two"], "healthy")
        host.bed.cli_ok("register", "backend", "--id", full["one"], "--address", state(host)[ids["one"]]["address"] + ":8080")
        host.docker.ok("unpause", "four")
        wait_until(lambda: seen() == ["HEALTHY", "HEALTHY", 7, "HEALTHY"], 5, "all are back")
        host.docker.ok("rm", "-f", *ids)
        wait_until(lambda: not state(host), 5, "and go with their containers")


test_a_word_by_hand_holds.timeout = 120
