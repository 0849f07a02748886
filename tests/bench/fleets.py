# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Part 6: a fleet on one etcd: what is put on one host until it is in effect in another's kernel, the first task of a namespace, what
each request of a host and each delivered event costs etcd, and what follows for 10,000 hosts (fleet_model.py)."""
import base64
import contextlib
import dataclasses
import http.client
import json
import selectors
import socket
import time

import fleet_model
from figures import Figures, print_table
from lab import PORT, Testbed, cpu_seconds, endpoint_address, memory_mib, register_all, run_json, say, settle, start_ready, tool
from fleet import Etcd
from testbed import Skip, wait_until

SIZES = {"changes": 400, "watches": 250, "events": 40, "requests": 400, "rows": 20000, "instances": 1000}
QUICK = {"changes": 100, "watches": 100, "events": 20, "requests": 100, "rows": 5000, "instances": 1000}
PREFIX = "bench/fleet/"


def text(words):
    return base64.b64encode(words.encode()).decode()


# --- what etcd is asked, as the daemon asks it

class Asker:
    """One kept connection to a member."""

    def __init__(self, etcd):
        self.etcd = etcd
        self.connection = http.client.HTTPConnection("127.0.0.1", etcd.clients[0], timeout=60)

    def ask(self, path, **body):
        self.connection.request("POST", path, json.dumps(body))
        return json.loads(self.connection.getresponse().read())

    def put(self, n):
        """A commit: a row and the head, which is compared."""
        head = text(PREFIX + "head")
        self.ask("/v3/kv/txn", compare=[{"key": head, "target": "VERSION", "result": "GREATER", "version": "-1"}],
                 success=[{"request_put": {"key": text(f"{PREFIX}in/default/rows/instances/s{n}/0"), "value": text(VALUE)}},
                          {"request_put": {"key": head, "value": text(HEAD)}}])


VALUE = json.dumps({"owner": "0123456789abcdef", "address": "10.11.12.13", "port": 8080, "protocol": "tcp", "weight": 1, "health": "HEALTHY"})
HEAD = json.dumps({"revision": 123456, "writer": "0123456789abcdef" * 2, "commit": 1234})


class Watchers:
    """Streams as hosts have them; `hear` waits until each has been told that often."""

    def __init__(self, etcd, n):
        body = json.dumps({"create_request": {"key": text(PREFIX), "range_end": text(PREFIX[:-1] + "0"), "progress_notify": True}})
        self.selector = selectors.DefaultSelector()
        self.told = {}  # by stream: how often, and what may be the beginning of the next time
        for _ in range(n):
            sock = socket.create_connection(("127.0.0.1", etcd.clients[0]))
            sock.sendall(f"POST /v3/watch HTTP/1.1\r\nHost: etcd\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            self.selector.register(sock, selectors.EVENT_READ)
            self.told[sock] = (0, b"")
        self.hear('"created":true', 1)

    def hear(self, what, times):
        what, end = what.encode(), time.monotonic() + 120
        for sock in self.told:
            self.told[sock] = (0, b"")
        while any(n < times for n, _ in self.told.values()):
            assert time.monotonic() < end, "a watch was not told"
            for key, _ in self.selector.select(1):
                n, rest = self.told[key.fileobj]
                rest += key.fileobj.recv(1 << 20)
                self.told[key.fileobj] = (n + rest.count(what), rest[rest.rfind(what) + 1:][-len(what) + 1:])

    def close(self):
        for sock in self.told:
            sock.close()
        self.selector.close()


def measure_costs(figures, sizes):
    """Processor time and memory of a member, by what it does."""
    with Etcd() as etcd:
        pid, asker = etcd.processes[0].pid, Asker(etcd)

        def cost(do, count, each=1):
            begin = cpu_seconds(pid)
            for i in range(count):
                do(i)
            settle(0.3)
            return (cpu_seconds(pid) - begin) * 1e6 / count / each
        asker.put(0)
        put = cost(asker.put, sizes["requests"])
        lease = asker.ask("/v3/lease/grant", TTL=600)["ID"]
        head = text(PREFIX + "head")
        figures.add_all("etcd", put_us=put, keepalive_us=cost(lambda i: asker.ask("/v3/lease/keepalive", ID=lease), sizes["requests"]),
                        head_us=cost(lambda i: asker.ask("/v3/kv/range", key=head, limit=1), sizes["requests"]))
        before = memory_mib(pid)[0]
        for i in range(0, sizes["rows"], 100):
            asker.ask("/v3/kv/txn", success=[{"request_put": {"key": text(f"{PREFIX}in/default/rows/instances/big{n}/0"), "value": text(VALUE)}}
                                             for n in range(i, i + 100)])
        figures.add("etcd", "key_bytes", (memory_mib(pid)[0] - before) * 2**20 / sizes["rows"])
        before = memory_mib(pid)[0]
        with contextlib.closing(Watchers(etcd, sizes["watches"])) as watchers:
            figures.add("etcd", "watch_bytes", (memory_mib(pid)[0] - before) * 2**20 / sizes["watches"])

            begin = cpu_seconds(pid)
            for i in range(sizes["events"]):
                asker.put(i)
            watchers.hear('"kv"', 2 * sizes["events"])  # of a row and of the head
            spent = (cpu_seconds(pid) - begin) * 1e6 - put * sizes["events"]
            figures.add("etcd", "event_us", spent / sizes["events"] / sizes["watches"])
        whole = {"key": text(PREFIX), "range_end": text(PREFIX[:-1] + "0")}
        now = asker.ask("/v3/kv/range", key=head)["header"]["revision"]
        figures.add("etcd", "audit_key_us", cost(lambda i: asker.ask("/v3/kv/range", **whole, min_mod_revision=now, keys_only=True), 10,
                                                 sizes["rows"]))
        figures.add("etcd", "load_key_us", cost(lambda i: read_all(asker, whole), 3, sizes["rows"]))


def read_all(asker, whole):
    """By pages of 1,000, as the daemon does."""
    key = whole["key"]
    while True:
        answer = asker.ask("/v3/kv/range", key=key, range_end=whole["range_end"], limit=1000)
        if not answer.get("more"):
            return
        key = base64.b64encode(base64.b64decode(answer["kvs"][-1]["key"]) + b"\0").decode()


# --- two hosts

def measure_changes(one, two, figures, sizes):
    """A change at one host's API, seen by connects of a task of the other."""
    addresses = [endpoint_address(i) for i in range(2)]
    start_ready(two, [tool("accept_server"), str(PORT)])
    register_all(one, [("pair", "a", addresses[0]), ("pair", "b", addresses[1])])
    task = two.task()
    wait_until(lambda: len(two.endpoints()) == 2, 60, "both instances are known")
    one.update("pair", "b", health="UNHEALTHY")
    bytes_ = [address.rsplit(":", 1)[0].rsplit(".", 1)[1] for address in addresses]

    def both(first, second):
        return json.dumps({"changes": [{"op": "update", "service": "pair", "id": id, "health": health}
                                       for id, health in (("a", first), ("b", second))]})
    words = [both("UNHEALTHY", "HEALTHY"), bytes_[1], both("HEALTHY", "UNHEALTHY"), bytes_[0]]
    report = run_json(two, [tool("change_latency"), one.socket_path, two.target("pair", PORT), str(sizes["changes"]), "POST", "/v1/batch",
                            *words], cgroup=task.directory)
    for which in ("acknowledged", "effective"):
        for quantile in ("p50_us", "p99_us"):
            figures.add("change on another host", f"{which}_{quantile}", max(report[side][which][quantile] for side in "ab"))


def measure_first_task(one, two, figures, sizes):
    """A namespace that no task of this host has used: from asking for the first one until its table has every instance."""
    name = f"new{time.monotonic_ns()}"
    changes = [{"op": "register", "service": "big", "id": str(i), "namespace": name, "address": endpoint_address(10000 + i)}
               for i in range(sizes["instances"])]
    for i in range(0, len(changes), 100):  # a transaction of etcd takes 128 rows
        one.change("POST", "/v1/batch", changes=changes[i:i + 100])
    wait_until(lambda: len(two.endpoints(name)) == sizes["instances"], 60, "the namespace is known")
    task = two.bare_task(name)
    begin = time.monotonic()
    two.attach(task, name)
    figures.add("first task of a namespace", "ms", (time.monotonic() - begin) * 1000)
    # The answer comes when the table is published: none of its endpoints is missing.
    assert two.alias("big", PORT, name)["address"] and len(two.endpoints(name)) == sizes["instances"]


def measure_round(figures, sizes):
    say("two hosts on one etcd")
    with Etcd() as etcd, contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(Testbed(config={"registry": etcd.setting})) for _ in range(2))
        measure_changes(one, two, figures, sizes)
        measure_first_task(one, two, figures, sizes)
    say("what things cost etcd")
    measure_costs(figures, sizes)


def measure(rounds, is_quick):
    fleet_model.self_test()
    sizes, figures = QUICK if is_quick else SIZES, Figures()
    try:
        for _ in range(min(rounds, 3)):
            measure_round(figures, sizes)
    except Skip as reason:
        say(f"a fleet is only simulated, on the costs that the model has: {reason}")
    return {"figures": figures, "sizes": sizes, "costs": costs_of(figures) if figures.values else fleet_model.Costs()}


def costs_of(figures):
    return fleet_model.Costs(**{field.name: max(0.0, figures.median("etcd", field.name)) for field in dataclasses.fields(fleet_model.Costs)})


# --- what is told

def simulated(costs, fleet=fleet_model.Fleet()):
    """A row for each way to build it."""
    result = []
    for name, way in fleet_model.WAYS.items():
        one = dataclasses.replace(fleet, **way)
        delays = fleet_model.simulate(one, costs)
        result.append({"way": name, "events": fleet_model.events(one), "processors": fleet_model.load(one, costs),
                       "loads": fleet_model.loads(one, costs), "busy": fleet_model.busy(one, costs),
                       "memory": fleet_model.memory(one, costs), "breaks_at": fleet_model.breaks_at(one, costs),
                       "return_s": fleet_model.return_s(one, costs),
                       "p50_ms": fleet_model.quantile(delays, 0.5) * 1000 if delays else None,
                       "p99_ms": fleet_model.quantile(delays, 0.99) * 1000 if delays else None})
    return result


def show(result):
    figures = result["figures"].values
    if not figures:
        show_simulated(result["costs"])
        return
    print_table("Two hosts on one etcd, microseconds", ["what", "p50", "p99"],
                [(name, *(figures["change on another host"][f"{which}_{q}_us"][0] for q in ("p50", "p99")))
                 for which, name in (("acknowledged", "put on one host, until acknowledged"),
                                     ("effective", "from then until in effect in another's kernel"))])
    print_table(f"First task of a namespace with {result['sizes']['instances']} instances", ["until", "ms"],
                [("its table is complete", result["figures"].median("first task of a namespace", "ms"))])
    print_table("What things cost etcd", ["what", "figure"], list(dataclasses.asdict(result["costs"]).items()))
    show_simulated(result["costs"])


def show_simulated(costs):
    fleet = fleet_model.Fleet()
    print_table(f"Simulated: {fleet.hosts:,} hosts, {fleet.services:,} services of {fleet.instances}, {fleet.changes:g} changes a second, "
                f"{fleet.members} members of {fleet.processors} processors",
                ["way", "events/s", "processors", "of them audits", "member, MiB", "until the last host, p50 ms", "p99 ms", "70 % busy at changes/s"],
                [(row["way"], row["events"], row["processors"], row["loads"]["audits"], row["memory"] / 2**20, row["p50_ms"] or "never",
                  row["p99_ms"] or "never", row["breaks_at"]) for row in simulated(costs)])


def judge(result, targets):
    figures = result["figures"]
    what = "change on another host"
    if not figures.values:
        return
    sums = {q: sum(figures.median(what, f"{which}_{q}_us") for which in ("acknowledged", "effective")) / 1000 for q in ("p50", "p99")}
    targets.at_most("put on one host -> in effect in another's kernel, p50", 5, sums["p50"], " ms")
    targets.at_most("put on one host -> in effect in another's kernel, p99", 50, sums["p99"], " ms")
    targets.at_most("first task of a namespace with 1,000 instances, complete", 50, figures.median("first task of a namespace", "ms"), " ms")


def told(result):
    return {"figures": result["figures"].told(), "costs": dataclasses.asdict(result["costs"]), "simulated": simulated(result["costs"])}
