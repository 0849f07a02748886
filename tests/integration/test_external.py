# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Instances that are host names: resolved by the daemon, their addresses followed, kept when nobody can say."""
import ctypes
import os
import sqlite3
import sys
import time

import chi_square
from testbed import PORT, Testbed, note, wait_until
from zone import Zone

HOST = "db.example.net"

UDP_SERVER = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], int(sys.argv[2])))
print("up", flush=True)
while True:
    sock.sendto(sys.argv[3].encode(), sock.recvfrom(4096)[1])
"""


def testbed():
    """A daemon that asks a server which is not there yet; use start()."""
    return Testbed(start=False)


def start(bed, **settings):
    zone = Zone(bed)
    bed.config["externalNames"] = {"nameServers": [zone.where], **settings}
    bed.start()
    return zone


def rows(bed, service="db"):
    return [item for item in bed.get("/v1/endpoints")["endpoints"] if item["service"] == service]


def addresses(bed, service="db"):
    return sorted(item["address"] for item in rows(bed, service) if item["address"])


def servers(bed, n, port=PORT, first="s"):
    """n announcing servers on addresses of their own, all on one port; returns the addresses."""
    found = [bed.address(port) for _ in range(n)]
    bed.announce({where: f"{first}{i}" for i, where in enumerate(found)})
    return [where.rsplit(":", 1)[0] for where in found]


def wait_for_addresses(bed, wanted, seconds=5, service="db"):
    wait_until(lambda: addresses(bed, service) == sorted(wanted), seconds, f"{service} is at {sorted(wanted)}")


def answered(bed, task, count, service="db"):
    return task.connector({bed.target(service, PORT): None}, "--count", count)["names"]


def events(bed, kind="NAME"):
    return [item for item in bed.get("/v1/events")["events"] if item["kind"] == kind]


def test_addresses_share_the_weight_of_the_instance():
    with testbed() as bed:
        zone = start(bed)
        two = servers(bed, 2)
        plain = bed.address()
        bed.announce({plain: "plain"})
        zone.put(HOST, A=two, ttl=60)
        out = bed.cli_ok("register", "db", "--address", f"{HOST}:{PORT}", "--weight", "3").out
        assert f"registered db/{HOST}:{PORT}" in out, out
        bed.register("db", plain, id="plain", weight=1)
        wait_for_addresses(bed, two + [plain.rsplit(":", 1)[0]])
        shares = {item["address"]: item["effectivePercent"] for item in bed.alias("db", PORT)["targets"][0]["endpoints"]}
        assert sorted(shares.values()) == [25.0, 37.5, 37.5], shares
        named = [item for item in rows(bed) if item.get("host")]
        assert len(named) == 2 and {item["id"] for item in named} == {f"{HOST}:{PORT}"}, named
        assert len({item["endpoint"] for item in named}) == 2 and {item["weight"] for item in named} == {3}, named
        name = named[0]["name"]
        assert name["addresses"] == sorted(two) and name["failures"] == 0 and name["nextSeconds"] > 50, name
        assert name["resolvedAt"].endswith("Z"), name
        counts = answered(bed, bed.task(), 8000)
        chi_square.check(counts, {"s0": 3, "s1": 3, "plain": 2})
        assert bed.get("/v1/services")["services"][0]["instances"] == 2
        figures = bed.status()["externalNames"]
        assert figures["count"] == 1 and figures["failing"] == 0 and figures["nameServers"] == [zone.where], figures
        out = bed.cli_ok("endpoints").out
        assert all(address in out for address in two), out
        text = bed.api("GET", "/metrics")[1]
        series = [line.rsplit(" ", 1)[0] for line in text.splitlines() if line and not line.startswith("#")]
        assert len(series) == len(set(series)), "a series twice"
        assert f'address="{two[0]}"' in text, text


def test_weight_health_and_ejection_are_the_instances():
    with testbed() as bed:
        zone = start(bed)
        two = servers(bed, 2)
        zone.put(HOST, A=two, ttl=60)
        bed.service("other")
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, two)
        bed.route("mixed", {"db": 1, "other": 1})
        task = bed.task()
        bed.cli_ok("weight", "db", "x", "7")
        assert {item["weight"] for item in rows(bed)} == {7}
        bed.cli_ok("health", "db", "x", "unhealthy")
        assert {(item["health"], item["eligible"]) for item in rows(bed)} == {("UNHEALTHY", False)}
        assert task.connector({bed.target("mixed"): "other/0"}, "--count", 50)["answered"] == 50
        bed.cli_ok("health", "db", "x", "healthy")
        bed.cli_ok("eject", "db", "x", "--for", "60")
        assert all(item["ejected"] for item in rows(bed))
        assert "is back" in bed.cli_ok("unject", "db", "x").out
        assert not any(item["ejected"] for item in rows(bed))


def test_a_failing_address_is_ejected_and_checked_by_itself():
    with testbed() as bed:
        zone = start(bed)
        good = servers(bed, 1)[0]
        dead = bed.address().rsplit(":", 1)[0]
        zone.put(HOST, A=[good, dead], ttl=60)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, [good, dead])
        task = bed.task()
        report = task.connector({bed.target("db", PORT): None}, "--count", 200)
        assert report["names"] == {"s0": 200 - 5}, report
        by_address = {item["address"]: item for item in rows(bed)}
        assert by_address[dead]["ejected"] and not by_address[good]["ejected"], by_address
        told = [item for item in bed.get("/v1/events")["events"] if item["kind"] == "EJECTED"]
        assert told[0]["instance"] == "x" and told[0]["message"].startswith(f"{dead}: "), told
        bed.cli_ok("set", "db", "healthCheck.type=tcp", "healthCheck.interval=1", "healthCheck.retries=1")
        wait_until(lambda: {item["address"]: item["health"] for item in rows(bed)} ==
                   {good: "HEALTHY", dead: "UNHEALTHY"}, 10, "each address is checked")
        # The weight is the healthy one's alone.
        endpoints = bed.alias("db", PORT)["targets"][0]["endpoints"]
        assert {item["address"]: item["effectivePercent"] for item in endpoints} == {good: 100.0, dead: 0.0}, endpoints


def test_a_change_is_followed_within_its_time_to_live():
    with testbed() as bed:
        zone = start(bed)
        old, new = servers(bed, 2)
        zone.put(HOST, A=[old], ttl=2)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, [old])
        task = bed.task()
        agent = task.agent()
        assert agent.name(bed.address_of("db", PORT), PORT) == "s0"
        address = bed.address_of("db", PORT)
        zone.put(HOST, A=[new], ttl=2)
        asked, began = len(zone.questions()), time.monotonic()
        wait_until(lambda: agent.name(address, PORT) == "s1" or time.sleep(0.05), 20, "the new address is used")
        asked = len(zone.questions()) - asked
        note(f"after {time.monotonic() - began:.2f} s of a time to live of 2 s, and {asked} questions")
        assert asked <= 4, "by the first answer that says so; A and AAAA are a question each, and one round may be under way"
        assert task.connector({bed.target("db", PORT): "s1"}, "--count", 300)["answered"] == 300
        assert any(new in item["message"] for item in events(bed)), events(bed)
        # No change: nothing is written, nothing is published.
        time.sleep(0.5)  # the row about the change is
        before = bed.status()
        asked = before["externalNames"]["asked"]
        wait_until(lambda: bed.status()["externalNames"]["asked"] >= asked + 2, 10, "it was asked for twice more")
        after = bed.status()
        assert after["writes"] == before["writes"], (before["writes"], after["writes"])
        assert after["registry"]["revision"] == before["registry"]["revision"]


def test_open_connections_drain_from_an_address_that_leaves():
    with testbed() as bed:
        zone = start(bed)
        old, new = servers(bed, 2)
        zone.put(HOST, A=[old], ttl=1)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, [old])
        agent = bed.task().agent()
        held = agent.open()
        assert agent.call("connect", socket=held, address=bed.address_of("db", PORT), port=PORT)["errno"] is None
        assert agent.call("read", socket=held)["name"] == "s0"
        peer = agent.call("peer", socket=held)
        zone.put(HOST, A=[new], ttl=1)
        wait_until(lambda: {item["address"]: item["health"] for item in rows(bed)} ==
                   {old: "DRAINING", new: "HEALTHY"}, 5, "the old address drains")
        for _ in range(50):
            assert agent.name(bed.address_of("db", PORT), PORT) == "s1"
        assert agent.call("peer", socket=held) == peer, "the open connection is untouched"
        # It comes back while it drains: a full endpoint again.
        zone.put(HOST, A=[new, old], ttl=1)
        wait_until(lambda: {item["health"] for item in rows(bed)} == {"HEALTHY"}, 5, "the old address is back")
        zone.put(HOST, A=[new], ttl=1)
        wait_until(lambda: "DRAINING" in {item["health"] for item in rows(bed)}, 5, "it drains again")
        agent.call("close", socket=held)
        wait_for_addresses(bed, [new], 10)


def test_last_known_good_when_nobody_answers():
    with testbed() as bed:
        zone = start(bed)
        two = servers(bed, 2)
        zone.put(HOST, A=two, ttl=1)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, two)
        task = bed.task()
        # No such name, no address, failing, silent, gone: it all says nothing about the endpoints.
        for entry, wanted in (({"rcode": 2}, "SERVFAIL"), ({}, "no address"), (None, "NXDOMAIN"),
                              ({"A": ["0.0.0.0", "224.0.0.1"], "ttl": 1}, "endpoint")):
            if entry is None:
                zone.remove(HOST)
            else:
                zone.put(HOST, **entry)
            wait_until(lambda: wanted in rows(bed)[0]["name"].get("error", ""), 10, f"it says {wanted}")
            assert addresses(bed) == sorted(two)
            assert task.connector({bed.target("db", PORT): None}, "--count", 100)["answered"] == 100
            zone.put(HOST, A=two, ttl=1)
            bed.register("db", f"{HOST}:{PORT}", id="y")
            bed.cli_ok("deregister", "db", "y", "--now")
            wait_until(lambda: rows(bed)[0]["name"]["failures"] == 0, 10, "it is resolved again")
        texts = [item["message"] for item in events(bed)]
        assert sum("cannot be resolved" in text for text in texts) >= 4, texts
        assert sum("resolved again" in text for text in texts) >= 4, texts
        zone.stop()
        wait_until(lambda: rows(bed)[0]["name"]["failures"] > 0, 15, "the server is missed")
        status = bed.status()
        assert status["state"] == "degraded" and any(HOST in text for text in status["degraded"]), status["degraded"]
        assert task.connector({bed.target("db", PORT): None}, "--count", 100)["answered"] == 100


def test_a_restart_without_name_server_keeps_the_addresses():
    with testbed() as bed:
        zone = start(bed)
        two = servers(bed, 2)
        zone.put(HOST, A=two, ttl=1)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, two)
        task = bed.task()
        numbers = {item["address"]: item["endpoint"] for item in rows(bed)}
        time.sleep(0.5)  # what was found is written down
        zone.stop()
        bed.restart()
        assert addresses(bed) == sorted(two)
        assert {item["address"]: item["endpoint"] for item in rows(bed)} == numbers
        assert task.connector({bed.target("db", PORT): None}, "--count", 200)["answered"] == 200
        assert bed.status()["writes"]["maps"] == 0, bed.status()["writes"]
        # As after a reboot: nothing is pinned any more.
        bed.stop()
        for where, _, files in os.walk(bed.bpffs, topdown=False):
            for name in files:
                os.unlink(os.path.join(where, name))
        bed.start()
        assert addresses(bed) == sorted(two)
        bed.attach(task)
        assert task.connector({bed.target("db", PORT): None}, "--count", 200)["answered"] == 200
        bed.cli_ok("deregister", "db", "x", "--now")
        bed.stop()
        with sqlite3.connect(os.path.join(bed.state_dir, "registry.db")) as registry:
            left = [key for (key,) in registry.execute("SELECT key FROM rows") if "resolved" in key or "/x" in key]
        assert left == [], left


def test_ipv6_is_followed_apart():
    with testbed() as bed:
        zone = start(bed)
        four = servers(bed, 1)[0]
        bed.announce({f"[::1]:{PORT}": "six"})
        zone.put(HOST, A=[four], AAAA=["::1"], ttl=1)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, [four, "::1"])
        alias = bed.alias("db", PORT)
        agent = bed.task().agent()
        names = {agent.name(alias["address6"], PORT, family=6) for _ in range(60)}
        assert names == {"six"}, f"IPv6 sockets go to IPv6 endpoints where there are any: {names}"
        assert {agent.name(alias["address"], PORT) for _ in range(20)} == {"s0"}
        # One of the two fails: what is known of it stays, the other is followed.
        other = servers(bed, 1, first="t")[0]
        zone.put(HOST, A=[other], AAAA=["::1"], ttl=1, rcode={"AAAA": 2})
        wait_for_addresses(bed, [other, "::1"])
        assert "SERVFAIL" in rows(bed)[0]["name"]["error"]
        # It has none any more: that is an answer.
        zone.put(HOST, A=[other], ttl=1)
        wait_for_addresses(bed, [other])


def test_addresses_are_bounded():
    with testbed() as bed:
        zone = start(bed)
        many = [f"127.77.0.{i}" for i in range(1, 41)]
        zone.put(HOST, A=list(reversed(many)), ttl=1)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_until(lambda: len(addresses(bed)) == 32, 5, "32 of 40 addresses")
        assert set(addresses(bed)) == set(many[:32])
        assert any(line == f"tcp {HOST} A" for line in zone.questions()), "a long answer comes over TCP"
        asked = bed.status()["externalNames"]["asked"]
        wait_until(lambda: bed.status()["externalNames"]["asked"] > asked + 1, 5, "it is asked for again")
        with open(bed.log_file, encoding="utf-8") as log:
            assert log.read().count("has 40 addresses") == 1
        # What cannot be an endpoint is none here either.
        own = bed.alias("db", PORT)["address"]
        zone.put(HOST, A=[many[0], own, "0.0.0.0", "224.0.0.7"], ttl=1)
        wait_for_addresses(bed, many[:1])


def test_a_name_that_was_never_resolved():
    with testbed() as bed:
        start(bed)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_until(lambda: rows(bed)[0]["name"]["failures"] > 0, 5, "the name is not there")
        row = rows(bed)[0]
        assert row["address"] == "" and row["host"] == HOST and not row["eligible"] and row["endpoint"] == 0, row
        assert "not resolved yet: no such name" in row["reason"], row
        assert bed.task().agent_name_once(bed.address_of("db", PORT), PORT) == "ECONNREFUSED"
        assert f"{HOST}:{PORT}" in bed.cli_ok("endpoints").out
        assert bed.status()["externalNames"]["unresolved"] == 1
        bed.cli_ok("drain", "db", "x")
        wait_until(lambda: not rows(bed), 3, "nothing to wait for: it is gone")


def test_deregister_and_drain_take_all_addresses():
    with testbed() as bed:
        zone = start(bed)
        two = servers(bed, 2)
        zone.put(HOST, A=two, ttl=1)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, two)
        task = bed.task()
        agent = task.agent()
        address = bed.address_of("db", PORT)
        held = agent.open()
        assert agent.call("connect", socket=held, address=address, port=PORT)["errno"] is None
        out = bed.cli_ok("deregister", "db", "x").out
        assert "1 open connection" in out, out
        assert {item["health"] for item in rows(bed)} == {"DRAINING"}
        assert agent.name(address, PORT) == "ECONNREFUSED"
        # Registered again it is back, drained or not.
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, two)
        assert {item["health"] for item in rows(bed)} == {"HEALTHY"}
        bed.cli_ok("drain", "db", "x", "--timeout", "30")
        time.sleep(1.5)
        assert "DRAINING" in {item["health"] for item in rows(bed)}
        agent.call("close", socket=held)
        wait_until(lambda: not rows(bed), 10, "the last connection has ended")
        asked = len(zone.questions())
        time.sleep(1.5)
        assert len(zone.questions()) == asked, "a name that is gone is not asked for"
        # An instance that becomes another kind, and back, in place.
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, two)
        plain = servers(bed, 1, first="p")[0]
        bed.register("db", f"{plain}:{PORT}", id="x")
        assert addresses(bed) == [plain] and "host" not in rows(bed)[0]
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, two)
        bed.change("DELETE", "/v1/services", service="db")
        assert rows(bed) == []


def test_bad_host_names_change_nothing():
    with testbed() as bed:
        start(bed)
        before = bed.wanted_state()
        label = "a" * 64
        for address in (f"{HOST}", f"{HOST}:0", f"{HOST}:65536", f"{HOST}:x", f"-{HOST}:80", "db-.example.net:80",
                        "db..net:80", ".net:80", "10.0.0.300:80", "db.example.7:80", "db_1.example.net:80",
                        f"{label}.net:80", ".".join(["a" * 49] * 6) + ":80", "d b.net:80", "[db.net]:80", "db.net..:80"):
            status, answer = bed.api("POST", "/v1/instances", {"service": "db", "address": address})
            assert status == 400, (address, status, answer)
            error = answer["error"]
            assert error["field"] == "address" and error["value"][:100] == address[:100], error
            assert "HOST:PORT" in error["allowed"], error
        long = ".".join(["a" * 60] * 4) + ".net"
        status, answer = bed.api("POST", "/v1/instances", {"service": "db", "address": f"{long}:80"})
        assert status == 400 and answer["error"]["field"] == "id", answer
        bed.check_state(before)
        assert bed.register("db", f"{long}:80", id="long")["id"] == "long"
        assert bed.register("db", "DB.Example.NET.:80")["id"] == "db.example.net:80"
        result = bed.cli("register", "db", "--address", "10.0.0.300:80")
        assert result.rc == 1 and "10.0.0.300:80" in result.err and "HOST:PORT" in result.err, result


def test_udp_is_pointed_anew():
    with testbed() as bed:
        zone = start(bed)
        old, new = [bed.address().rsplit(":", 1)[0] for _ in range(2)]
        for address, name in ((old, "u0"), (new, "u1")):
            server = bed.popen([sys.executable, "-c", UDP_SERVER, address, str(PORT), name], stdout=-1)
            assert server.stdout.readline() == "up\n"
        zone.put(HOST, A=[old], ttl=1)
        bed.register("db", f"{HOST}:{PORT}", protocol="udp")
        wait_for_addresses(bed, [old])
        agent = bed.task().agent()
        number = agent.open(type="udp")
        address = bed.address_of("db", PORT)
        assert agent.call("echo", socket=number, address=address, port=PORT)["text"] == "u0"
        zone.put(HOST, A=[new], ttl=1)
        wait_for_addresses(bed, [new])
        assert agent.call("echo", socket=number, address=address, port=PORT)["text"] == "u1"


def test_a_refused_change_leaves_the_addresses():
    with testbed() as bed:
        zone = start(bed)
        two = servers(bed, 2)
        zone.put(HOST, A=two, ttl=60)
        bed.register("db", f"{HOST}:{PORT}", id="x")
        wait_for_addresses(bed, two)
        task = bed.task()
        time.sleep(0.5)
        before, writes = bed.wanted_state(), bed.status()["writes"]
        bad = {"op": "register", "service": "db", "address": "nonsense"}
        plain = {"op": "register", "service": "db", "address": "127.1.2.3:80", "id": "x"}
        other = {"op": "register", "service": "db", "address": "other.example.net:80", "id": "x"}
        for changes in ([{"op": "deregister", "service": "db", "id": "x", "now": True}, bad], [plain, bad], [other, bad],
                        [{"op": "delete-service", "service": "db"}, bad],
                        [{"op": "update", "service": "db", "id": "x", "weight": 9}, plain, bad]):
            status, answer = bed.api("POST", "/v1/batch", {"changes": changes})
            assert status == 400, answer
            after = bed.wanted_state()
            for state in (before, after):
                for item in state["endpoints"]:
                    item["name"].pop("nextSeconds", None)
            assert after == before, (before, after)
        assert bed.status()["writes"] == writes
        assert sum(answered(bed, task, 200).values()) == 200
        # There and back within one change: nothing new either.
        bed.batch([plain, {"op": "register", "service": "db", "address": f"{HOST}:{PORT}", "id": "x"}])
        assert addresses(bed) == sorted(two)
        assert sum(answered(bed, task, 200).values()) == 200


def test_many_names_wait_for_their_turn():
    with testbed() as bed:
        zone = start(bed)
        n = 1000
        for i in range(n):
            zone.names[f"n{i}.example.net"] = {"silent": True}
        zone.set()
        bed.batch([{"op": "register", "service": "db", "address": f"n{i}.example.net:80"} for i in range(n)])
        figures = wait_until(lambda: (it := bed.status()["externalNames"])["inFlight"] and it, 5, "it is asked")
        assert (figures["inFlight"], figures["waiting"]) == (64, n - 64), figures
        for i in range(n):
            zone.names[f"n{i}.example.net"] = {"A": [f"127.78.{i // 250}.{1 + i % 250}"], "ttl": 600}
        zone.set()
        began = time.monotonic()
        wait_until(lambda: bed.status()["externalNames"]["unresolved"] == 0, 60, f"{n} names are resolved")
        note(f"{n} names in {time.monotonic() - began:.1f} s, 64 of them waited for a silent server's second try")
        assert len(addresses(bed)) == n
        spread = [item["name"]["nextSeconds"] for item in rows(bed)]
        assert max(spread) - min(spread) > 30, "they do not come together again"


test_many_names_wait_for_their_turn.timeout = 120


def test_the_hosts_settings_are_read_again():
    """/etc/resolv.conf names the server, another one later; /etc/hosts goes first. Both are the test's own."""
    with testbed() as bed:
        old, new = servers(bed, 2)
        first, second = Zone(bed, port=53), Zone(bed, port=53)
        first.put(HOST, A=[old], ttl=1)
        second.put(HOST, A=[new], ttl=1)
        files = {name: os.path.join(bed.base, name) for name in ("resolv.conf", "hosts")}

        def write(name, text):
            with open(files[name], "w", encoding="utf-8") as file:
                file.write(text)

        def enter():
            libc = ctypes.CDLL(None, use_errno=True)
            steps = [libc.unshare(0x20000), libc.mount(b"none", b"/", None, 0x44000, None)]  # NEWNS; REC | PRIVATE
            steps += [libc.mount(path.encode(), f"/etc/{name}".encode(), None, 0x1000, None)
                      for name, path in files.items()]
            if any(steps):
                os._exit(99)
        write("resolv.conf", f"nameserver {first.where.split(':')[0]}\n")
        write("hosts", "127.55.0.1 known.example.net\n")
        bed.daemon = bed.launch(preexec_fn=enter)
        wait_until(bed.is_up, 10, "the daemon is up")
        bed.register("db", f"{HOST}:{PORT}", id="x")
        bed.register("known", f"known.example.net:{PORT}", id="x")
        wait_for_addresses(bed, [old])
        wait_for_addresses(bed, ["127.55.0.1"], service="known")
        write("resolv.conf", f"# another one\nnameserver {second.where.split(':')[0]}\n")
        wait_for_addresses(bed, [new], 8)
        write("hosts", "127.55.0.2 known.example.net\n")
        wait_for_addresses(bed, ["127.55.0.2"], 8, service="known")


def test_settings_are_checked():
    with testbed() as bed:
        good = {"nameServers": ["127.0.0.1", "127.0.0.1:5353", "[::1]:53"], "minTtlSeconds": 2, "maxTtlSeconds": 60}
        bed.config["externalNames"] = good
        bed.write_config()
        shown = bed.run(bed.command_line(["--print-config"])).json()["externalNames"]
        assert shown == {**good, "nameServers": ["127.0.0.1:53", "127.0.0.1:5353", "[::1]:53"]}, shown
        shown = bed.run(bed.command_line(["--print-config", "--external-name-servers", "127.0.0.9"])).json()
        assert shown["externalNames"]["nameServers"] == ["127.0.0.9:53"], shown
        shown = bed.run(bed.command_line(["--print-config", "--external-name-servers", "host"])).json()
        assert shown["externalNames"]["nameServers"] == [], shown
        for bad, field in (({"nameServers": "127.0.0.1"}, "externalNames.nameServers"),
                           ({"nameServers": ["ns.example.net"]}, "externalNames.nameServers"),
                           ({"nameServers": ["127.0.0.1:0"]}, "externalNames.nameServers"),
                           ({"nameServers": ["127.0.0.1"] * 9}, "externalNames.nameServers"),
                           ({"minTtlSeconds": 0}, "externalNames.minTtlSeconds"),
                           ({"minTtlSeconds": 9, "maxTtlSeconds": 8}, "externalNames.maxTtlSeconds"),
                           ({"other": 1}, "externalNames.other")):
            bed.config["externalNames"] = bad
            bed.write_config()
            result = bed.run(bed.command_line(["--print-config"]))
            assert result.rc != 0 and field in result.err, (bad, result)
