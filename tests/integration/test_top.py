# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""`svcconnect top` on a real terminal, which tmux is: keys go in, what stands on the screen is read."""
import contextlib
import json
import os
import re
import shlex
import subprocess
import threading
import time

from test_callers import call, serve
from testbed import CLI, PATIENCE, PORT, Testbed, need_program, wait_until


class Terminal:
    def __init__(self, bed, name, *words, columns=120, rows=20):
        self.command = [need_program("tmux"), "-S", os.path.join(bed.base, f"tmux-{name}"), "-f", "/dev/null"]
        program = " ".join(shlex.quote(word) for word in [CLI, "--socket", bed.socket_path, "top", *words])
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), f"{program}; echo ended $?; sleep 600")

    def tmux(self, *words):
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        result = subprocess.run([*self.command, *words], capture_output=True, text=True, timeout=30 * PATIENCE, env=environment,
                                check=False)
        assert result.returncode == 0, (words, result.stderr)
        return result.stdout

    def lines(self):
        return self.tmux("capture-pane", "-p").splitlines()

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def until(self, condition, what):
        """Until the lines are so; returns them."""
        seen = []

        def look():
            seen[:] = self.lines()
            return condition(seen)
        try:
            wait_until(look, 20, what)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *seen])) from error
        return seen

    def end(self):
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.tmux("kill-server")


@contextlib.contextmanager
def terminal(bed, name, *words, **size):
    one = Terminal(bed, name, *words, **size)
    try:
        yield one
    finally:
        one.end()


@contextlib.contextmanager
def connecting(bed, task, name="web"):
    """Somebody who connects all the time."""
    address, agent, is_over = bed.address_of(name, PORT), task.agent(), threading.Event()

    def go():
        while not is_over.is_set():
            agent.ask(address, PORT)
            time.sleep(0.02)
    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        agent.end()


def has(lines, *words):
    return any(all(word in line for word in words) for line in lines)


def test_on_a_terminal():
    with Testbed() as bed:
        bed.service("web", (3, 1))
        bed.service("spare")
        bed.route("front", {"web": 90, "spare": 10})
        task = bed.task(service="client")
        with connecting(bed, task), terminal(bed, "a") as screen:
            screen.until(lambda lines: has(lines, "services: 2 of 2") and has(lines, "SERVICE", "CONN/s", "STATE"), "services")
            screen.until(lambda lines: any(re.search(r" web +2 +2 +[1-9][0-9.]* .* OK\b", line) for line in lines), "a rate")
            screen.press("2")
            lines = screen.until(lambda lines: has(lines, "endpoints: 3 of 3") and has(lines, "web", "75.0"), "endpoints")
            assert has(lines, "WANT %", "GOT %"), lines
            screen.press("3")
            screen.until(lambda lines: any(re.search(rf"client +web:{PORT} .* [1-9][0-9.]* +0\.0 ", line) for line in lines), "callers")
            screen.press("4")
            screen.until(lambda lines: has(lines, "front:80", "web", "90.0"), "aliases")
            screen.press("5")
            screen.until(lambda lines: has(lines, "client", "attached"), "tasks")
            screen.press("1")
            screen.until(lambda lines: has(lines, "services: 2"), "services again")
            screen.press("\\", "spa", "Enter")
            screen.until(lambda lines: has(lines, "1 of 2", "filter: spa"), "a filter")
            screen.press("Enter")
            screen.until(lambda lines: has(lines, "endpoints of spare: 1 of 1"), "the endpoints of the service")
            screen.press("Escape")
            screen.until(lambda lines: has(lines, "services: 2 of 2"), "all of them")
            screen.press("?")
            screen.until(lambda lines: has(lines, "the endpoints of the service under the cursor"), "help")
            screen.press("x")
            screen.until(lambda lines: has(lines, "services: 2 of 2"), "no help")
            screen.press("Space")
            screen.until(lambda lines: has(lines, "PAUSED"), "a pause")
            bed.service("later")
            screen.press("Space")
            screen.until(lambda lines: has(lines, "services: 3 of 3"), "no pause")
            screen.press("q")
            screen.until(lambda lines: has(lines, "ended 0"), "the end")


def statistics_held(bed):
    """By how many programs of this test's: the kernel measures as long as one does."""
    held = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                if bed.socket_path not in file.read():
                    continue
            held += sum("bpf-stats" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
    return held


def test_what_the_programs_cost():
    with Testbed() as bed:
        bed.service("web")
        with terminal(bed, "a") as screen:
            screen.press("P")
            screen.until(lambda lines: has(lines, "programs: no task is attached"), "nothing runs")
            with connecting(bed, bed.task()):
                lines = screen.until(lambda lines: any(re.search(r"programs: [1-9]\d* runs/s, [1-9]\d* ns each, ", line) for line in lines),
                                     "runs")
                assert has(lines, "services: 1 of 1") and statistics_held(bed) == 1, lines
                screen.press("P")
                screen.until(lambda lines: not has(lines, "programs:"), "no cost any more")
                assert statistics_held(bed) == 0, "nobody pays for it any more"
            screen.press("q")
            screen.until(lambda lines: has(lines, "ended 0"), "the end")


def test_a_share_is_seen():
    with Testbed() as bed:
        bed.service("web", (1, 0))
        task = bed.task()
        with connecting(bed, task), terminal(bed, "a", "endpoints") as screen:
            screen.until(lambda lines: any(re.search(r"^web +0 .* 100\.0 +100\.0 .*HEALTHY", line) for line in lines), "all to one")
            bed.update("web", "1", weight=1)
            bed.update("web", "0", weight=0)
            screen.until(lambda lines: any(re.search(r"^web +1 .* 100\.0 +[2-9][0-9]\.[0-9] ", line) for line in lines),
                         "more than a fifth to the other")


def test_ten_thousand_endpoints_of_any_width():
    with Testbed() as bed:
        for first in range(0, 10000, 2000):
            bed.batch([{"op": "register", "service": f"s{i % 100}", "address": f"10.1.{i // 250}.{i % 250 + 1}:80", "id": f"i{i:05}"}
                       for i in range(first, first + 2000)])
        for columns in (80, 250):
            with terminal(bed, str(columns), "endpoints", columns=columns, rows=30) as screen:
                screen.until(lambda lines: has(lines, "10000 of 10000"), "all endpoints")
                screen.press("End")
                lines = screen.until(lambda lines: has(lines, "i09999"), "the last")
                assert len(lines) == 30 and all(len(line) <= columns for line in lines), lines
                assert has(lines, "ADDRESS") == (columns == 250), lines[1]
                screen.press("/", "i00777", "Enter")
                screen.until(lambda lines: has(lines, "i00777"), "the one that is searched")


def test_the_daemon_goes_and_comes_back():
    with Testbed() as bed:
        bed.service("web")
        with terminal(bed, "a") as screen:
            screen.until(lambda lines: has(lines, "services: 1 of 1"), "services")
            bed.stop()
            screen.until(lambda lines: not has(lines, "services: 1 of 1") and has(lines, " web "), "a sentence")
            bed.start()
            screen.until(lambda lines: has(lines, "services: 1 of 1"), "services again")


def test_times_of_services():
    """Round trips of who calls, and first bytes of who answers: beside the service, the endpoint and the caller."""
    with Testbed() as bed:
        bed.register("backend", serve(bed, bed.address()), id="a")
        bed.cli_ok("set", "backend", "responseTime=all")
        call(bed.task(service="web"), 5, bed.target("backend", PORT))
        wait_until(lambda: bed.get("/v1/endpoints")["endpoints"][0].get("firstByte", {}).get("measured") == 5, 5, "all are measured")
        wait_until(lambda: bed.get("/v1/callers")["callers"][0]["outcomes"]["closed"] == 5, 5, "all have ended")
        first = bed.get("/v1/endpoints")["endpoints"][0]["firstByte"]
        for view in ("services", "endpoints", "callers"):
            [row] = json.loads(bed.cli_ok("top", view, "--json").out)["rows"]
            assert abs(row["firstByteMilliseconds"] - first["p50Milliseconds"]) < 0.01, (view, row, first)
            assert abs(row["firstByte99Milliseconds"] - first["p99Milliseconds"]) < 0.01, (view, row, first)
        [row] = json.loads(bed.cli_ok("top", "services", "--json").out)["rows"]
        [caller] = bed.get("/v1/callers")["callers"]
        assert 0 < row["roundTripMilliseconds"] <= caller["roundTripMicroseconds50"] / 1000, (row, caller)
        header = bed.cli_ok("top", "--once").out.splitlines()[0]
        assert "RTT" in header and "FIRST BYTE" in header and "99 %" in header, header


def test_once():
    with Testbed() as bed:
        bed.service("web", (1, 3))
        text = bed.cli_ok("top", "endpoints", "--once").out.splitlines()
        assert len(text) == 3 and "GOT %" in text[0] and "75.0" in text[1] + text[2], text
        answer = json.loads(bed.cli_ok("top", "aliases", "--json").out)
        assert answer["view"] == "aliases", answer
        assert [(row["alias"], row["service"], row["wantedPercent"]) for row in answer["rows"]] == [("web:8080", "web", 100)]
        bad = bed.cli("top", "everything")
        assert bad.rc == 2 and "everything is no view" in bad.err, bad
        bad = bed.cli("top")
        assert bad.rc == 1 and "--once" in bad.err, bad
        bed.stop()
        assert bed.cli("top", "--once").rc == 3
