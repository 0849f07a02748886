# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A dockerd that is started after svcconnectd, which finds it by itself. The daemon sees a /run of the test's, nothing of the host's."""
import os

from container_host import docker_host
from testbed import wait_until


def test_docker_comes_later():
    with docker_host() as host:
        bed = host.bed
        run = os.path.join(bed.base, "slash-run")
        os.makedirs(run)
        bed.kill()
        host.serve("backend-1", "backend", "svcconnect.port=8080")
        plain = bed.command_line
        script = f'mount --bind {run} /run && exec "$@"'
        bed.command_line = lambda flags=(): ["unshare", "-m", "--propagation", "slave", "sh", "-c", script, "-", *plain(flags)]
        bed.config["containerRuntime"] = "auto"
        bed.start()
        told = bed.get("/v1/containers")
        assert told["runtimes"] == [] and told["follow"] == "auto", told
        os.symlink(host.docker.socket.removeprefix("unix://"), f"{run}/docker.sock")
        wait_until(lambda: len(host.instances()) == 1, 5, "it is found, and what runs there is registered")
        for number in range(3):
            assert host.caller(f"client-{number}", 20) == (0, 0, 20)


test_docker_comes_later.timeout = 120
