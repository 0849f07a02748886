# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""No socket is sent where it cannot go, and what a socket cannot reach is not held against the endpoint."""
import sys

from test_ejection import endpoint, veth_pair
from test_passthrough import need_ipv6, serve_ipv6
from test_udp import Echo, udp_alias
from testbed import PORT, Testbed, wait_until

TRIES = 20  # far more than eject, twice as many as two CPUs let pass unjudged


def mixed(bed):
    """`backend`:80 with an IPv4 and an IPv6 endpoint; returns the alias."""
    need_ipv6()
    bed.service("four")
    bed.register("six", serve_ipv6(bed, "six/0"), id="0")
    bed.route("backend", {"four": 1, "six": 1})
    return bed.alias("backend")


def assert_nobody_is_ejected(bed):
    assert not any(item["ejected"] for item in bed.endpoints().values()), bed.endpoints()


def names(agent, address, port=80, **how):
    return {agent.name(address, port, **how) for _ in range(TRIES)}


def test_a_socket_that_is_ipv6_only():
    with Testbed() as bed:
        alias, agent = mixed(bed), bed.task().agent()
        how = {"family": 6, "v6only": True}
        assert names(agent, alias["address6"], **how) == {"six/0"}
        bed.update("six", "0", health="UNHEALTHY")
        before = bed.counters()["noEndpoint"]
        assert names(agent, alias["address6"], **how) == {"ECONNREFUSED"}
        assert bed.counters()["noEndpoint"] == before + TRIES
        assert names(agent, alias["address6"], family=6) == {"four/0"}
        assert_nobody_is_ejected(bed)


def test_a_bound_source_decides():
    with Testbed() as bed:
        alias, agent = mixed(bed), bed.task().agent()
        four, six = {"bind": "::ffff:127.0.0.1"}, {"bind": "::1"}
        assert names(agent, alias["address6"], family=6, **four) == {"four/0"}
        assert names(agent, alias["address6"], family=6, **six) == {"six/0"}
        assert names(agent, alias["address"], family="mapped", **six) == {"six/0"}
        assert names(agent, alias["address"], family="mapped", **four) == {"four/0"}
        assert names(agent, alias["address6"], family=6, bind="::") == {"six/0"}, "a port alone is no source"
        assert names(agent, alias["address"], bind="127.0.0.1") == {"four/0"}
        bed.update("six", "0", health="UNHEALTHY")
        assert names(agent, alias["address6"], family=6, **six) == {"ECONNREFUSED"}
        bed.update("six", "0", health="HEALTHY")
        bed.update("four", "0", health="UNHEALTHY")
        assert names(agent, alias["address6"], family=6, **four) == {"ECONNREFUSED"}
        assert_nobody_is_ejected(bed)


def udp_text(agent, address, port, connected, **how):
    mapped = how.get("family") == "mapped"
    sock = agent.open(type="udp", **how)
    try:
        if not connected:
            return agent.call("echo", socket=sock, address=address, port=port)["text"]
        answer = agent.call("connect", socket=sock, address=address, port=port, mapped=mapped)
        if answer["errno"] is None:
            agent.call("send", socket=sock, text="who")
            answer = agent.call("recvfrom", socket=sock, seconds=2)
        return answer.get("text") or answer["errno"]
    finally:
        agent.call("close", socket=sock)


def test_datagram_sockets():
    need_ipv6()
    four = Echo("four")
    six = Echo("six", "::1", four.port)
    try:
        with Testbed() as bed:
            bed.register("echo", four.where, id="four", protocol="udp")
            bed.register("echo", six.where, id="six", protocol="udp")
            alias, agent = udp_alias(bed, "echo"), bed.task().agent()
            ask = lambda name, connected, **how: {
                udp_text(agent, alias[name], alias["port"], connected, **how) for _ in range(TRIES)}
            for connected in (True, False):
                assert ask("address", connected) == {"four"}
                assert ask("address6", connected, family=6) == {"six"}
                assert ask("address6", connected, family=6, v6only=True) == {"six"}
                assert ask("address6", connected, family=6, bind="::1") == {"six"}
            assert ask("address", True, family="mapped") == {"four"}
            assert ask("address", True, family="mapped", bind="::1") == {"six"}
            assert ask("address6", True, family=6, bind="::ffff:127.0.0.1") == {"four"}
            bed.update("echo", "six", health="UNHEALTHY")
            assert ask("address6", True, family=6) == {"four"}
            assert ask("address6", True, family=6, v6only=True) == {"ECONNREFUSED"}
    finally:
        four.close()
        six.close()


def test_a_container_without_ipv6():
    """Java's sockets there get the IPv4 endpoint. Who names the IPv6 address finds no route: that is the container's."""
    need_ipv6()
    with Testbed() as bed:
        inside = bed.network_namespace()
        where = bed.address()
        bed.announce({where: "four/0"}, before=inside)
        bed.register("four", where, id="0")
        bed.register("six", "[2001:db8::6]:8080", id="0")
        bed.route("backend", {"four": 1, "six": 1})
        alias, agent = bed.alias("backend"), bed.task().agent(before=inside)
        assert names(agent, alias["address"], family="mapped") == {"four/0"}
        assert names(agent, alias["address"]) == {"four/0"}
        for _ in range(3):
            assert names(agent, alias["address6"], family=6) == {"ENETUNREACH"}
        assert_nobody_is_ejected(bed)


def test_a_container_without_ipv4():
    """The same the other way round; ::1 alone would be no sign of IPv6, but here IPv4 is what is missing."""
    need_ipv6()
    with Testbed() as bed:
        inside = bed.network_namespace("ip address del 127.0.0.1/8 dev lo")
        bed.register("four", "198.51.100.4:8080", id="0")
        six = bed.announce({"[::1]:0": "six/0"}, before=inside)[0]
        bed.register("six", six, id="0")
        bed.route("backend", {"four": 1, "six": 1})
        alias, agent = bed.alias("backend"), bed.task().agent(before=inside)
        for _ in range(3):
            assert names(agent, alias["address"]) == {"ENETUNREACH"}
            assert names(agent, alias["address6"], family=6) == {"six/0"}
        assert_nobody_is_ejected(bed)


def test_what_the_socket_is_bound_to_is_its_own_affair():
    """An interface that leads elsewhere, a loopback source for a remote endpoint: nobody gets there, and nobody is to blame."""
    with Testbed() as bed:
        client, server = veth_pair(bed)
        bed.announce({f"198.51.100.2:{PORT}": "good"}, before=server)
        bed.register("backend", f"198.51.100.2:{PORT}", id="good")
        agent, address = bed.task().agent(before=client), bed.address_of("backend", PORT)
        local = bed.address()
        bed.announce({local: "local"}, before=client)
        bed.register("near", local, id="0")
        assert agent.name(bed.address_of("near", PORT), PORT) == "local", "IPv4 is there"
        assert names(agent, address, PORT, bind="127.0.0.1") == {"EINVAL"}
        waiting = [agent.open(nonblocking=True, device="lo") for _ in range(TRIES)]
        for number in waiting:
            agent.call("start", socket=number, address=address, port=PORT)
        wait_until(lambda: endpoint(bed, "good")["outcomes"]["retransmitted"] == TRIES, 5, "all SYNs are lost")
        assert not endpoint(bed, "good")["ejected"]
        assert names(agent, address, PORT) == {"good"}


def test_a_host_without_ports_left():
    with Testbed() as bed:
        inside = bed.network_namespace("sysctl -qw net.ipv4.ip_local_port_range='40000 40007'")
        where = bed.address()
        bed.announce({where: "v1/0"}, "--http", before=inside)
        bed.register("v1", where, id="0")
        address, port = bed.address_of("v1", PORT), PORT
        code = ("import errno,socket\n"
                "kept=[]; ends=[]\n"
                "for _ in range(60):\n"
                " s=socket.socket(); kept.append(s)\n"
                f" ends.append(s.connect_ex(('{address}',{port})))\n"
                "print(ends.count(0), ends.count(errno.EADDRNOTAVAIL))")
        out = bed.task().run([*inside, "taskset", "-c", "0", sys.executable, "-c", code]).out.split()
        assert int(out[0]) >= 1 and int(out[1]) >= 50 and int(out[0]) + int(out[1]) == 60, out
        shown = endpoint(bed, "0", "v1")
        assert not shown["ejected"] and shown["outcomes"]["unreachable"] == 0, shown


def test_connections_that_wait_with_their_syn():
    """TCP_FASTOPEN_CONNECT: connect() returns, and the SYN goes out with the first data. A pool may hold many of them."""
    with Testbed() as bed:
        inside = bed.network_namespace("sysctl -qw net.ipv4.tcp_fastopen=3")
        where = bed.address()
        bed.announce({where: "web/0"}, "--http", before=inside)
        bed.register("web", where, id="0")
        address = bed.address_of("web", PORT)
        code = ("import socket,sys\n"
                "def make():\n"
                " s=socket.socket(); s.settimeout(5); s.setsockopt(6,30,1)\n"
                f" s.connect(('{address}',{PORT})); return s\n"
                "def use(s):\n"
                " s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); return b'web/0' in s.recv(4000)\n"
                "for _ in range(3): assert use(make())\n"
                "pool=[make() for _ in range(60)]\n"
                "print(sum(map(use,pool)))")
        result = bed.task().run([*inside, sys.executable, "-c", code])
        assert result.out.strip() == "60", result
        shown = endpoint(bed, "0", "web")
        assert not shown["ejected"] and shown["outcomes"]["unreachable"] == 0, shown
        assert shown["outcomes"]["established"] == 63 and shown["connections"] == 63, shown
