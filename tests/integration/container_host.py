# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A Docker host with svcconnect beside it: dockerd in a network namespace of the test's own, a daemon that follows it."""
import contextlib
import os
import re
import subprocess
import sys

from docker_host import Docker, remove_v1_cgroups
from testbed import Testbed, need_program, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = "198.51.100.53"
LIMITS = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]


def outcome(text):
    found = re.search(r"names (\d+) connects (\d+) of (\d+)", text)
    assert found, text
    return tuple(int(number) for number in found.groups())


class Host:
    """A Docker host with svcconnect beside it, and a name server that knows nothing. `is_inside`: svcconnectd has Docker's network
    namespace."""

    def __init__(self, bed, is_inside=False):
        self.bed = bed
        had_docker = os.path.isdir(os.path.join(bed.cgroup_root, "docker"))
        self.cgroup = None if had_docker else os.path.join(bed.cgroup_root, "docker")
        inside = bed.network_namespace(f"ip addr add {SERVER} dev lo", "echo 1 > /proc/sys/net/ipv4/ip_forward || true")
        server = bed.popen([*inside, sys.executable, os.path.join(HERE, "name_server.py"), SERVER,
                            os.path.join(bed.base, "questions")], stdout=subprocess.PIPE)
        assert server.stdout.readline() == "READY\n"
        self.inside = inside
        if is_inside:
            outside = bed.command_line
            bed.command_line = lambda flags=(): [*inside, *outside(flags)]
        self.docker = Docker(bed, inside)
        bed.config["containerRuntime"] = "docker:" + self.docker.socket.removeprefix("unix://")
        bed.start()
        wait_until(lambda: bed.get("/v1/containers")["runtimes"][0]["connected"], 5, "the runtime is followed")

    def run(self, name, labels, *words, options=()):
        flags = [word for label in labels for word in ("--label", label)]
        return self.docker.ok("run", "-d", "--name", name, "--dns", SERVER, *LIMITS, *flags, *options, "svctest:1",
                              *words).strip()

    def serve(self, name, service="backend", *labels, options=()):
        return self.run(name, [f"svcconnect.service={service}", *labels], "/bin/first", "serve", "8080", name,
                        options=options)

    def caller(self, name, number=100, *labels, target="backend"):
        """What a container saw that called from its first instruction on."""
        self.run(name, ["svcconnect.service=frontend", *labels], "/bin/first", "call", target, "80", str(number))
        self.docker.ok("wait", name)
        return outcome(self.docker.ok("logs", name))

    def containers(self):
        return {item["name"]: item for item in self.bed.get("/v1/containers")["containers"]}

    def instances(self, service="backend", namespace="default"):
        return [item for item in self.bed.get("/v1/endpoints", namespace=namespace)["endpoints"] if item["service"] == service]

    def close(self):
        self.docker.end()
        remove_v1_cgroups("docker")
        if self.cgroup:
            for where, _, _ in os.walk(self.cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(where)


@contextlib.contextmanager
def docker_host(is_inside=False, config=None):
    need_program("iptables")
    with Testbed(config, start=False) as bed:
        host = Host(bed, is_inside)
        try:
            yield host
        finally:
            host.close()
