# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What happened: GET /v1/events and `svcconnect events`, kept, followed, through a restart."""
import calendar
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from testbed import CLI, Testbed, wait_until

KEPT = 1024


class Lines:
    """Lines of a stream as they come, each within a time limit."""

    def __init__(self, stream):
        self.fd = stream.fileno()
        self.rest = b""

    def next(self, seconds=5.0):
        """The next line, or None if none comes."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return None
            data = os.read(self.fd, 65536)
            assert data, f"the stream has ended; its rest: {self.rest}"
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()


def follow(bed, *words):
    process = bed.popen([CLI, "events", "--follow", *words], env=bed.cli_environment(), stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
    return process, Lines(process.stdout), Lines(process.stderr)


def interrupt(process):
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0


def attach_anew(bed, task, times):
    """Each time to another service: what is as it was is not told of."""
    for number in range(times):
        bed.attach(task, service=f"web-{number % 2}")


def test_tasks_are_told():
    with Testbed() as bed:
        assert bed.get("/v1/events")["events"] == []
        before = time.time()
        task = bed.task(service="web")
        gone = bed.task("red", name="gone")
        bed.cli_ok("detach", "--cgroup", task.path)
        gone.remove()
        events = wait_until(lambda: bed.get("/v1/events", after=3)["events"], 5, "the sweep") and \
            bed.get("/v1/events")["events"]
        assert [(item["namespace"], item["service"], item["message"]) for item in events] == [
            ("default", "web", f"attached {task.path}"), ("red", "", f"attached {gone.path}"),
            ("default", "web", f"detached {task.path}"), ("red", "", f"collected {gone.path}")], events
        assert [item["sequence"] for item in events] == [1, 2, 3, 4]
        for item in events:
            assert item["kind"] == "TASK" and item["instance"] == "" and item["count"] == 1, item
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", item["time"]), item
        told = time.strptime(events[0]["time"][:19] + " UTC", "%Y-%m-%dT%H:%M:%S %Z")
        assert abs(calendar.timegm(told) - before) < 5, (events[0], before)
        bed.task(name="other")
        bed.cli_ok("detach", "--all")
        assert bed.get("/v1/events", after=5)["events"][0]["message"].startswith("detached ")


def test_reading_on():
    with Testbed() as bed:
        task = bed.bare_task()
        attach_anew(bed, task, 3)
        answer = bed.get("/v1/events", after=1)
        assert [item["sequence"] for item in answer["events"]] == [2, 3] and answer["next"] == 3, answer
        assert answer["lost"] is False and answer["epoch"], answer
        again = bed.get("/v1/events", after=3)
        assert again["events"] == [] and again["next"] == 3 and again["epoch"] == answer["epoch"], again
        assert bed.get("/v1/events", after=99)["next"] == 3, "a number from before a restart"
        red = bed.task("red", name="red")
        narrowed = bed.get("/v1/events", namespace="red")
        assert [item["message"] for item in narrowed["events"]] == [f"attached {red.path}"], narrowed
        assert narrowed["next"] == 4
        assert bed.get("/v1/events", namespace="blue")["events"] == []


def test_the_same_attachment_is_told_once():
    with Testbed() as bed:
        task = bed.bare_task()
        for service in ("web", "web", "other", "web"):
            bed.attach(task, service=service)
        assert [item["service"] for item in bed.get("/v1/events")["events"]] == ["web", "other", "web"]


def test_bad_queries():
    with Testbed() as bed:
        for query, field in (("after=-1", "after"), ("after=x", "after"), ("after=", "after"),
                             ("after=99999999999999999999", "after"), ("settled=maybe", "settled")):
            status, answer = bed.api("GET", f"/v1/events?{query}")
            assert status == 400 and answer["error"]["field"] == field and answer["error"]["allowed"], (query, answer)


def test_the_oldest_give_way():
    with Testbed() as bed:
        task = bed.bare_task()
        attach_anew(bed, task, KEPT + 6)
        answer = bed.get("/v1/events")
        assert len(answer["events"]) == KEPT and answer["events"][0]["sequence"] == 7, answer["events"][0]
        assert answer["next"] == KEPT + 6 and answer["lost"] is False, "nothing was asked for that is gone"
        assert bed.get("/v1/events", after=5)["lost"] is True
        assert bed.get("/v1/events", after=6)["lost"] is False


def test_the_command():
    with Testbed() as bed:
        empty = bed.cli_ok("events")
        assert not empty.out and empty.err, empty
        assert bed.cli_ok("events", "--json").out == ""
        task = bed.task(service="web")
        bed.task("red", name="red")
        lines = bed.cli_ok("events").out.splitlines()
        first = bed.get("/v1/events")["events"][0]
        assert len(lines) == 2 and "\033" not in lines[0], lines
        assert lines[0].split() == [first["time"], "TASK", "default/web", "attached", task.path], lines
        objects = [json.loads(line) for line in bed.cli_ok("events", "--json").out.splitlines()]
        assert objects == bed.get("/v1/events")["events"], objects
        assert len(bed.cli_ok("events", "-n", "red").out.splitlines()) == 1
        assert bed.cli("events", "more").rc == 2
        bed.kill()
        for words in (["events"], ["events", "--follow"]):
            result = bed.cli(*words)
            assert result.rc == 3 and bed.socket_path in result.err, result


def test_follow():
    """In a pipe: each line comes as it happens, not when a buffer is full."""
    with Testbed() as bed:
        task = bed.task()
        process, out, _ = follow(bed)
        assert task.path in out.next()
        assert out.next(0.8) is None, "nothing twice"
        bed.cli_ok("detach", "--cgroup", task.path)
        assert f"detached {task.path}" in out.next()
        interrupt(process)


def test_follow_as_json_in_a_namespace():
    with Testbed() as bed:
        process, out, _ = follow(bed, "--json", "-n", "red")
        bed.task("default", name="other")
        bed.task("red", name="mine")
        event = json.loads(out.next())
        assert event["namespace"] == "red" and event["sequence"] == 2, event
        assert out.next(0.8) is None
        interrupt(process)


def test_follow_outlasts_restarts():
    with Testbed() as bed:
        task = bed.task()
        process, out, err = follow(bed)
        assert task.path in out.next()
        bed.kill()
        assert "gone" in err.next()
        assert err.next(1.3) is None, "that is said once"
        bed.start()
        assert "restarted" in err.next()
        bed.cli_ok("detach", "--cgroup", task.path)
        assert f"detached {task.path}" in out.next(), "number 1 of the new daemon"
        # A restart between two polls: nobody notices an absence, and the numbers are higher than before.
        process.send_signal(signal.SIGSTOP)
        bed.restart()
        attach_anew(bed, task, 5)
        process.send_signal(signal.SIGCONT)
        for number in range(5):
            assert f"attached {task.path}" in out.next(), number
        assert out.next(0.8) is None
        interrupt(process)


def test_follow_says_what_it_missed():
    with Testbed() as bed:
        task = bed.task()
        process, out, err = follow(bed)
        assert out.next()
        process.send_signal(signal.SIGSTOP)
        attach_anew(bed, task, KEPT + 1)
        process.send_signal(signal.SIGCONT)
        assert "overwritten" in err.next()
        for number in range(KEPT):
            assert out.next(), number
        interrupt(process)


def test_follow_ends_with_its_reader():
    with Testbed() as bed:
        bed.task()
        process, out, _ = follow(bed)
        assert out.next()
        process.stdout.close()
        assert process.wait(5) == 0


def test_colours_on_a_terminal():
    with Testbed() as bed:
        bed.task()
        outside, inside = pty.openpty()
        environment = {**bed.cli_environment(), "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        process = bed.popen([CLI, "events"], env=environment, stdout=inside)
        assert process.wait(5) == 0
        text = os.read(outside, 65536).decode()
        os.close(inside)
        os.close(outside)
        assert "\033[" in text and "TASK" in text, text
