# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Hosts that share an etcd: what one registers is in effect on all, and losing etcd takes nothing away."""
import base64
import os
import time

from fleet import Etcd, Proxy, fleet, revision, rows, wait_for_same, without_deletions
from testbed import Testbed, note, wait_until


def has_endpoint(bed, service, id):
    return wait_until(lambda: (service, id) in bed.endpoints(), 30, f"{service}/{id} is known")


def test_registered_on_one_in_effect_on_all():
    with Etcd() as etcd, fleet(etcd, 2) as (one, two):
        tasks = [bed.task() for bed in (one, two)]
        address = one.address()
        one.announce({address: "web"})
        one.register("web", address, "a")
        has_endpoint(two, "web", "a")
        for bed, task in zip((one, two), tasks):
            port = int(address.split(":")[1])
            assert task.agent_name_once(bed.address_of("web", port), port) == "web"
        # The other way round, and what goes.
        other = two.address()
        two.announce({other: "web2"})
        two.register("web", other, "b")
        has_endpoint(one, "web", "b")
        two.change("DELETE", "/v1/instances", service="web", id="a")
        wait_until(lambda: ("web", "a") not in one.endpoints(), 30, "a has gone on the first host")
        assert tasks[0].agent_name_once(one.address_of("web", port), port) == "web2"
        wait_for_same((one, two))
        assert rows(one) == rows(two)


def test_a_host_comes_back():
    with Etcd() as etcd, fleet(etcd, 2) as (one, two):
        task = two.task()
        one.service("web")
        has_endpoint(two, "web", "0")
        target = two.target("web", 8080)
        two.kill()
        assert task.connector({target: "web"}, "--count", 20)["failed"] == 0
        one.service("more")
        one.change("DELETE", "/v1/instances", service="web", id="0")
        two.start()
        assert two.target("web", 8080) == target
        assert ("web", "0") not in two.endpoints() and ("more", "0") in two.endpoints()
        assert two.status()["state"] == "ok", two.status()
        assert rows(one) == rows(two)


def is_ok(bed):
    """A daemon that starts anew does not answer for a moment."""
    try:
        return bed.status()["state"] == "ok"
    except (OSError, AssertionError):
        return False


def late(line):
    time.sleep(0.3)
    return [line]


def corrupt_once(proxy):
    """What cannot be read is asked for again."""
    def edit(line):
        if b'"events"' not in line:
            return [line]
        proxy.edit = lambda line: [line]
        return [line[:-20] + b"#" + line[-19:]]
    return edit


def test_an_etcd_that_tells_not_all():
    """Behind a proxy: each kind of wrong is there while something is changed, and then the host knows what the others do."""
    with Etcd() as etcd, Proxy(etcd) as proxy, fleet(etcd, 2, [proxy], auditSeconds=1) as (one, far):
        one.register("web", "127.9.0.1:1", "stays")
        one.register("web", "127.9.0.1:2", "goes")
        has_endpoint(far, "web", "goes")
        proxy.edit = without_deletions
        one.change("DELETE", "/v1/instances", service="web", id="goes")
        one.register("web", "127.9.0.1:3", "comes")
        has_endpoint(far, "web", "comes")
        wait_until(lambda: ("web", "goes") not in far.endpoints(), 30, "the audit finds the deletion")
        assert far.status()["registry"]["fleet"]["auditDifferences"] == 1, far.status()["registry"]
        assert one.status()["registry"]["fleet"]["auditDifferences"] == 0
        with open(far.log_file, encoding="utf-8") as log:
            assert "rows were not what etcd has told" in log.read()
        for n, edit in enumerate((lambda line: [line, line], late, corrupt_once(proxy))):
            proxy.edit = edit
            one.register("more", f"127.9.0.1:{n + 10}", str(n))
            one.change("DELETE", "/v1/instances", service="web", id="comes")
            one.register("web", f"127.9.0.1:{n + 20}", "comes")
            has_endpoint(far, "more", str(n))
            wait_for_same((one, far))
            assert rows(one) == rows(far)
            proxy.edit = lambda line: [line]
        # Cut off while etcd forgets what happens: 3.4.23 loses this very deletion (etcd#18089), newer ones have all rows read.
        proxy.cut()
        one.change("DELETE", "/v1/instances", service="more", id="0")
        etcd.compact()
        proxy.heal()
        wait_until(lambda: ("more", "0") not in far.endpoints(), 30, "all rows are compared")
        wait_for_same((one, far))
        assert rows(one) == rows(far)
        note(f"of the registry: {far.status()['registry']['fleet']}")


def test_etcd_is_down_for_a_while():
    with Etcd() as etcd, fleet(etcd, 2) as (one, two):
        task = two.task()
        one.service("web")
        has_endpoint(two, "web", "0")
        target = two.target("web", 8080)
        etcd.kill_all()
        wait_until(lambda: two.status()["state"] == "degraded", 30, "the second host says that etcd is lost")
        assert any("is lost" in text for text in two.status()["degraded"]), two.status()
        assert two.status()["registry"]["fleet"]["isLost"]
        assert task.connector({target: "web"}, "--count", 200)["failed"] == 0
        status, answer = two.api("POST", "/v1/instances", {"service": "new", "id": "x", "address": "127.9.0.1:1"})
        assert status >= 500, (status, answer)
        assert ("web", "0") in two.endpoints() and ("new", "x") not in two.endpoints()
        # A start meanwhile serves what is pinned, and takes in the rest when etcd is there.
        own = one.task()
        mine = one.target("web", 8080)
        one.kill()
        one.start()
        assert one.status()["registry"]["state"] == "lost" and one.endpoints() == {}, one.status()
        assert any("could not be reached" in text and etcd.url(0) in text for text in one.status()["degraded"])
        status, answer = one.api("POST", "/v1/instances", {"service": "new", "id": "x", "address": "127.9.0.1:1"})
        assert status >= 500 and one.cli("registry", "accept").rc == 1, (status, answer)
        running = own.start_connector({mine: "web"}, "--seconds", 6)
        etcd.start()
        for bed in (one, two):
            wait_until(lambda bed=bed: is_ok(bed), 30, "etcd is there again")
        assert running.finish()["failed"] == 0
        assert one.target("web", 8080) == mine
        two.service("after")
        has_endpoint(one, "after", "0")
        assert task.connector({target: "web"}, "--count", 20)["failed"] == 0
        assert rows(one) == rows(two)


def test_a_host_dies_and_one_is_cut_off():
    with Etcd() as etcd, Proxy(etcd) as proxy, fleet(etcd, 3, [proxy], leaseSeconds=3) as (one, two, far):
        one.register("web", "127.9.0.1:1", "one")
        two.register("web", "127.9.0.1:2", "two")
        far.register("web", "127.9.0.1:3", "far")
        everybody = {("web", "one"), ("web", "two"), ("web", "far")}
        wait_until(lambda: all(everybody == set(bed.endpoints()) for bed in (one, two, far)), 30, "all are known")
        wait_until(lambda: all(bed.status()["registry"]["fleet"]["hosts"] == 3 for bed in (one, two, far)), 30, "all hosts are there")
        # Who is cut off keeps everything, and says so in every way there is; the others go on without it.
        proxy.cut()
        wait_until(lambda: ("web", "far") not in one.endpoints() and ("web", "far") not in two.endpoints(), 30, "it has gone")
        assert set(far.endpoints()) == everybody
        wait_until(lambda: far.status()["state"] == "degraded", 30, "it says that it is cut off")
        assert far.cli("status", "--check").rc == 1 and one.cli("status", "--check").rc == 0
        assert "is lost for" in far.cli("doctor").out
        assert "\nsvcconnect_registry_lost 1\n" in far.get("/metrics")
        assert "\nsvcconnect_registry_gone_hosts 1\n" in one.get("/metrics")
        proxy.heal()
        wait_until(lambda: set(one.endpoints()) == everybody == set(two.endpoints()), 30, "it is there again")
        wait_until(lambda: far.status()["state"] == "ok", 30, "it has etcd again")
        assert set(far.endpoints()) == everybody
        # Who has died comes back with what it had.
        two.kill()
        wait_until(lambda: set(one.endpoints()) == {("web", "one"), ("web", "far")} == set(far.endpoints()), 30, "its instances have gone")
        two.start()
        wait_until(lambda: set(one.endpoints()) == everybody == set(far.endpoints()), 30, "they are there again")
        assert rows(one) == rows(two) == rows(far)


def test_a_host_moves_into_a_fleet():
    with Etcd() as etcd, Testbed() as alone, fleet(etcd, 1) as (one,):
        one.register("fleets", "127.9.0.1:1", "x")
        alone.register("web", "127.9.0.1:2", "y")
        alone.register("db", "127.9.0.1:3", "z")
        words = ("registry", "copy", "--from", f"sqlite:{alone.state_dir}/registry.db", "--to", etcd.setting)
        before = revision(one)
        assert "nothing was changed" in alone.cli_ok(*words, "--dry-run").out and revision(one) == before
        assert "were copied" in alone.cli_ok(*words).out
        has_endpoint(one, "web", "y")
        assert set(one.endpoints()) == {("fleets", "x"), ("web", "y"), ("db", "z")}
        assert alone.cli_ok(*words, "--json").json()["copied"] == 0
        # What the fleet has otherwise is not written over, and nothing else is copied either.
        alone.register("late", "127.9.0.1:4", "late")
        one.register("web", "127.9.0.1:9", "y")
        result = alone.cli(*words)
        assert result.rc == 1 and "instances/default/web/y" in result.err, result
        assert ("late", "late") not in one.endpoints()


def test_addresses_are_a_hosts_own():
    """Numbers are given in the order in which a host meets the names."""
    with Etcd() as etcd, fleet(etcd, 2) as (one, two):
        two.kill()
        one.service("a")
        one.service("b")
        two.start()
        for bed in (one, two):
            assert len({bed.address_of(name, 8080) for name in ("a", "b")}) == 2
        ids = set()
        for bed in (one, two):
            with open(os.path.join(bed.state_dir, "host-id"), encoding="utf-8") as file:
                ids.add(file.read())
        assert len(ids) == 2
        before = revision(one)
        assert wait_for_same((one, two)) == before


def refused_to_start(bed):
    """The last line of its log."""
    process = bed.launch()
    assert process.wait(60) == 1
    with open(bed.log_file, encoding="utf-8") as log:
        return log.read().splitlines()[-1]


def test_certificates():
    with Etcd(tls=True) as etcd:
        good = {"caFile": etcd.file("ca.pem"), "certFile": etcd.file("host.pem"), "keyFile": etcd.file("host.key")}
        with fleet(etcd, 2, **good) as (one, two):
            one.service("web")
            has_endpoint(two, "web", "0")
        for wrong in ({"caFile": etcd.file("other.pem")}, {"certFile": "off", "keyFile": "off"}):
            with Testbed(config={"registry": etcd.setting, "etcd": {**good, **wrong}}, start=False) as bed:
                line = refused_to_start(bed)
                assert etcd.url(0) in line and ("certificate" in line or "SSL" in line), line


def text(value):
    return base64.b64encode(value.encode()).decode()


def make_user(etcd, name, password, **kinds):
    """What he may with what begins with svcconnect/fleet/, and svcconnect/hosts/."""
    etcd.ask("/v3/auth/role/add", name=name)
    for part, kind in kinds.items():
        etcd.ask("/v3/auth/role/grant", name=name,
                 perm={"permType": kind, "key": text(f"svcconnect/{part}/"), "range_end": text(f"svcconnect/{part}0")})
    etcd.ask("/v3/auth/user/add", name=name, password=password)
    etcd.ask("/v3/auth/user/grant", user=name, role=name)


def test_users():
    """Tokens end after two seconds here, and nobody notices."""
    with Etcd(more=["--auth-token-ttl", "2"]) as etcd:
        make_user(etcd, "writer", "secret", fleet="READWRITE", hosts="READWRITE")
        make_user(etcd, "reader", "secret", fleet="READ", hosts="READWRITE")
        etcd.ask("/v3/auth/user/add", name="root", password="root")
        etcd.ask("/v3/auth/role/add", name="root")
        etcd.ask("/v3/auth/user/grant", user="root", role="root")
        etcd.ask("/v3/auth/enable")
        for name, word in (("password", "secret"), ("wrong", "guess")):
            with open(etcd.file(name), "w", encoding="utf-8") as file:
                file.write(word + "\n")
        with fleet(etcd, 2, user="writer", passwordFile=etcd.file("password")) as (one, two):
            for i in range(3):
                one.service(f"s{i}")
                has_endpoint(two, f"s{i}", "0")
                time.sleep(2.5)  # a token's life
            two.register("s0", "127.9.0.1:1", "x")
            has_endpoint(one, "s0", "x")
            assert two.status()["state"] == "ok", two.status()
            for user, password, word in (("writer", "wrong", "authentication failed"), ("off", "off", "user name is empty")):
                wanted = {"user": user, "passwordFile": password if password == "off" else etcd.file(password)}
                with Testbed(config={"registry": etcd.setting, "etcd": wanted}, start=False) as bed:
                    line = refused_to_start(bed)
                    assert word in line, line
            # Who may only read follows (his own numbers he has to keep), and is refused when he writes.
            with fleet(etcd, 1, user="reader", passwordFile=etcd.file("password")) as (three,):
                assert ("s2", "0") in three.endpoints()
                status, answer = three.api("POST", "/v1/instances", {"service": "new", "id": "x", "address": "127.9.0.1:1"})
                assert status >= 400 and "permission denied" in answer["error"]["message"], (status, answer)
                one.service("later")
                has_endpoint(three, "later", "0")
