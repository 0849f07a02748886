# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A task reaches only the aliases of its own namespace."""
import os
import stat

from testbed import Testbed, need_program


def two_namespaces(bed):
    bed.service("v1", namespace="red", label="red")
    bed.service("v1", namespace="blue", label="blue")
    for namespace in ("red", "blue"):
        bed.route("backend", {"v1": 1}, namespace=namespace)
    return bed.task("red", name="red"), bed.task("blue", name="blue")


def test_same_name_and_port_in_two_namespaces():
    with Testbed() as bed:
        for task in two_namespaces(bed):
            for name, port in (("backend", 80), ("v1", 8080)):
                target = bed.target(name, port, namespace=task.name)
                report = task.connector({target: task.name}, "--count", 2000)
                assert report["answered"] == 2000 and not report["wrong"], report
                alias = bed.alias(name, port, namespace=task.name)
                report = task.connector({f"[{alias['address6']}]:{port}": task.name}, "--count", 500, "--v6")
                assert report["answered"] == 500 and not report["wrong"], report


def test_both_at_once():
    with Testbed() as bed:
        tasks = two_namespaces(bed)
        running = [task.start_connector({bed.target("backend", namespace=task.name): task.name}, "--seconds", 1)
                   for task in tasks]
        for connector in running:
            report = connector.finish()
            assert report["answered"] > 100 and not report["wrong"] and not report["failed"], report


def test_names_of_another_namespace_are_not_reached():
    with Testbed() as bed:
        red, blue = two_namespaces(bed)
        bed.service("secret", namespace="red", label="secret")
        address = bed.address_of("secret", 8080, "red")
        assert red.agent().name(address, 8080) == "secret/0"
        assert blue.agent().name(address, 8080) == "ECONNREFUSED"
        names = {item["name"] for item in bed.get("/v1/hosts", namespace="blue")["hosts"]}
        assert {name for name in names if "." not in name} == {"v1", "backend"}
        assert not [name for name in names if "secret" in name or "red" in name.split(".")], names


def test_a_change_in_one_namespace_leaves_the_other():
    with Testbed() as bed:
        red, blue = two_namespaces(bed)
        targets = {task.name: bed.address_of("backend", namespace=task.name) for task in (red, blue)}
        agents = {task.name: task.agent() for task in (red, blue)}
        bed.update("v1", "0", health="UNHEALTHY", namespace="red")
        assert agents["red"].name(targets["red"], 80) == "ECONNREFUSED"
        assert agents["blue"].name(targets["blue"], 80) == "blue/0"
        bed.change("DELETE", "/v1/routes", dnsName="backend", port=80, namespace="red")
        bed.change("DELETE", "/v1/services", service="v1", namespace="red")
        assert agents["blue"].name(targets["blue"], 80) == "blue/0"


def test_tasks_of_one_namespace_see_the_same():
    with Testbed() as bed:
        bed.service("v1")
        tasks = [bed.task(name=f"client{i}") for i in range(3)]
        address = bed.address_of("v1", 8080)
        for task in tasks:
            assert task.agent().name(address, 8080) == "v1/0"
        bed.change("DELETE", "/v1/tasks", cgroup=tasks[0].path)
        assert [task.agent().name(address, 8080) for task in tasks] == ["ECONNREFUSED", "v1/0", "v1/0"]
        assert len({item["scope"] for item in bed.tasks().values()}) == 1


def test_a_namespace_without_tasks_or_services():
    with Testbed() as bed:
        bed.service("v1", namespace="elsewhere")
        task = bed.task("empty")
        assert task.agent().name(bed.address_of("v1", 8080, "elsewhere"), 8080) == "ECONNREFUSED"
        assert bed.get("/v1/hosts", namespace="empty")["hosts"] == []
        bed.service("late", namespace="empty")
        assert task.agent().name(bed.address_of("late", 8080, "empty"), 8080) == "late/0"


def test_only_the_owner_and_group_may_use_the_socket():
    with Testbed() as bed:
        setpriv, curl = need_program("setpriv"), need_program("curl")
        assert stat.S_IMODE(os.stat(bed.socket_path).st_mode) == 0o660
        os.chmod(bed.base, 0o755)  # what refuses must be the socket, not a directory of ours on the way
        os.chmod(os.path.dirname(os.path.dirname(bed.base)), 0o755)
        result = bed.run([setpriv, "--reuid=65534", "--regid=65534", "--clear-groups",
                          curl, "-sS", "-m", "3", "--unix-socket", bed.socket_path, "http://x/v1/status"])
        assert result.rc != 0 and "pid" not in result.out, result
