# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Endpoints of this host where nobody listens are drawn again before a connect can fail: on loopback and in other network
namespaces, with the daemon running or dead. What cannot be told stays as it was drawn."""
import collections
import os
import threading
import time

from test_ejection import veth_pair
from testbed import PORT, Testbed, has_ipv6, note, wait_until

RESTARTS = int(os.environ.get("LIVENESS_RESTARTS", "100"))
RATE = int(os.environ.get("LIVENESS_RATE", "300"))  # connects a second
DOWN = 0.02
RACES = 1


def end(server):
    server.kill()
    server.wait()


def listen(bed, address, name, before=()):
    bed.announce({address: name}, before=before)
    return bed.processes[-1]


def saved(bed):
    return bed.counters()["saved"]


def names(agent, address, n=40, port=PORT, **how):
    return {agent.name(address, port, **how) for _ in range(n)}


def pair(bed, addresses=None, before=(), **settings):
    """A service at two addresses, each with a listener of its own."""
    addresses = addresses or [bed.address(), bed.address()]
    servers = [listen(bed, address, str(i), before) for i, address in enumerate(addresses)]
    for i, address in enumerate(addresses):
        bed.register("backend", address, id=str(i))
    if settings:
        bed.change("PUT", "/v1/settings", service="backend", settings=settings)
    return servers, addresses


def refused(bed):
    return sum(item["outcomes"]["refused"] for item in bed.endpoints().values())


def test_nobody_is_sent_where_nobody_listens():
    with Testbed() as bed:
        servers, addresses = pair(bed)
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        assert names(agent, address) == {"0", "1"} and saved(bed) == 0
        end(servers[0])
        results = [agent.name(address, PORT) for _ in range(200)]
        assert set(results) == {"1"}, results
        assert 60 <= saved(bed) <= 140, "about half of the draws"
        assert bed.counters()["redrawn"] == 0 and not bed.endpoints()[("backend", "0")]["ejected"]
        listen(bed, addresses[0], "0")
        assert names(agent, address) == {"0", "1"}, "at once, without an ejection to wait for"


def test_with_nobody_anywhere_the_draw_stands():
    with Testbed() as bed:
        servers, _ = pair(bed)
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        assert names(agent, address) == {"0", "1"}
        for server in servers:
            end(server)
        assert names(agent, address, 3) == {"ECONNREFUSED"}
        assert saved(bed) == 0 and refused(bed) == 3, "the endpoints are judged by it"


def test_off_is_off():
    with Testbed() as bed:
        servers, addresses = pair(bed, localLiveness="off", ejection={"failures": 0})
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        assert names(agent, address) == {"0", "1"}
        end(servers[0])
        assert names(agent, address) == {"ECONNREFUSED", "1"} and saved(bed) == 0
        bed.change("PUT", "/v1/settings", service="backend", settings={"localLiveness": "auto"})
        assert names(agent, address) == {"ECONNREFUSED", "1"}, "nobody has been seen there since"
        server = listen(bed, addresses[0], "0")
        assert names(agent, address) == {"0", "1"}
        end(server)
        assert names(agent, address) == {"1"} and saved(bed) > 0


def test_where_nobody_was_ever_seen_the_draw_stands():
    """A forwarded port has no listener, and works: here it stands for one that the look-up cannot see."""
    with Testbed() as bed:
        bed.register("backend", bed.address(), id="never")
        bed.change("PUT", "/v1/settings", service="backend", settings={"ejection": {"failures": 0}})
        live = bed.address()
        listen(bed, live, "1")
        bed.register("backend", live, id="1")
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        assert names(agent, address) == {"1", "ECONNREFUSED"} and saved(bed) == 0


def test_kinds_of_listeners():
    """Of any address, IPv6 ones that take IPv4, groups that share a port; sockets that name IPv4 as IPv6."""
    serve = ("import socket, sys, threading\n"
             "sockets = [eval(text) for text in sys.argv[2:]]\n"
             "print('up', flush=True)\n"
             "def loop(s):\n while True:\n  c, _ = s.accept()\n  c.sendall((sys.argv[1] + '\\n').encode()); c.close()\n"
             "for s in sockets: threading.Thread(target=loop, args=(s,)).start()\n")
    make = {
        "wildcard": ["socket.create_server(('', {port}))"],
        "dual": ["socket.create_server(('::', {port}), family=socket.AF_INET6, dualstack_ipv6=True)"],
        "group": ["socket.create_server(('{host}', {port}), reuse_port=True)"] * 3,
    }
    if not has_ipv6():
        note("no IPv6 here: no listener of that kind")
        del make["dual"]
    with Testbed() as bed:
        for i, (kind, sockets) in enumerate(make.items()):
            hosts = [bed.address(8200 + 10 * i), bed.address(8201 + 10 * i)]
            servers = []
            for n, where in enumerate(hosts):
                host, port = where.split(":")
                server = bed.popen(["python3", "-c", serve, str(n), *[text.format(host=host, port=port) for text in sockets]],
                                   stdout=-1)
                assert server.stdout.readline() == "up\n", kind
                servers.append(server)
                bed.register(kind, where, id=str(n))
            agent, alias = bed.task(name=kind).agent(), bed.target(kind, 8200 + 10 * i)
            address, port = alias.rsplit(":", 1)
            assert names(agent, address, port=int(port)) == {"0", "1"}, kind
            assert names(agent, address, port=int(port), family="mapped") == {"0", "1"}, kind
            before = saved(bed)
            end(servers[0])
            assert names(agent, address, port=int(port)) == {"1"}, kind
            assert names(agent, address, port=int(port), family="mapped") == {"1"}, kind
            assert saved(bed) > before, kind


def test_ipv6_endpoints():
    if not has_ipv6():
        return note("skipped: no IPv6 here")
    with Testbed() as bed:
        first, second = (bed.announce({"[::1]:0": str(i)})[0] for i in range(2))
        server = bed.processes[-1]
        for i, where in enumerate((first, second)):
            bed.register("backend", where, id=str(i))
        bed.route("six", {"backend": 1})
        agent, alias = bed.task().agent(), bed.alias("six")
        assert names(agent, alias["address6"], port=80, family=6) == {"0", "1"}
        end(server)
        assert names(agent, alias["address6"], port=80, family=6) == {"0"} and saved(bed) > 0


def check_across(bed, client, server, addresses):
    """Backends in the words' namespace `server`, which is a task's as well; the client in `client`."""
    servers, _ = pair(bed, addresses, before=server)
    backend = bed.task(name="backend")
    backend.popen([*server, "sleep", "600"])
    agent, address = bed.task().agent(before=client), bed.address_of("backend", PORT)
    assert names(agent, address) == {"0", "1"}
    end(servers[0])

    def is_known():
        servers[0] = listen(bed, addresses[0], "0", server)
        names(agent, address, 10)
        end(servers[0])
        before = saved(bed)
        names(agent, address, 10)
        return saved(bed) > before

    wait_until(is_known, 30, "the namespaces have numbers for each other")
    before, failed = saved(bed), refused(bed)
    assert [agent.name(address, PORT) for _ in range(100)] == ["1"] * 100
    assert saved(bed) > before and refused(bed) == failed


def test_from_one_network_namespace_to_another():
    with Testbed() as bed:
        client, server = veth_pair(bed)
        check_across(bed, client, server, [f"198.51.100.2:{PORT}", f"198.51.100.3:{PORT}"])


def test_within_another_network_namespace():
    with Testbed() as bed:
        _, server = veth_pair(bed)
        check_across(bed, server, server, [f"198.51.100.2:{PORT}", f"198.51.100.3:{PORT}"])


def test_an_address_of_two_namespaces_is_nobodys():
    """Both have a listener that has been seen; which one answers depends on the way, so nothing is asked."""
    with Testbed() as bed:
        client, server = veth_pair(bed)
        other = bed.network_namespace("ip address add 198.51.100.2/32 dev lo")
        bed.task(name="other").popen([*other, "sleep", "600"])
        bed.task(name="backend").popen([*server, "sleep", "600"])
        agent = bed.task().agent(before=client)
        servers, addresses = pair(bed, [f"198.51.100.2:{PORT}", f"198.51.100.3:{PORT}"], before=server)
        bed.change("PUT", "/v1/settings", service="backend", settings={"ejection": {"failures": 0}})
        address = bed.address_of("backend", PORT)

        def is_other_known():
            servers[1] = listen(bed, addresses[1], "1", server) if servers[1].poll() is not None else servers[1]
            names(agent, address, 10)
            end(servers[1])
            before = saved(bed)
            names(agent, address, 10)
            return saved(bed) > before

        wait_until(is_other_known, 30, "198.51.100.3 is known")
        listen(bed, addresses[1], "1", server)
        end(servers[0])
        assert names(agent, address) == {"1", "ECONNREFUSED"}


def roll(prepare):
    """Kills and starts the one backend again and again while connects go on at a rate; how those ended."""
    with Testbed() as bed:
        # Whom a kill cuts off is a reset, and no failed connect; it would eject the endpoint.
        servers, addresses = pair(bed, ejection={"failures": 0})
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        assert names(agent, address) == {"0", "1"}
        prepare(bed)
        results, stop = [], threading.Event()

        def load():
            began = time.monotonic()
            while not stop.is_set():
                time.sleep(max(0.0, began + len(results) / RATE - time.monotonic()))
                results.append(agent.name(address, PORT))

        thread = threading.Thread(target=load)
        thread.start()
        try:
            for _ in range(RESTARTS):
                end(servers[0])
                time.sleep(DOWN)
                servers[0] = listen(bed, addresses[0], "0")
                time.sleep(DOWN)
        finally:
            stop.set()
            thread.join()
        if bed.daemon.poll() is not None:
            bed.start()
        return collections.Counter(results), saved(bed)


def check_rolling(prepare):
    results, saves = roll(prepare)
    note(f"{sum(results.values())} connects, {RESTARTS} restarts: {dict(results)}, {saves} saved")
    assert saves >= RESTARTS / 2, "there were connects while it was down"
    assert results["ECONNREFUSED"] <= RACES, results


def test_rolling_restarts_fail_no_connect():
    check_rolling(lambda bed: None)


def test_rolling_restarts_with_a_dead_daemon():
    check_rolling(lambda bed: bed.kill())


