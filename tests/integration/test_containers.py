# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Labelled containers of a real Docker daemon: tasks from their first instruction, instances for as long as they run."""
import os
import re
import time

from container_host import LIMITS, docker_host, outcome
from docker_host import remove_v1_cgroups
from testbed import note, wait_until


def test_first_instruction():
    with docker_host() as host:
        host.serve("backend-1", "backend", "svcconnect.port=8080")
        wait_until(lambda: len(host.instances()) == 1, 5, "it is registered")
        for number in range(10):
            host.check_caller(f"client-{number}", 30)
        for number in range(3):
            # No label: it is of the task whose network it has.
            host.docker.ok("run", "-d", "--name", f"side-{number}", *LIMITS, "--network", "container:backend-1", "svctest:1",
                           "/bin/first", "call", "backend", "80", "20")
            host.docker.ok("wait", f"side-{number}")
            assert outcome(host.docker.ok("logs", f"side-{number}")) == (0, 0, 20), host.containers()[f"side-{number}"]
        first = [event["message"] for event in host.bed.get("/v1/events")["events"] if event["kind"] == "CONTAINER"]
        held = [int(found.group(1)) for found in (re.search(r"held for (\d+) us", text) for text in first) if found]
        note(f"held for {min(held)} to {max(held)} us, {len(held)} of them")
        assert len(held) >= 14, first


test_first_instruction.timeout = 120


def test_the_first_container_of_a_new_parent():
    """With --cgroup-parent Docker makes the parent in the same moment: nobody has seen it before."""
    with docker_host() as host:
        host.serve("backend-1", "backend", "svcconnect.port=8080")
        host.wait_for_instances(1)
        top = f"/svctest-parent-{os.getpid()}"
        try:
            for number, parent in enumerate((f"{top}/a", f"{top}/b/c")):
                name = f"client-{number}"
                host.check_caller(name, 30, options=["--cgroup-parent", parent])
                told = [event["message"] for event in host.bed.get("/v1/events")["events"] if event["kind"] == "CONTAINER"]
                assert len([text for text in told if "held for" in text]) == number + 2, told
                host.docker.ok("rm", name)
        finally:
            remove_v1_cgroups(top)


def test_instances_follow_containers():
    with docker_host() as host:
        ids = [host.serve(f"b{number}", "backend", "svcconnect.port=8080") for number in range(3)]
        wait_until(lambda: len(host.instances()) == 3, 5, "three replicas")
        host.run("plain", [], "/bin/sleep", "600")
        host.run("off", ["svcconnect.service=backend", "svcconnect.enable=false"], "/bin/sleep", "600")
        host.run("wrong", ["svcconnect.service=backend", "svcconnect.port=http"], "/bin/sleep", "600")
        wait_until(lambda: len(host.containers()) == 6, 5, "all are known")
        listed = host.containers()
        assert not any(listed[name]["task"] for name in ("plain", "off", "wrong")), listed
        assert "svcconnect.port" in listed["wrong"]["note"], listed["wrong"]
        assert {item["id"].split("-")[0] for item in host.instances()} == {id[:12] for id in ids}
        host.docker.ok("kill", "b0")
        wait_until(lambda: len(host.instances()) == 2, 5, "a killed one is gone")
        host.docker.ok("pause", "b1")
        wait_until(lambda: sorted(item["health"] for item in host.instances()) == ["HEALTHY", "UNHEALTHY"], 5, "paused")
        host.docker.ok("unpause", "b1")
        wait_until(lambda: [item["health"] for item in host.instances()] == ["HEALTHY"] * 2, 5, "goes on")
        before = {item["id"] for item in host.instances()}
        time.sleep(1)  # another start has another second
        host.docker.ok("restart", "-t", "1", "b1")
        wait_until(lambda: len({item["id"] for item in host.instances()} - before) == 1 and len(host.instances()) == 2, 5,
                   "a restart is another instance")
        host.check_caller("after", 20)
        host.docker.ok("rm", "-f", "b1", "b2")
        wait_until(lambda: not host.instances(), 5, "none are left")
        plain = host.containers()["plain"]["cgroup"]
        assert f"attached {plain} in" in host.bed.cli_ok("attach", "--container", "plain").out
        assert host.bed.tasks()[plain]["container"] == "plain"
        assert "plain" in host.bed.cli_ok("tasks", "-o", "wide").out
        socket = re.escape(host.bed.config["containerRuntime"].removeprefix("docker:"))
        told = host.bed.cli("doctor").out
        assert re.search(rf"docker at {socket} is followed, \d+ of \d+ containers are tasks, first programs wait", told), told
        assert re.search(r"at the exec gate; 1 unlabelled \(version \d+[^ ]*, cgroupfs driver\)", told), told
        assert "1 of containers, 1 connected" in host.bed.cli_ok("status").out
        host.docker.ok("pause", "plain")  # nobody waits for ever for one that is frozen
        tried = host.bed.cli("doctor").out
        assert re.search(r"\n(ok|problem) +names +backend is 127\.255\.", tried) or "could not be entered" in tried, tried
        host.docker.ok("unpause", "plain")
        names, connects, _ = host.caller("late", 5)
        assert (names, connects) == (0, 5), "the name stays and is refused"


test_instances_follow_containers.timeout = 120


def test_without_the_gate():
    """As on a kernel that has none: a task as soon as the runtime has told of it, which is said to be late."""
    with docker_host(config={"containerGate": "off"}) as host:
        host.serve("backend-1", "backend", "svcconnect.port=8080")
        host.wait_for_instances(1)
        host.run("client", ["svcconnect.service=frontend"], "/bin/sleep", "600")
        wait_until(lambda: host.containers().get("client", {}).get("attached"), 10, "it is a task")
        assert host.containers()["client"]["first"] == "late", host.containers()["client"]
        # Its names are there when its file has been looked at, some milliseconds later.
        wait_until(lambda: host.bed.tasks()[host.containers()["client"]["cgroup"]]["nameservers"], 10, "it has names")
        seen = outcome(host.docker.ok("exec", "client", "/bin/first", "call", "backend", "80", "30"))
        assert seen == (0, 0, 30), seen
        told = [event["message"] for event in host.bed.get("/v1/events")["events"]]
        assert "container client: attached while it ran" in told, told
        said = host.bed.cli("doctor").out
        assert "begin some milliseconds before their names are there; no exec gate: it is switched off" in said, said


test_without_the_gate.timeout = 120


def test_the_daemon_was_away():
    with docker_host() as host:
        host.serve("stays", "backend", "svcconnect.port=8080")
        host.serve("goes", "backend", "svcconnect.port=8080")
        wait_until(lambda: len(host.instances()) == 2, 5, "both are registered")
        host.bed.kill()
        host.docker.ok("rm", "-f", "goes")
        host.serve("comes", "backend", "svcconnect.port=8080")
        host.bed.start()
        ids = {host.docker.ok("inspect", "-f", "{{.Id}}", name).strip()[:12] for name in ("stays", "comes")}
        wait_until(lambda: {item["id"].split("-")[0] for item in host.instances()} == ids, 5, "as the runtime has them")
        wait_until(lambda: all(host.containers()[name]["attached"] for name in ("stays", "comes")), 5, "and attached")
        host.docker.process.kill()
        host.docker.process.wait()
        wait_until(lambda: not host.bed.get("/v1/containers")["runtimes"][0]["connected"], 5, "its end is seen")
        assert len(host.instances()) == 2, "what it told last holds"
        assert "is not connected: " in host.bed.cli("doctor").out
        host.docker.start()  # which ends what a dead dockerd has left
        wait_until(lambda: not host.instances(), 15, "and what it tells then is the truth")


test_the_daemon_was_away.timeout = 120
