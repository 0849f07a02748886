# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A map is full: the answer is 507 and names the setting, nothing is done by halves, what was there keeps serving."""
import time

from testbed import SLOWNESS, Testbed, wait_until


def fill(bed, change, setting, most):
    """Calls change(0), change(1)... until it is refused for want of room; returns how many were done."""
    for number in range(most + 1):
        before = bed.wanted_state()
        method, path, body = change(number)
        status, answer = bed.api(method, path, body)
        if status == 200:
            continue
        assert status == 507, f"change {number}: {status} {answer}"
        assert setting in answer["error"]["message"], f"the message names {setting}: {answer}"
        bed.check_state(before)
        return number
    raise AssertionError(f"{setting}: {most} changes fit")


def registration(service, number, **more):
    where = {"address": f"127.1.2.3:{1000 + number}", "id": str(number)}
    return "POST", "/v1/instances", {"service": service, **where, **more}


def still_serves(agent, address, name="first/0"):
    assert agent.name(address, 8080) == name


def test_aliases_full():
    """Two entries per alias and scope: room for four aliases."""
    with Testbed({"maps": {"aliases": 8}}) as bed:
        bed.service("first")
        agent, address = bed.task().agent(), bed.address_of("first", 8080)
        assert fill(bed, lambda i: registration(f"s{i}", i), "maps.aliases", 8) == 3
        still_serves(agent, address)
        assert fill(bed, lambda i: ("PUT", "/v1/routes", {"dnsName": f"r{i}", "port": 80,
                                                          "targets": [{"service": "first", "weight": 1}]}),
                    "maps.aliases", 1) == 0
        bed.change("DELETE", "/v1/services", service="s0")
        bed.service("second")
        still_serves(agent, bed.address_of("second", 8080), "second/0")
        still_serves(agent, address)


def test_aliases_full_for_a_new_namespace():
    """Attaching a task whose namespace does not fit is refused, and no half of it stays."""
    with Testbed({"maps": {"aliases": 8}}) as bed:
        bed.service("first")
        agent, address = bed.task().agent(), bed.address_of("first", 8080)
        status = 200
        for i in range(4):
            body = {"service": f"b{i}", "address": "127.1.2.3:80", "namespace": "blue"}
            status, _ = bed.api("POST", "/v1/instances", body)
            if status != 200:
                break
        other = bed.bare_task("other")
        status, answer = bed.api("POST", "/v1/tasks", {"cgroup": other.path, "namespace": "blue"})
        if status != 200:
            assert status == 507 and "maps.aliases" in answer["error"]["message"], (status, answer)
            assert other.path not in bed.tasks()
        else:
            # Then everything registered was admitted with its room taken already.
            for item in bed.get("/v1/aliases", namespace="blue")["aliases"]:
                assert other.agent_name_once(item["address"], 80) in ("ECONNREFUSED",), item
        still_serves(agent, address)


def test_endpoints_full():
    with Testbed({"maps": {"endpoints": 4}}) as bed:
        bed.service("first")
        agent, address = bed.task().agent(), bed.address_of("first", 8080)
        assert fill(bed, lambda i: registration("other", i), "maps.endpoints", 8) == 3
        still_serves(agent, address)
        bed.change("DELETE", "/v1/instances", service="other", id="0")
        wait_until(lambda: bed.api(*registration("other", 7))[0] == 200, 2, "room that was freed can be used")
        still_serves(agent, address)


def test_slots_full():
    with Testbed({"maps": {"slots": 16}}) as bed:
        bed.service("first")
        task = bed.task()
        agent, address = task.agent(), bed.address_of("first", 8080)
        done = fill(bed, lambda i: registration("other", i, weight=i + 1), "maps.slots", 32)
        assert done >= 4, f"only {done} instances fit into 16 slots"
        still_serves(agent, address)
        assert bed.get("/v1/services")["services"][1]["instances"] == done
        # The tables that are there can still be changed: by weight, and by what makes them smaller.
        for i in range(5):
            bed.update("first", "0", weight=i + 1)
            still_serves(agent, address)
        bed.change("DELETE", "/v1/services", service="other")
        bed.service("second", weights=(1, 1))
        still_serves(agent, address)


def test_tasks_full():
    with Testbed({"maps": {"tasks": 2}}) as bed:
        bed.service("first")
        address = bed.address_of("first", 8080)
        tasks = [bed.bare_task(f"t{i}") for i in range(3)]
        assert fill(bed, lambda i: ("POST", "/v1/tasks", {"cgroup": tasks[i].path}), "maps.tasks", 2) == 2
        names = [task.agent_name_once(address, 8080) for task in tasks]
        assert names == ["first/0", "first/0", "ECONNREFUSED"], names
        bed.change("DELETE", "/v1/tasks", cgroup=tasks[0].path)
        bed.attach(tasks[2])
        names = [task.agent_name_once(address, 8080) for task in tasks]
        assert names == ["ECONNREFUSED", "first/0", "first/0"], names


def test_a_batch_that_does_not_fit_is_not_done_at_all():
    with Testbed({"maps": {"endpoints": 4}}) as bed:
        bed.service("first")
        agent, address = bed.task().agent(), bed.address_of("first", 8080)
        before = bed.wanted_state()
        changes = [{"op": "update", "service": "first", "id": "0", "weight": 0}]
        changes += [{"op": "register", **registration(f"s{i}", i)[2]} for i in range(6)]
        status, answer = bed.api("POST", "/v1/batch", {"changes": changes})
        assert status == 507 and "maps.endpoints" in answer["error"]["message"], (status, answer)
        bed.check_state(before)
        still_serves(agent, address)
        bed.restart()
        assert bed.wanted_state() == before, "and nothing of it is on disk"


def test_weight_changes_need_no_lasting_room():
    """Copy on write takes a region for a moment only: any number of changes goes through a small map."""
    with Testbed({"maps": {"slots": 64}}) as bed:
        bed.service("first", weights=(1,) * 16)
        task, connection = bed.task(), bed.connection()
        running = task.start_connector({bed.target("first", 8080): "first"}, "--seconds", 30)
        for i in range(200):
            status, answer = connection.ask("PATCH", "/v1/instances", {"service": "first", "id": "3", "weight": i % 50})
            assert status == 200, f"change {i}: {answer}"
        report = running.stop()
        assert report["answered"] and not report["failed"] and not report["wrong"], report


def test_alias_addresses_run_out():
    """A /29 has six addresses to give."""
    with Testbed(flags=["--alias-range", "127.254.1.0/29"]) as bed:
        bed.service("first")
        agent, address = bed.task().agent(), bed.address_of("first", 8080)
        for i in range(8):
            before = bed.wanted_state()
            status, answer = bed.api(*registration(f"s{i}", i))
            if status != 200:
                break
        assert i == 5 and status in (409, 507), (i, status, answer)
        assert "alias" in answer["error"]["message"].lower() and "range" in answer["error"]["message"].lower(), answer
        bed.check_state(before)
        still_serves(agent, address)


def start_with(bed, maps):
    """Starts the daemon with other sizes, until it ends or names one; returns (exit code or None, what it logged)."""
    bed.config = {"maps": maps}
    with open(bed.log_file, encoding="utf-8") as log:
        log.seek(0, 2)
        daemon = bed.launch()
        said, end = "", time.monotonic() + 5 * SLOWNESS
        while daemon.poll() is None and "maps." not in said and time.monotonic() < end:
            time.sleep(0.05)
            said += log.read()
        code = daemon.poll()
        said += log.read()
    daemon.kill()
    daemon.wait()
    return code, said


def test_a_restart_with_too_little_room_leaves_the_tasks_connected():
    """Settings made smaller than what there is: the setting is named, and no task loses its connections over it."""
    with Testbed() as bed:
        bed.service("first", weights=(1,) * 8)
        bed.service("second")
        tasks = [bed.task(name=f"t{i}") for i in range(3)]
        target = {bed.target("first", 8080): "first"}
        running = [task.start_connector(target, "--seconds", 60 * SLOWNESS) for task in tasks]
        before = bed.wanted_state()
        unclear = []
        for setting, size in (("endpoints", 4), ("aliases", 2), ("slots", 4), ("tasks", 1)):
            bed.kill()
            code, said = start_with(bed, {setting: size})
            if f"maps.{setting}" not in said or code == 0:
                unclear.append(f"maps.{setting} is {size}: exit {code}, {said}")
            bed.config = {}
            bed.start()
            if bed.wanted_state() != before:
                unclear.append(f"after maps.{setting} was {size} and no more: {bed.tasks().keys()}")
        for connector in running:
            report = connector.stop()
            assert report["answered"] and not report["failed"] and not report["wrong"], report
        assert not unclear, unclear


def test_fill_levels_are_reported():
    with Testbed({"maps": {"aliases": 8, "slots": 16, "endpoints": 4, "tasks": 2}}) as bed:
        bed.service("first")
        bed.task()
        maps = {item["name"]: item for item in bed.status()["maps"]}
        for name, size, used in (("aliases", 8, 2), ("endpoints", 4, 1), ("tasks", 2, 1)):
            assert (maps[name]["max"], maps[name]["used"], maps[name]["setting"]) == (size, used, f"maps.{name}"), maps
        assert maps["slots"]["max"] == 16 and 1 <= maps["slots"]["used"] <= 16, maps
