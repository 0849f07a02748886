# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Passive ejection: what the programs do about endpoints that do not answer, with the daemon running or not."""
import json
import os
import signal
import socket
import time

import chi_square
from testbed import PORT, Testbed, need_program, note, wait_until

FAILURES = 5  # the default


def set_ejection(bed, service, **policy):
    bed.change("PUT", "/v1/settings", service=service, settings={"ejection": policy})


def endpoint(bed, id, service="backend"):
    return bed.endpoints()[(service, id)]


def pair(bed, **policy):
    """A service with an endpoint that answers ("good") and one that has a server of its own ("bad"), which connects go
    to whether it is there or not."""
    good, bad = bed.address(), bed.address()
    bed.announce({good: "good"})
    bed.announce({bad: "bad"})
    server = bed.processes[-1]
    for id, address in (("good", good), ("bad", bad)):
        bed.register("backend", address, id=id)
    bed.change("PUT", "/v1/settings", service="backend", settings={"localLiveness": "off"})
    if policy:
        set_ejection(bed, "backend", **policy)
    return server, good, bad


def end(server):
    server.kill()
    server.wait()


def at_rate(agent, address, seconds, rate=100, port=PORT):
    """Connects so many times a second; how each ended."""
    results, began = [], time.monotonic()
    for i in range(int(seconds * rate)):
        time.sleep(max(0.0, began + i / rate - time.monotonic()))
        results.append(agent.name(address, port))
    return results


def freeze(bed):
    bed.daemon.send_signal(signal.SIGSTOP)


def thaw(bed):
    bed.daemon.send_signal(signal.SIGCONT)


def check_refusing_is_out(prepare):
    with Testbed() as bed:
        server, _, _ = pair(bed)
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        assert set(at_rate(agent, address, 0.5)) == {"good", "bad"}
        prepare(bed)
        end(server)
        results = at_rate(agent, address, 3)
        thaw(bed) if bed.daemon.poll() is None else None
        assert 1 <= results.count("ECONNREFUSED") <= FAILURES, results
        assert results.count("good") + results.count("ECONNREFUSED") == len(results), results
        assert set(results[100:]) == {"good"}, "out for good after that"


def test_a_refusing_endpoint_is_out_after_five_failures():
    check_refusing_is_out(lambda bed: None)


def test_a_refusing_endpoint_is_out_while_the_daemon_is_stopped():
    check_refusing_is_out(freeze)


def test_a_refusing_endpoint_is_out_while_the_daemon_is_dead():
    check_refusing_is_out(lambda bed: bed.kill())


def test_an_ejected_endpoint_comes_back_by_itself():
    """Each time for twice as long, also without a daemon that could do it."""
    with Testbed() as bed:
        server, _, bad = pair(bed, baseSeconds=1, maxSeconds=4)
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        end(server)
        freeze(bed)
        began = time.monotonic()
        assert at_rate(agent, address, 0.6).count("ECONNREFUSED") == FAILURES
        bed.announce({bad: "bad"})
        wait_until(lambda: agent.name(address, PORT) == "bad", 20, "it is drawn again")
        assert time.monotonic() - began >= 1, "not before"
        end(bed.processes[-1])
        began = time.monotonic()
        assert at_rate(agent, address, 0.6).count("ECONNREFUSED") == FAILURES
        bed.announce({bad: "bad"})
        wait_until(lambda: agent.name(address, PORT) == "bad", 20, "it is drawn again")
        assert time.monotonic() - began >= 2, "twice as long"
        thaw(bed)
        assert endpoint(bed, "bad")["ejections"] == 2


def test_with_all_ejected_connects_still_go_out():
    with Testbed() as bed:
        addresses = [bed.address(), bed.address()]
        for i, where in enumerate(addresses):
            bed.register("backend", where, id=str(i))
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        before = bed.counters()["noEndpoint"]
        assert at_rate(agent, address, 0.5) == ["ECONNREFUSED"] * 50
        assert all(item["ejected"] for item in bed.endpoints().values())
        for i, where in enumerate(addresses):
            bed.announce({where: f"here/{i}"})
        assert set(at_rate(agent, address, 0.5)) == {"here/0", "here/1"}, "ejected, and used for want of others"
        after = bed.counters()
        assert after["noEndpoint"] == before and after["allEjected"] >= 50, after


def test_exact_shares_among_the_remaining():
    """One of ten, and then so many that drawing again finds nothing: the rest keep their weights."""
    with Testbed() as bed:
        weights = [90, 10, 90, 10, 90, 10, 90, 10, 90, 10]
        bed.service("backend", weights=weights)
        task, target = bed.task(), {bed.target("backend", PORT): "backend"}
        for ejected in (["0"], ["0", "2", "4", "6"], ["0", "2", "4", "6", "8", "1", "3"]):
            for id in ejected:
                bed.change("POST", "/v1/ejections", service="backend", id=id, forSeconds=60)
            counts = task.connector(target, "--count", 20000, "--parallel", 2)["names"]
            wanted = {f"backend/{i}": weight for i, weight in enumerate(weights) if str(i) not in ejected}
            statistic, p = chi_square.check(counts, wanted)
            note(f"{len(ejected)} of 10 ejected: chi-square {statistic:.1f}, p {p:.3f}")
        assert bed.counters()["allEjected"] == 0


def test_flapping_reaches_nobody_who_is_down_and_ejected():
    """20 changes of health a second, while the endpoint is ejected: not one connect goes there."""
    with Testbed() as bed:
        bed.service("backend", weights=(1, 1, 1))
        task, target = bed.task(), {bed.target("backend", PORT): "backend"}
        bed.change("POST", "/v1/ejections", service="backend", id="0", forSeconds=60)
        running = task.start_connector(target, "--seconds", 4)
        began = time.monotonic()
        for i in range(60):
            time.sleep(max(0.0, began + i / 20 - time.monotonic()))
            bed.update("backend", "0", health="HEALTHY" if i % 2 else "UNHEALTHY")
        report = running.finish()
        assert report["answered"] and not report["failed"], report
        assert set(report["names"]) == {"backend/1", "backend/2"}, report
        assert endpoint(bed, "0")["connections"] == 0


def test_eject_and_unject_by_hand():
    with Testbed() as bed:
        bed.service("backend", weights=(1, 1))
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        assert "ejected for 1m" in bed.cli_ok("eject", "backend", "0", "--for", "60").out
        assert set(at_rate(agent, address, 0.3)) == {"backend/1"}
        shown = endpoint(bed, "0")
        assert shown["ejected"] and 55 < shown["ejectedSeconds"] <= 60, shown
        assert "ejected" in bed.cli_ok("endpoints").out
        assert "is back" in bed.cli_ok("unject", "backend", "0").out
        assert set(at_rate(agent, address, 0.3)) == {"backend/0", "backend/1"}
        assert "was not ejected" in bed.cli_ok("unject", "backend", "0").out
        for words in (("eject", "backend", "9"), ("unject", "nobody", "0"), ("eject", "backend", "0", "--for", "0")):
            assert bed.cli(*words).rc == 1, words
        assert bed.cli("eject", "backend", "0", "--for", "soon").rc == 2


def asks_single_endpoints(bed):
    """Do connects look at their endpoint's own cell? Cell 0 tells."""
    result = bed.run([need_program("bpftool"), "-j", "map", "lookup", "pinned", f"{bed.bpffs}/maps/outliers", "key",
                      "0", "0", "0", "0"])
    assert result.rc == 0, result
    return json.loads(result.out)["formatted"]["value"]["ejected_until"] != 0


def test_connects_look_at_single_endpoints_only_while_one_is_ejected():
    with Testbed() as bed:
        bed.service("backend", weights=(1, 1, 1))
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        assert not asks_single_endpoints(bed)
        bed.cli_ok("eject", "backend", "0", "--for", "60")
        bed.cli_ok("eject", "backend", "1", "--for", "1")
        assert asks_single_endpoints(bed)
        wait_until(lambda: set(at_rate(agent, address, 0.2)) == {"backend/1", "backend/2"}, 5, "one is back")
        assert asks_single_endpoints(bed), "the other one is still out"
        bed.restart()
        assert asks_single_endpoints(bed) and set(at_rate(agent, address, 0.2)) == {"backend/1", "backend/2"}
        bed.cli_ok("unject", "backend", "0")
        assert not asks_single_endpoints(bed)
        # One that comes back while nobody listens is settled by the next daemon.
        bed.cli_ok("eject", "backend", "2", "--for", "1")
        bed.kill()
        wait_until(lambda: len(set(at_rate(agent, address, 0.3))) == 3, 5, "it is back")
        assert asks_single_endpoints(bed)
        bed.start()
        wait_until(lambda: not asks_single_endpoints(bed), 3, "nobody is ejected")


def test_an_ejection_survives_a_restart():
    with Testbed() as bed:
        server, _, _ = pair(bed)
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        end(server)
        at_rate(agent, address, 0.6)
        before = endpoint(bed, "bad")
        assert before["ejected"]
        bed.restart()
        after = endpoint(bed, "bad")
        assert after["ejected"] and after["outcomes"] == before["outcomes"], (before, after)
        assert bed.status()["writes"]["maps"] == 0
        assert set(at_rate(agent, address, 0.3)) == {"good"}
        # Other map sizes: new maps, and the record is carried over.
        bed.restart({"maps": {"slots": 4096, "endpoints": 512}})
        assert endpoint(bed, "bad")["ejected"] and endpoint(bed, "bad")["outcomes"] == before["outcomes"]
        assert set(at_rate(agent, address, 0.3)) == {"good"}


def test_failures_of_another_namespace_count_for_nobody_here():
    with Testbed() as bed:
        server, _, bad = pair(bed)
        bed.register("other", bad, id="same", namespace="other")
        end(server)
        stranger = bed.task("other", name="stranger").agent()
        where, port = bad.rsplit(":", 1)
        for _ in range(20):
            assert stranger.name(where, int(port)) == "ECONNREFUSED"
        assert bed.endpoints("other")[("other", "same")]["ejected"]
        mine = endpoint(bed, "bad")
        assert not mine["ejected"] and mine["outcomes"]["refused"] == 0, mine


def test_services_at_one_address_are_judged_together():
    with Testbed() as bed:
        where = bed.address()
        bed.register("one", where, id="a")
        bed.register("two", where, id="b")
        bed.register("two", where, id="c")
        agent = bed.task().agent()
        for _ in range(FAILURES):
            assert agent.name(bed.address_of("one", PORT), PORT) == "ECONNREFUSED"
        assert [item["ejected"] for item in bed.endpoints().values()] == [True] * 3
        assert [item["outcomes"]["refused"] for item in bed.endpoints().values()] == [FAILURES] * 3
        bed.change("DELETE", "/v1/instances", service="one", id="a")
        bed.change("DELETE", "/v1/ejections", service="two", id="b")
        for _ in range(FAILURES):
            agent.name(bed.address_of("two", PORT), PORT)
        assert endpoint(bed, "b", "two")["ejected"], "the address leads to those that are left"


def test_those_beyond_the_eighth_at_one_address_are_not_judged():
    with Testbed() as bed:
        address = bed.address()
        bed.announce({address: "shared"})
        for i in range(11):
            bed.register(f"s{i}", address, id="0")
        agent = bed.task().agent()
        targets = [bed.address_of(f"s{i}", PORT) for i in range(11)]
        assert {tuple(at_rate(agent, target, 0.3)) for target in targets} == {("shared",) * 30}
        for i in range(11):
            shown = endpoint(bed, "0", service=f"s{i}")
            assert not shown["ejected"] and shown["outcomes"]["unreachable"] == 0, (i, shown)
            assert shown["connections"] == 30, (i, shown)


def test_settings_take_effect_at_once():
    with Testbed() as bed:
        bed.register("backend", bed.address(), id="0")
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        set_ejection(bed, "backend", failures=0)
        at_rate(agent, address, 0.3)
        assert not endpoint(bed, "0")["ejected"], "0 is never"
        set_ejection(bed, "backend", failures=100)
        for _ in range(99 - 30):
            agent.name(address, PORT)
        assert not endpoint(bed, "0")["ejected"]
        agent.name(address, PORT)
        assert endpoint(bed, "0")["ejected"], "a hundred within the window"
        bed.change("DELETE", "/v1/ejections", service="backend", id="0")
        bed.change("PUT", "/v1/settings", service="backend", settings={"ejection": None})
        bed.change("PUT", "/v1/settings", settings={"ejection": {"failures": 2}})
        agent.name(address, PORT)
        assert not endpoint(bed, "0")["ejected"]
        agent.name(address, PORT)
        assert endpoint(bed, "0")["ejected"], "the setting for all"


def test_failures_outside_the_window_are_forgotten():
    with Testbed() as bed:
        bed.register("backend", bed.address(), id="0")
        set_ejection(bed, "backend", windowSeconds=1)
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        for _ in range(3):
            for _ in range(FAILURES - 1):
                agent.name(address, PORT)
            assert not endpoint(bed, "0")["ejected"]
            time.sleep(1.1)


# --- what became of a connect

def blackhole(bed, *ports):
    """A network namespace in which SYNs to these ports of any address get no answer."""
    nft = need_program("nft")
    rules = [f"{nft} add table inet hole",
             f"{nft} add chain inet hole in '{{ type filter hook input priority 0; }}'"]
    return bed.network_namespace(*rules, *[f"{nft} add rule inet hole in tcp dport {port} drop" for port in ports])


def veth_pair(bed, *server_commands):
    """Two network namespaces with a link: words for a command in the client's, words for the server's."""
    server = bed.network_namespace(*server_commands)
    holder = server[2]
    client = bed.network_namespace(f"ip link add v0 type veth peer name v1 netns {holder}",
                                   "ip address add 198.51.100.1/24 dev v0", "ip link set v0 up")
    bed.run([*server, "sh", "-ec", "ip address add 198.51.100.2/24 dev v1; ip address add 198.51.100.3/24 dev v1; "
                                   "ip link set v1 up"])
    return client, server


def test_outcomes_are_told_apart():
    with Testbed() as bed:
        hole = blackhole(bed, 8099)
        for id in ("fine", "refused", "slow", "reset"):
            port = 8099 if id == "slow" else 8080 + len(id)
            bed.register(id, f"127.0.0.1:{port}", id="0")
        set_ejection(bed, "slow", failures=0)
        bed.announce({"127.0.0.1:8084": "fine"}, before=hole)
        resetting = ("import socket,struct\nl=socket.create_server(('127.0.0.1',8085))\nprint('up',flush=True)\n"
                     "while True:\n c,_=l.accept()\n c.recv(1)\n"
                     " c.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack('ii',1,0))\n c.close()\n")
        server = bed.popen([*hole, "python3", "-c", resetting], stdout=-1)
        assert server.stdout.readline() == "up\n"
        agent = bed.task().agent(before=hole)
        ask = lambda name, port, **how: agent.name(bed.address_of(name, port), port, **how)
        assert ask("fine", 8084) == "fine"
        assert ask("fine", 8084, family="mapped") == "fine"
        assert ask("refused", 8087) == "ECONNREFUSED"
        # Given up before the first retransmission: the application's own doing.
        number = agent.open(nonblocking=True)
        agent.call("start", socket=number, address=bed.address_of("slow", 8099), port=8099)
        agent.call("close", socket=number)
        # Given up after it: that was a failure.
        number = agent.open(nonblocking=True)
        agent.call("start", socket=number, address=bed.address_of("slow", 8099), port=8099)
        time.sleep(1.5)
        agent.call("close", socket=number)
        number = agent.open()
        assert agent.call("connect", socket=number, address=bed.address_of("reset", 8085), port=8085)["errno"] is None
        agent.call("send", socket=number, text="x")
        assert agent.call("read", socket=number)["errno"] == "ECONNRESET"
        agent.call("close", socket=number)
        seen = {service: item["outcomes"] for (service, _), item in bed.endpoints().items()}
        nothing = dict.fromkeys(seen["fine"], 0)
        assert seen["fine"] == {**nothing, "established": 2}, seen
        assert seen["refused"] == {**nothing, "refused": 1}, seen
        assert seen["slow"] == {**nothing, "gaveUp": 2, "retransmitted": 1}, seen
        assert seen["reset"] == {**nothing, "established": 1, "resetEarly": 1}, seen
        assert all(item["open"] == 0 for item in bed.endpoints().values())


def test_a_blackholed_endpoint_is_out_by_syn_retransmits():
    """Over a real link, the daemon stopped: a second after the first SYNs were lost nobody is sent there any more."""
    with Testbed() as bed:
        nft = need_program("nft")
        client, server = veth_pair(bed)
        bed.announce({"198.51.100.2:8080": "good", "198.51.100.3:8080": "bad"}, before=server)
        bed.register("backend", "198.51.100.2:8080", id="good")
        bed.register("backend", "198.51.100.3:8080", id="bad")
        task, target = bed.task(), {bed.target("backend", PORT): None}
        first = task.connector(target, "--count", 200, before=client)
        assert first["answered"] == 200 and set(first["names"]) == {"good", "bad"}, first
        result = bed.run([*server, "sh", "-ec", f"{nft} add table inet hole; {nft} add chain inet hole in "
                          "'{ type filter hook input priority 0; }'; "
                          f"{nft} add rule inet hole in ip daddr 198.51.100.3 drop"])
        assert result.rc == 0, result
        freeze(bed)
        running = task.start_connector(target, "--seconds", 2.5, "--parallel", 20, "--timeout", 1500, before=client)
        report = running.finish()
        late = task.connector(target, "--count", 500, before=client)
        thaw(bed)
        assert late["names"] == {"good": 500}, late
        shown = endpoint(bed, "bad")
        note(f"while it was found out: {report['names']}, {report['errors']}; {shown['outcomes']}")
        assert shown["ejected"] and FAILURES <= shown["outcomes"]["retransmitted"] <= 40, shown
        assert shown["outcomes"]["refused"] == 0


def test_an_unreachable_endpoint_is_out():
    """ENETUNREACH leaves no TCP event; that no connection begins is the evidence. Two CPUs count for themselves."""
    with Testbed() as bed:
        lonely = bed.network_namespace()
        bed.announce({"127.0.0.1:8080": "good"}, before=lonely)
        bed.register("backend", "127.0.0.1:8080", id="good")
        bed.register("backend", "198.51.100.9:8080", id="bad")
        agent, address = bed.task().agent(before=lonely), bed.address_of("backend", PORT)
        freeze(bed)
        results = at_rate(agent, address, 2)
        thaw(bed)
        assert 0 < results.count("ENETUNREACH") <= FAILURES + 5 * os.cpu_count() + 1, results
        assert set(results[-100:]) == {"good"}, results
        shown = endpoint(bed, "bad")
        assert shown["ejected"] and shown["outcomes"]["unreachable"] >= FAILURES, shown
        good = endpoint(bed, "good")["outcomes"]
        assert good["unreachable"] == 0 and good["established"] == results.count("good"), good


def test_a_connect_timeout_ends_the_wait():
    with Testbed() as bed:
        hole = blackhole(bed, 8099)
        bed.register("slow", "127.0.0.1:8099", id="0")
        bed.register("fine", "127.0.0.1:8080", id="0")
        bed.announce({"127.0.0.1:8080": "fine"}, before=hole)
        for name in ("slow", "fine"):
            bed.change("PUT", "/v1/settings", service=name, settings={"connectTimeoutSeconds": 2})
        slow, fine = bed.address_of("slow", 8099), bed.address_of("fine", 8080)
        script = ("import json,socket,sys,time\nout=[]\n"
                  "def go(address,port,own=0):\n"
                  " s=socket.socket()\n"
                  " if own: s.setsockopt(6,18,own)\n"
                  " t=time.monotonic()\n"
                  " e=s.connect_ex((address,port))\n"
                  " return [e,time.monotonic()-t,s.getsockopt(6,18)]\n"
                  f"print(json.dumps([go('{slow}',8099),go('{fine}',8080),go('{fine}',8080,7000),"
                  f"go('{slow}',8099,1000)]))\n")
        result = bed.task().run([*hole, "python3", "-c", script], timeout=30)
        assert result.rc == 0, result
        timed_out, answered, own, own_slow = json.loads(result.out)
        note(f"with a limit of 2 s: {timed_out[1]:.2f} s; the application's own 1 s: {own_slow[1]:.2f} s")
        assert timed_out[0] == 110 and timed_out[1] >= 1.9, timed_out
        assert answered[0] == 0 and answered[2] == 0, "nothing stays on an established socket"
        assert own[0] == 0 and own[2] == 7000, "what the application has set stays"
        assert own_slow[0] == 110 and own_slow[1] < timed_out[1], (own_slow, timed_out)
        outcomes = endpoint(bed, "0", "slow")["outcomes"]
        assert outcomes["timedOut"] == 2 and outcomes["retransmitted"] == 2, outcomes


def test_open_connections_are_counted():
    with Testbed() as bed:
        bed.service("backend")
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        numbers = [agent.open() for _ in range(3)]
        for number in numbers:
            assert agent.call("connect", socket=number, address=address, port=PORT)["errno"] is None
            assert agent.call("read", socket=number)["name"] == "backend/0"
        # The server has ended its side; ours is open until it is closed.
        assert endpoint(bed, "0")["open"] == 3
        for number in numbers:
            agent.call("close", socket=number)
        wait_until(lambda: endpoint(bed, "0")["open"] == 0, 3, "none is open")
        assert endpoint(bed, "0")["outcomes"]["established"] == 3


def test_events_tell_of_it():
    with Testbed() as bed:
        server, _, bad = pair(bed, baseSeconds=1)
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        end(server)
        at_rate(agent, address, 0.5)
        kinds = lambda: [item["kind"] for item in bed.get("/v1/events")["events"] if item["instance"] == "bad"]
        wait_until(lambda: "EJECTED" in kinds(), 2, "the ejection is told")
        failed = [item for item in bed.get("/v1/events")["events"] if item["kind"] == "CONNECT_FAILED"]
        assert failed and "refused" in failed[0]["message"], failed
        bed.announce({bad: "bad"})
        at_rate(agent, address, 1.2)
        wait_until(lambda: "RETURNED" in kinds(), 2, "the return is told")
