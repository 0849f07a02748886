# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Labelled containers of podman that were made before they start: names from their first instruction. They have the network namespace of the service, which is
the test's own; nothing of the host's podman is touched."""
import os
import re
import subprocess
import sys

from docker_host import make_image, remove_v1_cgroups
from testbed import Testbed, need_program, note, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = "198.51.100.53"
LIMITS = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]


def test_first_instruction():
    podman = need_program("podman")
    need_program("runc")
    with Testbed(start=False) as bed:
        base = os.path.join(bed.base, "podman")
        os.makedirs(base)
        inside = bed.network_namespace(f"ip addr add {SERVER} dev lo")
        server = bed.popen([*inside, sys.executable, os.path.join(HERE, "name_server.py"), SERVER,
                            os.path.join(bed.base, "questions")], stdout=subprocess.PIPE)
        assert server.stdout.readline() == "READY\n"
        words = [podman, "--root", f"{base}/data", "--runroot", f"{base}/run", "--runtime", "runc", "--cgroup-manager=cgroupfs",
                 "--storage-driver", "vfs"]
        socket = f"{base}/podman.sock"
        with open(f"{base}/log", "wb") as log:
            bed.popen([*inside, *words, "system", "service", "--time", "0", f"unix://{socket}"], stdout=log, stderr=log)

        def call(*more):
            return bed.run([podman, "--remote", "--url", f"unix://{socket}", *more], timeout=60)

        def ok(*more):
            result = call(*more)
            assert result.rc == 0, (more, result)
            return result.out

        wait_until(lambda: call("version").rc == 0, 30, "podman answers")
        try:
            ok("import", make_image(base), "localhost/svctest:1")
            bed.config["containerRuntime"] = f"podman:{socket}"
            bed.start()
            wait_until(lambda: bed.get("/v1/containers")["runtimes"][0]["connected"], 10, "the runtime is followed")
            bed.cli_ok("register", "backend", "--address", f"{SERVER}:9")
            for number in range(3):
                name = f"client-{number}"
                ok("create", "--name", name, "--network", "host", "--dns", SERVER, *LIMITS, "--label",
                   "svcconnect.service=frontend", "localhost/svctest:1", "/bin/first", "call", "backend", "9", "10")
                # By `podman run` it starts before podman has told that it was made.
                wait_until(lambda: name in [item["name"] for item in bed.get("/v1/containers")["containers"]], 10, "it is known")
                ok("start", name)
                ok("wait", name)
                text = ok("logs", name)
                assert re.search(r"names 0 connects", text), (text, bed.get("/v1/containers"), bed.get("/v1/events")["events"])
            told = [event["message"] for event in bed.get("/v1/events")["events"] if event["kind"] == "CONTAINER"]
            held = [int(found.group(1)) for found in (re.search(r"held for (\d+) us", one) for one in told) if found]
            assert len(held) == 3, told
            note(f"held for {min(held)} to {max(held)} us")
        finally:
            call("rm", "-af", "-t", "0")
            remove_v1_cgroups("libpod_parent")


test_first_instruction.timeout = 120
