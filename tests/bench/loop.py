# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Part 5: what the daemon's loop does to others while it has much to do: a task's questions and connects meanwhile, how late
the loop says it was, and what clients that change things one by one get when the disk is slow.

All rows but the documents' are measured on one daemon with all its instances. What takes less than the least time of a row
is done again until that is over; `duration` is that of one."""
import contextlib
import http.client
import json
import os
import socket
import struct
import subprocess
import time

import testbed
from figures import Figures, print_table, short
from lab import BUILD, PORT, Testbed, ahead_of_others, many_services, register_all, run_json, say, settle, start_ready, tool
from test_dns import SERVER, Place

CONFIG = {"aliasRange": "127.128.0.0/9", "aliasRange6": "fd7f:ff53:7663::/64",
          "maps": {"aliases": 1048576, "slots": 1048576, "endpoints": 262144}}
DOCUMENTS_MAX_BYTES = 16 << 20  # of a request, as documents/documents.h has it
PATIENCE = 300
CLIENTS = 64
DELAYS_MS = (0, 5, 50)
SLOW_BYTES_PER_SECOND = 65536
BATCH = 10000

SIZES = {"services": 100000, "instances": 100000, "least_s": 4, "batch": BATCH}
QUICK = {"services": 5000, "instances": 10000, "least_s": 1, "batch": 2000}


class SlowDisk:
    """fsync of the daemon's registry files, delayed by a library preloaded into it."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "delay")
        self.set(0)

    def set(self, milliseconds):
        with open(self.path, "r+b" if os.path.exists(self.path) else "w+b") as file:
            file.write(struct.pack("Q", milliseconds * 1000))
            file.truncate(4096)

    def count(self):
        with open(self.path, "rb") as file:
            return struct.unpack("QQ", file.read(16))[1]

    @contextlib.contextmanager
    def preloaded(self):
        os.environ.update(LD_PRELOAD=os.path.join(BUILD, "tests", "bench", "preload", "delay_fsync.so"),
                          DELAY_FSYNC=self.path)
        try:
            yield
        finally:
            del os.environ["LD_PRELOAD"], os.environ["DELAY_FSYNC"]


class Scene:
    """A daemon, a task with a name server, and what is measured while something goes on."""

    def __init__(self, bed, figures, sizes):
        self.bed, self.figures, self.sizes = bed, figures, sizes
        self.disk = SlowDisk(bed.base)
        with self.disk.preloaded():
            bed.start()
        bed.register("backend", f"127.0.0.1:{PORT}", id="0")
        self.place = Place(bed)
        start_ready(bed, [*self.place.inside, tool("accept_server"), str(PORT)])
        self.target = bed.target("backend", PORT)

    def lag(self):
        """({bound in ms or None: how many}, greatest so far) of the daemon's own histogram; (None, None) of one without."""
        loop = self.bed.status().get("loop")
        if not loop:
            return None, None
        return {item["atMostMs"]: item["count"] for item in loop["lagBuckets"]}, loop["lagMaxMs"]

    @contextlib.contextmanager
    def meanwhile(self, what):
        before, most_before = self.lag()
        process = start_ready(self.bed, [*self.place.before, tool("meanwhile"), SERVER, "backend", self.target],
                              stdin=subprocess.PIPE, cgroup=self.place.task.directory, preexec_fn=ahead_of_others)
        settle(0.05)
        try:
            yield
        except BaseException:
            process.kill()
            raise
        settle(0.05)
        out, _ = process.communicate(timeout=60)
        found = json.loads(out)
        names, connects = found["names"], found["connects"]
        self.figures.add_all(what, dns_asked=names["asked"], dns_lost=names["lost"], dns_elsewhere=names["elsewhere"],
                             connects=connects["connects"], connects_failed=connects["failed"],
                             connect_p99_ms=connects["p99_us"] / 1e3,
                             **{f"dns_{name}_ms": names[f"{name}_us"] / 1e3 for name in ("p50", "p99", "p999", "max")})
        if before is not None:
            self.add_lag(what, before, most_before)

    def add_lag(self, what, before, most_before):
        after, most = self.lag()
        ticks = [(bound, count - before[bound]) for bound, count in after.items()]
        total = sum(count for _, count in ticks)
        # Of the greatest one only its bucket is known, unless it is the greatest of all so far.
        bounds = {bound: most if bound is None else min(bound, most) for bound, _ in ticks}
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1)):
            seen = 0
            for bound, count in ticks:
                seen += count
                if seen and seen >= share * total:
                    value = most if name == "max" and most > most_before else bounds[bound]
                    self.figures.add(what, f"lag_{name}_ms", value)
                    break
        self.figures.add(what, "lag_ticks", total)

    def row(self, what, action, once=False):
        """Does it at least once and for the least time of a row. What cannot be done is said in the table."""
        say(what)
        durations = []
        try:
            with self.meanwhile(what):
                begun = time.monotonic()
                while not durations or (not once and time.monotonic() - begun < self.sizes["least_s"]):
                    started = time.monotonic()
                    action()
                    durations.append(time.monotonic() - started)
        except (AssertionError, OSError, http.client.HTTPException) as reason:
            say(f"{what}: {reason!r:.300}")
            self.figures.add(what, "why_not", f"{reason!r:.120}")
            return
        self.figures.add(what, "duration_s", sorted(durations)[len(durations) // 2])
        self.figures.add(what, "times", len(durations))


# --- what goes on

def read_all(bed, path):
    """Without looking at it: the client shall not be what is measured."""
    with contextlib.closing(bed.connection(PATIENCE)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200, response.status
        size = 0
        while True:
            part = response.read(1 << 20)
            if not part:
                return size
            size += len(part)


def read_slowly(bed, path, seconds):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        sock.connect(bed.socket_path)
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert sock.recv(SLOW_BYTES_PER_SECOND // 10), "the daemon has closed"
            time.sleep(0.1)


def post(bed, path, body):
    with contextlib.closing(bed.connection(PATIENCE)) as connection:
        status, answer = connection.ask("POST", path, body)
    assert status == 200, f"{status} {answer!s:.200}"


def batch_body(number, size):
    """As bytes made before, without blanks: more than 1 MiB is not taken."""
    changes = [{"op": "register", "service": f"b{number}-{i // 10}", "id": str(i),
                "address": f"127.{100 + number % 20}.{i // 250}.{1 + i % 250}:80"} for i in range(size)]
    return json.dumps({"changes": changes}, separators=(",", ":")).encode()


def document(number):
    name = f"d{number}"
    return {"serviceName": name,
            "taskDefinition": {"family": name, "containerDefinitions": [
                {"name": "app", "portMappings": [{"name": "http", "containerPort": 80}]}]},
            "serviceConnectConfiguration": {"enabled": True, "services": [{"portName": "http", "discoveryName": name}]}}


def document_requests(services):
    """Bodies of POST /v1/documents with one document for each service, as many as fit into the largest body that is taken;
    each of a hundred files."""
    bodies, texts, size = [], [], 0
    for first in range(0, services, 100):
        text = json.dumps([document(i) for i in range(first, min(first + 100, services))], separators=(",", ":"))
        item = json.dumps({"source": f"{first}.json", "text": text}, separators=(",", ":"))
        if size + len(item) + 64 > DOCUMENTS_MAX_BYTES:
            bodies.append(texts)
            texts, size = [], 0
        texts.append(item)
        size += len(item) + 1
    bodies.append(texts)
    return [f'{{"documents":[{",".join(items)}]}}'.encode() for items in bodies]


def change_with(scene, what, delay_ms):
    """Clients that change things durably, each request by itself."""
    scene.disk.set(delay_ms)
    syncs = scene.disk.count()
    def action():
        report = run_json(scene.bed, [tool("change_load"), scene.bed.socket_path, str(CLIENTS),
                                      str(scene.sizes["least_s"])], timeout=PATIENCE)
        scene.figures.add_all(what, changes_per_second=report["rate"], changes_failed=report["failed"],
                              ack_p50_ms=report["p50_us"] / 1e3, ack_p99_ms=report["p99_us"] / 1e3,
                              changes_per_fsync=report["changes"] / max(1, scene.disk.count() - syncs))
    try:
        scene.row(what, action, once=True)
    finally:
        scene.disk.set(0)


# --- the part

def measure_instances(figures, sizes, rounds):
    n = sizes["instances"]
    with Testbed(config=CONFIG, start=False) as bed:
        scene = Scene(bed, figures, sizes)
        say(f"registering {n:,} instances")
        register_all(bed, many_services(0, n // 10, 10), timeout=PATIENCE)
        register_all(bed, [(f"load-{i}", "stays", f"127.60.0.{1 + i}:80") for i in range(CLIENTS)])
        for number in range(rounds):
            settle(1)
            scene.row("idle", lambda: time.sleep(sizes["least_s"]), once=True)
            scene.row(f"GET /v1/endpoints of {n:,} instances", lambda: read_all(bed, "/v1/endpoints"))
            scene.row("..., read at 64 KiB/s", lambda: read_slowly(bed, "/v1/endpoints", sizes["least_s"]), once=True)
            scene.row(f"GET /metrics of {n:,} instances", lambda: read_all(bed, "/metrics"))
            body = batch_body(number, sizes["batch"])
            scene.row(f"POST /v1/batch of {sizes['batch']:,} registers", lambda body=body: post(bed, "/v1/batch", body),
                      once=True)
            for delay in DELAYS_MS:
                change_with(scene, f"{CLIENTS} clients that change, fsync + {delay} ms", delay)


def measure_documents(figures, sizes):
    """Once: what is there already is no change."""
    bodies = document_requests(sizes["services"])
    what = f"POST /v1/documents, {sizes['services']:,} services in {len(bodies)} request{'s' if len(bodies) > 1 else ''}"
    with Testbed(config=CONFIG, start=False) as bed:
        scene = Scene(bed, figures, sizes)
        def action():
            for body in bodies:
                # A daemon that has stalled for longer than a connection may be idle does what it is asked and ends the
                # connection: that is no answer, but the stall is there to be told.
                try:
                    post(bed, "/v1/documents", body)
                except http.client.RemoteDisconnected:
                    figures.add(what, "answers_lost", 1)
                    bed.status()
        scene.row(what, action, once=True)
        if figures.median(what, "duration_s") is not None:
            assert bed.status()["services"] >= sizes["services"], "not all services of the documents are there"
        figures.add(what, "bytes", sum(map(len, bodies)))


def measure(rounds, is_quick):
    figures, sizes = Figures(), QUICK if is_quick else SIZES
    testbed.START_PATIENCE = 60
    measure_instances(figures, sizes, 1 if is_quick else max(1, rounds // 2))
    measure_documents(figures, sizes)
    return {"figures": figures, "sizes": sizes}


def together(figures, what, prefix, names):
    """The medians of the rounds, but of the greatest the greatest."""
    values = [max(figures.values[what].get(f"{prefix}_{name}_ms", [None])) if name == "max"
              else figures.median(what, f"{prefix}_{name}_ms") for name in names]
    return "-" if None in values else ", ".join(map(short, values))


def show(result):
    figures = result["figures"]
    rows = []
    for what, values in figures.values.items():
        if "why_not" in values:
            rows.append([what, f"not done: {values['why_not'][0]}", *["-"] * 7])
            continue
        lost = sum(values.get("answers_lost", []))
        rows.append([f"{what}; {lost} not answered" if lost else what, figures.median(what, "duration_s"),
                     together(figures, what, "lag", ("p50", "p99", "p999", "max")),
                     together(figures, what, "dns", ("p50", "p99", "p999", "max")),
                     f"{sum(values['dns_lost']):,} ({sum(values['dns_elsewhere']):,}) of {sum(values['dns_asked']):,}",
                     f"{sum(values['connects_failed']):,} of {sum(values['connects']):,}",
                     figures.median(what, "connect_p99_ms"), figures.median(what, "changes_per_second"),
                     together(figures, what, "ack", ("p50", "p99"))])
    print_table("The loop, and what a task sees meanwhile (ms but where it says else)",
                ["what goes on", "duration, s", "loop late: p50, p99, p99.9, max", "DNS answer: p50, p99, p99.9, max",
                 "lost (answered by others)", "failed connects", "connect p99", "changes/s", "acknowledged: p50, p99"], rows)


def judge(result, targets):
    figures = result["figures"]
    for what, values in figures.values.items():
        if "why_not" in values:
            targets.add(f"{what}: is done", "yes", 0, "", False)
            continue
        if "answers_lost" in values:
            targets.add(f"{what}: is answered", "yes", 0, "", False)
        if what == "idle":
            continue
        targets.at_most(f"{what}: stall, p99.9", 20, figures.median(what, "dns_p999_ms"), " ms")
        targets.at_most(f"{what}: stall, max", 50, max(values["dns_max_ms"]), " ms")
        targets.at_most(f"{what}: DNS meanwhile, p99", 10, figures.median(what, "dns_p99_ms"), " ms")
    targets.at_most("connects that failed, in all rows", 0,
                    sum(sum(values.get("connects_failed", [])) for values in figures.values.values()))
    targets.at_least(f"durable changes of {CLIENTS} clients, fsync + 5 ms", 5000,
                     figures.median(f"{CLIENTS} clients that change, fsync + 5 ms", "changes_per_second"), "/s")


def told(result):
    told_figures = Figures()
    told_figures.values = {what: {name: values for name, values in items.items() if name != "why_not"}
                           for what, items in result["figures"].values.items()}
    return {"figures": told_figures.told(), "sizes": result["sizes"],
            "not_done": {what: items["why_not"] for what, items in result["figures"].values.items() if "why_not" in items}}
