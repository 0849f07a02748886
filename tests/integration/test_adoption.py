# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The daemon may die: tasks keep connecting, a restart adopts what is pinned, acknowledged changes are there."""
import json
import os
import random
import time

from testbed import Testbed, is_socket, need_program, note, wait_until

OTHER_SIZES = {"maps": {"slots": 4096}}


def set_up(bed):
    """Services and a route with a running connector; returns (task, {target: expected})."""
    bed.service("v1", weights=(1, 2))
    bed.service("v2")
    bed.route("backend", {"v1": 9, "v2": 1})
    for i in range(5):
        bed.service(f"s{i}", weights=(1, 1))
    task = bed.task()
    targets = {bed.target(f"s{i}", 8080): f"s{i}" for i in range(5)}
    return task, {**targets, bed.target("backend"): None}


def addresses(bed):
    return {(item["dnsName"], item["port"]): (item["address"], item["address6"])
            for item in bed.get("/v1/aliases")["aliases"]}


def connections(bed):
    return {key: item["connections"] for key, item in bed.endpoints().items()}


def numbers(bed):
    return {key: item["endpoint"] for key, item in bed.endpoints().items()}


def assert_not_less(after, before):
    less = {key: (before[key], after.get(key)) for key in before if after.get(key, 0) < before[key]}
    assert not less, f"counters went back: {less}"


def check_report(report, least=100):
    assert report["answered"] >= least and not report["failed"] and not report["wrong"], report


def test_connects_go_on_through_kill_and_restart():
    with Testbed() as bed:
        task, targets = set_up(bed)
        running = task.start_connector(targets, "--seconds", 60)
        wait_until(lambda: sum(connections(bed).values()) > 200, 10, "connects are counted")
        before = bed.wanted_state(), numbers(bed), addresses(bed)
        counted = connections(bed)
        bed.kill()
        time.sleep(0.5)
        assert task.connector(targets, "--count", 700)["answered"] == 700, "no daemon, but all connect"
        bed.start()
        assert (bed.wanted_state(), numbers(bed), addresses(bed)) == before
        assert_not_less(connections(bed), counted)
        time.sleep(0.3)
        report = running.stop()
        check_report(report)
        assert sum(connections(bed).values()) == report["answered"] + 700, "every connect is counted once"
        assert bed.counters()["hit"] == report["answered"] + 700


def test_a_restart_with_nothing_changed_writes_nothing():
    with Testbed() as bed:
        task, targets = set_up(bed)
        check_report(task.connector(targets, "--count", 700))
        for gracefully in (False, True, False):
            bed.restart(gracefully=gracefully)
            writes = bed.status()["writes"]
            assert writes["maps"] == 0 and writes["adopted"] > 0, writes
            check_report(task.connector(targets, "--count", 70), 70)


def test_a_change_after_a_restart_is_as_good_as_before():
    with Testbed() as bed:
        task, _ = set_up(bed)
        bed.restart()
        agent = task.agent()
        for i in range(10):
            bed.route("backend", {"v1": i % 2, "v2": 1 - i % 2})
            assert agent.name(bed.address_of("backend"), 80).startswith("v1" if i % 2 else "v2")
        bed.service("new")
        assert agent.name(bed.address_of("new", 8080), 8080) == "new/0"
        assert len(set(numbers(bed).values())) == len(numbers(bed)), "endpoint numbers are used once"
        assert len({address for pair in addresses(bed).values() for address in pair}) == 2 * len(
            {name for name, _ in addresses(bed)}), "each name has addresses of its own"


def test_sigterm_leaves_the_data_path():
    with Testbed() as bed:
        task, targets = set_up(bed)
        running = task.start_connector(targets, "--seconds", 60)
        assert bed.stop() == 0, "although a task has connections"
        assert not is_socket(bed.socket_path), "the socket goes with the daemon"
        assert bed.cli("status").rc == 3
        check_report(task.connector(targets, "--count", 700), 700)
        bed.start()
        check_report(running.stop())


def test_acknowledged_changes_survive_kill_50_times():
    """The change is in effect before the restart, and on record after it."""
    with Testbed() as bed:
        bed.service("v1", weights=(1, 0))
        agent, address = bed.task().agent(), bed.address_of("v1", 8080)
        slowest = 0
        for i in range(1, 51):
            bed.batch([{"op": "update", "service": "v1", "id": str(id), "weight": i if id == i % 2 else 0}
                       for id in (0, 1)])
            bed.kill()
            assert agent.name(address, 8080) == f"v1/{i % 2}", f"round {i}, no daemon"
            slowest = max(slowest, bed.start())
            weights = {id: item["weight"] for (_, id), item in bed.endpoints().items()}
            assert weights == {str(i % 2): i, str(1 - i % 2): 0}, f"round {i}: {weights}"
            assert agent.name(address, 8080) == f"v1/{i % 2}", f"round {i}, after the restart"
        note(f"slowest start {slowest * 1000:.0f} ms")


def test_acknowledged_things_of_every_kind_survive_kill():
    with Testbed() as bed:
        steps = [lambda: bed.register("v1", "127.1.1.1:8080", id="a", weight=3, health="UNHEALTHY"),
                 lambda: bed.register("v2", "[::1]:8081", namespace="red"),
                 lambda: bed.update("v1", "a", health="HEALTHY"),
                 lambda: bed.route("backend", {"v1": 5}, port=81),
                 lambda: bed.task("default", "web"),
                 lambda: bed.change("DELETE", "/v1/instances", service="v1", id="a"),
                 lambda: bed.change("DELETE", "/v1/routes", dnsName="backend", port=81),
                 lambda: bed.change("DELETE", "/v1/services", service="v1"),
                 lambda: bed.change("DELETE", "/v1/tasks", all=True)]
        for number, step in enumerate(steps):
            step()
            before = bed.wanted_state()
            bed.restart()
            assert bed.wanted_state() == before, f"step {number}"


def map_size(bed, name):
    bpftool = need_program("bpftool")
    shown = bed.run([bpftool, "-j", "map", "show", "pinned", os.path.join(bed.bpffs, "maps", name)])
    return json.loads(shown.out)["max_entries"]


def test_other_map_sizes_without_a_gap():
    """The layout changes under a running client: new maps are filled first, then the programs are swapped."""
    with Testbed() as bed:
        task, targets = set_up(bed)
        check_report(task.connector(targets, "--count", 700))
        running = task.start_connector(targets, "--seconds", 60)
        for config in (OTHER_SIZES, {}, {"maps": {"aliases": 512, "slots": 8192, "endpoints": 256, "tasks": 64}}):
            before, addresses_before = connections(bed), addresses(bed)
            hits = bed.counters()["hit"]
            bed.restart(config)
            for name, size in config.get("maps", {}).items():
                assert map_size(bed, name) == size, name
            assert map_size(bed, "policy_addresses") == map_size(bed, "endpoints"), "each of them can be guarded"
            assert addresses(bed) == addresses_before
            assert_not_less(connections(bed), before)
            assert bed.counters()["hit"] >= hits
            check_report(task.connector(targets, "--count", 700), 700)
        report = running.stop()
        check_report(report)
        total, counted = report["answered"] + 700 * 4, sum(connections(bed).values())
        note(f"{total} connects over three swaps, {total - counted} not counted")
        assert total * 0.9 <= counted <= total


def test_counters_are_kept_exactly_over_a_quiet_swap():
    with Testbed() as bed:
        task, targets = set_up(bed)
        check_report(task.connector(targets, "--count", 700))
        before, counters = connections(bed), bed.counters()
        bed.restart(OTHER_SIZES)
        assert connections(bed) == before
        assert bed.counters() == counters
        assert sum(before.values()) == 700


def test_a_swap_leaves_one_set_of_maps():
    with Testbed() as bed:
        set_up(bed)
        before = sorted(os.listdir(bed.bpffs))
        bed.restart(OTHER_SIZES)
        assert sorted(os.listdir(bed.bpffs)) == before, "the old maps are gone"


def test_killed_at_odd_points_of_the_start():
    """Every start is cut off somewhere, adoption and swap alike; nobody connecting may notice."""
    with Testbed() as bed:
        task, targets = set_up(bed)
        wanted = bed.wanted_state()
        usual = max(bed.restart(), bed.restart(OTHER_SIZES))
        bed.kill()
        running = task.start_connector(targets, "--seconds", 60, "--parallel", 2)
        chance, cut = random.Random(4), 0
        for i in range(20):
            bed.config = {"logLevel": "info", **(OTHER_SIZES if i % 2 else {})}
            daemon = bed.launch()
            time.sleep(chance.random() * usual * 1.2)
            cut += daemon.poll() is None
            daemon.kill()
            daemon.wait()
        assert cut == 20, f"{20 - cut} starts ended by themselves"
        bed.start()
        assert bed.wanted_state() == wanted
        check_report(task.connector(targets, "--count", 700), 700)
        check_report(running.stop())


def test_a_task_removed_while_the_daemon_is_dead():
    with Testbed() as bed:
        task, targets = set_up(bed)
        other = bed.task(name="other")
        bed.kill()
        other.remove()
        bed.start()
        wait_until(lambda: list(bed.tasks()) == [task.path], 3, "the dead task is collected")
        check_report(task.connector(targets, "--count", 70), 70)


def test_lost_pins_are_made_again():
    """bpffs does not survive a reboot: the registry is the truth about what is wanted."""
    with Testbed() as bed:
        task, _ = set_up(bed)
        before = addresses(bed)
        services = bed.get("/v1/services")
        bed.kill()
        bed.run(["rm", "-rf", bed.bpffs])
        bed.start()
        assert addresses(bed) == before and bed.get("/v1/services") == services
        if task.path not in bed.tasks():
            bed.attach(task)
        assert task.agent().name(bed.address_of("s1", 8080), 8080).startswith("s1/")


test_acknowledged_changes_survive_kill_50_times.timeout = 90
