# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A dockerd that is started after svcconnectd, which finds it by itself. The daemon sees a /run of the test's, nothing of the host's."""
import os
import subprocess

from container_host import docker_host
from testbed import wait_until
from worker import Library


def test_docker_comes_later():
    with docker_host() as host:
        bed = host.bed
        run = os.path.join(bed.base, "slash-run")
        os.makedirs(run)
        bed.kill()
        host.serve("backend-1", "backend", "svcconnect.port=8080")
        hidden = bed.popen(["unshare", "-m", "--propagation", "slave", "sh", "-c", f"mount --bind {run} /run && echo ready && exec sleep 600"],
                           stdout=subprocess.PIPE)
        assert hidden.stdout.readline() == "ready\n"

        def enter():
            with open(f"/proc/{hidden.pid}/ns/mnt", encoding="utf-8") as mounts:
                Library().call("setns", mounts.fileno(), 0)

        plain = bed.launch
        bed.launch = lambda flags=(): plain(flags, preexec_fn=enter)
        bed.config["containerRuntime"] = "auto"
        bed.start()
        told = bed.get("/v1/containers")
        assert told["runtimes"] == [] and told["follow"] == "auto", told
        os.symlink(host.docker.socket.removeprefix("unix://"), f"{run}/docker.sock")
        wait_until(lambda: len(host.instances()) == 1, 5, "it is found, and what runs there is registered")
        for number in range(3):
            host.check_caller(f"client-{number}", 20)


test_docker_comes_later.timeout = 120
