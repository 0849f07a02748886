# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""How long endpoints take to answer, as the programs measure it. No clock of the test's own is believed: what a server has slept
for at least and what the client has seen at most are what a measurement lies between."""
import os
import socket
import ssl
import statistics
import subprocess
import sys

from testbed import PORT, Testbed, note, wait_until

SLEEP = 0.02
TIMES = 9

# Sleeps before each answer; with "greets" before it speaks first.
SERVER = f"""
import socket, ssl, sys, threading, time
how = sys.argv[3]
context = None
if how == 'tls':
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4])
def serve(c):
    try:
        talk(c)
    except ConnectionError:
        pass
def talk(c):
    if how == 'mute':
        return c.recv(1)
    if how == 'greets':
        time.sleep({SLEEP})
        c.sendall(b'220 hello')
    if how == 'tls':
        c.recv(1, socket.MSG_PEEK)
        time.sleep({SLEEP})
        c = context.wrap_socket(c, server_side=True)
    while c.recv(65536):
        if how == 'answers':
            time.sleep({SLEEP})
        elif how == 'first':
            time.sleep({SLEEP} if not getattr(threading.current_thread(), 'again', 0) else {SLEEP} * 5)
            threading.current_thread().again = 1
        c.sendall(b'answer')
    c.close()
listener = socket.socket(socket.AF_INET)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
listener.listen(256)
print('up', flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

# Prints, for each connection, the milliseconds from before its first byte (or its connect) to after the first one back, and whether
# its SYN had data.
CLIENT = """
import socket, ssl, sys, time
host, port, how, times = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
for _ in range(times):
    s = socket.socket()
    begun = time.monotonic()
    if how == 'fastopen':
        s.sendto(b'question', 0x20000000, (host, port))
    else:
        s.connect((host, port))
        if how == 'idle':
            time.sleep(0.05)
        begun = time.monotonic() if how == 'asks' or how == 'idle' else begun
    if how == 'tls':
        s = ssl._create_unverified_context().wrap_socket(s, do_handshake_on_connect=False)
        s.do_handshake()
    elif how not in ('listens', 'fastopen'):
        s.sendall(b'question')
    if how != 'tls':
        assert s.recv(100)
    took = (time.monotonic() - begun) * 1000
    print(took, s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & 32, flush=True)
    if how == 'keeps':
        for _ in range(3):
            s.sendall(b'question')
            assert s.recv(100)
    s.close()
"""


def start(bed, how, *more, before=()):
    where = bed.address()
    host, port = where.rsplit(":", 1)
    process = bed.popen([*before, sys.executable, "-c", SERVER, host, port, how, *more], stdout=subprocess.PIPE)
    assert process.stdout.readline() == "up\n"
    return where


def ask(bed, task, service, how, before=()):
    """What the client has seen, in milliseconds each."""
    result = task.run([*before, sys.executable, "-c", CLIENT, bed.address_of(service, PORT), str(PORT), how, str(TIMES)])
    assert result.rc == 0, result.err
    if how == "fastopen":  # all but the first, which asks for the cookie
        assert [line.split()[1] for line in result.out.splitlines()].count("32") >= TIMES - 1, result.out
    return [float(line.split()[0]) for line in result.out.splitlines()]


def logged(bed, service, n):
    """First bytes of the last connections to the service, in milliseconds each."""
    def fetch():
        return [one for one in bed.get("/v1/connections", service=service)["connections"]
                if one["outcome"] == "closed"]
    wait_until(lambda: len(fetch()) >= n, 10, f"{n} connections to {service} in the log")
    return [one["firstByteMicroseconds"] / 1000 for one in fetch()[-n:]]


def is_between(found, seen):
    """Each slept through, and most of them no longer than their client says: its thread may have come late, or early."""
    note(f"found {[round(x, 1) for x in found]}, seen {[round(x, 1) for x in seen]}")
    assert len(found) == len(seen) and min(found) >= SLEEP * 1000, found
    assert sum(one <= most + 1 for one, most in zip(found, seen)) > len(seen) * 2 / 3, (found, seen)


def endpoint_of(bed, service):
    return next(one for one in bed.get("/v1/endpoints")["endpoints"] if one["service"] == service)


def test_right_whoever_speaks_first():
    with Testbed(config={"connectionLog": "all"}) as bed:
        inside = bed.network_namespace("sysctl -qw net.ipv4.tcp_fastopen=3")
        ways = {"asks": "answers", "idle": "answers", "listens": "greets", "keeps": "first", "fastopen": "answers"}
        for how, server in ways.items():
            bed.register(how, start(bed, server, before=inside), id="a")
            bed.cli_ok("set", how, "responseTime=all")
        task = bed.task()
        for how in ways:
            seen = ask(bed, task, how, how, before=inside)
            is_between(logged(bed, how, TIMES), seen)
            first = endpoint_of(bed, how)["firstByte"]
            assert first["measured"] == TIMES, first
            assert SLEEP * 1000 <= first["meanMilliseconds"] <= statistics.mean(seen) + 1, first
            [caller] = bed.get("/v1/callers", service=how)["callers"]
            assert {name: value for name, value in first.items() if name != "recentMilliseconds"} == caller["firstByte"], caller
            assert sum(first["buckets"]) == TIMES, first
            assert SLEEP * 1000 <= first["recentMilliseconds"] and 16.384 <= first["p50Milliseconds"], first
        assert "first 2" in bed.cli_ok("connections", "--service", "asks").out or max(seen) > 30


def make_certificate(bed):
    path = os.path.join(bed.base, "server.pem")
    result = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2",
                             "-keyout", path, "-out", path + ".crt"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    with open(path, "a", encoding="ascii") as file, open(path + ".crt", encoding="ascii") as certificate:
        file.write(certificate.read())
    return path


def test_of_tls_it_is_the_handshake():
    assert ssl.OPENSSL_VERSION
    with Testbed(config={"connectionLog": "all"}) as bed:
        bed.register("secure", start(bed, "tls", make_certificate(bed)), id="a")
        bed.cli_ok("set", "secure", "responseTime=all")
        task = bed.task()
        is_between(logged(bed, "secure", len(seen := ask(bed, task, "secure", "tls"))), seen)


def test_which_are_measured():
    """One in sixteen if nothing is said, none, all; a server that never answers is none."""
    with Testbed() as bed:
        bed.service("usual")
        bed.service("off")
        bed.service("all")
        bed.register("mute", start(bed, "mute"), id="a")
        bed.cli_ok("set", "off", "responseTime=off")
        for name in ("all", "mute"):
            bed.cli_ok("set", name, "responseTime=all")
        task = bed.task()
        for name in ("usual", "off", "all"):
            task.connector({bed.target(name, PORT): None}, "--count", 800, "--parallel", 2)
        for _ in range(3):
            with_mute = task.agent()
            one = with_mute.open()
            assert with_mute.call("connect", socket=one, address=bed.address_of("mute", PORT), port=PORT)["errno"] is None
            with_mute.call("close", socket=one)
        assert "firstByte" not in endpoint_of(bed, "off") and "firstByte" not in endpoint_of(bed, "mute")
        usual, every = (endpoint_of(bed, name)["firstByte"]["measured"] for name in ("usual", "all"))
        note(f"{usual} and {every} of 800")
        assert 20 <= usual <= 90, "50, and six deviations of it"
        # The client reads to the end: whose answer and FIN come in one is measured as well.
        assert every >= 790, every
        assert "1/0" in bed.cli("set", "all", "responseTime=1/0").err
        [usual] = [one for one in bed.get("/v1/settings")["services"] if one["name"] == "usual"]
        assert usual["settings"]["responseTime"] == "1/16"


def test_kept_over_a_restart():
    """Of a daemon that dies, what is measured meanwhile; and adopted by the next one."""
    with Testbed() as bed:
        bed.service("backend")
        bed.cli_ok("set", "backend", "responseTime=all")
        task = bed.task()
        target = {bed.target("backend", PORT): None}
        task.connector(target, "--count", 20)
        bed.kill()
        task.connector(target, "--count", 20)
        bed.restart()
        assert endpoint_of(bed, "backend")["firstByte"]["measured"] >= 39
        bed.cli_ok("deregister", "backend", "0", "--now")
        bed.service("other")
        assert "firstByte" not in endpoint_of(bed, "other"), "a number that is given again begins with nothing"
