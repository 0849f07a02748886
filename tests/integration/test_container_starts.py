# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Many containers start, on several networks and in several projects: each connects from its first instruction on, and only to
what it means."""
from container_host import check_starts, docker_host, held_times, in_parallel
from testbed import note, tool, wait_until

PORT = "svcconnect.port=8080"
STARTS = 50


def project_of(name):
    return f"com.docker.compose.project={name}"


def test_fifty_starts():
    """A loop as PID 1 that connects by name and by address each millisecond."""
    with docker_host() as host:
        host.serve("backend-1", "backend", PORT)
        host.wait_for_instances(1)
        host.caller("first", 50)  # by then it listens
        address = host.bed.address_of("backend", 80)

        def start(number):
            name = f"client-{number}"
            host.run(name, ["svcconnect.service=frontend"], "/bin/first", "call", "backend", "80", "40", address)
            host.docker.ok("wait", name)
            return host.docker.ok("logs", name).strip()

        seen = dict(zip((f"client-{number}" for number in range(STARTS)), in_parallel(start, range(STARTS), 3)))
        late, held = check_starts(host.bed, seen, "names 0 connects 0 addresses 0 of 40"), sorted(held_times(host.bed))
        note(f"{late} timed out, held for {held[0]} to {held[-1]} us, half of them at most {held[len(held) // 2]}")


test_fifty_starts.timeout = 180


def test_without_openat2():
    """As under the shipped unit, whose RestrictSUIDSGID has the manager refuse it (ENOSYS)."""
    with docker_host(start=False) as host:
        words = host.bed.command_line
        host.bed.command_line = lambda flags=(): [tool("without_openat2"), *words(flags)]
        host.bed.start()
        host.serve("backend-1", "backend", PORT)
        host.wait_for_instances(1)
        host.caller("first", 50)
        host.docker.ok("network", "create", "mine")
        host.check_caller("plain", 50)
        # Docker lets nobody through from there: the name is all that is asked for.
        assert host.caller("on-its-own", 1, options=["--network", "mine"])[0] == 0


test_without_openat2.timeout = 120


def test_a_hundred_at_once():
    with docker_host() as host:
        names = [f"b{number}" for number in range(100)]
        in_parallel(lambda name: host.docker.ok("create", "--name", name, "--label", "svcconnect.service=backend", "--label", PORT,
                                                "--ulimit", "nofile=1024:4096", "svctest:1", "/bin/first", "serve", "8080", name),
                    names)
        in_parallel(lambda some: host.docker.ok("start", *some, timeout=240), [names[:50], names[50:]], 2)
        host.wait_for_instances(100, seconds=30)
        assert {item["name"] for item in host.containers().values() if item["attached"]} == set(names)
        firsts = [item["first"] for item in host.containers().values()]
        note(", ".join(f"{firsts.count(first)} {first}" for first in sorted(set(firsts))))
        host.check_caller("caller", 200)
        host.docker.ok("kill", *names, timeout=240)
        wait_until(lambda: not host.instances(), 30, "all are gone")
        wait_until(lambda: not host.bed.tasks(), 30, "and so are the tasks")


test_a_hundred_at_once.timeout = 300


def test_projects():
    """Two compose projects have a `backend` each. What Docker itself calls by that name is not hidden without a warning."""
    with docker_host() as host:
        for project in ("one", "two"):
            host.docker.ok("network", "create", f"{project}_default")
            host.serve(f"{project}-backend-1", "backend", PORT, project_of(project),
                       options=["--network", f"{project}_default", "--network-alias", "backend"])
        for project in ("one", "two"):
            host.wait_for_instances(1, namespace=project)
            host.caller(f"{project}-first", 50, project_of(project), options=["--network", f"{project}_default"])
            host.load(f"{project}-caller", project_of(project), options=["--network", f"{project}_default"])
        for project in ("one", "two"):
            wait_until(lambda project=project: host.instances(namespace=project)[0]["connections"] > 100, 10, "it is called")
            seen = host.end_load(f"{project}-caller")
            assert set(seen["answers"]) == {f"{project}-backend-1"} and not seen["errors"], seen
        # A third one without labels, and one of ours that has the name on the same network
        host.docker.ok("network", "create", "three_default")
        host.run("plain", [], "/bin/first", "serve", "80", "plain", options=["--network", "three_default", "--network-alias", "web"])
        host.run("unlabelled", [], "/bin/sleep", "600", options=["--network", "three_default"])
        names = host.docker.call("exec", "unlabelled", "/bin/getent", "hosts", "plain")
        assert names.rc == 0, names
        host.serve("ours", "plain", PORT, "svcconnect.namespace=three", options=["--network", "three_default"])
        wait_until(lambda: 'reach the service "plain" by this name' in host.containers()["plain"]["note"], 5, "it is told")
        assert host.docker.call("exec", "unlabelled", "/bin/getent", "hosts", "plain").out == names.out, "others' names are theirs"


test_projects.timeout = 120


def test_networks():
    """A replica on several networks is called at the one that is named, else at the one that its clients are on."""
    with docker_host() as host:
        for network, subnet in (("app", "203.0.113.0/25"), ("db", "203.0.113.128/25")):
            host.docker.ok("network", "create", "--subnet", subnet, network)
        host.run("client", ["svcconnect.service=frontend"], "/bin/sleep", "600", options=["--network", "app"])
        for name, labels in (("named", ["svcconnect.network=db"]), ("shared", [])):
            host.docker.ok("create", "--name", name, *[word for label in labels + [f"svcconnect.service={name}", PORT]
                                                       for word in ("--label", label)],
                           "--ulimit", "nofile=1024:4096", "--network", "db", "svctest:1", "/bin/first", "serve", "8080", name)
            host.docker.ok("network", "connect", "app", name)
            host.docker.ok("start", name)

        def address(name):
            return [item["address"] for item in host.instances(name)]

        def at(name, network):
            return [host.docker.ok("inspect", "-f", f"{{{{.NetworkSettings.Networks.{network}.IPAddress}}}}", name).strip()]

        wait_until(lambda: address("named") == at("named", "db"), 5, "as its label says")
        wait_until(lambda: address("shared") == at("shared", "app"), 5, "where its client is")
        host.check_caller("calls", 50, target="shared", options=["--network", "app"])
        host.docker.ok("network", "disconnect", "app", "shared")
        wait_until(lambda: address("shared") == at("shared", "db"), 5, "it has left that one")
        host.docker.ok("network", "connect", "app", "shared")
        wait_until(lambda: address("shared") == at("shared", "app"), 5, "and is back")


test_networks.timeout = 120


def test_an_address_that_another_gets():
    """A replica is killed, a container of another service gets its address, and a third one calls all the while."""
    with docker_host() as host:
        host.docker.ok("network", "create", "--subnet", "203.0.113.0/24", "app")
        fixed = ["--network", "app", "--ip", "203.0.113.10"]
        host.serve("keeps", "backend", PORT, options=["--network", "app", "--ip", "203.0.113.20"])
        host.serve("goes", "backend", PORT, options=fixed)
        host.wait_for_instances(2)
        host.load("caller", options=["--network", "app"])
        for number in range(5):
            # One that was called before it listened may be ejected for half a minute.
            wait_until(lambda: all(item["connections"] > 20 for item in host.instances()), 20, "both are called")
            host.docker.ok("kill", "goes")
            host.docker.ok("rm", "goes")
            host.serve(f"other-{number}", "other", PORT, options=fixed)
            host.wait_for_instances(1, "other")
            host.wait_for_instances(1)
            host.docker.ok("rm", "-f", f"other-{number}")
            host.serve("goes", "backend", PORT, options=fixed)
            host.wait_for_instances(2)
        seen = host.end_load("caller")
        note(f"{seen}")
        assert set(seen["answers"]) == {"keeps", "goes"}, seen


test_an_address_that_another_gets.timeout = 180
