# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Draining: no new connection from that moment on, no open one lost, gone when the last has ended or time is over."""
import time

from testbed import PATIENCE, PORT, Skip, Testbed, note, wait_until

SERVER = """
import socket, sys, threading, time
address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
listener = socket.create_server((address, port))
print("up", flush=True)
def serve(sock):
    # A transfer that takes its time: a byte every tenth of a second, then the end.
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            sock.sendall(b".")
            time.sleep(0.1)
        sock.sendall(b"done")
    except OSError:
        pass
    sock.close()
while True:
    sock, _ = listener.accept()
    threading.Thread(target=serve, args=(sock,), daemon=True).start()
"""

CLIENT = """
import json, socket, sys, time
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print("connected", flush=True)
text, error = b"", None
try:
    while True:
        more = sock.recv(4096)
        if not more:
            break
        text += more
except OSError as failure:
    error = failure.errno
print(json.dumps({"tail": text[-4:].decode(), "errno": error}), flush=True)
"""


def slow_service(bed, seconds, id="old", before=(), address=None):
    where = address or bed.address()
    host, port = where.rsplit(":", 1)
    server = bed.popen([*before, "python3", "-c", SERVER, host, port, str(seconds)], stdout=-1)
    assert server.stdout.readline() == "up\n"
    bed.register("backend", where, id=id)
    return server


def start_transfer(bed, task, before=()):
    client = task.popen([*before, "python3", "-c", CLIENT, bed.address_of("backend", PORT), str(PORT)], stdout=-1)
    assert client.stdout.readline() == "connected\n"
    return client


def result(client, timeout=30):
    import json
    client.wait(timeout)
    return json.loads(client.stdout.readline())


def state(bed, id="old"):
    return bed.endpoints().get(("backend", id))


def drain(bed, id="old", **more):
    return bed.change("POST", "/v1/drains", service="backend", id=id, **more)


def test_a_transfer_of_20_seconds_completes():
    with Testbed() as bed:
        slow_service(bed, 20)
        task = bed.task()
        client = start_transfer(bed, task)
        where = bed.address()
        bed.announce({where: "new"})
        bed.register("backend", where, id="new")
        answer = drain(bed, timeoutSeconds=60)
        assert answer["draining"] and answer["open"] == 1, answer
        report = task.connector({bed.target("backend", PORT): "new"}, "--count", 500)
        assert report["names"] == {"new": 500}, report
        time.sleep(3)
        shown = state(bed)
        assert shown["health"] == "DRAINING" and shown["open"] == 1 and not shown["eligible"], shown
        assert result(client) == {"tail": "done", "errno": None}
        wait_until(lambda: state(bed) is None, 5, "it is deregistered when its last connection has ended")
        kinds = [item["kind"] for item in bed.get("/v1/events")["events"]]
        assert "DRAINING" in kinds and "DRAINED" in kinds, kinds


def test_without_connections_it_goes_at_once():
    with Testbed() as bed:
        bed.service("backend", weights=(1, 1))
        task = bed.task()
        assert task.connector({bed.target("backend", PORT): "backend"}, "--count", 50)["answered"] == 50
        began = time.monotonic()
        out = bed.cli_ok("drain", "backend", "0").out
        assert "draining" in out and "20s at most" in out, out
        wait_until(lambda: ("backend", "0") not in bed.endpoints(), 5, "it is gone")
        note(f"after {time.monotonic() - began:.2f} s")
        assert task.connector({bed.target("backend", PORT): "backend/1"}, "--count", 50)["answered"] == 50


def test_the_deadline_removes_it_and_leaves_the_connection():
    with Testbed() as bed:
        slow_service(bed, 5)
        client = start_transfer(bed, bed.task())
        drain(bed, timeoutSeconds=2)
        wait_until(lambda: state(bed) is None, 5, "its time is over")
        assert client.poll() is None, "the connection goes on"
        assert result(client) == {"tail": "done", "errno": None}


def test_kill_closes_what_is_open_and_nothing_else():
    with Testbed() as bed:
        slow_service(bed, 8)
        task = bed.task()
        client = start_transfer(bed, task)
        address = state(bed)["address"]
        # The same endpoint, from outside of all tasks: none of our business.
        stranger = bed.popen(["python3", "-c", CLIENT, address, str(PORT)], stdout=-1)
        assert stranger.stdout.readline() == "connected\n"
        out = bed.cli_ok("drain", "backend", "old", "--timeout", "1", "--kill").out
        assert "1 open connection, 1s at most" in out, out
        ended = result(client, 5)
        assert ended["errno"] in (103, 104), ended  # ECONNABORTED, ECONNRESET
        wait_until(lambda: state(bed) is None, 3, "it is gone")
        assert stranger.poll() is None
        assert result(stranger) == {"tail": "done", "errno": None}


MULTIPATH_SERVER = """
import socket, sys
l = socket.socket(2, 1, int(sys.argv[1])); l.setsockopt(1, 2, 1); l.bind((sys.argv[2], int(sys.argv[3]))); l.listen(9)
print("up", flush=True)
kept = []
while True:
    c, _ = l.accept(); c.sendall(b"hi"); kept.append(c)
"""

MULTIPATH_CLIENT = """
import errno, socket, sys
s = socket.socket(2, 1, 262); s.connect((sys.argv[1], int(sys.argv[2]))); s.recv(9)
print("connected", flush=True)
s.settimeout(20)
try: print(repr(s.recv(9)))
except OSError as e: print(errno.errorcode.get(e.errno, e))
"""


def need_multipath(inside, bed):
    if bed.run([*inside, "sysctl", "-qw", "net.mptcp.enabled=1", "net.mptcp.close_timeout=1"]).rc:
        raise Skip("no net.mptcp.close_timeout (Linux 6.7): a Multipath TCP connection without subflows waits for a minute")


def test_kill_of_multipath_tcp():
    """Of such a connection the kernel lets nobody close more than the subflows: the application hears of it when the time is
    over in which another may come. One whose other end speaks TCP alone is told at once, as of TCP."""
    with Testbed() as bed:
        inside = bed.network_namespace()
        need_multipath(inside, bed)
        task = bed.task()
        for protocol, wanted in ((262, "ENOTCONN"), (6, "ECONNABORTED")):
            where = bed.address()
            host, port = where.rsplit(":", 1)
            server = bed.popen([*inside, "python3", "-c", MULTIPATH_SERVER, str(protocol), host, port], stdout=-1)
            assert server.stdout.readline() == "up\n"
            bed.register(f"p{protocol}", where, id="0")
            client = task.popen([*inside, "python3", "-c", MULTIPATH_CLIENT, bed.address_of(f"p{protocol}", PORT), str(PORT)],
                                stdout=-1)
            assert client.stdout.readline() == "connected\n"
            bed.change("POST", "/v1/drains", service=f"p{protocol}", id="0", timeoutSeconds=1, kill=True)
            ended = client.communicate(timeout=20 * PATIENCE)[0].strip()
            with open(bed.log_file, encoding="utf-8") as log:
                is_told = "1 of these were subflows of Multipath TCP" in log.read()
            assert ended == wanted and is_told, (protocol, ended, is_told)


def test_connections_older_than_the_task_are_waited_for():
    """The programs have not seen them; the kernel's socket tables have. In a network namespace of its own, too."""
    with Testbed() as bed:
        inside = bed.network_namespace()
        slow_service(bed, 4, before=inside, address="127.0.0.1:8080")
        task = bed.bare_task()
        client = task.popen([*inside, "python3", "-c", CLIENT, "127.0.0.1", "8080"], stdout=-1)
        assert client.stdout.readline() == "connected\n"
        bed.attach(task)
        assert state(bed)["open"] == 0
        drain(bed)
        wait_until(lambda: (state(bed) or {}).get("open") == 1, 3, "it is found")
        assert result(client) == {"tail": "done", "errno": None}
        wait_until(lambda: state(bed) is None, 3, "it is gone")


def test_deregister_drains_unless_now():
    with Testbed() as bed:
        slow_service(bed, 4)
        client = start_transfer(bed, bed.task())
        out = bed.cli_ok("deregister", "backend", "old").out
        assert "is draining: 1 open connection, 20s at most" in out, out
        assert state(bed)["health"] == "DRAINING"
        assert "deregistered" in bed.cli_ok("deregister", "backend", "old", "--now").out
        assert state(bed) is None
        assert result(client) == {"tail": "done", "errno": None}


def test_a_drain_goes_on_after_kill_9():
    with Testbed() as bed:
        slow_service(bed, 6)
        task = bed.task()
        client = start_transfer(bed, task)
        drain(bed, timeoutSeconds=60)
        bed.restart()
        assert state(bed)["health"] == "DRAINING" and state(bed)["open"] == 1
        assert task.agent_name_once(bed.address_of("backend", PORT), PORT) == "ECONNREFUSED"
        assert result(client) == {"tail": "done", "errno": None}
        wait_until(lambda: state(bed) is None, 5, "it is gone")


def test_registering_again_takes_it_back():
    with Testbed() as bed:
        slow_service(bed, 3)
        client = start_transfer(bed, bed.task())
        where = f"{state(bed)['address']}:{state(bed)['port']}"
        drain(bed)
        bed.register("backend", where, id="old")
        assert state(bed)["health"] == "HEALTHY"
        assert result(client) == {"tail": "done", "errno": None}
        time.sleep(1)
        assert state(bed)["health"] == "HEALTHY", "and it stays"


def test_drain_seconds_of_the_service():
    with Testbed() as bed:
        slow_service(bed, 6)
        client = start_transfer(bed, bed.task())
        bed.change("PUT", "/v1/settings", service="backend", settings={"drainSeconds": 2})
        assert drain(bed)["timeoutSeconds"] == 2
        wait_until(lambda: state(bed) is None, 5, "its time is over")
        assert client.poll() is None
        client.kill()


def test_bad_input_changes_nothing():
    with Testbed() as bed:
        bed.service("backend")
        before = bed.wanted_state()
        for body in ({"service": "backend"}, {"service": "backend", "id": "9"}, {"service": "nobody", "id": "0"},
                     {"service": "backend", "id": "0", "timeoutSeconds": -1},
                     {"service": "backend", "id": "0", "timeoutSeconds": 86401},
                     {"service": "backend", "id": "0", "kill": "yes"}, {"service": "backend", "id": "0", "soon": True}):
            status, answer = bed.api("POST", "/v1/drains", body)
            assert status in (400, 404) and answer["error"]["field"], (body, answer)
        bed.check_state(before)
