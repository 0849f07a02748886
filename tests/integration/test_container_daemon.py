# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""svcconnectd in a container of the Docker that it follows, as examples/compose.yaml runs it: attaches, names and registers
as it does beside it; may be killed, restarted and replaced; says which mount or namespace it lacks."""
import os
import subprocess

from container_host import docker_host
from testbed import PROGRAMS, TOP, need_plain_programs, note, wait_until

PORT = "svcconnect.port=8080"


def compose_list(service, key):
    """The items of a list of a service in the example."""
    items, at = [], []
    with open(os.path.join(TOP, "examples", "compose.yaml"), encoding="utf-8") as file:
        for line in file:
            text, depth = line.split(" #")[0].strip(), len(line) - len(line.lstrip())
            if not text or text.startswith("#"):
                continue
            if text.endswith(":"):
                at = [(name, deep) for name, deep in at if deep < depth] + [(text[:-1], depth)]
            elif text.startswith("- ") and [name for name, _ in at] == ["services", service, key]:
                items.append(text[2:].strip('"'))
    assert items, (service, key)
    return items


def scheduling_of(thread, pid):
    """Its class and its nice value, by ps(1)."""
    for line in subprocess.run(["ps", "-L", "-o", "comm=,cls=,ni=", "-p", pid], capture_output=True, text=True, check=True).stdout.splitlines():
        name, scheduling, nice = line.split()
        if thread.startswith(name):
            return scheduling, nice
    raise AssertionError(f"{pid} has no thread {thread}")


class Contained:
    """The daemon in a container; bed's API and CLI talk to it."""

    def __init__(self, host):
        self.host, self.bed = host, host.bed
        image = os.path.join(host.bed.base, "daemon.tar")
        made = host.bed.run([os.path.join(TOP, "scripts", "image"), "--programs", PROGRAMS, "--output", image, "--name", "svcdaemon:1"],
                            timeout=120)
        assert made.rc == 0, made.err
        host.docker.ok("load", "-i", image)
        os.makedirs(self.bed.run_dir, exist_ok=True)
        here = {"/sys/fs/bpf": os.environ["SVCTEST_BPFFS"], "/run/svcconnect": self.bed.run_dir,
                "/run/docker.sock": host.docker.socket.removeprefix("unix://")}
        self.bed.bpffs = os.path.join(os.environ["SVCTEST_BPFFS"], "svcconnect")  # which the testbed clears
        self.mounts = {}
        for mount in compose_list("svcconnectd", "volumes"):
            source, target = mount.split(":")[:2]
            self.mounts[target] = here.get(target, source)

    def start(self, name="svcconnectd", without=(), pid="host", network="host", program=("/bin/svcconnectd", "--aws-listen", "off")):
        self.name = name
        options = ["--network", network, "--cgroupns", "private", "--ulimit", "nofile=20000:20000", "--security-opt", "apparmor=unconfined"]
        options += ["--pid", pid] if pid else []
        options += [word for name in compose_list("svcconnectd", "cap_add") for word in ("--cap-add", name)]
        for target, source in self.mounts.items():
            if target not in without:
                options += ["-v", f"{source}:{target}"]
        self.host.docker.ok("run", "-d", "--name", name, "--cap-drop", "ALL", *options, "svcdaemon:1", *program)

    def wait(self):
        wait_until(lambda: self.is_up(), 20, f"it answers; it says {self.log()}")
        wait_until(lambda: self.bed.get("/v1/containers")["runtimes"][0]["connected"], 10, "the runtime is followed")

    def is_up(self):
        try:
            return self.bed.api("GET", "/v1/status", timeout=5)[0] == 200
        except OSError:
            return False

    def pid(self):
        return self.host.docker.ok("inspect", "-f", "{{.State.Pid}}", self.name).strip()

    def log(self):
        result = self.host.docker.call("logs", self.name)
        return result.out + result.err

    def doctor(self):
        """As somebody asks who has a shell in the container."""
        return self.host.docker.call("exec", self.name, "/bin/svcconnect", "doctor").out


def test_beside_its_tasks():
    need_plain_programs("the image has them without their run-time libraries")
    with docker_host(start=False) as host:
        daemon = Contained(host)
        daemon.start()
        daemon.wait()
        host.serve("backend-1", "backend", PORT)
        host.wait_for_instances(1)
        host.check_caller("first", 100)
        assert host.bed.status()["state"] == "ok", host.bed.status()["degraded"]
        events = [event["message"] for event in host.bed.get("/v1/events")["events"]]
        assert any(text.startswith("container first: attached before its first instruction") for text in events), events
        wait_until(lambda: len(host.bed.tasks()) == 1, 10, "the one that has ended is no task")
        assert scheduling_of("svcconnect-gate", daemon.pid()) != ("TS", "0"), "it comes before others"
        told = daemon.doctor()
        assert " 0 problems" in told and "is followed" in told, told
        assert f"backend is {host.bed.address_of('backend')} in backend-1, as its name server" in told, told
        # By address: what answers names goes with the container, and is back with the next one.
        host.load("caller", per_second=100, target=host.bed.address_of("backend", 80))

        def calls(what):
            began = sum(item["connections"] for item in host.instances())
            wait_until(lambda: sum(item["connections"] for item in host.instances()) > began + 50, 10, f"it calls: {what}")

        calls("at first")
        host.docker.ok("kill", "svcconnectd")
        host.docker.ok("start", "svcconnectd")
        daemon.wait()
        calls("killed and started")
        host.docker.ok("restart", "-t", "10", "svcconnectd")
        daemon.wait()
        calls("restarted")
        host.docker.ok("rm", "-f", "svcconnectd")
        host.serve("backend-2", "backend", PORT)  # while there is none
        daemon.start("svcconnectd-2")
        daemon.wait()
        host.wait_for_instances(2)
        calls("replaced")
        assert "/../" not in daemon.log(), f"it knows cgroups by their paths on the host: {daemon.log()}"
        seen = host.end_load("caller")
        note(f"{seen}")
        assert not seen["errors"] and set(seen["answers"]) == {"backend-1", "backend-2"}, seen
        host.check_caller("last", 50)


test_beside_its_tasks.timeout = 180


def test_what_it_lacks():
    """Each start without something: it says what, and goes on where it can."""
    need_plain_programs("the image has them without their run-time libraries")
    with docker_host(start=False) as host:
        daemon = Contained(host)

        def refused(name, wanted, **how):
            daemon.start(name, **how)
            assert host.docker.ok("wait", name) == "1\n", daemon.log()
            assert wanted in daemon.log(), daemon.log()

        refused("no-cgroup", "-v /sys/fs/cgroup:/sys/fs/cgroup", without=["/sys/fs/cgroup"])
        refused("no-bpffs", "-v /sys/fs/bpf:/sys/fs/bpf", without=["/sys/fs/bpf"])

        # As ECS runs its Managed Daemons.
        daemon.start("no-pid", pid=None, network="bridge")
        daemon.wait()
        host.serve("backend-1", "backend", PORT)
        host.serve("client", "client", PORT)
        where = f"/docker/{host.docker.ok('inspect', '-f', '{{.Id}}', 'client').strip()}"
        host.bed.change("POST", "/v1/tasks", cgroup=where)
        host.wait_for_instances(1)
        called = host.docker.ok("exec", "client", "/bin/first", "call", host.bed.address_of("backend"), "80", "20")
        assert "connects 0 of 20" in called, called
        told = [daemon.doctor(), host.bed.cli("status").out]
        assert all("--pid host" in text and "no names" in text for text in told), told
        host.docker.ok("rm", "-f", "no-pid")

        own = os.path.join(host.bed.base, "own-bpffs")
        os.mkdir(own)
        # Its own bpffs, as `mount -t bpf` within it makes it: what is pinned there goes with the container.
        daemon.start("own-bpffs", without=["/sys/fs/bpf"], program=[
            "/bin/sh", "-c", "busybox mkdir -p /tmp/b && busybox mount -t bpf none /tmp/b && exec /bin/svcconnectd --aws-listen off "
            "--bpffs /tmp/b/svcconnect"])
        daemon.wait()
        told = [daemon.doctor(), host.bed.cli("status").out]
        assert all("-v /sys/fs/bpf:/sys/fs/bpf" in text and "this container" in text for text in told), told


test_what_it_lacks.timeout = 120
