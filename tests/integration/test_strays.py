# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""An address of the alias ranges that is no alias of the task is nobody's: refused, never passed on to whatever listens on
0.0.0.0 or :: of the host's network."""
import os
import socket
import sys
import threading

from testbed import Skip, Testbed, has_ipv6
from test_passthrough import own_alias_range

EVERYWHERE = 0  # the port of the servers on all addresses, drawn anew


class Everywhere:
    """TCP and UDP servers on one port of every address of the host, which count whom they hear."""

    def __init__(self):
        self.tcp = socket.create_server(("::", EVERYWHERE), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.udp.bind(("::", self.port))
        self.heard = []
        threading.Thread(target=self.accept, daemon=True).start()
        threading.Thread(target=self.receive, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, peer = self.tcp.accept()
            except OSError:
                return
            self.heard.append(("tcp", peer))
            sock.sendall(b"everywhere\n")
            sock.close()

    def receive(self):
        while True:
            try:
                _, peer = self.udp.recvfrom(100)
            except OSError:
                return
            self.heard.append(("udp", peer))
            self.udp.sendto(b"everywhere", peer)


def udp_answer(agent, address, port, connected, family=4):
    """What a datagram to there brings: a text, or the name of an errno."""
    mapped = family == "mapped"
    sock = agent.open(type="udp", family=family)
    try:
        if connected:
            answer = agent.call("connect", socket=sock, address=address, port=port, mapped=mapped)
            if answer["errno"] is None:
                answer = agent.call("send", socket=sock, text="who")
        else:
            answer = agent.call("sendto", socket=sock, address=f"::ffff:{address}" if mapped else address, port=port)
        if answer["errno"] is None:
            answer = agent.call("recvfrom", socket=sock, seconds=1)
        return answer.get("text") or answer["errno"]
    finally:
        agent.call("close", socket=sock)


def strays(bed, port):
    """[(address, port, family)] into the ranges that are no alias of the namespace `default`."""
    own, foreign = bed.alias("backend"), bed.alias("foreign", namespace="other")
    first = own["address"].rsplit(".", 1)[0]
    four = [(own["address"], port), (foreign["address"], 80), (foreign["address"], port),
            *((f"{first}.{host}", port) for host in (0, 77, 254, 255)), (f"{first}.77", 80)]
    six = [(own["address6"], port), (foreign["address6"], 80), (own["address6"].rsplit(":", 1)[0] + ":7777", port)]
    found = [(*where, family) for where in four for family in (4, "mapped")]
    return found + ([(*where, 6) for where in six] if has_ipv6() else [])


def test_no_stray_reaches_a_server_on_every_address():
    everywhere = Everywhere()
    with Testbed(flags=["--alias-range", own_alias_range()]) as bed:
        bed.service("v1")
        bed.route("backend", {"v1": 1})
        bed.service("v1", namespace="other")
        bed.route("foreign", {"v1": 1}, namespace="other")
        agent, before = bed.task().agent(), bed.counters()
        outside = bed.popen_agent()
        asked = 0
        for address, port, family in strays(bed, everywhere.port):
            where = (address, port, family)
            assert agent.name(address, port, family=family) == "ECONNREFUSED", where
            assert agent.name(address, port, family=family, nonblocking=True) == "ECONNREFUSED", where
            assert udp_answer(agent, address, port, False, family) == "ECONNREFUSED", where
            assert udp_answer(agent, address, port, True, family) == "ECONNREFUSED", where
            asked += 4
            # Without a program in the way the server is there: it is the refusal that keeps it away.
            if port == everywhere.port and family == 4 and not address.endswith((".0", ".255")):
                assert outside.name(address, port) == "everywhere", where
                udp_answer(outside, address, port, False)
        after = bed.counters()
        assert after["noAlias"] - before["noAlias"] == asked, (before, after, asked)
        assert after["miss"] == before["miss"], "what is refused has not passed"
        assert agent.name("127.0.0.1", everywhere.port) == "everywhere", "addresses outside of the ranges pass"
        heard = [kind for kind, _ in everywhere.heard]
        assert heard.count("tcp") == heard.count("udp") + 1, "each as often as it was asked from outside, and once by the task"


def test_a_name_that_has_gone_is_refused_at_its_old_address():
    everywhere = Everywhere()
    with Testbed(flags=["--alias-range", own_alias_range()]) as bed:
        bed.service("v1")
        bed.route("backend", {"v1": 1}, port=everywhere.port)
        agent, address = bed.task().agent(), bed.address_of("backend", everywhere.port)
        assert agent.name(address, everywhere.port) == "v1/0"
        assert bed.cli("route", "clear", f"backend:{everywhere.port}").rc == 0
        assert agent.name(address, everywhere.port) == "ECONNREFUSED"
        assert not everywhere.heard


def test_strays_are_refused_after_a_restart_and_while_the_daemon_is_dead():
    everywhere = Everywhere()
    with Testbed(flags=["--alias-range", own_alias_range()]) as bed:
        bed.service("v1")
        bed.route("backend", {"v1": 1})
        agent, address = bed.task().agent(), bed.address_of("backend")
        bed.kill()
        assert agent.name(address, everywhere.port) == "ECONNREFUSED"
        assert agent.name(address, 80) == "v1/0"
        bed.start()
        assert agent.name(address, everywhere.port) == "ECONNREFUSED"
        assert not everywhere.heard


def test_another_range_counts_from_the_restart_on():
    """Ranges are constants of the programs, so that a start with others gives every link new programs."""
    everywhere = Everywhere()
    base = own_alias_range().rsplit(".", 1)[0]
    with Testbed(flags=["--alias-range", f"{base}.0/25"]) as bed:
        agent = bed.task().agent()
        inside, other = f"{base}.77", f"{base}.177"
        assert agent.name(inside, everywhere.port) == "ECONNREFUSED"
        assert agent.name(other, everywhere.port) == "everywhere"
        bed.flags = ["--alias-range", f"{base}.128/25"]
        bed.restart()
        assert agent.name(inside, everywhere.port) == "everywhere"
        assert agent.name(other, everywhere.port) == "ECONNREFUSED"


def test_other_protocols_than_aliases_have():
    """UDP-Lite has the hook of sendto() only; a ping may ask whether an alias address is there."""
    with Testbed(flags=["--alias-range", own_alias_range()]) as bed:
        bed.service("v1")
        bed.route("backend", {"v1": 1})
        task, address = bed.task(), bed.address_of("backend")
        code = ("import errno,socket\n"
                "def go(make):\n"
                " try: make(); return 'None'\n"
                " except OSError as e: return errno.errorcode[e.errno]\n"
                f"send=lambda: socket.socket(2,2,136).sendto(b'x',('{address}',80))\n"
                f"ping=lambda: socket.socket(2,2,1).connect(('{address}',0))\n"
                "print(go(send),go(ping))")
        out = task.run([sys.executable, "-c", code]).out.split()
        if out[0] == "EPROTONOSUPPORT":
            raise Skip("no UDP-Lite")
        assert out[0] == "ECONNREFUSED" and out[1] in ("None", "EACCES"), out


def test_resolvers_still_sort_by_source_address():
    """getaddrinfo() connects a datagram socket to each address. Where there is no IPv6 route it has to find out, so IPv4 comes
    first; and no datagram of such a socket gets anywhere."""
    everywhere = Everywhere()
    with Testbed(flags=["--alias-range", own_alias_range()]) as bed:
        bed.service("v1")
        bed.route("backend", {"v1": 1})
        inside = bed.network_namespace()
        alias = bed.alias("backend")
        hosts = os.path.join(bed.base, "hosts")
        with open(hosts, "w", encoding="utf-8") as file:
            file.write(f"{alias['address6']} backend\n{alias['address']} backend\n")
        code = ("import socket\n"
                "for port in (None,0,80): print(*[a[4][0] for a in socket.getaddrinfo('backend',port,0,1)])")
        result = bed.task().run(["unshare", "-m", "sh", "-ec", f"mount --bind {hosts} /etc/hosts; exec \"$@\"", "sh",
                                 *inside, sys.executable, "-c", code])
        assert result.out.splitlines() == [f"{alias['address']} {alias['address6']}"] * 3, result
        agent = bed.task(name="asks").agent()
        for port in (0, 9, 80, 65535):
            sock = agent.open(type="udp")
            assert agent.call("connect", socket=sock, address=alias["address"], port=port)["errno"] is None, port
            assert agent.call("peer", socket=sock)["port"] in (0, None), port
            agent.call("send", socket=sock, text="x")
            assert agent.call("recvfrom", socket=sock, seconds=1)["errno"] == "ECONNREFUSED", port
        assert not everywhere.heard
