# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Each way in which a connect or a young connection can end, by who has done it: only what the endpoint does counts against
it (docs/architecture.md, "Who has ended it")."""
import sys
import time

from test_ejection import FAILURES, blackhole, endpoint, veth_pair
from testbed import PATIENCE, PORT, Testbed, need_program, wait_until

TRIES = 4 * FAILURES

CLIENT = """
import ctypes, errno, select, signal, socket, struct, sys, time
def make(**how):
    s = socket.socket()
    s.settimeout(5)
    return s
def linger(s): s.setsockopt(1, 13, struct.pack('ii', 1, 0))
def unspec(s): return ctypes.CDLL(None).connect(s.fileno(), struct.pack('H14x', 0), 16)
def dial(where):
    s = make(); s.connect(where); return s
def ask(where):
    s = dial(where); s.sendall(b'GET'); time.sleep(0.02); return s
"""

SERVER = """
import socket, struct, sys, threading, time
def reset(c):
    c.setsockopt(1, 13, struct.pack('ii', 1, 0)); c.close()
def mute(c):
    while c.recv(100): pass
def reset_request(c):
    c.recv(100); reset(c)
how = {'reset': reset, 'mute': mute, 'reset_request': reset_request}[sys.argv[3]]
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=256)
print('up', flush=True)
def go(c):
    try: how(c)
    except OSError: pass
while True:
    c, _ = listener.accept()
    threading.Thread(target=go, args=(c,), daemon=True).start()
"""


def serve(bed, how, before=(), where=None):
    """A server that treats its clients so, registered as `backend`/0; returns its process."""
    where = where or bed.address()
    host, port = where.rsplit(":", 1)
    process = bed.popen([*before, sys.executable, "-c", SERVER, host, port, how], stdout=-1)
    assert process.stdout.readline() == "up\n"
    bed.register("backend", where, id="0")
    return process


def client(bed, code, before=(), timeout=40):
    """Runs `code` in a task, with `where` as the alias; what it prints."""
    where = f"where = ('{bed.address_of('backend', PORT)}', {PORT})\n"
    result = bed.task(name=f"t{time.monotonic_ns()}").run([*before, sys.executable, "-c", CLIENT + where + code], timeout=timeout)
    assert result.rc in (0, -9), result
    return result.out


def assert_not_blamed(bed, **outcomes):
    """None of the failures, and of the other outcomes as many as given; None: any number, which may still rise."""
    shown = endpoint(bed, "0")
    expected = {**dict.fromkeys(shown["outcomes"], 0), **outcomes}
    expected.update((name, shown["outcomes"][name]) for name, number in outcomes.items() if number is None)
    assert shown["outcomes"] == expected and not shown["ejected"], (shown, expected)


def test_the_clients_own_resets():
    """HAProxy's abortonclose and time limits, a browser's stop button: the request is there, the answer is not."""
    with Testbed() as bed:
        serve(bed, "mute")
        client(bed, f"for _ in range({TRIES}):\n s = ask(where); linger(s); s.close()")
        client(bed, f"for _ in range({TRIES}):\n s = ask(where); unspec(s); s.close()")
        client(bed, f"for _ in range({TRIES}):\n s = dial(where); linger(s); s.close()")
        client(bed, f"kept = [ask(where) for _ in range({TRIES})]\nfor s in kept: linger(s)\n"
                    "import os; os.kill(os.getpid(), signal.SIGKILL)")
        client(bed, f"for _ in range({TRIES}):\n s = ask(where); s.close()")
        wait_until(lambda: endpoint(bed, "0")["open"] == 0, 5, "all are closed")
        assert_not_blamed(bed, established=5 * TRIES)


def test_a_connect_that_is_taken_back():
    with Testbed() as bed:
        hole = blackhole(bed, PORT)
        bed.register("backend", f"127.0.0.1:{PORT}", id="0")
        client(bed, f"for i in range({TRIES}):\n s = socket.socket(); s.setblocking(False); s.connect_ex(where)\n"
                    " if i % 2: linger(s)\n"
                    " if i % 3: unspec(s)\n"
                    " s.close()", before=hole)
        client(bed, f"for _ in range(3):\n s = socket.socket(); s.settimeout(0.2)\n"
                    " try: s.connect(where)\n"
                    " except TimeoutError: s.close()", before=hole)
        assert_not_blamed(bed, gaveUp=TRIES + 3)


def test_a_nonblocking_connect_and_a_reset_at_once():
    with Testbed() as bed:
        serve(bed, "mute")
        client(bed, f"for _ in range({TRIES}):\n s = socket.socket(); s.setblocking(False); linger(s); s.connect_ex(where)\n"
                    " select.select([], [s], [], 5); s.send(b'GET'); s.close()")
        assert_not_blamed(bed, established=TRIES)


def cut(bed, inside, program):
    """From now on nothing reaches the endpoint any more."""
    script = (f"{program} add table inet cut; {program} add chain inet cut in '{{ type filter hook input priority 0; }}'; "
              f"{program} add rule inet cut in tcp dport {PORT} drop")
    assert bed.run([*inside, "sh", "-ec", script]).rc == 0


def test_time_limits_of_the_client_on_what_is_established():
    """TCP_USER_TIMEOUT of gRPC and libpq, and keepalive: the network was cut, the request acknowledged or on its way."""
    nft = need_program("nft")
    with Testbed() as bed:
        near, far = veth_pair(bed)
        serve(bed, "mute", before=far, where=f"198.51.100.2:{PORT}")
        task, count = bed.task(), 2 * FAILURES
        code = (CLIENT + f"where = ('{bed.address_of('backend', PORT)}', {PORT})\n"
                f"a = [ask(where) for _ in range({count})]\nb = [ask(where) for _ in range({count})]\n"
                "for s in a: s.setsockopt(6, 18, 300)\n"
                "for s in b:\n s.setsockopt(1, 9, 1); s.setsockopt(6, 4, 1); s.setsockopt(6, 5, 1); s.setsockopt(6, 6, 1)\n"
                "print('cut', flush=True); sys.stdin.readline()\n"
                "for s in a: s.send(b'more')\n"
                "print([s.recv(1) for s in []], end='')\n"
                "def end(s):\n"
                " s.settimeout(20)\n"
                " try: s.recv(1)\n"
                " except OSError as e: return errno.errorcode[e.errno]\n"
                "print({end(s) for s in a + b})")
        process = task.popen([*near, sys.executable, "-c", code], stdin=-1, stdout=-1)
        assert process.stdout.readline() == "cut\n"
        cut(bed, far, nft)
        out, _ = process.communicate("\n", timeout=40 * PATIENCE)
        assert "ETIMEDOUT" in out and "ECONNRESET" not in out, out
        assert_not_blamed(bed, established=2 * count)


def test_a_connection_that_an_operator_destroys():
    ss = need_program("ss")
    with Testbed() as bed:
        serve(bed, "mute")
        host = endpoint(bed, "0")["address"].rsplit(":", 1)[0]
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        numbers = [agent.open() for _ in range(TRIES)]
        for number in numbers:
            assert agent.call("connect", socket=number, address=address, port=PORT)["errno"] is None
            agent.call("send", socket=number, text="GET")
        time.sleep(0.1)
        assert bed.run([ss, "-Ktn", "dst", host]).rc == 0
        assert agent.call("read", socket=numbers[0])["errno"] == "ECONNABORTED"
        assert_not_blamed(bed, established=TRIES)


def test_the_endpoints_resets_count():
    """Before the request, after it, and of connections that nobody has accepted when the server ends."""
    for how, work in (("reset", "dial"), ("reset_request", "ask")):
        with Testbed() as bed:
            serve(bed, how)
            client(bed, f"for _ in range({TRIES}):\n try: {work}(where).recv(1)\n except OSError: pass")
            shown = endpoint(bed, "0")
            assert shown["ejected"] and shown["outcomes"]["resetEarly"] == TRIES, (how, shown)


def test_connections_that_nobody_has_accepted():
    with Testbed() as bed:
        where = bed.address()
        host, port = where.rsplit(":", 1)
        code = (f"import socket,time\nl=socket.create_server(('{host}',{port}),backlog=256)\nprint('up',flush=True)\n"
                "time.sleep(60)")
        server = bed.popen([sys.executable, "-c", code], stdout=-1)
        assert server.stdout.readline() == "up\n"
        bed.register("backend", where, id="0")
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        numbers = [agent.open() for _ in range(TRIES)]
        for number in numbers:
            assert agent.call("connect", socket=number, address=address, port=PORT)["errno"] is None
            agent.call("send", socket=number, text="GET")
        server.kill()
        server.wait()
        shown = endpoint(bed, "0")
        assert shown["ejected"] and shown["outcomes"]["resetEarly"] == TRIES, shown


def test_a_refusal_counts_and_a_stray_segment_does_not():
    with Testbed() as bed:
        bed.register("backend", bed.address(), id="0")
        assert "refused" in client(bed, "try: dial(where)\nexcept OSError as e: print(str(e).lower())")
        shown = endpoint(bed, "0")
        assert shown["outcomes"]["refused"] == 1, shown
