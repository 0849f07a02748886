# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Of two endpoints the one that is done sooner: balance leastTime, with real servers of which one is four times slower. Shares are
judged, no times: on a busy machine both are slower."""
import collections
import sys

import chi_square
from test_balance import keep, serve
from testbed import PORT, Testbed, note, wait_until

QUICK, SLOW = 0.02, 0.08

# Answers each request with its name after so long; a line on its standard input changes that.
SERVER = """
import socket, sys, threading, time
pause = float(sys.argv[4])
def talk(c):
    try:
        while c.recv(100):
            time.sleep(pause)
            c.sendall(sys.argv[3].encode())
    except ConnectionError:
        pass
    c.close()
def listen():
    while True:
        threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=256)
threading.Thread(target=listen, daemon=True).start()
print('up', flush=True)
for line in sys.stdin:
    pause = float(line)
    print('changed', flush=True)
"""

# So many requests, each on a connection of its own, so many at a time; prints who has answered.
CLIENT = """
import queue, socket, sys, threading
todo = queue.SimpleQueue()
for i in range(int(sys.argv[3])):
    todo.put(i)
def ask():
    while True:
        try:
            todo.get_nowait()
        except queue.Empty:
            return
        s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 30)
        s.sendall(b'x')
        print(s.recv(100).decode() + '\\n', end='', flush=True)
        s.close()
threads = [threading.Thread(target=ask) for _ in range(int(sys.argv[4]))]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


class Server:
    def __init__(self, bed, id, pause, weight=1):
        where = bed.address()
        host, port = where.rsplit(":", 1)
        self.process = bed.popen([sys.executable, "-c", SERVER, host, port, id, str(pause)], stdin=-1, stdout=-1)
        assert self.process.stdout.readline() == "up\n"
        bed.register("backend", where, id=id, weight=weight)

    def change(self, pause):
        self.process.stdin.write(f"{pause}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "changed\n"


def ask(task, address, count, parallel):
    result = task.run([sys.executable, "-c", CLIENT, address, str(PORT), str(count), str(parallel)], timeout=60)
    assert result.rc == 0, result.err
    return collections.Counter(result.out.split())


def share(counts, id):
    return counts[id] / sum(counts.values())


def test_the_slow_one_gets_less():
    with Testbed() as bed:
        slow = Server(bed, "slow", SLOW)
        quick = Server(bed, "quick", QUICK)
        bed.cli_ok("set", "backend", "balance=leastTime")
        task, address = bed.task(), bed.address_of("backend", PORT)
        assert "done sooner" in bed.cli_ok("explain", f"backend:{PORT}").out
        ask(task, address, 40, 1)  # each has been measured by now: one that has not been lately is, whatever responseTime says
        wait_until(lambda: all("firstByte" in one for one in bed.get("/v1/endpoints")["endpoints"]), 5, "both are measured")
        alone, many = ask(task, address, 120, 1), ask(task, address, 240, 8)
        note(f"one at a time {dict(alone)}, eight {dict(many)}")
        assert share(alone, "slow") < 0.25 and share(many, "slow") < 0.25, "a half each by weight"
        bed.kill()
        dead = ask(task, address, 120, 4)
        note(f"with the daemon dead {dict(dead)}")
        assert share(dead, "slow") < 0.25
        # Who is slow and who is not changes, and it follows without the daemon.
        slow.change(QUICK)
        quick.change(SLOW)
        changed = collections.Counter()

        def has_turned():
            changed.clear()
            changed.update(ask(task, address, 60, 4))
            return share(changed, "quick") < 0.4
        wait_until(has_turned, 40, "the one that is slow now gets less")
        note(f"turned around {dict(changed)}")


test_the_slow_one_gets_less.timeout = 120


def test_for_its_weight():
    """Four times as slow and six times as heavy: most of them while nothing waits."""
    with Testbed() as bed:
        Server(bed, "heavy", SLOW, weight=12)
        Server(bed, "quick", QUICK, weight=2)
        bed.cli_ok("set", "backend", "balance=leastTime", "responseTime=all")
        task, address = bed.task(), bed.address_of("backend", PORT)
        ask(task, address, 40, 1)
        counts = ask(task, address, 100, 1)
        note(dict(counts))
        assert share(counts, "heavy") > 0.6, counts


def test_routes_stay_exact():
    """However slow one of the targets is."""
    with Testbed() as bed:
        serve(bed, ["0", "1", "2"], "v1")
        serve(bed, ["0", "1"], "v2")
        for name in ("v1", "v2"):
            bed.cli_ok("set", name, "balance=leastTime", "responseTime=all")
        bed.cli_ok("route", "set", "v1:8080", "v1=90", "v2=10")
        task = bed.task()
        process, _ = keep(task, bed.address_of("v2", 8080), 40)
        report = task.connector({bed.target("v1", 8080): None}, "--count", 6000, "--parallel", 4)
        targets = collections.Counter()
        for name, number in report["names"].items():
            targets[name.split("/")[0]] += number
        statistic, p = chi_square.check(targets, {"v1": 0.9, "v2": 0.1})
        note(f"{dict(targets)}, chi-square {statistic:.1f}, p {p:.3f}")
        process.stdin.close()
        process.wait()
