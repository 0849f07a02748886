# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Who calls whom, as the programs count it: exact by client, alias and endpoint, also while the daemon is dead."""
import sys

from testbed import PORT, Testbed, wait_until

ASKED, ANSWERED = 100, 3000

SERVER = f"""
import socket, sys, threading
def serve(c):
    got = 0
    while got < {ASKED}:
        got += len(c.recv(65536)) or 1000
    c.sendall(b'x' * {ANSWERED})
    c.close()
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=256)
print('up', flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

# Reads to the end and then closes, so that both ends' FIN are known; or is refused.
CLIENT = f"""
import socket, sys
for where in sys.argv[2:]:
    host, port = where.rsplit(':', 1)
    for _ in range(int(sys.argv[1])):
        s = socket.socket()
        if s.connect_ex((host, int(port))) == 0:
            s.sendall(b'x' * {ASKED})
            while s.recv(65536): pass
        s.close()
"""


def serve(bed, where):
    host, port = where.rsplit(":", 1)
    process = bed.popen([sys.executable, "-c", SERVER, host, port], stdout=-1)
    assert process.stdout.readline() == "up\n"
    return where


def call(task, times, *where):
    assert task.run([sys.executable, "-c", CLIENT, str(times), *where]).rc == 0


def callers(bed, **query):
    return bed.get("/v1/callers", **query)["callers"]


def settled(bed, total):
    """The rows, when nothing that was counted is open any more: the last FIN comes a moment after close()."""
    def is_settled():
        rows = callers(bed)
        return sum(row["connections"] for row in rows) == total and not any(row["open"] for row in rows)
    wait_until(is_settled, 5, f"{total} connections that have ended")
    return callers(bed)


def by(rows):
    return {(row["client"] or row["cgroup"], row.get("alias", "-"), row["instance"]): row["connections"] for row in rows}


def test_ends_after_its_endpoint_has_gone():
    with Testbed(config={"connectionLog": "all"}) as bed:
        bed.service("backend")
        agent = bed.task(service="web").agent()
        kept = agent.open()
        assert agent.call("connect", socket=kept, address=bed.address_of("backend", PORT), port=PORT)["errno"] is None
        assert agent.call("read", socket=kept)["name"] == "backend/0"
        bed.cli_ok("deregister", "backend", "0", "--now")
        wait_until(lambda: not bed.endpoints(), 5, "it has gone")
        agent.call("close", socket=kept)
        [row] = settled(bed, 1)
        assert row["outcomes"]["closed"] == 1, row
        assert bed.get("/v1/callers")["others"]["outcomes"]["closed"] == 0
        wait_until(lambda: len(bed.get("/v1/connections", after=0)["connections"]) == 1, 5, "it is in the log")


def test_exact_by_client_alias_and_endpoint():
    """Two services' tasks, one task without a service, two aliases of one endpoint, one that was dialled itself."""
    with Testbed() as bed:
        where = serve(bed, bed.address())
        bed.register("backend", where, id="a")
        bed.route("other", {"backend": 1}, port=81)
        web, more, api, bare = (bed.task(service=service, name=name) for service, name in
                                (("web", "w1"), ("web", "w2"), ("api", "a1"), (None, "b1")))
        alias, other = bed.target("backend", PORT), bed.target("other", 81)
        call(web, 30, alias)
        call(more, 20, alias, other)
        call(api, 10, other)
        call(bare, 7, alias, where)
        rows = settled(bed, 94)
        assert by(rows) == {("web", "backend", "a"): 50, ("web", "other", "a"): 20, ("api", "other", "a"): 10,
                            (bare.path, "backend", "a"): 7, (bare.path, "-", "a"): 7}, rows
        for row in rows:
            n = row["connections"]
            assert row["outcomes"] == {"closed": n, "refused": 0, "timedOut": 0, "retransmitted": 0, "gaveUp": 0,
                                       "resetEarly": 0}, row
            assert row["bytesSent"] == n * ASKED, row
            assert 0 <= row["bytesReceived"] - n * ANSWERED <= n, row  # a FIN may count as a byte
            assert sum(row["roundTrips"]) == n and row["service"] == "backend", row
        # Nothing is lost with the daemon, and what happens meanwhile is there after it.
        bed.kill()
        call(web, 5, alias)
        bed.restart()
        rows = settled(bed, 99)
        assert by(rows)[("web", "backend", "a")] == 55, rows
        call(api, 1, alias)
        assert by(settled(bed, 100))[("api", "backend", "a")] == 1
        # What has ended has its name still, and the list is narrowed.
        bare.remove()
        assert {row["cgroup"] for row in callers(bed, client="")} == {bare.path}
        out = bed.cli_ok("callers", "--client", "web").out
        assert "backend:" in out and "other:81" in out and "api" not in out, out
        assert bed.get("/v1/callers")["others"]["connections"] == 0


def test_failures_and_what_is_open():
    with Testbed() as bed:
        where = bed.address()
        bed.register("backend", where, id="a")
        bed.change("PUT", "/v1/settings", service="backend", settings={"ejection": {"failures": 0}, "localLiveness": "off"})
        task = bed.task(service="web")
        call(task, 9, bed.target("backend", PORT))
        row, = settled(bed, 9)
        assert row["outcomes"]["refused"] == 9 and row["outcomes"]["closed"] == 0, row
        bed.announce({where: "a"}, "--hold")
        agent = task.agent()
        sockets = [agent.open() for _ in range(4)]
        for one in sockets:
            agent.call("connect", socket=one, address=bed.address_of("backend", PORT), port=PORT)
        row, = callers(bed)
        assert (row["connections"], row["open"]) == (13, 4), row
        agent.end()
        assert settled(bed, 13)[0]["outcomes"]["refused"] == 9


def test_nothing_where_it_is_off():
    with Testbed(config={"callers": "off"}) as bed:
        where = serve(bed, bed.address())
        bed.register("backend", where, id="a")
        task = bed.task(service="web")
        call(task, 5, bed.target("backend", PORT))
        answer = bed.get("/v1/callers")
        assert answer["callers"] == [] and answer["isCounted"] is False, answer
        assert answer["others"]["connections"] == 0, answer
        # The programs of running tasks are swapped for such as count.
        bed.restart(config={})
        call(task, 5, bed.target("backend", PORT))
        assert by(settled(bed, 5)) == {("web", "backend", "a"): 5}
