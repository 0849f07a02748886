# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The log of connections: failed ones if nothing else is said, all or one of N where it is set, lost ones counted."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import time

from test_callers import ANSWERED, ASKED, call, serve, settled
from testbed import CLI, PATIENCE, PORT, Testbed, wait_until


def connections(bed, n=None, **query):
    """Of the log; waits for `n` of them, because it is fetched now and then."""
    def fetch():
        found, after = [], 0
        while True:
            answer = bed.get("/v1/connections", after=after, **query)
            found += answer["connections"]
            if answer["isWhole"]:
                return found
            after = answer["next"]
    if n is not None:
        wait_until(lambda: len(fetch()) >= n, 5, f"{n} connections in the log")
    return fetch()


def test_failed_ones_are_logged_by_default():
    with Testbed() as bed:
        good, bad = serve(bed, bed.address()), bed.address()
        bed.register("good", good, id="g")
        bed.register("bad", bad, id="b")
        bed.change("PUT", "/v1/settings", service="bad", settings={"ejection": {"failures": 0}})
        task = bed.task(service="web")
        call(task, 5, bed.target("good", PORT))
        call(task, 3, bed.target("bad", PORT))
        found = connections(bed, 3)
        assert len(found) == 3 and {one["outcome"] for one in found} == {"refused"}, found
        one = found[0]
        assert (one["client"], one["alias"], one["aliasPort"], one["service"], one["instance"]) == \
            ("web", "bad", PORT, "bad", "b"), one
        assert f"{one['address']}:{one['port']}" == bad and one["process"].startswith("python") and one["pid"] > 1, one
        assert one["bytesSent"] == one["bytesReceived"] == 0 and 0 <= one["milliseconds"] < 5000, one
        line = bed.cli_ok("connections", "--failed", "--client", "web").out.splitlines()[0]
        assert "refused" in line and f"web (python3 {one['pid']})" in line and f"bad:{PORT} -> bad/b {bad}" in line, line
        assert bed.cli_ok("connections", "--service", "good").out == ""


def test_those_refused_before_they_began():
    """No endpoint, no alias, no permission: with the errno that the program saw, whose it was and why; and not without end."""
    with Testbed() as bed:
        bed.service("empty")
        bed.update("empty", "0", health="UNHEALTHY")
        (secret,) = bed.service("secret")
        bed.cli_ok("policy", "set", "secret", "--from", "others")
        task = bed.task(service="web")
        empty, denied = bed.target("empty", PORT), bed.target("secret", PORT)
        stray = f"{bed.address_of('empty', PORT)}:9"
        call(task, 2, empty, denied, stray, secret)
        told = connections(bed, 8)
        found = [(one["outcome"], one.get("alias"), f"{one['address']}:{one['port']}") for one in told[::2]]
        assert found == [("noEndpoint", "empty", empty), ("denied", "secret", denied), ("noAlias", "empty", stray), ("denied", None, secret)], told
        for one, errno in zip(told[::2], ("ECONNREFUSED", "EACCES", "ECONNREFUSED", "EACCES"), strict=True):
            assert errno in one["reason"] and (one["client"], one["milliseconds"], one["bytesSent"]) == ("web", 0, 0), one
            assert one["process"].startswith("python") and one["pid"] > 1, one
        first, *_ = bed.cli_ok("connections", "--failed", "--service", "empty").out.splitlines()
        assert "noEndpoint" in first and f"web (python3 {told[0]['pid']})  empty:{PORT}  " in first and told[0]["reason"] in first, first
        # UDP is in no log; and whoever tries without a pause is told of now and then, and counted.
        before = bed.get("/v1/connections", after=1 << 50)
        call(task, 20000, empty)

        def are_all_known():
            answer = bed.get("/v1/connections", after=1 << 50)
            return answer["next"] - before["next"] + answer["unlogged"] - before["unlogged"] == 20000
        wait_until(are_all_known, 5, "each is in the log or counted")
        assert bed.get("/v1/connections", after=1 << 50)["unlogged"] > before["unlogged"]


def test_all_of_them_and_to_a_follower():
    with Testbed(config={"connectionLog": "all"}) as bed:
        where = serve(bed, bed.address())
        bed.register("backend", where, id="a")
        task = bed.task(service="web")
        follower = bed.popen([CLI, "connections", "--follow", "--json", "--service", "backend"], stdout=subprocess.PIPE,
                             env=bed.cli_environment())
        call(task, 40, bed.target("backend", PORT))
        seen = [json.loads(follower.stdout.readline()) for _ in range(40)]
        follower.send_signal(signal.SIGINT)
        assert follower.wait(5) == 0
        assert seen == connections(bed, 40)
        for one in seen:
            assert (one["outcome"], one["bytesSent"], one["client"]) == ("closed", ASKED, "web"), one
            assert 0 <= one["bytesReceived"] - ANSWERED <= 1 and one["roundTripMicroseconds"] > 0, one
            assert one["milliseconds"] > 0, one
        assert connections(bed, failed="true") == [] and connections(bed, slow=60000) == []
        # What ended while the daemon was dead is told by the next one, and the rows know all of it.
        target = bed.target("backend", PORT)
        bed.kill()
        call(task, 10, target)
        bed.restart()
        assert len(connections(bed, 10)) == 10 and settled(bed, 50)[0]["connections"] == 50


def test_to_a_file_and_to_the_journal():
    """Two services of a host, say: one that keeps all in a file that is put aside at 4 KiB, and one that tells the journal."""
    with Testbed(config={"connectionLog": "all"}) as bed:
        where = serve(bed, bed.address())
        bed.register("backend", where, id="a")
        task = bed.task(service="web")
        log = os.path.join(bed.base, "connections.log")
        os.makedirs(os.path.join(bed.base, "journal"))
        journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        journal.bind(os.path.join(bed.base, "journal", "socket"))
        journal.settimeout(10 * PATIENCE)
        to_file = bed.popen([CLI, "connections", "--follow", "--json", "--log-file", log, "--rotate", "4K", "--keep", "2"],
                            env=bed.cli_environment(), stdout=subprocess.DEVNULL)
        there = "mount -t tmpfs none /run && mkdir -p /run/systemd && ln -s \"$0\" /run/systemd/journal && exec \"$@\""
        bed.popen(["unshare", "-m", "sh", "-c", there, os.path.join(bed.base, "journal"), CLI, "connections", "--follow", "--journal"],
                  env=bed.cli_environment(), stdout=subprocess.DEVNULL)
        call(task, 40, bed.target("backend", PORT))
        told = [journal.recv(4096).decode() for _ in range(40)]
        assert all(one.startswith("SYSLOG_IDENTIFIER=svcconnect\nPRIORITY=6\nMESSAGE=20") and "backend/a" in one for one in told), told
        kept = connections(bed, 40)

        def lines():
            text = ""
            for name in (f"{log}.2", f"{log}.1", log):
                with contextlib.suppress(FileNotFoundError), open(name, encoding="utf-8") as file:
                    text += file.read()
            return [json.loads(line) for line in text.splitlines()]
        wait_until(lambda: lines() and lines()[-1] == kept[-1], 5, "the file has the last one")
        assert lines() == kept[-len(lines()):] and 3 < len(lines()) < 40, len(lines())
        assert not os.path.exists(f"{log}.3") and os.path.getsize(log) <= 4096
        assert to_file.poll() is None
        result = bed.cli("connections", "--log-file", "/nowhere/log")
        assert result.rc == 1 and "/nowhere/log: No such file or directory" in result.err, result


def test_one_of_so_many():
    with Testbed(config={"connectionLog": "1/4"}) as bed:
        where = serve(bed, bed.address())
        bed.register("backend", where, id="a")
        task = bed.task(service="web")
        call(task, 400, bed.target("backend", PORT))
        settled(bed, 400)
        time.sleep(0.5)
        assert 50 <= len(connections(bed)) <= 150, len(connections(bed))  # 100, and more than five deviations of it


def test_what_finds_no_room_is_counted():
    with Testbed(config={"connectionLog": "all"}) as bed:
        bed.service("backend")
        task = bed.task(service="web")
        target = bed.target("backend", PORT)
        bed.kill()  # nobody reads, and there is room for some nine thousand
        task.connector({target: None}, "--count", 12000, "--parallel", 4)
        bed.restart()
        settled(bed, 12000)

        def is_told():
            answer = bed.get("/v1/connections", after=1 << 50)
            return answer["unlogged"] > 0 and answer["next"] + answer["unlogged"] == 12000
        wait_until(is_told, 5, "each connection in the log or counted as lost")
