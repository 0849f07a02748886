# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""svcconnectd and dockerd are killed while containers come and go: afterwards all is as the runtime has it, no more and no less."""
import itertools
import threading

from container_host import docker_host
from testbed import note, wait_until

PORT = "svcconnect.port=8080"


class Traffic:
    """Containers of a service that come and go, as fast as Docker will, until end()."""

    def __init__(self, host, name):
        self.host, self.name = host, name
        self.is_over = False
        self.began = 0
        self.there = []
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        for number in itertools.count():
            if self.is_over:
                return
            name = f"{self.name}-{number}"
            labels = ["--label", f"svcconnect.service={self.name}", "--label", PORT]
            # While dockerd is dead each of these fails; what came of it is asked afterwards.
            begun = self.host.docker.call("run", "-d", "--name", name, "--ulimit", "nofile=1024:4096", *labels, "svctest:1",
                                          "/bin/first", "serve", "8080", name)
            self.began += begun.rc == 0
            self.there.append(name)
            if len(self.there) > 3:
                self.host.docker.call("rm", "-f", self.there.pop(0))

    def end(self):
        self.is_over = True
        self.thread.join()


def running(host):
    """{id: service} of what runs and is labelled."""
    lines = host.docker.ok("ps", "--no-trunc", "--filter", "label=svcconnect.service", "--format",
                           '{{.ID}} {{.Label "svcconnect.service"}}').splitlines()
    return dict(line.split() for line in lines)


def is_exact(host):
    """Tasks, links and instances are those of what runs."""
    there = running(host)
    instances = [(item["service"], item["id"].split("-")[0]) for name in set(there.values()) | {"one", "two"}
                 for item in host.instances(name)]
    wanted = sorted((service, id[:12]) for id, service in there.items())
    tasks = {cgroup.rsplit("/", 1)[1] for cgroup in host.bed.tasks()}
    return sorted(instances) == wanted and tasks == set(there)


def settle(host, what):
    wait_until(lambda: host.bed.get("/v1/containers")["runtimes"][0]["connected"], 30, "the runtime is followed")
    wait_until(lambda: is_exact(host), 30, f"{what}: as the runtime has it")


def test_the_daemon_is_killed():
    with docker_host() as host:
        traffic = [Traffic(host, name) for name in ("one", "two")]
        try:
            for number in range(4):
                wait_until(lambda number=number: min(each.began for each in traffic) > 2 * number, 30, "containers come")
                host.bed.kill()
                wait_until(lambda number=number: min(each.began for each in traffic) > 2 * number + 1, 30, "and more of them")
                host.bed.start()
        finally:
            for each in traffic:
                each.end()
        settle(host, "svcconnectd was killed")
        host.serve("last", "one", PORT)
        settle(host, "one more")
        note(f"{sum(each.began for each in traffic)} containers, {len(running(host))} are left")
        assert host.caller("caller", 100, target="one")[0] == 0
        host.docker.ok("rm", "-f", *running(host))
        settle(host, "all are gone")
        assert not host.instances("one") and not host.instances("two")


test_the_daemon_is_killed.timeout = 240


def test_dockerd_is_killed():
    with docker_host() as host:
        host.serve("stays", "one", PORT)
        host.wait_for_instances(1, "one")
        traffic = [Traffic(host, name) for name in ("one", "two")]
        try:
            for number in range(2):
                wait_until(lambda number=number: min(each.began for each in traffic) > 2 * number, 30, "containers come")
                host.docker.process.kill()
                host.docker.process.wait()
                wait_until(lambda: not host.bed.get("/v1/containers")["runtimes"][0]["connected"], 10, "its end is seen")
                host.docker.start()
        finally:
            for each in traffic:
                each.end()
        settle(host, "dockerd was killed")
        host.serve("last", "two", PORT)
        settle(host, "one more")
        note(f"{sum(each.began for each in traffic)} containers, {len(running(host))} are left")


test_dockerd_is_killed.timeout = 240
