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


# Questions that nobody answers, and connections that say nothing. PLACE PORT, then holds them until its end.
GREEDY = r"""
import socket, struct, sys, time
address, port = sys.argv[1], int(sys.argv[2])
quiet = struct.pack("!HHHHHH", 0, 256, 1, 0, 0, 0) + b"\x05quiet\x07outside\x04test\0\0\1\0\1"
socks = []
for i in range(600):
    if i % 50 == 0:
        socks.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    socks[-1].sendto(i.to_bytes(2, "big") + quiet[2:], (address, port))
    time.sleep(0.0005)
for i in range(40):
    s = socket.socket()
    s.settimeout(2)
    try:
        s.connect((address, port))
        s.send(b"\0")
    except OSError:
        pass
    socks.append(s)
print("holds", flush=True)
try:
    socks[0].settimeout(0.2)
    print(socks[0].recv(600)[3] & 15, flush=True)
except OSError as error:
    print(type(error).__name__, flush=True)
sys.stdin.read()
"""


def victims(here, count=30):
    """How many of so many questions about outside names are answered: by UDP, by TCP."""
    script = (f'for i in $(seq {count}); do dig +short +time=2 +tries=1 u$i.outside.test; done; echo; '
              f'for i in $(seq {count}); do dig +short +tcp +time=2 +tries=1 t$i.outside.test; done')
    udp, tcp = here.run("sh", "-c", script, timeout=120).out.split("\n\n")
    return udp.count("192.0.2.7"), tcp.count("192.0.2.7")


def test_a_stranger_in_the_network_namespace():
    with place() as (bed, here):
        _, address, port = next(found for found in stub_places(here) if found[0] == "udp")
        for how in ((), ("+tcp",)):
            words = ["dig", "+time=1", "+tries=1", *how, "-p", str(port), f"@{address}", "backend"]
            stranger = bed.run([*here.before, *words]).out
            assert bed.address_of("backend", 9) not in stranger, "it is no business of his"
            other = bed.task("elsewhere", name=f"other{len(how)}")
            assert bed.address_of("backend", 9) not in other.run([*here.before, *words]).out, "nor of another task's"
        greedy = bed.popen([*here.before, sys.executable, "-c", GREEDY, address, str(port)], stdin=-1, stdout=-1)
        assert greedy.stdout.readline() == "holds\n"
        assert victims(here) == (30, 30)
        assert "quiet.outside.test" not in here.questions()
        greedy.communicate()


def test_a_greedy_user_of_the_same_task():
    """Who has most gives way to who has less."""
    with place() as (bed, here):
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        greedy = here.task.popen([*here.before, *drop, sys.executable, "-c", GREEDY, SERVER, "53"], stdin=-1, stdout=-1)
        assert greedy.stdout.readline() == "holds\n"
        wait_until(lambda: here.questions().count("quiet.outside.test") == 512, 5, "all that it may have are on their way")
        assert victims(here) == (30, 30)
        assert bed.address_of("backend", 9) in here.short("+tcp", "backend")
        greedy.communicate()


def test_idle_connections_give_way_to_new_ones():
    with place() as (_, here):
        code = ("import socket,struct\nsocks=[]\nfor i in range(100):\n  s=socket.socket(); s.settimeout(3)\n"
                f"  s.connect(('{SERVER}',53)); socks.append(s)\n"
                "q=struct.pack('!HHHHHH',7,256,1,0,0,0)+b'\\7backend\\0\\0\\1\\0\\1'\n"
                "s.send(struct.pack('!H',len(q))+q)\nprint(len(s.recv(600))>2)\n"
                "n=0\nfor s in socks[:-1]:\n  s.setblocking(False)\n  try: n+=s.recv(1)==b''\n  except OSError as e: n+=e.errno==104\nprint(n)\n")
        assert here.run(sys.executable, "-c", code).out.split() == ["True", str(100 - 32)]


def test_cgroups_within_a_task_are_the_tasks():
    with place() as (bed, here):
        child = here.task.child("a").child("b")
        out = bed.run([*here.before, "dig", "+short", "+time=2", "+tries=1", "backend"], cgroup=child.directory).out
        assert out.split() == [bed.address_of("backend", 9)]
        out = bed.run([*here.before, "dig", "+short", "+tcp", "+time=2", "+tries=1", "www.outside.test"], cgroup=child.directory).out
        assert out.split() == ["192.0.2.7"]
