# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The maps people read are legible in bpftool: live entries only, text as text, enums by name."""
import json
import os

from testbed import PORT, Testbed, need_program, wait_until


def path_of(bed, name):
    return os.path.join(bed.bpffs, "maps", name)


def dump(bed, name):
    """[{"key":, "value":}] as BTF describes them; per-CPU maps have "values"."""
    result = bed.run([need_program("bpftool"), "-j", "map", "dump", "pinned", path_of(bed, name)])
    assert result.rc == 0, result
    entries = [entry.get("formatted", entry) for entry in json.loads(result.out)]
    assert all("key" in entry for entry in entries), entries[:2]
    return entries


def plain(bed, name):
    result = bed.run([need_program("bpftool"), "map", "dump", "pinned", path_of(bed, name)])
    assert result.rc == 0, result
    return result.out


def test_endpoints_are_legible():
    with Testbed() as bed:
        addresses = bed.service("backend-v1", weights=(1, 7))
        bed.update("backend-v1", "1", health="UNHEALTHY")
        entries = {entry["value"]["instance"]: entry["value"] for entry in dump(bed, "endpoints")}
        assert set(entries) == {"0", "1"}, entries
        for id, weight, health in (("0", 1, "HEALTHY"), ("1", 7, "UNHEALTHY")):
            wanted = {"service": "backend-v1", "namespace": "default", "address": addresses[int(id)].split(":")[0],
                      "port": PORT, "protocol": "TCP", "health": health, "weight": weight}
            assert {key: entries[id][key] for key in wanted} == wanted, entries[id]
        text = plain(bed, "endpoints")
        for word in ("backend-v1", addresses[0].split(":")[0], "HEALTHY", "UNHEALTHY", "TCP", "default"):
            assert word in text, (word, text)


def test_endpoints_hold_live_entries_only():
    with Testbed() as bed:
        bed.task()
        assert dump(bed, "endpoints") == [] and dump(bed, "aliases") == []
        bed.service("v1", weights=(1,) * 5)
        assert len(dump(bed, "endpoints")) == 5
        bed.change("DELETE", "/v1/instances", service="v1", id="2")
        wait_until(lambda: {entry["value"]["instance"] for entry in dump(bed, "endpoints")} == {"0", "1", "3", "4"}, 3,
                   "the entry is gone")
        bed.change("DELETE", "/v1/services", service="v1")
        wait_until(lambda: not dump(bed, "endpoints") and not dump(bed, "aliases"), 3, "all entries are gone")
        wait_until(lambda: not dump(bed, "endpoint_stats"), 3, "their counters are gone")


def test_endpoint_stats_have_the_same_keys():
    with Testbed() as bed:
        bed.service("v1", weights=(1, 3))
        report = bed.task().connector({bed.target("v1", PORT): "v1"}, "--count", 1000)
        names = {entry["key"]["endpoint"]: entry["value"]["instance"] for entry in dump(bed, "endpoints")}
        counted = {}
        for entry in dump(bed, "endpoint_stats"):
            counted[names[entry["key"]["endpoint"]]] = sum(value["value"]["connections"] for value in entry["values"])
        assert {f"v1/{id}": n for id, n in counted.items()} == report["names"], (counted, report["names"])
        assert {item["endpoint"] for item in bed.endpoints().values()} == set(names)
        assert "connections" in plain(bed, "endpoint_stats")


def test_nothing_stays_noted_of_connects_that_have_begun():
    with Testbed(config={"maps": {"endpoints": 64}}) as bed:
        bed.service("v1", weights=(1, 3))
        bed.task().connector({bed.target("v1", PORT): "v1"}, "--count", 200)
        assert all(entry["value"]["connects"] == 0 for entry in dump(bed, "attempts"))


def test_aliases_are_legible():
    with Testbed() as bed:
        bed.service("v1")
        bed.route("backend", {"v1": 1}, port=81)
        bed.task()
        alias = bed.alias("backend", 81)
        entries = [entry["value"] for entry in dump(bed, "aliases") if entry["value"]["dns_name"] == "backend"]
        assert {entry["address"] for entry in entries} == {alias["address"], alias["address6"]}, entries
        for entry in entries:
            assert (entry["port"], entry["protocol"], entry["namespace"]) == (81, "TCP", "default"), entry
        text = plain(bed, "aliases")
        for word in ("backend", alias["address"], alias["address6"], "TCP"):
            assert word in text, (word, text)


def test_tasks_are_legible():
    with Testbed() as bed:
        task = bed.task("red", "web")
        entries = dump(bed, "tasks")
        assert len(entries) == 1 and entries[0]["key"]["cgroup_id"] == os.stat(task.directory).st_ino, entries
        wanted = {"cgroup": task.path, "namespace": "red", "service": "web"}
        assert {key: entries[0]["value"][key] for key in wanted} == wanted, entries
        assert task.path in plain(bed, "tasks")
        bed.change("DELETE", "/v1/tasks", cgroup=task.path)
        assert dump(bed, "tasks") == []


PROGRAMS = {"connect4", "connect6", "sendmsg4", "sendmsg6", "recvmsg4", "recvmsg6", "getpeername4", "getpeername6", "sock_ops"}


def test_links_are_attached_to_the_cgroup():
    with Testbed() as bed:
        task = bed.task()
        shown = bed.run([need_program("bpftool"), "-j", "cgroup", "show", task.directory, "effective"])
        attached = {(item.get("attach_type"), item.get("name")) for item in json.loads(shown.out)}
        assert {name for _, name in attached} == PROGRAMS, attached
        directory = os.path.join(bed.bpffs, "links")
        pins = [os.path.join(directory, name) for name in os.listdir(directory)]
        assert len(pins) == 1 and set(os.listdir(pins[0])) == PROGRAMS


def test_an_instance_with_the_longest_names_is_legible():
    with Testbed() as bed:
        service = "s" * 63 + "." + "t" * 63
        bed.register(service, "[fd00:1111:2222:3333:4444:5555:6666:7777]:65535", id="i" * 64, namespace="n" * 200)
        entry = dump(bed, "endpoints")[0]["value"]
        assert entry["service"] == service and entry["instance"] == "i" * 64, entry
        assert entry["address"] == "fd00:1111:2222:3333:4444:5555:6666:7777" and entry["namespace"] == "n" * 127
