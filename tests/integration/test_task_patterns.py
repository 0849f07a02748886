# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Cgroups that are tasks by their path, as the configuration says."""
import json
import os
import time

from testbed import Task, Testbed, wait_until


def patterns(bed):
    return [{"cgroup": f"{bed.cgroup[1:]}/app-*", "namespace": "shop", "service": "web"},
            {"cgroup": f"{bed.cgroup}/pool/*/worker"}]


def make(bed, name):
    task = Task(bed, name)
    os.makedirs(task.directory)
    return task


def test_what_matches_is_attached():
    with Testbed(start=False) as bed:
        bed.config["tasks"] = patterns(bed)
        bed.start()
        printed = json.loads(bed.run(bed.command_line(["--print-config"])).out)["tasks"]
        assert printed == [bed.config["tasks"][0], {**bed.config["tasks"][1], "namespace": "default"}], printed
        target = bed.address()
        bed.announce({target: "v1"})
        bed.register("backend", target, namespace="shop")
        one = make(bed, "app-1")
        worker = make(bed, "pool/7/worker")
        make(bed, "pool/7/other")
        wait_until(lambda: {one.path, worker.path} <= set(bed.tasks()), 5, "both are tasks")
        tasks = bed.tasks()
        assert len(tasks) == 2 and tasks[one.path]["namespace"] == "shop" and tasks[one.path]["service"] == "web", tasks
        assert tasks[worker.path]["namespace"] == "default", tasks
        port = int(target.rsplit(":", 1)[1])
        assert one.agent_name_once(bed.address_of("backend", port, namespace="shop"), port) == "v1"
        before = tasks[one.path]["cgroupId"]
        one.remove()
        one = make(bed, "app-1")
        wait_until(lambda: bed.tasks().get(one.path, {}).get("cgroupId", before) != before, 5, "it came again")
        bed.cli_ok("detach", "--cgroup", one.path)
        make(bed, "app-2")
        wait_until(lambda: f"{bed.cgroup}/app-2" in bed.tasks(), 5, "another one")
        assert one.path not in bed.tasks(), "what somebody has detached stays so"


def test_what_is_there_at_a_start():
    with Testbed(start=False) as bed:
        bed.config["tasks"] = patterns(bed)
        one = make(bed, "app-1")
        bed.start()
        assert bed.tasks()[one.path]["namespace"] == "shop"
        bed.kill()
        two = make(bed, "app-2")
        bed.start()
        assert {one.path, two.path} == set(bed.tasks())
        bed.config["tasks"] = []
        bed.restart()
        assert {one.path, two.path} == set(bed.tasks()), "nothing is detached for a pattern's sake"
        for number in range(50):
            make(bed, f"app-x{number}")
        time.sleep(0.3)
        assert len(bed.tasks()) == 2


def test_many_at_once():
    with Testbed(start=False) as bed:
        bed.config["tasks"] = patterns(bed)
        bed.start()
        paths = [make(bed, f"app-{number}").path for number in range(100)]
        wait_until(lambda: set(paths) == set(bed.tasks()), 20, "all hundred are tasks")


def test_bad_patterns():
    with Testbed(start=False) as bed:
        for value, field in (([{"cgroup": "*"}], "tasks[0].cgroup"), ({}, "tasks"), ([{"cgroup": "a/b"}, {}], "tasks[1].cgroup"),
                             ([{"cgroup": "a/b", "name": "x"}], "tasks[0].name"), ([7], "tasks[0]")):
            bed.config["tasks"] = value
            bed.write_config()
            said = bed.run(bed.command_line())
            assert said.rc != 0 and field in said.err, said
