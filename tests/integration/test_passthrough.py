# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What is no alias stays as it is, and every way to connect() that applications use reaches the endpoint."""
import os
import socket
import sys

from testbed import Skip, Testbed, has_ipv6, need_program


def own_alias_range():
    """A range no other run uses, so that tests can listen on alias addresses for real."""
    return f"127.{200 + os.getpid() % 40}.{os.getpid() // 40 % 250}.0/24"


def backend(bed, **more):
    """The usual: alias backend:80 to one announcing instance "v1/0"; returns the alias."""
    bed.service("v1", **more)
    bed.route("backend", {"v1": 1})
    return bed.alias("backend")


def need_ipv6():
    if not has_ipv6():
        raise Skip("no IPv6 on loopback")


def serve_ipv6(bed, name):
    """An announcing server on [::1]; returns "[::1]:PORT"."""
    return bed.announce({"[::1]:0": name})[0]


def test_other_destinations_are_unchanged_and_not_counted():
    with Testbed() as bed:
        backend(bed)
        elsewhere = bed.address()
        bed.announce({elsewhere: "elsewhere"})
        agent, host = bed.task().agent(), elsewhere.split(":")[0]
        before = bed.counters()
        answer = agent.ask(host, 8080)
        assert (answer["name"], answer["peer"], answer["peerPort"]) == ("elsewhere", host, 8080), answer
        assert agent.ask(host, 8080, family="mapped")["name"] == "elsewhere"
        assert agent.name(host, 8081) == "ECONNREFUSED"
        after = bed.counters()
        assert after == before, "they are let through before anything is looked up or counted"


def test_other_ipv6_destinations_are_unchanged():
    need_ipv6()
    with Testbed() as bed:
        backend(bed)
        port = int(serve_ipv6(bed, "elsewhere").rsplit(":", 1)[1])
        agent, before = bed.task().agent(), bed.counters()
        answer = agent.ask("::1", port, family=6)
        assert (answer["name"], answer["peer"], answer["peerPort"]) == ("elsewhere", "::1", port), answer
        assert bed.counters() == before


def test_other_ports_of_an_alias_address_are_refused():
    with Testbed(flags=["--alias-range", own_alias_range()]) as bed:
        alias = backend(bed)
        bed.announce({f"{alias['address']}:80": "outside", f"{alias['address']}:81": "other port"})
        agent = bed.task().agent()
        assert agent.name(alias["address"], 80) == "v1/0"
        assert agent.name(alias["address"], 81) == "ECONNREFUSED"
        assert agent.name(alias["address"], 82) == "ECONNREFUSED"


def test_a_process_outside_any_task_is_untouched():
    with Testbed(flags=["--alias-range", own_alias_range()]) as bed:
        alias = backend(bed)
        bed.announce({f"{alias['address']}:80": "outside"})
        inside, outside, sibling = bed.task().agent(), bed.popen_agent(), bed.bare_task("sibling").agent()
        before = bed.counters()
        for agent in (outside, sibling):
            answer = agent.ask(alias["address"], 80)
            assert (answer["name"], answer["peer"]) == ("outside", alias["address"]), answer
        assert bed.counters() == before, "connects outside of tasks do not run the programs"
        assert inside.name(alias["address"], 80) == "v1/0"


def test_the_rewritten_peer_is_the_endpoint():
    with Testbed() as bed:
        where = bed.service("v1")[0]
        bed.route("backend", {"v1": 1})
        answer = bed.task().agent().ask(bed.address_of("backend"), 80)
        assert f"{answer['peer']}:{answer['peerPort']}" == where, answer


def test_mapped_sockets_reach_the_endpoint():
    """AF_INET6 sockets to ::ffff:A.B.C.D, as Java and Go make them."""
    with Testbed() as bed:
        where = bed.service("v1", weights=(1,))[0]
        bed.route("backend", {"v1": 1})
        task, address = bed.task(), bed.address_of("backend")
        answer = task.agent().ask(address, 80, family="mapped")
        assert answer["name"] == "v1/0" and answer["peer"] == "::ffff:" + where.split(":")[0], answer
        report = task.connector({f"{address}:80": "v1"}, "--count", 2000, "--mapped")
        assert report["answered"] == 2000 and not report["wrong"], report


def test_mapped_sockets_are_refused_without_an_endpoint():
    with Testbed() as bed:
        backend(bed)
        bed.update("v1", "0", health="UNHEALTHY")
        agent = bed.task().agent()
        assert agent.name(bed.address_of("backend"), 80, family="mapped") == "ECONNREFUSED"
        assert agent.name(bed.alias("backend")["address6"], 80, family=6) == "ECONNREFUSED"
        assert bed.counters()["noEndpoint"] == 2


def test_native_ipv6_alias_to_an_ipv4_endpoint():
    need_ipv6()
    with Testbed() as bed:
        alias = backend(bed)
        task = bed.task()
        answer = task.agent().ask(alias["address6"], 80, family=6)
        assert answer["name"] == "v1/0" and answer["peer"].startswith("::ffff:127."), answer
        report = task.connector({f"[{alias['address6']}]:80": "v1"}, "--count", 2000, "--v6")
        assert report["answered"] == 2000 and not report["wrong"], report


def test_native_ipv6_alias_to_an_ipv6_endpoint():
    need_ipv6()
    with Testbed() as bed:
        where = serve_ipv6(bed, "six/0")
        bed.register("six", where, id="0")
        bed.route("backend", {"six": 1})
        alias, task = bed.alias("backend"), bed.task()
        agent = task.agent()
        answer = agent.ask(alias["address6"], 80, family=6)
        assert answer["name"] == "six/0" and f"[{answer['peer']}]:{answer['peerPort']}" == where, answer
        assert agent.name(alias["address"], 80, family="mapped") == "six/0"
        assert agent.name(alias["address"], 80) == "ECONNREFUSED", "an AF_INET socket reaches no IPv6 endpoint"
        report = task.connector({f"[{alias['address6']}]:80": "six"}, "--count", 2000, "--v6")
        assert report["answered"] == 2000 and not report["wrong"], report


def test_mixed_endpoints_by_socket_family():
    """An IPv4 address leads to the IPv4 endpoints, an IPv6 one to the IPv6 endpoints, each to the others if there are none."""
    need_ipv6()
    with Testbed() as bed:
        bed.service("mixed")
        bed.register("mixed", serve_ipv6(bed, "six/0"), id="six")
        bed.route("backend", {"mixed": 1})
        task, alias = bed.task(), bed.alias("backend")
        only_four = task.connector({f"{alias['address']}:80": None}, "--count", 1000)
        assert only_four["names"] == {"mixed/0": 1000}, only_four
        mapped = task.connector({f"{alias['address']}:80": None}, "--count", 1000, "--mapped")
        assert mapped["names"] == {"mixed/0": 1000}, mapped
        only_six = task.connector({f"[{alias['address6']}]:80": None}, "--count", 1000, "--v6")
        assert only_six["names"] == {"six/0": 1000}, only_six
        bed.update("mixed", "0", health="UNHEALTHY")
        agent = task.agent()
        assert agent.name(alias["address"], 80) == "ECONNREFUSED"
        assert agent.name(alias["address"], 80, family="mapped") == "six/0"
        assert agent.name(alias["address6"], 80, family=6) == "six/0"
        bed.update("mixed", "0", health="HEALTHY")
        bed.update("mixed", "six", health="UNHEALTHY")
        assert agent.name(alias["address6"], 80, family=6) == "mixed/0"


def test_nonblocking_connect():
    with Testbed() as bed:
        alias = backend(bed)
        task = bed.task()
        report = task.connector({f"{alias['address']}:80": "v1"}, "--count", 2000, "--nonblocking")
        assert report["answered"] == 2000 and not report["wrong"], report
        answer = task.agent().ask(alias["address"], 80, nonblocking=True)
        assert answer["inProgress"] and answer["name"] == "v1/0", answer
        bed.update("v1", "0", health="UNHEALTHY")
        assert task.agent().name(alias["address"], 80, nonblocking=True) == "ECONNREFUSED"


def test_tcp_fast_open():
    with Testbed() as bed:
        where = bed.address()
        bed.announce({where: "web/0"}, "--http")
        bed.register("web", where, id="0")
        bed.route("backend", {"web": 1})
        report = bed.task().connector({bed.target("backend"): "web"}, "--count", 500, "--fastopen")
        assert report["answered"] == 500 and not report["wrong"], report


def test_tcp_fast_open_with_a_cookie():
    """From the second connection on the request travels in the SYN: to the endpoint, not to the alias."""
    with Testbed() as bed:
        inside = bed.network_namespace("sysctl -q net.ipv4.tcp_fastopen=3")
        where = bed.address()
        bed.announce({where: "web/0"}, "--http", before=inside)
        bed.register("web", where, id="0")
        bed.route("backend", {"web": 1})
        report = bed.task().connector({bed.target("backend"): "web"}, "--count", 100, "--fastopen", before=inside)
        assert report["answered"] == 100 and not report["wrong"] and report["synData"] >= 90, report


def test_multipath_tcp():
    with Testbed() as bed:
        alias = backend(bed)
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).close()
        except OSError as error:
            raise Skip(f"no MPTCP sockets: {error.strerror}") from None
        assert bed.task().agent().name(alias["address"], 80, type="mptcp") == "v1/0"


def test_a_retried_connect_on_one_socket():
    """After a refusal by the endpoint and by the program, the same socket may try again and is drawn for anew."""
    with Testbed() as bed:
        nobody, somebody = bed.address(), bed.address()
        bed.announce({somebody: "somebody"})
        bed.register("v1", nobody, id="0")
        bed.route("backend", {"v1": 1})
        address, agent = bed.address_of("backend"), bed.task().agent()
        sock, before = agent.open(), bed.counters()
        assert agent.call("connect", socket=sock, address=address, port=80)["errno"] == "ECONNREFUSED"
        bed.update("v1", "0", health="UNHEALTHY")
        assert agent.call("connect", socket=sock, address=address, port=80)["errno"] == "ECONNREFUSED"
        bed.register("v1", somebody, id="0")
        assert agent.call("connect", socket=sock, address=address, port=80)["errno"] is None
        assert agent.call("read", socket=sock)["name"] == "somebody"
        after = bed.counters()
        assert after["hit"] - before["hit"] == 2 and after["noEndpoint"] - before["noEndpoint"] == 1, (before, after)


def test_a_disconnected_socket_may_go_elsewhere():
    """connect(AF_UNSPEC) and then a destination that is no alias."""
    with Testbed() as bed:
        alias = backend(bed)
        elsewhere = bed.address()
        bed.announce({elsewhere: "elsewhere"})
        agent = bed.task().agent()
        sock = agent.open()
        assert agent.call("connect", socket=sock, address=alias["address"], port=80)["errno"] is None
        assert agent.call("read", socket=sock)["name"] == "v1/0"
        assert agent.call("unspec", socket=sock)["errno"] is None
        assert agent.call("connect", socket=sock, address=elsewhere.split(":")[0], port=8080)["errno"] is None
        assert agent.call("read", socket=sock)["name"] == "elsewhere"


def test_a_child_in_a_sub_cgroup():
    with Testbed() as bed:
        alias = backend(bed)
        task = bed.task()
        child = task.child("sub")
        deeper = child.child("deeper")
        before = bed.counters()["hit"]
        for inner in (child, deeper):
            assert inner.agent().name(alias["address"], 80) == "v1/0", inner.path
            report = inner.connector({f"{alias['address']}:80": "v1"}, "--count", 200)
            assert report["answered"] == 200, report
        assert bed.counters()["hit"] - before == 402


def test_a_process_that_enters_and_leaves_a_task():
    with Testbed() as bed:
        alias = backend(bed)
        task, outside = bed.task(), bed.bare_task("outside")
        agent = outside.agent()
        assert agent.name(alias["address"], 80) == "ECONNREFUSED"
        pid = str(agent.call("pid")["pid"])
        for where, wanted in ((task, "v1/0"), (outside, "ECONNREFUSED")):
            with open(os.path.join(where.directory, "cgroup.procs"), "w", encoding="utf-8") as file:
                file.write(pid)
            assert agent.name(alias["address"], 80) == wanted


def test_a_task_in_its_own_network_namespace():
    with Testbed() as bed:
        inside = bed.network_namespace()
        where = bed.address()
        bed.announce({where: "inside/0"}, before=inside)
        bed.register("v1", where, id="0")
        bed.route("backend", {"v1": 1})
        task, address = bed.task(), bed.address_of("backend")
        assert task.agent(before=inside).name(address, 80) == "inside/0"
        assert task.agent().name(address, 80) == "ECONNREFUSED", "drawn, but nobody listens there in this one"


def test_udp_to_a_tcp_alias_reaches_nobody():
    """Neither an endpoint, whose protocol is another one, nor who listens at the alias's own address."""
    with Testbed(flags=["--alias-range", own_alias_range()]) as bed:
        alias = backend(bed)
        agent = bed.task().agent()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind((alias["address"], 80))
            server.settimeout(0.5)
            sock = agent.open(type="udp")
            assert agent.call("connect", socket=sock, address=alias["address"], port=80)["errno"] is None
            agent.call("send", socket=sock, text="hello")
            assert agent.call("recvfrom", socket=sock)["errno"] == "ECONNREFUSED"
            assert agent.call("sendto", socket=sock, address=alias["address"], port=80)["errno"] == "ECONNREFUSED"
            try:
                raise AssertionError(server.recv(100))
            except TimeoutError:
                pass
        assert bed.counters()["hit"] == 0


def test_a_script_language_client_and_curl():
    """Not our own tools: what applications are made of."""
    with Testbed() as bed:
        where = bed.address()
        bed.announce({where: "web/0"}, "--http")
        bed.register("web", where, id="0")
        bed.route("backend", {"web": 1})
        task, address = bed.task(), bed.address_of("backend")
        code = f"import urllib.request; print(urllib.request.urlopen('http://{address}/', timeout=5).read().decode())"
        assert task.run([sys.executable, "-c", code]).out.strip() == "web/0"
        curl = need_program("curl")
        assert task.run([curl, "-sS", "-m", "5", f"http://{address}/"]).out == "web/0\n"
