# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Faults of the host around the daemon: no descriptors left, its port in other hands, the clock set, pins removed."""
import contextlib
import datetime
import os
import resource
import socket
import struct
import time

from testbed import Testbed, processor_seconds, tool, wait_until, yardstick


def log_of(bed):
    with open(bed.log_file, encoding="utf-8") as file:
        return file.read()


def test_descriptors_at_their_limit():
    """Those at the door wait; neither the processor nor the log pays for it, and all is well again by itself."""
    with Testbed() as bed:
        bed.service("web")
        soft, hard = resource.prlimit(bed.daemon.pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{bed.daemon.pid}/fd"))
        resource.prlimit(bed.daemon.pid, resource.RLIMIT_NOFILE, (used + 8, hard))
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                client = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    client.connect(bed.socket_path)
            wait_until(lambda: "nobody can connect" in log_of(bed), 10, "it is at its limit")
            before, size = processor_seconds(bed.daemon.pid), os.path.getsize(bed.log_file)
            time.sleep(1)
            spent, grown = processor_seconds(bed.daemon.pid) - before, os.path.getsize(bed.log_file) - size
            assert spent < yardstick(), f"{spent:.2f} s of processor"
            assert grown < 2000, f"{grown} bytes of log"
        resource.prlimit(bed.daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
        wait_until(bed.is_up, 10, "it answers again")


def test_port_of_the_aws_api_is_taken():
    with contextlib.closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with Testbed({"awsListen": f"127.0.0.1:{port}"}) as bed:
            status = bed.status()
            assert status["state"] == "degraded" and f"127.0.0.1:{port}" in str(status["degraded"]), status["degraded"]
            doctor = bed.cli("doctor")
            assert f"127.0.0.1:{port}" in doctor.out, doctor
            assert "svcconnect_degraded 1\n" in bed.get("/metrics")
            assert bed.get("/v1/credentials")["endpoint"] == ""
            bed.service("web")
            other.close()
            wait_until(lambda: bed.status()["state"] == "ok", 10, "it has its port")
            assert bed.get("/v1/credentials")["endpoint"] == f"http://127.0.0.1:{port}"
            assert "svcconnect_degraded 0\n" in bed.get("/metrics")
            with contextlib.closing(socket.create_connection(("127.0.0.1", port))) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert client.recv(12).startswith(b"HTTP/1."), "the API answers"


DAY = 86400


class WallClock:
    """The wall clock of a daemon, ahead of the host's by so many seconds."""

    def __init__(self, bed):
        self.path = os.path.join(bed.base, "wall_clock")
        self.set(0)
        self.environment = {**os.environ, "LD_PRELOAD": tool("preload/wall_clock.so"), "WALL_CLOCK": self.path}

    def set(self, seconds):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("q", seconds))


def start_with_clock(bed, clock):
    bed.daemon = bed.launch(env=clock.environment)
    wait_until(bed.is_up, 10, "it is up")


def draining(bed):
    return {key: item["draining"] for key, item in bed.endpoints().items() if "draining" in item}


def test_the_clock_is_set():
    """A day forward ends nothing within a run, two days back prolong nothing, also over a restart."""
    with Testbed(start=False) as bed:
        clock = WallClock(bed)
        start_with_clock(bed, clock)
        addresses = [bed.address() for _ in range(2)]
        bed.announce({address: f"web/{i}" for i, address in enumerate(addresses)}, "--hold")
        for i, address in enumerate(addresses):
            bed.register("web", address, id=str(i))
        bed.service("v2")
        bed.route("front", {"web": 1})
        agent = bed.task().agent()
        names = set()
        while names != {"web/0", "web/1"}:  # what is open keeps a drain from ending at once
            sock = agent.open()
            agent.call("connect", socket=sock, address=bed.address_of("web", 8080), port=8080)
            names.add(agent.call("read", socket=sock)["name"])
        bed.change("POST", "/v1/canaries", dnsName="front", port=80, **{"from": "web", "to": "v2"}, intervalSeconds=600)
        bed.change("POST", "/v1/drains", service="web", id="0", timeoutSeconds=600)
        share = bed.get("/v1/canaries")["canaries"][0]["percent"]
        clock.set(DAY)
        began = bed.status()["uptimeSeconds"]
        wait_until(lambda: bed.status()["uptimeSeconds"] >= began + 2, 10, "two seconds have passed")
        assert ("web", "0") in bed.endpoints(), "a day forward ends no drain"
        assert bed.get("/v1/canaries")["canaries"][0]["percent"] == share, "nor a step"
        # Back by two days while a short one runs: it ends in its time.
        bed.change("POST", "/v1/drains", service="web", id="1", timeoutSeconds=1)
        clock.set(-2 * DAY)
        wait_until(lambda: ("web", "1") not in bed.endpoints(), 10, "it ends in its time")
        # And over a restart under a clock that went back: no longer than it was to take in all.
        bed.change("POST", "/v1/drains", service="web", id="0", timeoutSeconds=1)
        bed.kill()
        clock.set(-4 * DAY)
        start_with_clock(bed, clock)
        wait_until(lambda: ("web", "0") not in bed.endpoints(), 10, "nor does the next run prolong it")


def test_the_clock_is_set_before_a_restart():
    """A day forward and a restart of the same boot end neither a drain nor a canary's step; what people read follows."""
    with Testbed(start=False) as bed:
        clock = WallClock(bed)
        start_with_clock(bed, clock)
        address = bed.address()
        bed.announce({address: "web/0"}, "--hold")
        bed.register("web", address, id="0")
        bed.service("v2")
        bed.route("front", {"web": 1})
        agent = bed.task().agent()
        sock = agent.open()
        agent.call("connect", socket=sock, address=bed.address_of("web", 8080), port=8080)
        agent.call("read", socket=sock)
        bed.change("POST", "/v1/canaries", dnsName="front", port=80, **{"from": "web", "to": "v2"}, intervalSeconds=600)
        bed.change("POST", "/v1/drains", service="web", id="0", timeoutSeconds=600)
        share = bed.get("/v1/canaries")["canaries"][0]["percent"]
        for ahead in (DAY, 3 * DAY, -5 * DAY):
            bed.kill()
            clock.set(ahead)
            start_with_clock(bed, clock)
            began = bed.status()["uptimeSeconds"]
            wait_until(lambda: bed.status()["uptimeSeconds"] >= began + 2, 10, "two seconds have passed")
            assert ("web", "0") in draining(bed), "the drain goes on"
            until = datetime.datetime.fromisoformat(draining(bed)["web", "0"]["until"].replace("Z", "+00:00")).timestamp()
            assert 0 < until - (time.time() + ahead) <= 600, (until, ahead)
            canary = bed.get("/v1/canaries")["canaries"][0]
            assert canary["percent"] == share and canary["state"] == "RUNNING", canary
