# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A Docker host with svcconnect beside it: dockerd in a network namespace of the test's own, a daemon that follows it."""
import concurrent.futures
import contextlib
import os
import re
import subprocess
import sys

from docker_host import Docker, remove_v1_cgroups
from testbed import Testbed, need_program, note, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = "198.51.100.53"
LIMITS = ["--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096"]


def outcome(text):
    found = re.search(r"names (\d+) connects (\d+) of (\d+)", text)
    assert found, f"it has printed {text!r}"
    return tuple(int(number) for number in found.groups())


def in_parallel(function, items, threads=4):
    """The results in the order of the items; raises what one raised."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


def held_times(bed):
    """Microseconds for which first programs were held."""
    told = [event["message"] for event in bed.get("/v1/events")["events"] if event["kind"] == "CONTAINER"]
    return [int(found.group(1)) for found in (re.search(r"held for (\d+) us", one) for one in told) if found]


def check_starts(bed, seen, wanted):
    """Of each container by name what its first process has printed: all well. Nobody is held for longer than half a second, which a
    busy machine may take; that is told, and no more than two of many, or than there are programs that wait for each processor."""
    most = max(2, round(os.getloadavg()[0] / (os.cpu_count() or 1)))
    events = bed.get("/v1/events")["events"]
    told = [event["message"] for event in events if event["kind"] == "GATE_TIMEOUT"]
    bad = {name: text for name, text in seen.items() if text.strip() != wanted}
    timed_out = {name for name in bad if any(f"container {name} " in text for text in told)}
    nameless = sum("no runtime told whose it is" in text for text in told)
    assert len(set(bad) - timed_out) <= nameless and len(bad) <= most, (bad, events)
    return len(timed_out)


class Host:
    """A Docker host with svcconnect beside it, and a name server that knows nothing. `is_inside`: svcconnectd has Docker's network
    namespace; `dockerd`: more words for it."""

    def __init__(self, bed, is_inside=False, programs=(), dockerd=(), start=True):
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
        self.docker = Docker(bed, inside, programs, dockerd)
        bed.config["containerRuntime"] = "docker:" + self.docker.socket.removeprefix("unix://")
        if not start:
            return
        bed.start()
        wait_until(lambda: bed.get("/v1/containers")["runtimes"][0]["connected"], 5, "the runtime is followed")

    def run(self, name, labels, *words, options=()):
        flags = [word for label in labels for word in ("--label", label)]
        return self.docker.ok("run", "-d", "--name", name, "--dns", SERVER, *LIMITS, *flags, *options, "svctest:1",
                              *words).strip()

    def serve(self, name, service="backend", *labels, options=()):
        return self.run(name, [f"svcconnect.service={service}", *labels], "/bin/first", "serve", "8080", name,
                        options=options)

    def caller(self, name, number=100, *labels, target="backend", options=()):
        """What a container saw that called from its first instruction on."""
        self.run(name, ["svcconnect.service=frontend", *labels], "/bin/first", "call", target, "80", str(number),
                 options=options)
        self.docker.ok("wait", name)
        return outcome(self.docker.ok("logs", name))

    def check_caller(self, name, number, *labels, target="backend", options=()):
        """All went well; what did not is told, with what the daemon knows of the container. Whoever was let go at the gate's deadline,
        which a busy machine may reach and an event tells, is begun anew; not more often than twice."""
        for again in ("", "-again", "-once-more"):
            seen = self.caller(name + again, number, *labels, target=target, options=options)
            if seen == (0, 0, number):
                return
            events = [event for event in self.bed.get("/v1/events")["events"]
                      if name + again in event["message"] or event["kind"] == "GATE_TIMEOUT"]
            is_late = any(f"container {name + again} was held" in event["message"] for event in events if event["kind"] == "GATE_TIMEOUT")
            if not is_late or again == "-once-more":
                raise AssertionError(f"{name + again}: names, connects that failed, of: {seen}; {self.containers().get(name + again)}; "
                                     f"{events}; {self.instances(target)}")
            note(f"{name + again} was let go too early: {seen}")

    def load(self, name, *labels, per_second=200, target="backend", options=()):
        """A container that calls so often until end_load()."""
        self.run(name, ["svcconnect.service=frontend", *labels], "/bin/first", "load", target, "80", str(per_second), options=options)

    def end_load(self, name):
        """Ends and removes it. What has come of it: {"asked": N, "answers": {text: N}, "errors": {text: N}}; each is one or the other."""
        self.docker.ok("stop", "-t", "60", name)
        seen = {"asked": 0, "answers": {}, "errors": {}}
        for line in self.docker.ok("logs", name).splitlines():
            what, number = line.rsplit(" ", 1)
            if what == "asked":
                seen["asked"] = int(number)
            else:
                kind, text = what.split(" ", 1)
                seen[f"{kind}s"][text] = int(number)
        self.docker.ok("rm", name)
        assert seen["asked"] == sum(seen["answers"].values()) + sum(seen["errors"].values()), seen
        return seen

    def wait_for_instances(self, number, service="backend", namespace="default", seconds=10):
        """So many that are sent something."""
        wait_until(lambda: len([item for item in self.instances(service, namespace) if item["drawn"]]) == number, seconds,
                   f"{number} instances of {service}")

    def id_of(self, name):
        return self.docker.ok("inspect", "-f", "{{.Id}}", name).strip()[:12]

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
def docker_host(is_inside=False, config=None, programs=(), start=True):
    """`programs`: more of them in the image. Without `start` the test starts the daemon."""
    need_program("iptables")
    with Testbed(config, start=False) as bed:
        host = Host(bed, is_inside, programs, start=start)
        try:
            yield host
        finally:
            host.close()
