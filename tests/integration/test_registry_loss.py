# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A registry that is less than what is published takes nothing away from running tasks: the daemon is degraded and says
so, until the right registry is back or somebody accepts the one there is."""
import glob
import os
import shutil
import sqlite3

from testbed import Testbed, wait_until

SERVICES = 6


def database(bed):
    return os.path.join(bed.state_dir, "registry.db")


def files(bed):
    return [path for path in (database(bed) + suffix for suffix in ("", "-wal", "-shm")) if os.path.exists(path)]


def save(bed, name):
    """Copies the registry of a daemon that has ended or was killed."""
    where = os.path.join(bed.base, name)
    os.mkdir(where)
    for path in files(bed):
        shutil.copy2(path, where)
    return where


def bring_back(bed, saved):
    for path in files(bed):
        os.unlink(path)
    os.makedirs(bed.state_dir, exist_ok=True)
    for name in os.listdir(saved):
        shutil.copy2(os.path.join(saved, name), bed.state_dir)


def registry(bed):
    return bed.status()["registry"]


def served(bed):
    """Services s0.. with two instances each, a route, one task; {target: expected}."""
    for i in range(SERVICES):
        bed.service(f"s{i}", weights=(1, 2))
    bed.service("v1")
    bed.service("v2")
    bed.route("backend", {"v1": 9, "v2": 1})
    targets = {bed.target(f"s{i}", 8080): f"s{i}" for i in range(SERVICES)}
    return {**targets, bed.target("backend"): None, bed.target("v1", 8080): "v1"}


def no_directory(bed):
    shutil.rmtree(bed.state_dir)


def no_bytes(bed):
    for path in files(bed):
        os.unlink(path)
    with open(database(bed), "wb"):
        pass


def no_database(bed):
    for path in files(bed)[1:]:
        os.unlink(path)
    with open(database(bed), "wb") as file:
        file.write(b"neither SQLite nor anything else that anybody would know " * 100)


def garbage_in_log(bed):
    path = database(bed) + "-wal"
    size = os.path.getsize(path)
    assert size > 40000, size
    with open(path, "r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(8192))


def rows_of_nonsense(bed):
    rows = sqlite3.connect(database(bed))
    with rows:
        rows.execute("UPDATE rows SET value = 'no JSON' WHERE key LIKE 'instances/default/s%/1' "
                     "OR key = 'services/default/s0' OR key LIKE 'routes/%'")
    rows.close()


def broken_pages(bed):
    """In the middle of a table that has many: rows before and behind can be read, so they are."""
    rows = sqlite3.connect(database(bed))
    with rows:
        rows.executemany("INSERT INTO rows VALUES (?, ?)",
                         [(f"{side}/{i}", '{"padding": "%s"}' % ("x" * 80)) for i in range(400) for side in "az"])
    rows.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    rows.close()
    size = os.path.getsize(database(bed))
    assert size > 4096 * 4, size
    with open(database(bed), "r+b") as file:
        content = file.read()
        for offset in range(0, size, 4096):
            if b"instances/default/s3" in content[offset:offset + 4096]:
                file.seek(offset)
                file.write(b"\xff" * 4096)


def repair(bed, right):
    """The rows that cannot be read, as they were."""
    rows = sqlite3.connect(database(bed))
    rows.execute("ATTACH ? AS theirs", (os.path.join(right, "registry.db"),))
    with rows:
        rows.execute("UPDATE main.rows SET value = (SELECT value FROM theirs.rows AS r WHERE r.key = main.rows.key) "
                     "WHERE value = 'no JSON'")
    rows.close()


LOSSES = {"empty": (no_directory, no_bytes), "damaged": (no_database, broken_pages), "older": (garbage_in_log,),
          "unreadable": (rows_of_nonsense,)}


def lose(bed, break_it, state):
    """Under a task that keeps connecting; then with more changes and another restart; healed by the right files."""
    targets = served(bed)
    task = bed.task()
    assert registry(bed)["state"] == "ok", registry(bed)
    running = task.start_connector(targets, "--seconds", 90)
    wait_until(lambda: bed.counters()["hit"] > 100, 10, "it connects")
    aliases = bed.status()["aliases"]
    wanted = bed.wanted_state()
    bed.kill()
    right = save(bed, "right")
    break_it(bed)
    bed.start()
    status = bed.status()
    assert status["state"] == "degraded" and status["registry"]["state"] == state, status["registry"]
    assert status["aliases"] == aliases, f"{status['aliases']} of {aliases} aliases"
    assert any("registry accept" in sentence for sentence in status["degraded"]), status["degraded"]
    if break_it is broken_pages:
        rows = sqlite3.connect(database(bed))
        saved = {side: rows.execute("SELECT count(*) FROM rows WHERE key LIKE ?", (f"{side}/%",)).fetchone()[0]
                 for side in "az"}
        rows.close()
        assert min(saved.values()) > 200, saved
    assert status["registry"]["since"] > 0 and status["registry"]["reason"]
    assert task.connector(targets, "--count", 300)["answered"] == 300

    # what is changed now works, and takes nothing away
    bed.service("new")
    agent = task.agent()
    assert agent.name(bed.address_of("new", 8080), 8080) == "new/0"
    assert task.connector(targets, "--count", 300)["answered"] == 300
    since = registry(bed)["since"]
    bed.restart(gracefully=True)
    later = "other" if state == "empty" else state
    assert registry(bed)["state"] == later and registry(bed)["since"] == since, registry(bed)
    assert agent.name(bed.address_of("new", 8080), 8080) == "new/0"
    assert task.connector(targets, "--count", 300)["answered"] == 300

    bed.stop()
    if state == "unreadable":
        repair(bed, right)
    else:
        bring_back(bed, right)
    bed.start()
    assert registry(bed)["state"] == "ok" and bed.status()["state"] == "ok", bed.status()["degraded"]
    if state == "unreadable":
        bed.change("DELETE", "/v1/services", service="new")
    assert bed.status()["aliases"] == aliases
    now = bed.wanted_state()
    assert {key: now[key] for key in wanted if key != "revision"} == {
        key: wanted[key] for key in wanted if key != "revision"}
    report = running.stop()
    assert report["answered"] > 300 and not report["failed"] and not report["wrong"], report


def loss_test(break_it, state):
    def test():
        with Testbed() as bed:
            lose(bed, break_it, state)
    test.timeout = 90
    return test


for _state, _breakers in LOSSES.items():
    for _breaker in _breakers:
        globals()[f"test_{_breaker.__name__}"] = loss_test(_breaker, _state)


def test_an_older_copy():
    """The copy goes on by itself while the daemon is degraded: its revision alone would make it the newer one."""
    with Testbed() as bed:
        bed.service("old")
        bed.stop()
        saved = save(bed, "older")
        bed.start()
        targets = {**served(bed), bed.target("old", 8080): "old"}
        task = bed.task()
        running = task.start_connector(targets, "--seconds", 90)
        bed.restart()
        revision = registry(bed)["revision"]
        bed.stop()
        bring_back(bed, saved)
        bed.start()
        state = registry(bed)
        assert state["state"] == "older" and state["published"]["revision"] == revision, state
        while registry(bed)["revision"] <= revision:
            bed.update("old", "0", weight=1 + registry(bed)["revision"] % 7)
        bed.restart()
        assert registry(bed)["state"] == "older", registry(bed)
        assert task.connector(targets, "--count", 300)["answered"] == 300
        report = running.stop()
        assert report["answered"] and not report["failed"] and not report["wrong"], report


def test_accept():
    with Testbed() as bed:
        served(bed)
        agent = bed.task().agent()
        addresses = {name: bed.address_of(name, 8080) for name in ("s0", "s1")}
        bed.kill()
        shutil.rmtree(bed.state_dir)
        bed.start()
        bed.service("s1")
        assert "registry accept" in bed.cli_ok("status").out
        assert bed.cli("doctor").rc == 1 and "registry" in bed.cli("doctor").out
        assert "svcconnect_registry_degraded 1\n" in bed.get("/metrics")
        assert bed.status()["registry"]["keptAliases"] > SERVICES
        answer = bed.cli_ok("registry", "accept")
        assert answer.out.startswith("accepted: "), answer
        assert bed.status()["state"] == "ok" and registry(bed)["state"] == "ok", bed.status()["degraded"]
        assert bed.status()["aliases"] == len(bed.get("/v1/aliases")["aliases"])
        assert agent.name(addresses["s0"], 8080) == "ECONNREFUSED", "it is in no registry"
        assert agent.name(bed.address_of("s1", 8080), 8080) == "s1/0"
        assert "svcconnect_registry_degraded 0\n" in bed.get("/metrics")
        assert "nothing to accept" in bed.cli_ok("registry", "accept").out
        for gracefully in (False, True):
            bed.restart(gracefully=gracefully)
            assert bed.status()["state"] == "ok", bed.status()["degraded"]
            assert bed.status()["writes"]["maps"] == 0
        assert agent.name(bed.address_of("s1", 8080), 8080) == "s1/0"


def test_an_empty_one_may_be_meant():
    """A state volume that is empty beside old pins takes nothing away, unless the start says that it is meant."""
    with Testbed() as bed:
        served(bed)
        agent, address = bed.task().agent(), bed.address_of("s0", 8080)
        bed.kill()
        shutil.rmtree(bed.state_dir)
        bed.start()
        assert agent.name(address, 8080).startswith("s0/")
        for told in (bed.cli_ok("status").out, bed.cli("doctor").out):
            assert "--adopt-empty" in told, told
        bed.stop()
        bed.flags = ["--adopt-empty"]
        bed.start()
        assert bed.status()["state"] == "ok" and bed.status()["aliases"] == 0, bed.status()
        assert agent.name(address, 8080) == "ECONNREFUSED", "it is in no registry"
        bed.service("s1")
        bed.restart()  # with something in it by now: nothing of it goes
        assert bed.status()["state"] == "ok"
        assert agent.name(bed.address_of("s1", 8080), 8080) == "s1/0"


def test_accept_unreadable_rows():
    with Testbed() as bed:
        served(bed)
        bed.kill()
        rows_of_nonsense(bed)
        bed.start()
        assert registry(bed)["state"] == "unreadable"
        bed.cli_ok("registry", "accept")
        assert registry(bed)["state"] == "ok"
        bed.restart()
        assert registry(bed)["state"] == "ok", "they are out of the way"
        bed.stop()
        rows = sqlite3.connect(database(bed))
        moved = rows.execute("SELECT count(*) FROM rows WHERE key LIKE 'damaged/%' AND value = 'no JSON'").fetchone()[0]
        rows.close()
        assert moved == SERVICES + 2, f"{moved} rows: they are kept"


def test_a_damaged_file_is_kept_and_told_without_pins():
    """After a reboot nothing runs that could shrink; what was lost is told all the same."""
    with Testbed() as bed:
        served(bed)
        bed.stop()
        no_database(bed)
        with open(database(bed), "rb") as file:
            content = file.read()
        shutil.rmtree(bed.bpffs)
        bed.start()
        for _ in range(2):
            assert registry(bed)["state"] == "damaged", registry(bed)
            bed.restart()
        aside = glob.glob(database(bed) + ".damaged-*Z")
        assert len(aside) == 1
        with open(aside[0], "rb") as file:
            assert file.read() == content
        bed.cli_ok("registry", "accept")
        bed.restart()
        assert registry(bed)["state"] == "ok"
        assert os.path.exists(aside[0])


def test_changes_beside_what_is_kept():
    with Testbed() as bed:
        targets = served(bed)
        task = bed.task()
        agent = task.agent()
        s0, backend = bed.address_of("s0", 8080), bed.address_of("backend")
        bed.kill()
        shutil.rmtree(bed.state_dir)
        bed.start()
        # Another instance of a service of which only the kernel knows: it joins those that are kept.
        address = bed.address()
        bed.announce({address: "s0/9"})
        bed.register("s0", address, id="9")
        names = {agent.name(s0, 8080) for _ in range(200)}
        assert names == {"s0/0", "s0/1", "s0/9"}, names
        # Unhealthy again: the others are still there.
        bed.update("s0", "9", health="UNHEALTHY")
        names = {agent.name(s0, 8080) for _ in range(100)}
        assert names == {"s0/0", "s0/1"}, names
        # The route of just this alias, by hand: no longer kept.
        bed.service("other")
        bed.route("backend", {"other": 1})
        assert {agent.name(backend, 80) for _ in range(50)} == {"other/0"}
        assert task.connector({target: name for target, name in targets.items() if name}, "--count",
                              300)["answered"] == 300
        # A client's own routes make a scope of its own: what is kept goes with it.
        web = bed.task(service="web", name="web")
        bed.route("mine", {"other": 1}, client="web")
        assert web.agent().name(s0, 8080).startswith("s0/")
        assert web.agent().name(bed.address_of("other", 8080), 8080) == "other/0"


def test_a_client_of_its_own_keeps_its_routes():
    with Testbed() as bed:
        served(bed)
        bed.route("backend", {"v2": 1}, client="web")
        web, task = bed.task(service="web", name="web"), bed.task()
        agent, address = web.agent(), bed.address_of("backend")
        assert {agent.name(address, 80) for _ in range(20)} == {"v2/0"}
        bed.kill()
        shutil.rmtree(bed.state_dir)
        bed.start()
        assert {agent.name(address, 80) for _ in range(20)} == {"v2/0"}
        bed.service("new", namespace="red")
        assert {agent.name(address, 80) for _ in range(20)} == {"v2/0"}
        bed.service("new")
        assert agent.name(bed.address_of("new", 8080), 8080) == "new/0"
        assert task.agent().name(bed.address_of("new", 8080), 8080) == "new/0"


def test_names_go_on_resolving():
    with Testbed() as bed:
        served(bed)
        address = bed.address_of("s0", 8080)
        bed.kill()
        shutil.rmtree(bed.state_dir)
        bed.start()
        result = bed.cli("run", "--", "getent", "ahostsv4", "s0")
        assert result.rc == 0 and result.out.split()[0] == address, result


def test_other_map_sizes_wait():
    with Testbed() as bed:
        targets = served(bed)
        task = bed.task()
        running = task.start_connector(targets, "--seconds", 60)
        bed.kill()
        right = save(bed, "right")
        shutil.rmtree(bed.state_dir)
        bed.config = {"logLevel": "info", "maps": {"slots": 4096, "endpoints": 512}}
        bed.start()
        assert registry(bed)["state"] == "empty"
        assert task.connector(targets, "--count", 300)["answered"] == 300
        bed.stop()
        bring_back(bed, right)
        bed.start()
        assert bed.status()["state"] == "ok", bed.status()["degraded"]
        assert {item["name"]: item["max"] for item in bed.status()["maps"]}["slots"] == 4096
        report = running.stop()
        assert report["answered"] and not report["failed"] and not report["wrong"], report


def test_pins_of_before_are_adopted():
    """A set of maps without the one that names the registry."""
    with Testbed() as bed:
        targets = served(bed)
        task = bed.task()
        running = task.start_connector(targets, "--seconds", 60)
        bed.kill()
        os.unlink(os.path.join(bed.bpffs, "maps", "registry_seen"))
        rows = sqlite3.connect(database(bed))
        with rows:
            rows.execute("DELETE FROM rows WHERE key LIKE 'registry/%'")
        rows.close()
        bed.start()
        status = bed.status()
        assert status["state"] == "ok" and status["writes"]["maps"] == 0 and status["writes"]["adopted"], status
        assert os.path.exists(os.path.join(bed.bpffs, "maps", "registry_seen"))
        bed.kill()
        os.unlink(os.path.join(bed.bpffs, "maps", "registry_seen"))
        shutil.rmtree(bed.state_dir)
        bed.start()
        assert registry(bed)["state"] == "empty"
        bed.service("new")
        bed.restart()
        assert registry(bed)["state"] == "other", "it has no more than what was registered since"
        report = running.stop()
        assert report["answered"] and not report["failed"] and not report["wrong"], report


def test_not_degraded_for_nothing():
    with Testbed() as bed:
        assert bed.status()["state"] == "ok", bed.status()["degraded"]
        bed.restart()
        assert bed.status()["state"] == "ok", bed.status()["degraded"]
        bed.service("s")
        for gracefully in (False, True, False):
            bed.restart(gracefully=gracefully)
            assert bed.status()["state"] == "ok", bed.status()["degraded"]
        # Committed and not published: the registry is newer, as after a death between the two.
        bed.kill()
        rows = sqlite3.connect(database(bed))
        with rows:
            rows.execute("UPDATE revision SET number = number + 1")
        rows.close()
        bed.start()
        assert bed.status()["state"] == "ok", bed.status()["degraded"]
        # A reboot: the registry alone.
        bed.kill()
        shutil.rmtree(bed.bpffs)
        bed.start()
        assert bed.status()["state"] == "ok", bed.status()["degraded"]
