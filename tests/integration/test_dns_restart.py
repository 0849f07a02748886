# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Look-ups of tasks while the daemon is restarted, upgraded, killed."""
import json
import os
import signal
import subprocess
import sys
import time

from testbed import PATIENCE, need_no_thread_sanitizer, note, wait_until
from test_dns import SERVER, place

QUESTIONS_WAIT = 2.5  # seconds, for the next daemon: KEEP_WAIT_MS

# One look-up every 5 ms, each in a thread of its own, as a busy task makes them; half of them of an outside name.
LOOKER = r"""
import json, socket, sys, threading, time
names, count = sys.argv[1].split(","), int(sys.argv[2])
failed, slowest, lock = [], [0.0], threading.Lock()
def look(i):
    began = time.monotonic()
    try:
        socket.getaddrinfo(names[i % len(names)], None, socket.AF_INET)
    except OSError as error:
        with lock:
            failed.append(f"{i}: {names[i % len(names)]}: {error}")
    with lock:
        slowest[0] = max(slowest[0], time.monotonic() - began)
threads, began = [], time.monotonic()
print("READY", flush=True)
for i in range(count):
    time.sleep(max(0, began + i * 0.005 - time.monotonic()))
    threads.append(threading.Thread(target=look, args=(i,)))
    threads[-1].start()
for thread in threads:
    thread.join()
print(json.dumps({"failed": failed, "slowest": slowest[0], "seconds": time.monotonic() - began}))
"""


def look(here, names, count=2000):
    process = here.task.popen([*here.before, sys.executable, "-c", LOOKER, names, str(count)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == "READY\n"
    return process


def finish(process):
    report = json.loads(process.communicate(timeout=60 * PATIENCE)[0])
    note(f"{len(report['failed'])} failed, the slowest took {report['slowest']:.2f} s")
    return report["failed"]


def test_no_look_up_fails_over_restarts_and_a_kill():
    with place() as (bed, here):
        looking = look(here, "backend")
        time.sleep(0.5)
        for _ in range(3):
            assert bed.stop() == 0
            bed.start()
            time.sleep(1)
        killed = time.monotonic()
        bed.kill()
        time.sleep(0.5)
        bed.start()
        was_away = time.monotonic() - killed
        failed = [text for text in finish(looking) if "Temporary failure" not in text or was_away < QUESTIONS_WAIT]
        assert failed == []
        if was_away >= QUESTIONS_WAIT:
            note(f"the daemon was away for {was_away:.1f} s after the kill, longer than questions wait: they are told so")
        assert here.questions() == [], "nobody outside has heard of our names"


def test_outside_names_go_on_over_a_restart():
    need_no_thread_sanitizer("it does not follow the threads of a process that a process with threads has forked")
    with place() as (bed, here):
        looking = look(here, "backend,www.outside.test", 800)
        time.sleep(0.5)
        for wait in (0, 1):
            assert bed.stop() == 0
            time.sleep(wait)
            bed.start()
            time.sleep(0.5)
        assert finish(looking) == []
        assert set(here.questions()) == {"www.outside.test"}


def test_connected_sockets_are_answered_by_the_next_daemon():
    with place() as (bed, here):
        agent = here.agent
        number = agent.open(type="udp")
        agent.call("connect", socket=number, address=SERVER, port=53)
        question = "\x00\x07\x01\x00\x00\x01" + "\x00" * 6 + "\x07backend" + "\x00\x00\x01\x00\x01"
        for how in (bed.stop, bed.kill):
            how()
            agent.call("send", socket=number, text=question)
            bed.start()
            assert agent.call("read_some", socket=number)["size"] > 30


def test_there_is_one_keeper_and_it_goes():
    with place() as (bed, here):
        for _ in range(3):
            assert len(bed.keepers()) == 1
            bed.restart(gracefully=True)
            wait_until(lambda: len(bed.keepers()) == 1, 5, "those of the daemon before have gone")
            bed.restart()
            wait_until(lambda: len(bed.keepers()) == 1, 5, "that of the daemon before has gone")
        bed.kill()
        assert len(bed.keepers()) == 1
        wait_until(lambda: not bed.keepers(), 6, "it does not wait for ever")
        assert here.short("www.outside.test") == ["192.0.2.7"]
        bed.start()
        here.wait()
        address = bed.address_of("backend", 9)
        bed.stop()
        assert len(bed.keepers()) == 2, "one that answers, and the keeper"
        assert here.short("backend") == [address], "by a copy of the daemon that has ended"
        here.agent.end()
        wait_until(lambda: not bed.keepers(), 3, "nobody needs them when the task is empty")


def test_nobody_waits_long_for_a_daemon_that_does_not_come():
    with place() as (bed, here):
        bed.kill()
        began = time.monotonic()
        text = here.run("dig", "+time=8", "+tries=1", "www.outside.test", timeout=20).out
        assert "status: SERVFAIL" in text and time.monotonic() - began < 6, text
        assert here.short("www.outside.test") == ["192.0.2.7"], "then the name server is asked"
        bed.start()
        here.wait()


def test_a_task_that_was_detached_meanwhile():
    with place() as (bed, here):
        bed.restart({"dns": "off"}, gracefully=True)
        assert here.short("backend") == [], "what was taken over is given up"
        wait_until(lambda: not bed.keepers(), 5, "nobody has anything to keep")
        assert here.short("www.outside.test") == ["192.0.2.7"]
        bed.restart({"dns": "on"}, gracefully=True)
        here.wait()
        assert here.short("backend") == [bed.address_of("backend", 9)]


def test_the_keeper_may_be_killed():
    with place() as (bed, here):
        os.kill(bed.keepers()[0], signal.SIGKILL)
        assert here.short("backend") == [bed.address_of("backend", 9)]
        bed.restart(gracefully=True)
        here.wait()
        assert here.short("backend") == [bed.address_of("backend", 9)]
