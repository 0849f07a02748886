# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Active health checks: what probes find is followed by real connects of a task.

Servers answer on PORT throughout, while what is probed is another port or a file, so that a name in an answer tells
who is routed, not who is alive; a test of TCP checks ends servers for real."""
import contextlib
import http.server
import os
import ssl
import subprocess
import threading
import time

import chi_square
from testbed import PORT, SLOWNESS, Skip, Testbed, need_program, note, wait_until

PROBED = 9080
QUICK = {"interval": 1, "timeout": 1, "retries": 1}


def set_check(bed, service="backend", *, check=None, **more):
    bed.change("PUT", "/v1/settings", service=service, settings={"healthCheck": {**QUICK, **check}, **more})


def endpoint(bed, id="0", service="backend"):
    return bed.endpoints()[(service, id)]


def wait_for(bed, health, id="0", service="backend", seconds=5):
    wait_until(lambda: endpoint(bed, id, service)["health"] == health, seconds, f"{service}/{id} is {health}")
    return endpoint(bed, id, service)


def names(agent, address, count=40):
    return {agent.name(address, PORT) for _ in range(count)}


def health_events(bed, id="0"):
    return [item["message"] for item in bed.get("/v1/events")["events"]
            if item["kind"] == "HEALTH" and item["instance"] == id]


def end(server):
    server.kill()
    server.wait()


class Probed:
    """What is probed over HTTP at an endpoint's address: answers with `status`, notes what it was asked."""

    def __init__(self, address, status=200, certificate=None):
        self.status, self.asked = status, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, self.headers.get("Host")))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        host = address.rsplit(":", 1)[0]
        self.server = http.server.ThreadingHTTPServer((host, PROBED), Handler)
        self.server.handle_error = lambda *_: None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextlib.contextmanager
def probed_service(bed, count, **settings):
    """A service with so many answering endpoints, each probed over HTTP at PROBED; all are healthy."""
    addresses = bed.service("backend", weights=(1,) * count)
    probed = [Probed(address) for address in addresses]
    try:
        check = {"type": "http", "port": PROBED, **settings.pop("check", {})}
        set_check(bed, check=check, **settings)
        for i in range(count):
            wait_until(lambda: endpoint(bed, str(i))["check"]["passes"], 5, f"{i} has passed")
        yield probed
    finally:
        for server in probed:
            server.close()


# --- new endpoints

def test_a_new_endpoint_waits_for_its_first_pass():
    with Testbed() as bed:
        bed.service("backend")
        set_check(bed, check={"type": "tcp", "retries": 10})
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        where = bed.address()
        bed.register("backend", where, id="late")
        shown = endpoint(bed, "late")
        assert shown["health"] == "UNKNOWN" and not shown["eligible"], shown
        wait_until(lambda: endpoint(bed, "late")["check"]["probes"] >= 2, 5, "it has been probed")
        shown = endpoint(bed, "late")
        assert shown["health"] == "UNKNOWN" and not shown["eligible"] and "refused" in shown["reason"], shown
        assert names(agent, address) == {"backend/0"} and not shown["connections"], shown
        bed.announce({where: "late"})
        shown = wait_for(bed, "HEALTHY", "late")
        assert shown["eligible"] and shown["reason"] == shown["check"]["last"] == "connected", shown
        assert names(agent, address) == {"backend/0", "late"}
        assert health_events(bed, "late") == ["HEALTHY: connected"]


def test_admission_routes_an_unknown_endpoint():
    with Testbed() as bed:
        bed.service("backend")
        admission = 1 if SLOWNESS == 1 else 5  # until then twenty connects have to be made
        set_check(bed, admissionSeconds=admission, check={"type": "tcp", "healthyRetries": 10, "retries": 10})
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        where = bed.address()
        bed.announce({where: "slow"})
        began = time.monotonic()
        bed.register("backend", where, id="slow")
        assert names(agent, address, 20) == {"backend/0"}
        wait_until(lambda: agent.name(address, PORT) == "slow", 20, "it is routed")
        assert time.monotonic() - began >= 0.9 * admission, time.monotonic() - began
        shown = endpoint(bed, "slow")
        assert shown["health"] == "UNKNOWN" and shown["eligible"] and shown["check"]["routable"], shown


def test_a_check_added_takes_nobody_out_before_a_probe_fails():
    with Testbed() as bed:
        bed.service("backend", weights=(1, 1))
        task, target = bed.task(), {bed.target("backend", PORT): "backend"}
        running = task.start_connector(target, "--seconds", 0.8)  # three failures take longer
        set_check(bed, check={"type": "tcp", "port": PROBED, "retries": 3})
        shown = bed.endpoints()
        assert all(item["eligible"] and item["health"] == "HEALTHY" for item in shown.values()), shown
        seen = set()
        while len(seen) < 4:
            item = endpoint(bed)
            seen.add(item["check"]["failures"])
            assert item["eligible"] == (item["check"]["failures"] < 3), item
            time.sleep(0.01)
        report = running.finish()
        assert report["answered"] and not report["failed"], report
        assert set(report["names"]) == {"backend/0", "backend/1"}, report
        wait_for(bed, "UNHEALTHY", "1")
        assert task.agent_name_once(bed.address_of("backend", PORT), PORT) == "ECONNREFUSED"


# --- kinds of checks

def follow(bed, agent, address, steps):
    """Each step: what to do, what endpoint 0 becomes by it, and what the reason then has in it. 1 is up throughout."""
    for change, health, reason in steps:
        told = len(health_events(bed))
        change()
        shown = wait_for(bed, health)
        assert reason in shown["reason"] and shown["check"]["last"] == shown["reason"], (reason, shown)
        assert shown["eligible"] == (health == "HEALTHY") and shown["since"], shown
        wanted = {"backend/0", "backend/1"} if health == "HEALTHY" else {"backend/1"}
        assert names(agent, address) == wanted, (health, shown)
        events = health_events(bed)
        assert len(events) == told + 1 and events[-1].startswith(f"{health}: ") and reason in events[-1], events


def test_tcp_checks():
    with Testbed() as bed:
        first, second = bed.address(), bed.address()
        bed.announce({second: "backend/1"})
        bed.announce({first: "backend/0"})
        server = bed.processes[-1]
        bed.register("backend", first, id="0")
        bed.register("backend", second, id="1")
        set_check(bed, check={"type": "tcp"})
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        wait_until(lambda: endpoint(bed)["check"]["passes"], 5, "it has passed")
        follow(bed, agent, address, [
            (lambda: end(server), "UNHEALTHY", "connection refused"),
            (lambda: bed.announce({first: "backend/0"}), "HEALTHY", "connected"),
        ])


def status_steps(probed, *steps):
    return [(lambda status=status: setattr(probed, "status", status), health, f"status {status}")
            for status, health in steps]


def test_http_checks():
    with Testbed() as bed, probed_service(bed, 2, check={"path": "/ready?deep=1", "host": "app.internal"}) as probed:
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        follow(bed, agent, address, status_steps(probed[0], (500, "UNHEALTHY"), (204, "HEALTHY"), (404, "UNHEALTHY"),
                                                 (302, "HEALTHY")))
        assert set(probed[0].asked) == {("/ready?deep=1", "app.internal")}, set(probed[0].asked)
        # Another range: what was good is not any more.
        probed[1].status = 299
        set_check(bed, check={"type": "http", "expectedStatus": "250-299"})
        shown = wait_for(bed, "UNHEALTHY")
        assert shown["reason"] == "status 302, wanted 250-299", shown
        assert names(agent, address) == {"backend/1"}
        follow(bed, agent, address, status_steps(probed[0], (250, "HEALTHY"), (249, "UNHEALTHY"), (299, "HEALTHY"),
                                                 (300, "UNHEALTHY")))


def test_https_checks():
    with Testbed() as bed:
        certificate = os.path.join(bed.base, "server.pem")
        made = subprocess.run([need_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                               "-subj", "/CN=elsewhere", "-keyout", certificate, "-out", f"{certificate}.crt"],
                              capture_output=True, text=True, timeout=20, check=False)
        if made.returncode:
            raise Skip(f"openssl made no certificate: {made.stderr.strip()}")
        with open(certificate, "a", encoding="utf-8") as both, open(f"{certificate}.crt", encoding="utf-8") as half:
            both.write(half.read())
        addresses = bed.service("backend", weights=(1, 1))
        probed = [Probed(address, certificate=certificate) for address in addresses]
        try:
            set_check(bed, check={"type": "https", "port": PROBED, "timeout": 2, "path": "/up"})
            wait_until(lambda: endpoint(bed)["check"]["passes"], 5, "it has passed")
            agent, address = bed.task().agent(), bed.address_of("backend", PORT)
            follow(bed, agent, address, status_steps(probed[0], (503, "UNHEALTHY"), (200, "HEALTHY")))
            assert {path for path, _ in probed[0].asked} == {"/up"}
        finally:
            for server in probed:
                server.close()


def test_exec_checks():
    with Testbed({"execChecks": ["/bin/sh"]}) as bed:
        bed.service("backend", weights=(1, 1))
        down = os.path.join(bed.base, "down")
        script = f'case $SVCCONNECT_NAME in */0) ! test -e {down} || {{ echo no room; exit 3; }} ;; esac'
        set_check(bed, check={"type": "exec", "command": ["CMD-SHELL", script]})
        wait_until(lambda: endpoint(bed)["check"]["passes"], 5, "it has passed")
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        follow(bed, agent, address, [
            (lambda: open(down, "w", encoding="utf-8").close(), "UNHEALTHY", "exit status 3: no room"),
            (lambda: os.unlink(down), "HEALTHY", "exit status 0"),
        ])


# --- over a restart, by connects, against the owner

def test_what_was_found_survives_a_restart():
    """The servers change places while it is dead: what it knows comes from the kernel's map, not from probes."""
    slow = {"interval": 300, "retries": 10, "healthyRetries": 10}
    with Testbed() as bed, probed_service(bed, 3) as probed:
        probed[0].status = 500
        wait_for(bed, "UNHEALTHY")
        set_check(bed, check={"type": "http", **slow})
        task, target = bed.task(), {bed.target("backend", PORT): "backend"}
        running = task.start_connector(target, "--seconds", 20, "--parallel", 2)
        time.sleep(0.2)
        bed.kill()
        probed[0].status, probed[1].status = 200, 500
        bed.start()
        shown = bed.endpoints()
        assert bed.status()["writes"]["maps"] == 0, "only differences are written"
        wait_until(lambda: all(endpoint(bed, str(i))["check"]["probes"] for i in range(3)), 5, "all are probed again")
        for state in (shown, bed.endpoints()):
            found = [(state[("backend", str(i))]["health"], state[("backend", str(i))]["eligible"]) for i in range(3)]
            assert found == [("UNHEALTHY", False), ("HEALTHY", True), ("HEALTHY", True)], found
        report = running.stop()
        assert report["answered"] and not report["failed"], report
        assert set(report["names"]) == {"backend/1", "backend/2"}, report
        # It goes on from there.
        set_check(bed, check={"type": "http", "healthyRetries": 1})
        wait_for(bed, "HEALTHY")
        wait_for(bed, "UNHEALTHY", "1")


def test_a_failed_connect_hurries_the_probe():
    with Testbed() as bed:
        where = bed.address()
        bed.announce({where: "only"})
        server = bed.processes[-1]
        bed.register("backend", where, id="0")
        set_check(bed, check={"type": "tcp", "interval": 300})
        wait_until(lambda: endpoint(bed)["check"]["passes"], 5, "it has passed")
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        end(server)
        time.sleep(0.5)
        assert endpoint(bed)["health"] == "HEALTHY", "nobody has noticed"
        began = time.monotonic()
        assert agent.name(address, PORT) == "ECONNREFUSED"
        shown = wait_for(bed, "UNHEALTHY", seconds=2)
        note(f"{time.monotonic() - began:.3f} s from the connect to UNHEALTHY")
        assert "refused" in shown["reason"] and not shown["ejected"], shown


def test_the_owners_word_goes_before_probes():
    with Testbed() as bed, probed_service(bed, 2) as probed:
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)
        bed.update("backend", "0", health="UNHEALTHY")
        before = endpoint(bed)["check"]["probes"]
        wait_until(lambda: endpoint(bed)["check"]["probes"] >= before + 2, 5, "probes go on")
        shown = endpoint(bed)
        assert shown["health"] == "UNHEALTHY" and shown["check"]["health"] == "HEALTHY", shown
        assert shown["reason"] == "reported by its owner" and shown["reported"] == "UNHEALTHY", shown
        assert names(agent, address) == {"backend/1"}
        bed.update("backend", "0", health="HEALTHY")
        assert names(agent, address) == {"backend/0", "backend/1"}, "the probes had nothing against it"
        probed[0].status = 500
        wait_for(bed, "UNHEALTHY")
        bed.update("backend", "0", health="HEALTHY")
        assert names(agent, address) == {"backend/1"}, "good words do not help against probes"


# --- when few are left

def test_on_empty_and_what_it_refuses():
    with Testbed() as bed, probed_service(bed, 2) as probed:
        bed.route("kind", {"backend": 1}, onEmpty="unhealthy")
        bed.route("strict", {"backend": 1}, onEmpty="refuse")
        agent, addresses = bed.task().agent(), {name: bed.address_of(name) for name in ("kind", "strict")}
        ask = lambda name: {agent.name(addresses[name], 80) for _ in range(40)}
        probed[0].status = 500
        wait_for(bed, "UNHEALTHY")
        assert ask("kind") == ask("strict") == {"backend/1"}, "unhealthy ones only for want of others"
        probed[1].status = 500
        wait_for(bed, "UNHEALTHY", "1")
        assert ask("kind") == {"backend/0", "backend/1"}
        assert ask("strict") == {"ECONNREFUSED"}
        probed[0].status = 200
        wait_for(bed, "HEALTHY")
        assert ask("kind") == ask("strict") == {"backend/0"}


def test_panic_when_fewer_than_the_threshold_are_healthy():
    with Testbed() as bed, probed_service(bed, 4, panicThresholdPercent=50) as probed:
        task, target = bed.task(), {bed.target("backend", PORT): "backend"}
        everybody = {f"backend/{i}": 1 for i in range(4)}
        for down in range(3):
            probed[down].status = 500
            wait_for(bed, "UNHEALTHY", str(down))
            left = {name: weight for name, weight in everybody.items() if int(name[-1]) > down}
            # Two of four are not fewer than the half; one of four is.
            chi_square.check(task.connector(target, "--count", 2000)["names"], left if down < 2 else everybody)
        bed.change("PUT", "/v1/settings", service="backend", settings={"panicThresholdPercent": 0})
        assert task.connector(target, "--count", 100)["names"] == {"backend/3": 100}


def test_slow_start_of_a_returned_endpoint():
    with Testbed() as bed, probed_service(bed, 2, slowStartSeconds=2) as probed:
        task, target = bed.task(), {bed.target("backend", PORT): "backend"}
        chi_square.check(task.connector(target, "--count", 2000)["names"], {"backend/0": 1, "backend/1": 1})
        probed[0].status = 500
        wait_for(bed, "UNHEALTHY")
        probed[0].status = 200
        wait_for(bed, "HEALTHY")
        began = time.monotonic()
        first = task.connector(target, "--count", 300)["names"]
        # One sixteenth of the weight, and one more each 0.13 s; five standard deviations for chance.
        parts = min(16, 1 + int((time.monotonic() - began + 0.1) * 15 / 2))
        share = parts / (parts + 16)
        limit = 300 * share + 5 * (300 * share * (1 - share)) ** 0.5
        note(f"at first {first}, at most {limit:.0f} wanted")
        assert first.get("backend/0", 0) <= limit, (first, limit)
        wait_until(lambda: "slowStartPercent" not in endpoint(bed), 4, "it has its whole weight")
        assert time.monotonic() - began > 1.5, time.monotonic() - began
        chi_square.check(task.connector(target, "--count", 4000)["names"], {"backend/0": 1, "backend/1": 1})


# --- this host as the cause

def two_services(bed):
    """"one" with three endpoints and "two" with one, the servers of each in a process of its own; all healthy."""
    servers = []
    for name, count in (("one", 3), ("two", 1)):
        bed.service(name, weights=(1,) * count)
        servers.append(bed.processes[-1])
        set_check(bed, name, check={"type": "tcp", "healthyRetries": 1})
    wait_until(lambda: all(item["check"]["passes"] for item in bed.endpoints().values()), 5, "all have passed")
    return servers


def healths(bed, service=None):
    return {item["health"] for (name, _), item in bed.endpoints().items() if service in (None, name)}


def degraded(bed):
    return [text for text in bed.status()["degraded"] if "this host is taken for the cause" in text]


def observer_events(bed):
    return [item["message"] for item in bed.get("/v1/events")["events"] if item["kind"] == "OBSERVER"]


def test_a_weak_observer_keeps_states():
    with Testbed() as bed:
        servers = two_services(bed)
        addresses = {key: f"{item['address']}:{PORT}" for key, item in bed.endpoints().items()}
        assert not degraded(bed) and not observer_events(bed)
        for server in servers:
            end(server)
        wait_until(lambda: degraded(bed), 4, "status is degraded")
        assert bed.status()["state"] == "degraded"
        wait_until(lambda: all(item["check"]["failures"] >= 3 for item in bed.endpoints().values()), 8,
                   "all have failed often enough")
        assert healths(bed) == {"HEALTHY"}, bed.endpoints()
        wait_until(lambda: len(observer_events(bed)) == 1, 3, "an event tells of it")
        bed.announce({where: f"{service}/{id}" for (service, id), where in addresses.items()})
        wait_until(lambda: not degraded(bed), 4, "it is over")
        wait_until(lambda: len(observer_events(bed)) == 2, 3, "an event tells of the end")
        assert healths(bed) == {"HEALTHY"}


def test_one_service_alone_goes_down():
    """Three of four endpoints, and yet all of one service: they are the cause themselves."""
    with Testbed() as bed:
        servers = two_services(bed)
        end(servers[0])
        wait_until(lambda: healths(bed, "one") == {"UNHEALTHY"}, 6, "they are out")
        assert healths(bed, "two") == {"HEALTHY"} and not degraded(bed)
        agent = bed.task().agent()
        assert names(agent, bed.address_of("one", PORT), 5) == {"ECONNREFUSED"}
        assert names(agent, bed.address_of("two", PORT), 5) == {"two/0"}
        assert not observer_events(bed)
