# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""UDP: who answers through an alias, for how long a socket keeps it, and under whose name the answers come."""
import contextlib
import json
import socket
import threading
import time

from testbed import Testbed, Skip, has_ipv6

CHI_SQUARE_1 = 10.83  # one in a thousand


class Echo:
    """Answers every datagram with a name, until it is closed."""
    def __init__(self, name, address="127.0.0.1", port=0):
        self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, port))
        self.sock.settimeout(0.1)
        self.name, self.is_closed = name, False
        host, port = self.sock.getsockname()[:2]
        self.port, self.where = port, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.is_closed:
            with contextlib.suppress(OSError):
                _, source = self.sock.recvfrom(4096)
                self.sock.sendto(self.name.encode(), source)

    def close(self):
        self.is_closed = True
        self.thread.join()
        self.sock.close()


@contextlib.contextmanager
def echoes(bed, service, weights, **more):
    servers = [Echo(f"{service}/{i}") for i in range(len(weights))]
    try:
        for i, (server, weight) in enumerate(zip(servers, weights)):
            bed.register(service, server.where, id=str(i), weight=weight, protocol="udp", **more)
        yield servers
    finally:
        for server in servers:
            server.close()


def udp_alias(bed, name, namespace="default"):
    found = [item for item in bed.get("/v1/aliases", namespace=namespace)["aliases"]
             if item["dnsName"] == name and item["protocol"] == "udp"]
    assert len(found) == 1, found
    return found[0]


def settings(bed, service, **members):
    bed.change("PUT", "/v1/settings", service=service, settings=members)


def test_weights_hold_per_flow():
    with Testbed() as bed, echoes(bed, "echo", (80, 20)):
        alias = udp_alias(bed, "echo")
        n = 2000
        answers = bed.task().agent().call("echo_many", address=alias["address"], port=alias["port"], count=n)["answers"]
        assert set(answers) == {"echo/0", "echo/1"}, answers
        chi = sum((answers[name] - n * share) ** 2 / (n * share) for name, share in (("echo/0", 0.8), ("echo/1", 0.2)))
        assert chi < CHI_SQUARE_1, f"{answers}: chi-square {chi}"


def test_a_socket_keeps_its_endpoint_and_sees_the_alias():
    with Testbed() as bed, echoes(bed, "echo", (1,) * 8):
        alias, agent = udp_alias(bed, "echo"), bed.task().agent()
        at = {"address": alias["address"], "port": alias["port"]}
        sock = agent.open(type="udp")
        answers = [agent.call("echo", socket=sock, **at) for _ in range(50)]
        assert len({answer["text"] for answer in answers}) == 1, answers
        assert {(a["address"], a["port"]) for a in answers} == {(at["address"], at["port"])}, answers[0]
        before = bed.counters()["hit"]
        agent.call("echo", socket=sock, **at)
        assert bed.counters()["hit"] == before, "a datagram of a known flow is no new choice"


def test_the_choice_ends_with_the_stickiness():
    with Testbed() as bed, echoes(bed, "echo", (1,) * 8):
        settings(bed, "echo", udpStickinessSeconds=1)
        alias, agent = udp_alias(bed, "echo"), bed.task().agent()
        at = {"address": alias["address"], "port": alias["port"]}
        sockets = [agent.open(type="udp") for _ in range(24)]
        first = [agent.call("echo", socket=sock, **at)["text"] for sock in sockets]
        assert first == [agent.call("echo", socket=sock, **at)["text"] for sock in sockets]
        time.sleep(1.2)
        assert first != [agent.call("echo", socket=sock, **at)["text"] for sock in sockets]
        settings(bed, "echo", udpStickinessSeconds=0)
        answers = {agent.call("echo", socket=sockets[0], **at)["text"] for _ in range(40)}
        assert len(answers) > 1, "without stickiness each datagram chooses"
        settings(bed, "echo", udpStickinessSeconds=None)
        answers = {agent.call("echo", socket=sockets[0], **at)["text"] for _ in range(40)}
        assert len(answers) == 1, answers


def test_a_socket_leaves_an_endpoint_that_goes():
    with Testbed() as bed, echoes(bed, "echo", (1, 1, 1)):
        alias, agent = udp_alias(bed, "echo"), bed.task().agent()
        at = {"address": alias["address"], "port": alias["port"]}
        sock = agent.open(type="udp")
        first = agent.call("echo", socket=sock, **at)["text"]
        bed.update("echo", first.split("/")[1], health="UNHEALTHY")
        second = agent.call("echo", socket=sock, **at)["text"]
        assert second not in (None, first)
        bed.change("DELETE", "/v1/instances", service="echo", id=second.split("/")[1])
        third = agent.call("echo", socket=sock, **at)["text"]
        assert third not in (None, first, second)
        bed.update("echo", third.split("/")[1], weight=0)
        assert agent.call("echo", socket=sock, **at)["errno"] == "ECONNREFUSED", "nobody is left"
        bed.update("echo", first.split("/")[1], health="HEALTHY")
        assert agent.call("echo", socket=sock, **at)["text"] == first


def test_a_change_elsewhere_moves_nobody():
    with Testbed() as bed, echoes(bed, "echo", (1,) * 6):
        alias, agent = udp_alias(bed, "echo"), bed.task().agent()
        at = {"address": alias["address"], "port": alias["port"]}
        sockets = [agent.open(type="udp") for _ in range(24)]
        first = [agent.call("echo", socket=sock, **at)["text"] for sock in sockets]
        bed.update("echo", "0", health="UNHEALTHY")
        second = [agent.call("echo", socket=sock, **at)["text"] for sock in sockets]
        assert "echo/0" not in second
        assert all(a == b for a, b in zip(first, second) if a != "echo/0"), (first, second)


def test_connected_sockets():
    with Testbed() as bed, echoes(bed, "echo", (1, 1)):
        alias, agent = udp_alias(bed, "echo"), bed.task().agent()
        sock = agent.open(type="udp")
        assert agent.call("connect", socket=sock, address=alias["address"], port=alias["port"])["errno"] is None
        agent.call("send", socket=sock, text="who")
        answer = agent.call("recvfrom", socket=sock)
        assert answer["text"] in ("echo/0", "echo/1")
        assert (answer["address"], answer["port"]) == (alias["address"], alias["port"])


def test_a_connected_socket_and_an_endpoint_that_goes():
    with Testbed() as bed, echoes(bed, "echo", (1, 1)):
        alias, agent = udp_alias(bed, "echo"), bed.task().agent()
        for family in (4, "mapped"):
            sock = agent.open(type="udp", family=family)
            at = {"address": alias["address"], "port": alias["port"], "mapped": family == "mapped"}
            assert agent.call("connect", socket=sock, **at)["errno"] is None
            agent.call("send", socket=sock, text="who")
            name = agent.call("recvfrom", socket=sock)["text"]
            bed.change("DELETE", "/v1/instances", service="echo", id=name.split("/")[1])
            assert agent.call("recvfrom", socket=sock)["errno"] == "ECONNABORTED"
            assert agent.call("connect", socket=sock, **at)["errno"] in (None, "ECONNREFUSED"), "the last has gone?"
            if family == 4:
                agent.call("send", socket=sock, text="who")
                assert agent.call("recvfrom", socket=sock)["text"] not in (None, name)


def test_one_socket_and_several_aliases():
    with Testbed() as bed, echoes(bed, "one", (1, 1)), echoes(bed, "two", (1, 1)), echoes(bed, "three", (1,)):
        agent = bed.task().agent()
        sock = agent.open(type="udp")
        for _ in range(5):
            for name in ("one", "two", "three"):
                alias = udp_alias(bed, name)
                answer = agent.call("echo", socket=sock, address=alias["address"], port=alias["port"])
                assert answer["text"].startswith(name)
                assert (answer["address"], answer["port"]) == (alias["address"], alias["port"])


def test_a_socket_that_talks_to_the_endpoint_itself():
    with Testbed() as bed, echoes(bed, "echo", (1,)) as (server,):
        alias, agent = udp_alias(bed, "echo"), bed.task().agent()
        sock = agent.open(type="udp")
        assert agent.call("echo", socket=sock, address=alias["address"], port=alias["port"])["address"] == alias["address"]
        answer = agent.call("echo", socket=sock, address="127.0.0.1", port=server.port)
        assert (answer["address"], answer["port"]) == ("127.0.0.1", server.port)


def test_mapped_and_ipv6():
    if not has_ipv6():
        raise Skip("no IPv6 on this host")
    with Testbed() as bed, echoes(bed, "echo", (1,)):
        alias, agent = udp_alias(bed, "echo"), bed.task().agent()
        sock = agent.open(type="udp", family=6)
        mapped = agent.call("echo", socket=sock, address=f"::ffff:{alias['address']}", port=alias["port"])
        assert (mapped["text"], mapped["address"]) == ("echo/0", f"::ffff:{alias['address']}"), mapped
        native = agent.call("echo", socket=sock, address=alias["address6"], port=alias["port"])
        assert native["errno"] == "ECONNREFUSED", "the kernel cannot send IPv4 from here unless connected"
        sock = agent.open(type="udp", family=6)
        assert agent.call("connect", socket=sock, address=alias["address6"], port=alias["port"])["errno"] is None
        agent.call("send", socket=sock, text="who")
        native = agent.call("recvfrom", socket=sock)
        assert (native["text"], native["address"]) == ("echo/0", alias["address6"]), native
        server = Echo("six", "::1")
        bed.register("six", server.where, protocol="udp")
        six = udp_alias(bed, "six")
        answer = agent.call("echo", socket=agent.open(type="udp", family=6), address=six["address6"], port=six["port"])
        assert (answer["text"], answer["address"]) == ("six", six["address6"]), answer
        server.close()


def test_isolation():
    with Testbed() as bed, echoes(bed, "echo", (1,)):
        alias = udp_alias(bed, "echo")
        before = bed.counters()["hit"]
        bed.register("other", "127.0.0.1:9", protocol="udp", namespace="elsewhere")
        for agent in (bed.task("elsewhere", name="stranger").agent(), bed.bare_task("outside").agent()):
            sock = agent.open(type="udp")
            agent.call("sendto", socket=sock, address=alias["address"], port=alias["port"])
            assert agent.call("recvfrom", socket=sock, seconds=0.3)["text"] is None
        assert bed.counters()["hit"] == before


def test_tcp_and_udp_of_one_name():
    with Testbed() as bed, echoes(bed, "both", (1,)) as (server,):
        where = f"127.0.0.1:{server.port}"
        bed.announce({where: "stream"})
        bed.register("both", where, protocol="tcp")
        assert len(bed.endpoints()) == 2, "same address, two instances"
        agent, address = bed.task().agent(), udp_alias(bed, "both")["address"]
        assert agent.name(address, server.port) == "stream"
        sock = agent.open(type="udp")
        assert agent.call("echo", socket=sock, address=address, port=server.port)["text"] == "both/0"


def test_routes_and_the_command_line():
    with Testbed() as bed, echoes(bed, "v1", (1,)) as (one,), echoes(bed, "v2", (1,)) as (two,):
        out = bed.cli_ok("register", "v3", "--address", "127.0.0.1:9", "--protocol", "udp").out
        assert "/udp" in out, out
        assert "udp" in bed.cli_ok("route", "set", "resolver:53/udp", "v1=1", "v2=0").out
        alias, agent = udp_alias(bed, "resolver"), bed.task().agent()
        sock = agent.open(type="udp")
        assert agent.call("echo", socket=sock, address=alias["address"], port=53)["text"] == "v1/0"
        bed.cli_ok("route", "set", "resolver:53/udp", "v1=0", "v2=1")
        assert agent.call("echo", socket=sock, address=alias["address"], port=53)["text"] == "v2/0"
        bed.cli_ok("route", "clear", "resolver:53/udp")


def test_documents_publish_udp():
    document = {"serviceName": "dns", "taskDefinition": {"containerDefinitions": [{"portMappings": [
        {"name": "dns", "containerPort": 5353, "protocol": "udp"}]}]},
        "serviceConnectConfiguration": {"enabled": True, "namespace": "default", "services": [
            {"portName": "dns", "discoveryName": "dns", "clientAliases": [{"port": 53, "dnsName": "resolver"}]}]}}
    with Testbed() as bed:
        bed.change("POST", "/v1/documents", documents=[{"source": "dns.json", "text": json.dumps(document)}])
        with echoes(bed, "dns", (1,)):
            alias, agent = udp_alias(bed, "resolver"), bed.task().agent()
            answer = agent.call("echo", socket=agent.open(type="udp"), address=alias["address"], port=53)
            assert answer["text"] == "dns/0"


def test_getpeername_tells_what_was_dialled():
    with Testbed() as bed, echoes(bed, "echo", (1,)) as (server,):
        where = bed.address()
        bed.announce({where: "web/0"})
        bed.register("web", where)
        agent = bed.task().agent()
        tcp, udp = bed.alias("web", 8080), udp_alias(bed, "echo")

        def peers():
            found = []
            for kind, family, alias, key in (("tcp", 4, tcp, "address"), ("tcp", 6, tcp, "address6"),
                                             ("tcp", "mapped", tcp, "address"), ("udp", 4, udp, "address")):
                sock = agent.open(type=kind, family=family)
                answer = agent.call("connect", socket=sock, address=alias[key], port=alias["port"],
                                    mapped=family == "mapped")
                assert answer["errno"] is None, answer
                peer = agent.call("peer", socket=sock)
                found.append((peer["address"], peer["port"]))
                agent.call("close", socket=sock)
            return found
        host, port = where.split(":")
        assert peers() == [(host, int(port)), (f"::ffff:{host}", int(port)), (f"::ffff:{host}", int(port)),
                           ("127.0.0.1", server.port)]
        settings(bed, "web", peerName="alias")
        settings(bed, "echo", peerName="alias")
        assert peers() == [(tcp["address"], 8080), (tcp["address6"], 8080), (f"::ffff:{tcp['address']}", 8080),
                           (udp["address"], udp["port"])]
        settings(bed, "web", peerName="endpoint")
        assert peers()[0] == (host, int(port))
        status, answer = bed.api("PUT", "/v1/settings", {"service": "web", "settings": {"peerName": "both"}})
        assert status == 400 and "peerName" in json.dumps(answer), answer


test_the_choice_ends_with_the_stickiness.alone = True  # the choice lasts for a time that others could use up
