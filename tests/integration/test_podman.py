# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Labelled containers of podman: names from their first instruction, whether podman has told of them before or not. They have the network namespace of the
service, which is the test's own; nothing of the host's podman is touched."""
import contextlib
import os
import re
import signal
import subprocess
import sys

from container_host import check_starts, held_times, in_parallel
from docker_host import make_image, remove_v1_cgroups
from testbed import Testbed, need_program, note, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = "198.51.100.53"
LIMITS = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]
IMAGE = "localhost/svctest:1"
STARTS = 50


def mounts_of_netns():
    """podman mounts that directory on itself for the namespaces of its networks."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return sum(line.split()[4] == "/run/netns" for line in file)


def questions_of_orphans():
    """Processes that a podman has started to tell its version by, and that nobody waits for but the worker."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
            if "(dpkg-query)" in text and int(text.rsplit(")", 1)[1].split()[1]) == os.getppid():
                found.append(name)
    return found


class Podman:
    """A podman with svcconnect beside it, and a name server that knows nothing."""

    def __init__(self, bed, runtime="runc"):
        podman = need_program("podman")
        need_program(runtime)
        self.bed = bed
        self.mounts = mounts_of_netns()
        self.base = os.path.join(bed.base, "podman")
        os.makedirs(self.base)
        self.inside = bed.network_namespace(f"ip addr add {SERVER} dev lo")
        server = bed.popen([*self.inside, sys.executable, os.path.join(HERE, "name_server.py"), SERVER,
                            os.path.join(bed.base, "questions")], stdout=subprocess.PIPE)
        assert server.stdout.readline() == "READY\n"
        self.words = [podman, "--root", f"{self.base}/data", "--runroot", f"{self.base}/run", "--runtime", runtime,
                      "--cgroup-manager=cgroupfs", "--storage-driver", "vfs", "--network-config-dir", f"{self.base}/networks"]
        self.socket = f"{self.base}/podman.sock"
        with open(f"{self.base}/log", "wb") as log:
            self.service = bed.popen([*self.inside, *self.words, "system", "service", "--time", "0", f"unix://{self.socket}"], stdout=log,
                                     stderr=log)
        self.remote = [podman, "--remote", "--url", f"unix://{self.socket}"]
        wait_until(lambda: bed.run([*self.remote, "version"], timeout=60).rc == 0, 30, "podman answers")

    def begin(self):
        self.ok("import", make_image(self.base), IMAGE)
        self.bed.config["containerRuntime"] = f"podman:{self.socket}"
        self.bed.start()
        wait_until(lambda: self.bed.get("/v1/containers")["runtimes"][0]["connected"], 10, "the runtime is followed")

    def ok(self, *more):
        result = self.bed.run([*self.remote, *more], timeout=60)
        assert result.rc == 0, (more, result)
        return result.out

    def local(self, *more):
        """By podman's own program, of which the service learns by looking at what is stored."""
        result = self.bed.run([*self.inside, *self.words, *more], timeout=60)
        assert result.rc == 0, (more, result)
        return result.out

    def caller(self, name):
        return ["--name", name, "--network", "host", "--dns", SERVER, *LIMITS, "--label", "svcconnect.service=frontend", IMAGE,
                "/bin/first", "call", "backend", "9", "10"]

    def expect_names(self, name):
        self.ok("wait", name)
        text = self.ok("logs", name)
        assert re.search(r"names 0 connects", text), (name, text, self.bed.get("/v1/containers"), self.bed.get("/v1/events")["events"])

    def held(self):
        return held_times(self.bed)

    def end_watchers(self):
        """conmon stays for minutes after a program that was begun in a container by `exec`."""
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
                if words[0].endswith(b"conmon") and any(self.base.encode() in word for word in words):
                    os.kill(int(name), signal.SIGKILL)

    def end(self):
        self.bed.run([*self.remote, "rm", "-af", "-t", "0"], timeout=60)
        self.end_watchers()
        self.service.terminate()
        self.service.wait()
        wait_until(lambda: not questions_of_orphans(), 10, "whom it has asked for versions of packages, have answered")
        for _ in range(mounts_of_netns() - self.mounts):
            subprocess.run(["umount", "/run/netns"], check=True)
        remove_v1_cgroups("libpod_parent")


def left_of_the_gate(pid):
    """Marks of fanotify, and open files, of the daemon."""
    marks = 0
    fds = os.listdir(f"/proc/{pid}/fdinfo")
    for fd in fds:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{fd}", encoding="utf-8") as info:
            marks += sum(line.startswith(("fanotify mnt_id", "fanotify ino", "fanotify sdev")) for line in info)
    return marks, len(fds)


@contextlib.contextmanager
def podman_host(runtime="runc"):
    with Testbed(start=False) as bed:
        podman = Podman(bed, runtime)
        try:
            podman.begin()
            yield podman
        finally:
            podman.end()


def test_known_before_it_starts():
    with podman_host() as podman:
        bed = podman.bed
        bed.cli_ok("register", "backend", "--address", f"{SERVER}:9")
        for number in range(3):
            name = f"client-{number}"
            podman.ok("create", *podman.caller(name))
            wait_until(lambda: name in [item["name"] for item in bed.get("/v1/containers")["containers"]], 10, "it is known")
            podman.ok("start", name)
            podman.expect_names(name)
        held = podman.held()
        assert len(held) == 3, bed.get("/v1/events")["events"]
        note(f"held for {min(held)} to {max(held)} us")


test_known_before_it_starts.timeout = 120


def test_run():
    """podman tells of these containers after their start: they are asked for while they are held."""
    with podman_host() as podman:
        podman.bed.cli_ok("register", "backend", "--address", f"{SERVER}:9")
        pid = podman.bed.daemon.pid
        assert left_of_the_gate(pid)[0] == 0
        for number in range(24):
            run = podman.ok if number % 4 == 0 else podman.local
            run("run", "-d", *podman.caller(f"client-{number}"))
            podman.expect_names(f"client-{number}")
        held = podman.held()
        note(f"held for {min(held)} to {max(held)} us, {len(held)} of 24")
        assert len(held) == 24, podman.bed.get("/v1/events")["events"]
        podman.local("run", "-d", "--name", "plain", "--network", "host", *LIMITS, IMAGE, "/bin/sleep", "600")
        wait_until(lambda: "plain" in [item["name"] for item in podman.bed.get("/v1/containers")["containers"]], 10, "it is known")
        assert len(podman.held()) == 24
        podman.local("rm", "-af", "-t", "0")
        wait_until(lambda: not podman.bed.get("/v1/containers")["containers"], 10, "all are gone")
        after = left_of_the_gate(pid)
        podman.local("run", "-d", "--rm", *podman.caller("one-more"))
        wait_until(lambda: len(podman.held()) == 25 and not podman.bed.get("/v1/containers")["containers"], 10, "one more has ended")
        assert after[0] == 0
        wait_until(lambda: left_of_the_gate(pid)[1] <= after[1], 10, f"no more files than before: {after}")


test_run.timeout = 300


def start_fifty(runtime):
    with podman_host(runtime) as podman:
        bed = podman.bed
        bed.announce({f"{SERVER}:8080": "b"}, before=podman.inside)
        bed.cli_ok("register", "backend", "--address", f"{SERVER}:8080")
        address = bed.address_of("backend", 8080)
        labels = ["--network", "host", "--dns", SERVER, *LIMITS, "--label", "svcconnect.service=frontend"]

        def start(number):
            run = podman.ok if number % 2 == 0 else podman.local
            name = f"client-{number}"
            run("run", "-d", "--name", name, *labels, IMAGE, "/bin/first", "call", "backend", "8080", "40", address)
            podman.ok("wait", name)
            return podman.ok("logs", name).strip()

        seen = dict(zip((f"client-{number}" for number in range(STARTS)), in_parallel(start, range(STARTS), 2)))
        late, held = check_starts(bed, seen, "names 0 connects 0 addresses 0 of 40"), sorted(podman.held())
        note(f"{late} timed out, held for {held[0]} to {held[-1]} us, half of them at most {held[len(held) // 2]}")


def test_fifty_starts():
    """A loop as PID 1 that connects by name and by address each millisecond, begun by podman's own program and over its socket."""
    start_fifty("runc")


test_fifty_starts.timeout = 300


def test_fifty_starts_by_crun():
    """The runtime of podman's own choice, which makes its cgroups and enters a root otherwise than runc."""
    start_fifty("crun")


test_fifty_starts_by_crun.timeout = 300


def test_a_network_that_is_joined_late():
    with podman_host() as podman:
        def web():
            return next(item for item in podman.bed.get("/v1/containers")["containers"] if item["name"] == "web")

        def address():
            return [item["address"] for item in podman.bed.endpoints().values()]

        for name, subnet in (("one", "203.0.113.0/25"), ("two", "203.0.113.128/25")):
            podman.ok("network", "create", "--subnet", subnet, "--disable-dns", name)
        podman.ok("run", "-d", "--name", "web", "--network", "one", *LIMITS, "--label", "svcconnect.service=web", "--label",
                  "svcconnect.port=8080", "--label", "svcconnect.network=two", IMAGE, "/bin/sleep", "600")
        wait_until(lambda: web()["networks"] == ["one"], 10, "it is on one network")
        podman.ok("network", "connect", "--ip", "203.0.113.200", "two", "web")
        wait_until(lambda: web()["networks"] == ["one", "two"] and address() == ["203.0.113.200"], 10, "it is on both")
        podman.ok("network", "disconnect", "two", "web")
        wait_until(lambda: web()["networks"] == ["one"] and address() != ["203.0.113.200"], 10, "it has left one again")


test_a_network_that_is_joined_late.timeout = 120


def test_health():
    """podman's own check, which is done when it is asked for: nothing is sent to who is starting or unhealthy."""
    with podman_host() as podman:
        def seen():
            return [(item["health"], item["drawn"]) for item in podman.bed.endpoints().values()]

        def check():
            podman.bed.run([*podman.inside, *podman.words, "healthcheck", "run", "web"], timeout=60)

        podman.ok("network", "create", "--subnet", "203.0.113.0/24", "--disable-dns", "one")
        podman.ok("create", "--name", "web", "--network", "one", *LIMITS, "--label", "svcconnect.service=web", "--label", "svcconnect.port=8080",
                  "--health-cmd", "test -e /tmp/well", "--health-interval", "disable", "--health-retries", "1", IMAGE, "/bin/sleep", "600")
        podman.ok("start", "web")
        wait_until(lambda: seen() and not seen()[0][1], 10, "it is starting, and sent nothing")
        podman.ok("exec", "web", "/bin/busybox", "touch", "/tmp/well")
        check()
        wait_until(lambda: seen() == [("HEALTHY", True)], 10, "it is well")
        podman.ok("exec", "web", "/bin/busybox", "rm", "/tmp/well")
        check()
        wait_until(lambda: seen() == [("UNHEALTHY", False)], 10, "it is not")


test_health.timeout = 120
