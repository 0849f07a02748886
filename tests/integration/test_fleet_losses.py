# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What a fleet loses and what it does not: etcd as a whole, leases, the host that drives the canaries."""
import base64
import os
import time

from fleet import Etcd, Proxy, fleet, rows, wait_for_same, without_deletions
from testbed import note, wait_until

# Longer than all leases. SVCTEST_LONG=1 takes the minute that a restart of machines may last.
DOWN_SECONDS = 60 if os.environ.get("SVCTEST_LONG") else 8
LEASE_SECONDS = 2


def of_fleet(bed):
    return bed.status()["registry"]["fleet"]


def is_in_order(bed, hosts):
    status = bed.status()
    return status["state"] == "ok" and status["registry"]["fleet"]["hosts"] == hosts


def revoke_all(etcd):
    leases = [lease["ID"] for lease in etcd.ask("/v3/lease/leases").get("leases", [])]
    for lease in leases:
        etcd.ask("/v3/lease/revoke", ID=lease)
    return len(leases)


def connecting(beds, tasks, seconds):
    return [task.start_connector({bed.target("web", 8080): "web"}, "--seconds", seconds) for bed, task in zip(beds, tasks)]


def all_answered(connectors):
    for connector in connectors:
        report = connector.finish(timeout=300)
        assert report["failed"] == 0 and report["answered"] > 0, report


def three_hosts_and_a_service(beds):
    """An instance on each host; every host has a task."""
    tasks = [bed.task() for bed in beds]
    for i, bed in enumerate(beds):
        address = bed.address()
        bed.announce({address: "web"})
        bed.register("web", address, str(i))
    known = {("web", str(i)) for i in range(len(beds))}
    for bed in beds:
        wait_until(lambda bed=bed: set(bed.endpoints()) == known, 30, "all instances are known")
        wait_until(lambda bed=bed: is_in_order(bed, len(beds)), 30, "all hosts are there")
    return tasks, known


def test_etcd_is_down_longer_than_every_lease():
    """Nobody's instances go, whether the leases have ended meanwhile or are taken away when etcd is back."""
    with Etcd() as etcd, fleet(etcd, 3, leaseSeconds=LEASE_SECONDS) as beds:
        tasks, known = three_hosts_and_a_service(beds)
        connectors = connecting(beds, tasks, DOWN_SECONDS + 6)
        etcd.kill_all()
        for bed in beds:
            wait_until(lambda bed=bed: of_fleet(bed)["isLost"], 30, "etcd is lost")
        end = time.monotonic() + DOWN_SECONDS
        while time.monotonic() < end:
            for bed in beds:
                assert bed.status()["state"] == "degraded" and set(bed.endpoints()) == known
            time.sleep(0.5)
        etcd.start()
        revoked = revoke_all(etcd)
        for bed in beds:
            wait_until(lambda bed=bed: is_in_order(bed, 3), 30, "all is in order again")
            assert set(bed.endpoints()) == known
        all_answered(connectors)
        wait_for_same(beds)
        assert rows(beds[0]) == rows(beds[1]) == rows(beds[2])
        note(f"{DOWN_SECONDS} s without etcd, leases of {LEASE_SECONDS} s; {revoked} leases outlived it and were revoked")


test_etcd_is_down_longer_than_every_lease.timeout = 60 + 2 * DOWN_SECONDS


def present(etcd, what="fleet/hosts"):
    """How many hosts' keys are in etcd."""
    base = f"svcconnect/{what}/"
    key, end = (base64.b64encode(text.encode()).decode() for text in (base, base[:-1] + "0"))
    return int(etcd.ask("/v3/kv/range", key=key, range_end=end, count_only=True).get("count", 0))


def lease_of(etcd, host):
    key = base64.b64encode(f"svcconnect/fleet/hosts/{host}".encode()).decode()
    return etcd.ask("/v3/kv/range", key=key)["kvs"][0]["lease"]


def all_are_back(etcd, beds, known):
    wait_until(lambda: present(etcd) == len(beds), 30, "the keys are put back")
    wait_until(lambda: all(is_in_order(bed, len(beds)) for bed in beds), 30, "all hosts are there")
    assert all(set(bed.endpoints()) == known for bed in beds)


def test_leases_are_revoked_by_mistake():
    """Again and again, one and all at once: no table loses an instance, since every host puts its key back as soon as it hears that it has gone.
    Leases are so long that none is kept alive meanwhile, which would put it back too; and what the driver's key tells wakes nobody where
    the driver's lease stays."""
    with Etcd() as etcd, fleet(etcd, 3, leaseSeconds=3600) as beds:
        tasks, known = three_hosts_and_a_service(beds)
        connectors = connecting(beds, tasks, 5)
        wait_until(lambda: len(drivers(beds)) == 1, 30, "one host drives")
        alone = next(bed for bed in beds if not of_fleet(bed)["isDriver"])
        etcd.ask("/v3/lease/revoke", ID=lease_of(etcd, of_fleet(alone)["host"]))
        wait_until(lambda: of_fleet(alone)["putBack"] == 1, 30, "the key is missed")
        all_are_back(etcd, beds, known)
        put_back = [of_fleet(bed)["putBack"] for bed in beds]
        assert sum(put_back) == 1, put_back
        for n in range(1, 4):
            assert revoke_all(etcd) == len(beds)
            for bed, before in zip(beds, put_back):
                wait_until(lambda bed=bed, n=n, before=before: of_fleet(bed)["putBack"] == before + n, 30, "the key is missed")
            all_are_back(etcd, beds, known)
        all_answered(connectors)
        assert all(of_fleet(bed)["goneHosts"] == of_fleet(bed)["doubtedHosts"] == 0 for bed in beds)


def test_a_lease_is_revoked_that_nobody_tells_of():
    """A host that hears nothing of it finds that there is no lease to keep alive, and is there again."""
    with Etcd() as etcd, Proxy(etcd) as proxy, fleet(etcd, 1, [proxy], leaseSeconds=2, auditSeconds=0) as (bed,):
        wait_until(lambda: present(etcd) == 1, 30, "the host is there")
        proxy.edit = without_deletions
        for _ in range(2):
            assert revoke_all(etcd) == 1
            wait_until(lambda: present(etcd) == 1, 30, "the host is there again")
        assert of_fleet(bed)["putBack"] == 0


def canary(bed):
    found = bed.get("/v1/canaries")["canaries"]
    assert len(found) == 1, found
    return found[0]


def drivers(beds):
    return [bed for bed in beds if of_fleet(bed)["isDriver"]]


def test_another_host_drives_the_canary_on():
    """One host takes its steps; when that one is killed another does; a host that drives nothing ends it when its own connects fail."""
    with Etcd() as etcd, fleet(etcd, 3, leaseSeconds=3) as beds:
        wait_until(lambda: len(drivers(beds)) == 1, 30, "one host drives")
        driver = drivers(beds)[0]
        others = [bed for bed in beds if bed is not driver]
        for name in ("v1", "v2"):  # on hosts that stay
            others[0].service(name)
        others[0].route("backend", {"v1": 100})
        others[0].change("POST", "/v1/canaries", dnsName="backend", port=80, intervalSeconds=2, stepPercent=3, minConnects=10,
                         **{"from": "v1", "to": "v2"})
        for bed in beds:
            wait_until(lambda bed=bed: bed.get("/v1/canaries")["canaries"] and canary(bed)["percent"] >= 9, 30, "it steps")
        driver.kill()
        at = canary(others[0])["percent"]
        wait_until(lambda: len(drivers(others)) == 1, 30, "another host drives")
        wait_until(lambda: canary(others[0])["percent"] > at + 3, 30, "it goes on")
        # Steps are one after the other, whoever takes them: none is left out and none comes twice.
        assert canary(others[0])["percent"] % 3 == 0 and canary(others[0])["state"] == "RUNNING"
        follower = next(bed for bed in others if not of_fleet(bed)["isDriver"])
        task = follower.task()
        target = follower.target("backend")
        others[0].register("v2", "127.9.0.9:9", "dead")  # nobody listens there
        others[0].change("DELETE", "/v1/instances", service="v2", id="0")

        def is_rolled_back():
            task.connector({target: None}, "--count", 100)
            return canary(follower)["state"] == "ROLLED_BACK"
        wait_until(is_rolled_back, 30, "the connects of a host that does not drive have ended it")
        for bed in others:
            wait_until(lambda bed=bed: canary(bed)["state"] == "ROLLED_BACK", 30, "all hosts know")
            targets = {item["service"]: item["weight"] for item in bed.alias("backend")["targets"]}
            assert targets.get("v2", 0) == 0, targets
        note(f"rolled back at {at} % and more: {canary(others[0]).get('reason')}")


test_another_host_drives_the_canary_on.timeout = 90


def test_a_canary_is_judged_by_all():
    """No host makes connects enough to judge by: the one that drives adds them up."""
    with Etcd() as etcd, fleet(etcd, 3, leaseSeconds=3) as beds:
        one = beds[0]
        one.service("v1")
        one.route("backend", {"v1": 100})
        one.register("v2", "127.9.0.9:9", "dead")  # nobody listens there
        one.change("PUT", "/v1/settings", service="v2", settings={"ejection": {"failures": 0}})
        one.change("POST", "/v1/canaries", dnsName="backend", port=80, intervalSeconds=3600, stepPercent=50, minConnects=45,
                   **{"from": "v1", "to": "v2"})
        for bed in beds:
            wait_until(lambda bed=bed: bed.get("/v1/canaries")["canaries"] and canary(bed)["percent"] == 50, 30, "all hosts know")
        wait_until(lambda: len(drivers(beds)) == 1, 30, "one host drives")
        tasks = [bed.task() for bed in beds]
        wait_until(lambda: present(etcd, "tallies") == 3, 30, "each host has looked at the canary, and counts from there")
        for bed, task in zip(beds, tasks):
            report = task.connector({bed.target("backend"): None}, "--count", 44)
            assert report["answered"] + report["failed"] == 44, report
        for bed in beds:
            wait_until(lambda bed=bed: canary(bed)["state"] == "ROLLED_BACK", 30, "all hosts know")
        note(canary(one)["reason"])


def test_a_host_is_forgotten():
    """What it left behind goes by hand; what is there, and what was never there, is refused."""
    with Etcd() as etcd, fleet(etcd, 2, leaseSeconds=2) as (one, two):
        one.service("web")
        two.register("web", "127.9.0.1:1", "lost")
        wait_until(lambda: ("web", "lost") in one.endpoints(), 30, "both instances are known")
        host = of_fleet(two)["host"]
        words = ("registry", "forget", "--config", one.config_file)
        assert f"{host}" in one.cli_ok(*words).out
        for more in ((), ("--dry-run",)):
            assert "is there" in one.cli(*words, host, *more).err
            assert "nothing of host nobody" in one.cli(*words, "nobody", *more).err
        two.kill()
        wait_until(lambda: ("web", "lost") not in one.endpoints(), 30, "its instance is not shown any more")
        assert of_fleet(one)["goneInstances"] == 1
        would = one.cli_ok(*words, host, "--dry-run", "--json").json()
        assert would["dryRun"] and would["instances"] == 1 and would["own"] > 0, would
        assert of_fleet(one)["goneInstances"] == 1
        gone = one.cli_ok(*words, "--from", etcd.setting, host, "--json").json()
        assert (gone["instances"], gone["own"]) == (1, would["own"]), gone
        wait_until(lambda: of_fleet(one)["goneInstances"] == 0, 30, "the other host knows")
        assert [item["host"] for item in one.cli_ok(*words, "--json").json()["hosts"]] == [of_fleet(one)["host"]]
        assert one.cli(*words, host).rc == 1
        one.register("web", "127.9.0.1:2", "new")


def test_two_hosts_have_one_id():
    """As after an image was cloned with its state directory: both say so, and what to do."""
    with Etcd() as etcd, fleet(etcd, 2, leaseSeconds=2) as (one, two):
        two.kill()
        with open(os.path.join(one.state_dir, "host-id"), encoding="utf-8") as file, \
                open(os.path.join(two.state_dir, "host-id"), "w", encoding="utf-8") as copy:
            copy.write(file.read())
        two.start()
        for bed in (one, two):
            wait_until(lambda bed=bed: any("remove host-id" in text for text in bed.status()["degraded"]), 30, "it is told")
        two.kill()
        os.unlink(os.path.join(two.state_dir, "host-id"))
        two.start()
        for bed in (one, two):
            wait_until(lambda bed=bed: is_in_order(bed, 2), 30, "all is in order")


def seen(bed, host, *words):
    """What that host has found, by endpoint, as the first one's command tells it; None: it tells nothing."""
    hosts = bed.cli_ok("endpoints", *words, "--hosts", "--config", bed.config_file, "--json").json()["hosts"]
    for item in hosts:
        if item["host"] == host:
            return {(endpoint["service"], endpoint["id"]): endpoint["sees"] for endpoint in item["endpoints"]}
    return None


def test_who_sees_what():
    """A host's ejections and checks are told to all, hold on that host only, and go with it."""
    with Etcd() as etcd, fleet(etcd, 2, leaseSeconds=2) as (one, two):
        first, second = (of_fleet(bed)["host"] for bed in (one, two))
        one.register("web", "127.9.0.1:1", "x")
        one.register("web", "127.9.0.2:1", "y")
        wait_until(lambda: len(two.endpoints()) == 2, 30, "both instances are known")
        for host in (first, second):
            wait_until(lambda host=host: seen(one, host) == {}, 30, "each host tells that it has found nothing")
        two.change("POST", "/v1/ejections", service="web", id="x", forSeconds=600)
        wait_until(lambda: seen(one, second) == {("web", "x"): "ejected"}, 30, "the other's ejection is told")
        assert seen(one, first) == {}
        for bed, is_ejected in ((one, False), (two, True)):
            endpoint = bed.endpoints()["web", "x"]
            assert (endpoint["ejected"], endpoint["reported"]) == (is_ejected, "HEALTHY"), endpoint
        assert seen(one, second, "other") == {}
        out = one.cli_ok("endpoints", "web", "--hosts", "--config", one.config_file).out
        line = next(line for line in out.splitlines() if "ejected" in line)
        assert line.split()[:5] == ["default", "web", "x", one.endpoints()["web", "x"]["address"], second], out
        one.change("PUT", "/v1/settings", service="web", settings={"healthCheck": {"type": "tcp", "interval": 1, "timeout": 1, "retries": 1}})
        wait_until(lambda: seen(two, first) == {("web", "x"): "unhealthy", ("web", "y"): "unhealthy"}, 30, "checks are told")
        assert one.endpoints()["web", "y"]["reported"] == "HEALTHY"
        assert one.cli("endpoints", "--config", one.config_file).rc == 2  # the daemon's own list needs none
        two.kill()
        wait_until(lambda: seen(one, second) is None, 30, "what it had found has gone with it")
