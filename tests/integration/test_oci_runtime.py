# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""svcconnect-oci-runtime as the runtime of a real Docker, podman and containerd, with the exec gate switched off: names from the first instruction."""
import os
import signal

from container_host import Host
from test_bundles import Containerd, Runc
from test_podman import LIMITS, Podman
from testbed import BUILD, Testbed, note, wait_until

WRAPPER = os.path.join(BUILD, "svcconnect-oci-runtime")
STARTS = 20


def held_by(host):
    told = [event["message"] for event in host.bed.get("/v1/events")["events"] if event["kind"] == "CONTAINER"]
    return sum("attached before its first instruction" in one for one in told)


def wrapper(bed, name="wrapper"):
    """A program that is the wrapper, with this test's daemon."""
    path = os.path.join(bed.base, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec {WRAPPER} --svcconnect-socket={bed.socket_path} "$@"\n')
    os.chmod(path, 0o755)
    return path


def test_docker():
    with Testbed({"containerGate": "off"}, start=False) as bed:
        host = Host(bed, dockerd=["--add-runtime", f"svc={wrapper(bed)}", "--default-runtime", "svc"])
        try:
            host.serve("backend-1", "backend", "svcconnect.port=8080")
            wait_until(lambda: len(host.instances()) == 1, 5, "it is registered")
            bad = []
            for number in range(STARTS):
                seen = host.caller(f"client-{number}", 30)
                if seen != (0, 0, 30):
                    bad.append((seen, host.containers()[f"client-{number}"]))
            assert not bad, bad
            assert held_by(host) == STARTS + 1
            runtime = bed.get("/v1/containers")["runtimes"][0]
            assert runtime["gate"] == "runtime" and runtime["gateReason"] == "it is switched off", runtime
            assert "where svcconnect-oci-runtime starts them" in bed.cli("doctor").out
            bed.daemon.send_signal(signal.SIGSTOP)  # it does not answer: a start waits for half a second, and goes on
            try:
                host.docker.ok("run", "--rm", "--network", "none", *LIMITS, "svctest:1", "/bin/sleep", "0")
            finally:
                bed.daemon.send_signal(signal.SIGCONT)
            bed.kill()
            host.docker.ok("run", "--rm", "--network", "none", *LIMITS, "svctest:1", "/bin/sleep", "0")
        finally:
            host.close()


test_docker.timeout = 200


def test_podman():
    with Testbed({"containerGate": "off"}, start=False) as bed:
        podman = Podman(bed, wrapper(bed))
        try:
            podman.begin()
            bed.cli_ok("register", "backend", "--address", "198.51.100.53:9")
            for number in range(STARTS):
                podman.local("run", "-d", *podman.caller(f"client-{number}"))
                podman.expect_names(f"client-{number}")
            assert len(podman.held()) == STARTS, bed.get("/v1/events")["events"]
            note(f"waited for {min(podman.held())} to {max(podman.held())} us")
        finally:
            podman.end()


test_podman.timeout = 200


def test_containerd():
    with Testbed({"containerGate": "off"}, start=False) as bed:
        host = Containerd(bed)
        try:
            host.run("backend", ["svcconnect.service=backend", "svcconnect.port=8080"], "/bin/first", "serve", "8080", "b",
                     options=["-d", "--runc-binary", wrapper(bed)])
            wait_until(lambda: len(host.instances()) == 1, 5, "it is registered")
            for number in range(STARTS):
                host.expect(host.run(f"client-{number}", ["svcconnect.service=frontend"], "/bin/first", "call", "backend", "80", "20",
                                     options=["--rm", "--runc-binary", wrapper(bed)]))
            assert len(host.held()) == STARTS + 1, host.bed.get("/v1/events")["events"]
        finally:
            host.end()


test_containerd.timeout = 200


def test_one_that_nobody_follows():
    """runc's own create and start, while the daemon follows another directory: a task by the bundle's annotations."""
    with Testbed({"containerGate": "off"}, start=False) as bed:
        host = Runc(bed)
        try:
            runc = [wrapper(bed), "--root", f"{host.base}/elsewhere"]
            bed.cli_ok("register", "backend", "--address", "198.51.100.53:9")
            directory = host.bundle("c", {"svcconnect.service": "frontend"}, "/bin/first", "call", "backend", "9", "10")
            script = f'"$@" >{directory}/out 2>&1'
            assert bed.run(["sh", "-c", script, "sh", *runc, "create", "-b", directory, "c"]).rc == 0
            assert host.containers() == {}
            assert bed.run([*runc, "start", "c"]).rc == 0
            with open(f"{directory}/out", encoding="utf-8") as out:
                wait_until(lambda: "names 0 connects" in out.read() or out.seek(0), 5, "it has had its names")
            wait_until(lambda: host.containers() == {}, 5, "it is forgotten with its end")
            assert bed.run([*runc, "delete", "-f", "c"]).rc == 0
            status, answer = bed.api("POST", "/v1/starts", {"id": "x", "pid": 1 << 30})
            assert status in (400, 404), answer
        finally:
            host.end()
