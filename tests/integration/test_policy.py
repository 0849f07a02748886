# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Who may call whom, by real connects: aliases and addresses, TCP and UDP, audit, changes under running tasks, restarts."""
import contextlib

from test_strays import udp_answer
from test_udp import Echo, udp_alias
from testbed import Testbed, has_ipv6, wait_until


def denied(bed):
    """What a refused connect brings on this kernel."""
    return "EACCES" if bed.status()["kernel"]["setRetval"] else "EPERM"


def allow(bed, service, clients, mode=None):
    words = ["--from", clients] + (["--mode", mode] if mode else [])
    assert bed.cli("policy", "set", service, *words).rc == 0


def agents(bed):
    """Of the client services front and back, of none, and of another namespace."""
    return [bed.task(service="front", name="front").agent(), bed.task(service="back", name="back").agent(),
            bed.task(name="lone").agent(), bed.task(service="front", namespace="other", name="other").agent()]


def direct(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def test_tcp_by_alias_and_by_address():
    with Testbed() as bed:
        [address] = bed.service("web")
        bed.route("backend", {"web": 1})
        bed.service("open")
        bed.route("free", {"open": 1})
        where, no = bed.alias("backend"), denied(bed)
        front, back, lone, other = agents(bed)
        for agent in (front, back, lone):
            assert agent.name(where["address"], 80) == "web/0"
        families = [(where["address"], 4), (where["address"], "mapped")]
        families += [(where["address6"], 6)] if has_ipv6() else []
        kept = back.open()
        assert back.call("connect", socket=kept, address=where["address"], port=80)["errno"] is None
        before = bed.counters()
        allow(bed, "web", "front")
        refused = 0
        for there, family in families:
            assert front.name(there, 80, family=family) == "web/0"
            for agent in (back, lone):
                assert agent.name(there, 80, family=family) == no, family
                assert agent.name(there, 80, family=family, nonblocking=True) == no, family
                refused += 2
        assert front.name(*direct(address)) == "web/0"
        for agent in (back, lone, other):
            for family in (4, "mapped"):
                assert agent.name(*direct(address), family=family) == no, family
                refused += 1
        assert back.call("read", socket=kept)["name"] == "web/0", "what is open stays open"
        assert back.name(bed.address_of("free"), 80) == "open/0", "others are as they were"
        after = bed.counters()
        assert after["policy"] - before["policy"] == refused, (before, after, refused)
        shown = bed.get("/v1/policies", service="web")["policies"][0]
        assert shown["refused"] == refused and shown["allowFrom"] == "front", shown
        assert {task["service"]: task["verdict"] for task in shown["tasks"]} == {
            "front": "allowed", "back": "refused", "": "refused"}, shown
        explained = bed.get("/v1/explain", name="backend", service="back")
        assert explained["policy"]["outcome"] == explained["connect"]["outcome"] == "refused", explained
        assert bed.get("/v1/explain", name="backend", service="front")["policy"]["outcome"] == "allowed"
        wait_until(lambda: any(event["kind"] == "POLICY" for event in bed.get("/v1/events")["events"]), 10, "it is told")
        assert bed.cli("policy", "check", "front", "web").rc == 0
        assert bed.cli("policy", "check", "back", "web").rc == 1
        # Tasks that run follow at once, each way, in both.
        allow(bed, "web", "back,other/*")
        assert front.name(where["address"], 80) == front.name(*direct(address)) == no
        assert back.name(where["address"], 80) == back.name(*direct(address)) == "web/0"
        assert other.name(*direct(address)) == "web/0"
        assert "back,other/*" in bed.cli("aliases").out and "ALLOW FROM" in bed.cli("aliases").out
        assert bed.cli("policy", "clear", "web").rc == 0
        for agent in (front, back, lone):
            assert agent.name(where["address"], 80) == agent.name(*direct(address)) == "web/0"
        # A policy is undone and comes back like any other setting.
        assert bed.cli("rollback", str(bed.status()["registry"]["revision"] - 1)).rc == 0
        assert front.name(where["address"], 80) == no and back.name(where["address"], 80) == "web/0"


def test_what_is_open_is_closed_where_somebody_asks():
    with Testbed() as bed, contextlib.closing(Echo("echo/0")) as server:
        listeners = [bed.address(8080), bed.address(8080)]
        bed.announce({address: name for address, name in zip(listeners, ("web/0", "shared/0"))}, "--hold")
        bed.register("web", listeners[0], id="0")
        bed.register("web", server.where, id="1", protocol="udp")
        bed.register("web", listeners[1], id="2")
        bed.register("twin", listeners[1], id="0")
        front, back, lone, other = agents(bed)
        kept = {}
        for agent in (front, back, lone, other):
            for address in listeners:
                kept[agent, address] = agent.open()
                host, port = direct(address)
                assert agent.call("connect", socket=kept[agent, address], address=host, port=port)["errno"] is None
                assert agent.call("read", socket=kept[agent, address])["name"]
        said = bed.cli_ok("policy", "close", "web").out
        assert "0 tasks" in said, said
        allow(bed, "web", "front", "audit")
        assert "0 tasks" in bed.cli_ok("policy", "close", "web").out, "whom it only audits it leaves alone"
        allow(bed, "web", "front", "enforce")
        allow(bed, "twin", "back")
        answer = bed.change("POST", "/v1/policies/close", service="web")
        assert (answer["tasks"], answer["endpoints"], answer["shared"]) == (3, 2, 1), answer

        def told():
            return [event["message"] for event in bed.get("/v1/events")["events"] if event["kind"] == "POLICY" and "closed" in event["message"]]
        wait_until(told, 10, "it is told")
        assert told() == ["closed 3 of 3 connections of tasks that may not call it"], told()
        for agent in (back, lone, other):
            closed = agent.call("read", socket=kept[agent, listeners[0]])
            assert closed["errno"] == "ECONNABORTED", closed
        # Whom it allows, and what may be another service's; a task of another namespace counts in its own.
        wait_until(lambda: [bed.endpoints()[name]["open"] for name in (("web", "0"), ("twin", "0"))] == [1, 3], 5, "the others are open")
        status, answer = bed.api("POST", "/v1/policies/close", {"service": "nobody"})
        assert status == 404 and "nobody" in answer["error"]["message"], answer


def test_udp():
    with Testbed() as bed, contextlib.closing(Echo("echo/0")) as server:
        bed.register("echo", server.where, id="0", protocol="udp")
        where, no = udp_alias(bed, "echo"), denied(bed)
        front, back, *_ = agents(bed)
        stuck = back.open(type="udp")
        assert back.call("echo", socket=stuck, address=where["address"], port=where["port"])["text"] == "echo/0"
        allow(bed, "echo", "front")
        for address, port in ((where["address"], where["port"]), direct(server.where)):
            for connected in (False, True):
                assert udp_answer(front, address, port, connected) == "echo/0"
                assert udp_answer(back, address, port, connected) == no
        assert back.call("sendto", socket=stuck, address=where["address"], port=where["port"])["errno"] == no
        # By an open service at the same address: the kernel asks for each datagram of a mapped socket what connect() was asked.
        bed.register("open", server.where, id="0", protocol="udp")
        opened = udp_alias(bed, "open")
        for family in (4, "mapped"):
            for connected in (False, True):
                assert udp_answer(back, opened["address"], opened["port"], connected, family) == "echo/0", (family, connected)
                assert udp_answer(back, *direct(server.where), connected, family) == no, (family, connected)


def test_audit_lets_through_and_counts():
    with Testbed() as bed:
        [address] = bed.service("web")
        bed.route("backend", {"web": 1})
        where = bed.address_of("backend")
        _, back, *_ = agents(bed)
        allow(bed, "web", "front", mode="audit")
        assert back.name(where, 80) == back.name(*direct(address)) == "web/0"
        counters = bed.counters()
        assert (counters["policy"], counters["policyAudited"]) == (0, 2), counters
        wait_until(lambda: any("would be refused" in event["message"] for event in bed.get("/v1/events")["events"]), 10,
                   "it is told")
        assert "svcconnect_policy_audited_total 2\n" in bed.get("/metrics")
        checked = bed.get("/v1/policies/check", service="web", client="a/b/front")
        assert (checked["clientNamespace"], checked["client"], checked["verdict"]) == ("a/b", "front", "audited"), checked


def test_it_outlives_the_daemon():
    """Killed, everything stays; a start writes nothing and forgets nobody."""
    with Testbed() as bed:
        [address] = bed.service("web")
        bed.route("backend", {"web": 1})
        where, no = bed.address_of("backend"), denied(bed)
        front, back, *_ = agents(bed)
        allow(bed, "web", "front")

        def holds():
            return [front.name(where, 80), front.name(*direct(address)), back.name(where, 80), back.name(*direct(address))]

        wanted = ["web/0", "web/0", no, no]
        assert holds() == wanted
        bed.kill()
        assert holds() == wanted, "with the daemon dead"
        bed.start()
        assert bed.status()["writes"]["maps"] == 0, "a start with nothing to do writes nothing"
        assert holds() == wanted, "after a restart"
        allow(bed, "web", "back")
        assert holds() == [no, no, "web/0", "web/0"]
