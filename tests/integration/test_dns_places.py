# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Where stubs are, and who else is there: link-local name servers, strangers in the same network namespace."""
import contextlib
import os
import socket
import subprocess
import sys

from testbed import Testbed, wait_until
from test_dns import HERE, SERVER, Place, place

LINK = ["ip link add v0 type veth peer name v1", "ip link set v0 up", "ip link set v1 up", "ip addr add fe80::53/64 dev v1 nodad",
        "ip addr add fe80::77/64 dev v0 nodad"]

# As musl's resolver does it: one socket that is not connected, and replies count only from the very address that was asked.
UNCONNECTED = r"""
import os, socket, struct, sys
server, name = sys.argv[1:]
sock = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(3)
to = socket.getaddrinfo(server, 53)[0][4]
wire = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
question = struct.pack("!HHHHHH", 7, 256, 1, 0, 0, 0) + wire + struct.pack("!HH", 1, 1)
sock.sendto(question, to)
reply, source = sock.recvfrom(600)
assert source == to, (source, to)
print(reply[3] & 15, socket.inet_ntoa(reply[-4:]))
"""


def unconnected(here, server, name):
    return here.run(sys.executable, "-c", UNCONNECTED, server, name)


@contextlib.contextmanager
def linked(conf, intercepted=1):
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:9", id="0")
        here = Place.__new__(Place)
        Place.__init__(here, bed, conf, (), intercepted, setup=LINK)
        process = bed.popen([*here.inside, sys.executable, os.path.join(HERE, "name_server.py"), "fe80::53%v1", here.log],
                            stdout=subprocess.PIPE)
        assert process.stdout.readline() == "READY\n"
        yield bed, here


def test_a_link_local_name_server():
    for zone in ("v0", None):
        with linked("nameserver fe80::53%v0\n") if zone else linked("nameserver fe80::53%2\n") as (bed, here):
            assert bed.tasks()[here.task.path]["nameservers"] == here.servers, "with its interface"
            server, address = here.servers[0], bed.address_of("backend", 9)
            if zone is None and here.run("cat", "/sys/class/net/v0/ifindex").out.strip() != "2":
                server = f"fe80::53%{2}"
            assert address in here.agent.call("resolve", name="backend")["addresses"]
            assert here.short(f"@{server}", "backend") == [address]
            assert here.short("+tcp", f"@{server}", "backend") == [address]
            result = unconnected(here, server, "backend")
            assert result.out.split() == ["0", address], result
            if zone is None:
                continue  # which interface is number 2 is the kernel's to say
            assert "192.0.2.7" in here.agent.call("resolve", name="www.outside.test")["addresses"]
            assert here.short("+tcp", f"@{server}", "www.outside.test") == ["192.0.2.7"]
            assert unconnected(here, server, "www.outside.test").out.split() == ["0", "192.0.2.7"]
            assert "backend" not in here.questions()


def test_a_link_local_name_server_beside_another():
    with linked("nameserver fe80::53%v0\nnameserver 127.0.0.9\n", intercepted=2) as (bed, here):
        assert bed.address_of("backend", 9) in here.agent.call("resolve", name="backend")["addresses"]
        assert here.short("@127.0.0.9", "backend") == [bed.address_of("backend", 9)]


def test_an_interface_that_is_not_there():
    """Names of ours are answered none the less; what is the name server's cannot be."""
    with linked("nameserver fe80::53%gone0\n") as (bed, here):
        assert bed.tasks()[here.task.path]["nameservers"] == ["fe80::53%gone0"]
        assert bed.address_of("backend", 9) in here.agent.call("resolve", name="backend")["addresses"]


def stub_places(here):
    """(protocol, address, port) of the daemon's sockets in the task's network namespace."""
    out = here.bed.run([*here.inside, "ss", "-Hlntu"]).out
    found = [(words[0], *words[4].rsplit(":", 1)) for words in map(str.split, out.splitlines())]
    return [(protocol, address.split("%")[0].strip("[]"), int(port)) for protocol, address, port in found if address.startswith("127.53.")
            or address == "[::1]" or address.startswith("[fe80::77]")]


def test_nobody_who_may_not_can_take_the_place_of_a_stub():
    for conf, servers, setup in ((f"nameserver {SERVER}\n", (SERVER,), ()), ("nameserver fd00:5::53\n", ("fd00:5::53",), ()),
                                 ("nameserver fe80::53%v0\n", (), LINK)):
        with place(conf=conf, servers=servers, setup=setup) as (bed, here):
            places = stub_places(here)
            assert len(places) == 2 and all(port < 1024 for _, _, port in places), places
            bed.kill()
            code = ("import socket,sys\nfor kind in (1,2):\n  s=socket.socket(int(sys.argv[1]),kind)\n"
                    "  to=socket.getaddrinfo(sys.argv[2],int(sys.argv[3]))[0][4]\n  try: s.bind(to); print('bound')\n"
                    "  except OSError as e: print(e.errno)\n")
            _, address, port = places[0]
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            for _ in range(2):
                out = bed.run([*here.inside, "setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", sys.executable, "-c", code,
                               str(int(family)), address + ("%v0" if address.startswith("fe80") else ""), str(port)]).out
                assert "bound" not in out and len(out.split()) == 2, (address, port, out)
            bed.start()
            here.wait()
            assert sorted(stub_places(here)) == sorted(places), "found again"


def test_each_stub_has_a_place_of_its_own():
    with place() as (bed, here):
        others = [bed.task(name=f"other{i}") for i in range(12)]
        agents = [other.agent(before=here.before) for other in others]
        for other in others:
            wait_until(lambda other=other: bed.tasks()[other.path]["nameservers"] == [SERVER], 15, "it has its stub")
        places = stub_places(here)
        assert len(set(places)) == 26 and len({address for _, address, _ in places}) == 13, places
        for agent in agents:
            assert bed.address_of("backend", 9) in agent.call("resolve", name="backend")["addresses"]
