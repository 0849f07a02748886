# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Names in containers of a real Docker daemon, on a network of its own making: behind its name server 127.0.0.11.

dockerd runs in a network namespace of the test's own, with its own directories; nothing of the host's Docker is touched."""
import contextlib
import os
import subprocess
import sys
import time

from docker_host import Docker, remove_v1_cgroups
from testbed import Testbed, need_program, note, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = "198.51.100.53"


def test_a_network_of_docker():
    need_program("iptables")
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:9", id="0")
        inside = bed.network_namespace(f"ip addr add {SERVER} dev lo", "echo 1 > /proc/sys/net/ipv4/ip_forward || true")
        log = os.path.join(bed.base, "questions")
        server = bed.popen([*inside, sys.executable, os.path.join(HERE, "name_server.py"), SERVER, log],
                           stdout=subprocess.PIPE)
        assert server.stdout.readline() == "READY\n"
        task = bed.task()
        docker = Docker(bed, inside)
        try:
            docker.ok("network", "create", "--subnet", "203.0.113.0/24", "mine")
            run = ["run", "-d", "--network", "mine", "--dns", SERVER, f"--cgroup-parent={task.path}", "--ulimit",
                   "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]
            began = time.monotonic()
            docker.ok(*run, "--name", "client", "svctest:1", "/bin/sleep", "600")
            started = time.monotonic()
            docker.ok(*run, "--name", "peer", "svctest:1", "/bin/sleep", "600")
            address = bed.address_of("backend", 9)

            def lookup(name, container="client"):
                return docker.call("exec", container, "/bin/getent", "hosts", name).out.split()[:1]
            assert "nameserver 127.0.0.11" in docker.ok("exec", "client", "/bin/busybox", "cat", "/etc/resolv.conf")
            assert docker.ok("inspect", "-f", "{{.State.Pid}}", "client").strip() in \
                [str(pid) for pid in _members(task.directory)], "Docker has put it into the task"
            for container in ("client", "peer"):
                wait_until(lambda container=container: address in docker.call("exec", container, "/bin/nslookup",
                                                                              "backend", "127.0.0.11").out, 5,
                           f"{container} resolves our name")
            note(f"docker run {1000 * (started - began):.0f} ms")
            assert bed.tasks()[task.path]["nameservers"] == ["127.0.0.11", "127.0.0.11"], "a stub in each container"
            assert lookup("peer") == [docker.ok("inspect", "-f", "{{.NetworkSettings.Networks.mine.IPAddress}}",
                                                "peer").strip()], "Docker's own names go on"
            assert "192.0.2.7" in docker.call("exec", "client", "/bin/nslookup", "www.outside.test", "127.0.0.11").out
            with open(log, encoding="utf-8") as file:
                asked = [line.split()[1] for line in file]
            assert "backend" not in asked and "www.outside.test" in asked, asked
            bed.kill()
            time.sleep(2.6)
            assert lookup("peer"), "by itself, within 3 s"
            assert address not in docker.call("exec", "client", "/bin/nslookup", "backend", "127.0.0.11").out
            bed.start()
            wait_until(lambda: address in docker.call("exec", "client", "/bin/nslookup", "backend", "127.0.0.11").out, 5,
                       "and ours again")
        finally:
            docker.end()
            remove_v1_cgroups(bed.cgroup)


def _members(directory):
    for where, _, _ in os.walk(directory):
        with contextlib.suppress(OSError), open(os.path.join(where, "cgroup.procs"), encoding="utf-8") as lines:
            yield from (int(line) for line in lines)


test_a_network_of_docker.timeout = 150
test_a_network_of_docker.alone = True  # dockerd makes cgroups of the host's
