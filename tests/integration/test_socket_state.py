# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What a connect through an alias leaves on the socket: the application's own options, and the right name of its peer."""
import json
import sys
import time

from test_ejection import blackhole
from testbed import PORT, Testbed

HEAD = """
import ctypes, errno, json, select, socket, struct, sys
USER_TIMEOUT = 18
def unspec(s): ctypes.CDLL(None).connect(s.fileno(), struct.pack('H14x', 0), 16)
def option(s): return s.getsockopt(6, USER_TIMEOUT)
out = []
"""


def run(bed, code, before=(), **values):
    """Runs the code in a task; `values` are there by name; what it has put into `out`."""
    given = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    result = bed.task(name=f"t{time.monotonic_ns()}").run([*before, sys.executable, "-c", HEAD + given + code + "\nprint(json.dumps(out))"], timeout=40)
    assert result.rc == 0, result
    return json.loads(result.out)


def limited(bed, service, seconds):
    bed.change("PUT", "/v1/settings", service=service, settings={"connectTimeoutSeconds": seconds})


def test_no_limit_stays_on_a_connection():
    """Two services at one address, either of them with a limit, whichever came first; blocking or not, IPv4 or mapped."""
    with Testbed() as bed:
        where = bed.address()
        bed.announce({where: "v1"})
        for name, seconds in (("a", 0), ("b", 2), ("c", 5)):
            bed.register(name, where, id="0")
            bed.route(name, {name: 1})
            if seconds:
                limited(bed, name, seconds)
        code = """
for name, address in aliases.items():
    for mapped in False, True:
        for blocking in True, False:
            s = socket.socket(socket.AF_INET6 if mapped else socket.AF_INET)
            s.setblocking(blocking)
            s.connect_ex(('::ffff:' + address if mapped else address, 80))
            select.select([], [s], [], 5)
            assert s.getsockopt(1, 4) == 0
            out.append(option(s))
"""
        aliases = {name: bed.address_of(name) for name in "abc"}
        assert run(bed, code, aliases=aliases) == [0] * 12


def test_the_applications_own_limit_stays():
    """Equal to the service's, shorter, longer; set before the connect or while it is under way."""
    with Testbed() as bed:
        hole = blackhole(bed, 8099)
        bed.announce({f"127.0.0.1:{PORT}": "v1"}, before=hole)
        bed.register("fine", f"127.0.0.1:{PORT}", id="0")
        bed.register("slow", "127.0.0.1:8099", id="0")
        for name in ("fine", "slow"):
            limited(bed, name, 20)
        code = """
for own in 20000, 1000, 60000, 20001:
    s = socket.socket()
    s.setsockopt(6, USER_TIMEOUT, own)
    s.connect((fine, port))
    out.append(option(s) == own)
for own in 20000, 7000:
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex((slow, 8099))
    s.setsockopt(6, USER_TIMEOUT, own)
    unspec(s)
    out.append(option(s) == own)
s = socket.socket(); s.setblocking(False); s.connect_ex((slow, 8099))
out.append(option(s) > 0)
"""
        assert run(bed, code, hole, fine=bed.address_of("fine", PORT), slow=bed.address_of("slow", 8099), port=PORT) == [True] * 7


def test_a_silent_endpoint_is_found_as_soon_as_its_service_says():
    """The kernel's own timer tells, which doubles: 60 ms, ticks of any clock, and 1 s never meet. Of connects by the alias alone, whichever came before."""
    with Testbed() as bed:
        hole = blackhole(bed, 8099)
        bed.announce({f"127.0.0.1:{PORT}": "v1"}, before=hole)
        for name, port in (("soon", 8099), ("usual", 8099), ("fine", PORT)):
            bed.register(name, f"127.0.0.1:{port}", id="0")
        for name in ("soon", "fine"):
            bed.change("PUT", "/v1/settings", service=name, settings={"synTimeoutMilliseconds": 60, "ejection": {"failures": 0}})
        limited(bed, "fine", 9)
        code = """
def wait_of(s):
    us = struct.unpack_from('I', s.getsockopt(6, 11, 104), 8)[0]  # tcpi_rto
    while us >= 2000000 or us % 1000000 and us >= 2 * 60000: us //= 2
    return us
def begin(where, s=None):
    s = s or socket.socket(socket.AF_INET6 if ':' in where[0] else socket.AF_INET)
    s.setblocking(False)
    s.connect_ex(tuple(where))
    return s
for where in soon, ['::ffff:' + soon[0], soon[1]], usual, ['127.0.0.1', 8099], soon:
    out.append(wait_of(begin(where)))
s = begin(soon); unspec(s); out.append(wait_of(begin(usual, s))); unspec(s); out.append(wait_of(begin(['127.0.0.1', 8099], s)))
s = begin(soon)
while s.getsockopt(6, 11, 104)[2] == 0: select.select([], [], [], 0.01)  # tcpi_retransmits
s = socket.socket(); s.connect(tuple(fine)); out.append([s.recv(9).decode().strip(), option(s)])
"""
        where = {name: (bed.address_of(name, port), port) for name, port in (("soon", 8099), ("usual", 8099), ("fine", PORT))}
        seen = run(bed, code, hole, **where)
        assert seen == [60000, 60000, 1000000, 1000000, 60000, 1000000, 1000000, ["v1", 0]], seen
        assert bed.endpoints()["soon", "0"]["outcomes"]["retransmitted"] >= 1, "the first timeout counts, however short"


def test_every_end_of_a_connect_takes_the_limit_back():
    with Testbed() as bed:
        hole = blackhole(bed, 8099)
        bed.announce({f"127.0.0.1:{PORT}": "v1"}, before=hole)
        for name, where in (("fine", f"127.0.0.1:{PORT}"), ("refused", "127.0.0.1:8098"), ("slow", "127.0.0.1:8099"),
                            ("gone", f"198.51.100.9:{PORT}")):
            bed.register(name, where, id="0")
            limited(bed, name, 2)
        code = """
def connect(s, where):
    try: s.connect(where)
    except OSError as e: return errno.errorcode[e.errno]
for end in ends:
    s = socket.socket()
    ended = connect(s, tuple(end))
    left = option(s)
    again = connect(s, ('127.0.0.1', port))
    out.append([ended, left, again, option(s)])
s = socket.socket(); s.setblocking(False); s.connect_ex(tuple(ends[1])); unspec(s); s.setblocking(True)
left = option(s); connect(s, ('127.0.0.1', port))
out.append(['unspec', left, None, option(s)])
"""
        ends = [(bed.address_of("refused", 8098), 8098), (bed.address_of("slow", 8099), 8099),
                (bed.address_of("gone", PORT), PORT), (bed.address_of("fine", PORT), 9)]
        assert run(bed, code, hole, ends=ends, port=PORT) == [
            ["ECONNREFUSED", 0, None, 0], ["ETIMEDOUT", 0, None, 0], ["ENETUNREACH", 0, None, 0], ["ECONNREFUSED", 0, None, 0],
            ["unspec", 0, None, 0]]


def test_the_peers_name_is_the_last_ones():
    with Testbed() as bed:
        where = bed.address()
        host = where.split(":")[0]
        bed.announce({where: "v1"})
        for name in ("named", "other", "plain"):
            bed.register(name, where, id="0")
            bed.route(name, {name: 1})
        for name in ("named", "other"):
            bed.change("PUT", "/v1/settings", service=name, settings={"peerName": "alias"})
        named, other, plain = (bed.address_of(name) for name in ("named", "other", "plain"))
        code = """
for mapped in '', '::ffff:':
    for way in ways:
        s = socket.socket(socket.AF_INET6 if mapped else socket.AF_INET)
        for address, at in way:
            unspec(s)
            s.connect((mapped + address, at))
        out.append(s.getpeername()[0] == mapped + address and s.getpeername()[1] == at)
"""
        direct = (host, PORT)
        ways = [[(named, 80)], [(named, 80), direct], [direct, (named, 80)], [(named, 80), (other, 80)],
                [(named, 80), direct, (other, 80)], [(other, 80), (named, 80), direct]]
        assert run(bed, code, ways=ways) == [True] * 12
        code = """
s = socket.socket(); s.connect((named, 80)); unspec(s); s.connect((plain, 80)); out.append(s.getpeername()[0])
"""
        assert run(bed, code, named=named, plain=plain) == [host], "a service that tells the endpoint"


def test_the_peers_name_of_a_datagram_socket():
    with Testbed() as bed:
        bed.register("echo", "127.0.0.1:7007", id="0", protocol="udp")
        bed.change("PUT", "/v1/settings", service="echo", settings={"peerName": "alias"})
        alias = [item for item in bed.get("/v1/aliases")["aliases"] if item["protocol"] == "udp"][0]
        code = """
s = socket.socket(type=socket.SOCK_DGRAM)
s.connect((alias, at)); out.append(s.getpeername()[0] == alias)
unspec(s); s.connect(('127.0.0.1', 7007)); out.append(s.getpeername()[0] == '127.0.0.1')
s.connect((alias, at)); s.connect(('127.0.0.1', 7007)); out.append(s.getpeername()[0] == '127.0.0.1')
"""
        assert run(bed, code, alias=alias["address"], at=alias["port"]) == [True] * 3
