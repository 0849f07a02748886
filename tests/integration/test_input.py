# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Bad input changes nothing and is answered by an error that names the field, the value and what is allowed."""
import contextlib
import json
import random
import select
import socket
import threading

from testbed import Testbed, UnixConnection, note

GOOD = {"service": "v1", "address": "127.0.0.9:80", "id": "z"}


def with_some_state(bed):
    bed.service("v1", weights=(1, 2))
    bed.service("v2")
    bed.route("backend", {"v1": 1, "v2": 1})
    bed.task()


def register(**more):
    return "POST", "/v1/instances", {**GOOD, **more}


def route(**more):
    return "PUT", "/v1/routes", {"dnsName": "backend", "port": 80, "targets": [{"service": "v1", "weight": 1}], **more}


def without(request, *names):
    method, path, body = request
    return method, path, {name: value for name, value in body.items() if name not in names}


def batch(*changes):
    return "POST", "/v1/batch", {"changes": list(changes)}


OK_CHANGE = {"op": "update", "service": "v1", "id": "0", "weight": 7}

# request, wanted status, wanted field (None: any or none)
BAD_REQUESTS = [
    (register(weight=70000), 400, "weight"),
    (register(weight=65536), 400, "weight"),
    (register(weight=-1), 400, "weight"),
    (register(weight=1.5), 400, "weight"),
    (register(weight="1"), 400, "weight"),
    (register(weight=None), 400, "weight"),
    (register(weight=[]), 400, "weight"),
    (register(weight=True), 400, "weight"),
    (register(weight=1e300), 400, "weight"),
    (register(weight=10**30), 400, "weight"),
    (register(wieght=1), 400, "wieght"),
    (register(health="MAYBE"), 400, "health"),
    (register(health="healthy "), 400, "health"),
    (register(health=1), 400, "health"),
    (register(protocol="sctp"), 400, "protocol"),
    (register(protocol="sctp"), 400, "protocol"),
    (register(service=""), 400, "service"),
    (register(service="a b"), 400, "service"),
    (register(service="a/b"), 400, "service"),
    (register(service="x" * 128), 400, "service"),
    (register(service="\u00fcber"), 400, "service"),
    (register(service=5), 400, "service"),
    # What inet_aton(3) reads is an address to every resolver: nobody could ever use the name.
    *((register(service=name), 400, "service") for name in ("10", "127.1", "0x7f.1", "2130706433", "1.2.3.4.5")),
    *((route(dnsName=name), 400, "dnsName") for name in ("10", "127.1", "0X7F.1", "0177.1", "127.0.0.1")),
    (register(namespace=""), 400, "namespace"),
    (register(namespace="a b"), 400, "namespace"),
    (register(namespace="n" * 1025), 400, "namespace"),
    (register(namespace=["default"]), 400, "namespace"),
    (register(id=""), 400, "id"),
    (register(id="a b"), 400, "id"),
    (register(id="x" * 65), 400, "id"),
    (register(id={}), 400, "id"),
    (register(address=""), 400, "address"),
    (register(address="127.0.0.1"), 400, "address"),
    (register(address="127.0.0.1:0"), 400, "address"),
    (register(address="127.0.0.1:65536"), 400, "address"),
    (register(address="127.0.0.1:80x"), 400, "address"),
    (register(address="127.0.0.1:-1"), 400, "address"),
    (register(address="127.0.0.1: 80"), 400, "address"),
    (register(address="127.0.0.256:80"), 400, "address"),
    (register(address="127.1:80"), 400, "address"),
    (register(address="0127.0.0.1:80"), 400, "address"),
    (register(address="local_host:80"), 400, "address"),
    (register(address="::1:80"), 400, "address"),
    (register(address="[::1]"), 400, "address"),
    (register(address="[::1:80"), 400, "address"),
    (register(address="[::1%lo]:80"), 400, "address"),
    (register(address="0.0.0.0:80"), 400, "address"),
    *((register(address=address), 400, "address")
      for address in ("[fe80::1]:80", "[febf::1:2]:80", "[ff02::1]:80", "[::]:80", "[::1.2.3.4]:80", "[::ffff:127.0.0.1]:80",
                      "[::ffff:0.0.0.0]:80", "224.0.0.1:80", "255.255.255.255:80", "[fe80::1%lo]:80")),
    (register(address="255.255.255.255:80"), 400, "address"),
    (register(address="224.0.0.1:80"), 400, "address"),
    (register(address="[::]:80"), 400, "address"),
    (register(address="[ff02::1]:80"), 400, "address"),
    (register(address=80), 400, "address"),
    (without(register(), "address"), 400, "address"),
    (without(register(), "service"), 400, "service"),
    (("POST", "/v1/instances", {}), 400, None),
    (("POST", "/v1/instances", []), 400, None),
    (("POST", "/v1/instances", "text"), 400, None),
    (("POST", "/v1/instances", 5), 400, None),
    (("POST", "/v1/instances", b"null"), 400, None),
    (("POST", "/v1/instances", b""), 400, None),
    (("POST", "/v1/instances", b"{"), 400, None),
    (("POST", "/v1/instances", b'{"service": "x", }'), 400, None),
    (("POST", "/v1/instances", json.dumps(GOOD).encode() + b"x"), 400, None),
    (("POST", "/v1/instances", json.dumps(GOOD).encode() * 2), 400, None),
    (("POST", "/v1/instances", b"\x00\xff\xfe"), 400, None),
    (("POST", "/v1/instances", b'{"service": "v1\\u0000x", "address": "127.0.0.9:80"}'), 400, None),
    (("POST", "/v1/instances", b"[" * 100000), 400, None),
    (("POST", "/v1/instances", b'{"a":' * 5000 + b"1" + b"}" * 5000), 400, None),
    (("PATCH", "/v1/instances", {"service": "v1", "id": "0"}), 400, None),
    (("PATCH", "/v1/instances", {"service": "v1", "id": "0", "weight": 65536}), 400, "weight"),
    (("PATCH", "/v1/instances", {"service": "v1", "id": "0", "weight": 1, "health": "SICK"}), 400, "health"),
    (("PATCH", "/v1/instances", {"service": "v1", "id": "0", "address": "127.0.0.1:80", "weight": 1}), 400, "address"),
    (("PATCH", "/v1/instances", {"service": "v1", "weight": 1}), 400, "id"),
    (("PATCH", "/v1/instances", {"service": "nobody", "id": "0", "weight": 1}), 404, None),
    (("PATCH", "/v1/instances", {"service": "v1", "id": "nobody", "weight": 1}), 404, None),
    (("PATCH", "/v1/instances", {"service": "v1", "id": "0", "weight": 1, "namespace": "nowhere"}), 404, None),
    (("DELETE", "/v1/instances", {"service": "v1", "id": "nobody"}), 404, None),
    (("DELETE", "/v1/instances", {"service": "v1"}), 400, "id"),
    (("DELETE", "/v1/instances", {"id": "0"}), 400, "service"),
    (("DELETE", "/v1/services", {"service": "nobody"}), 404, None),
    (("DELETE", "/v1/services", {"service": "v1"}), 409, None),
    (("DELETE", "/v1/services", {}), 400, "service"),
    (route(dnsName=""), 400, "dnsName"),
    (route(dnsName="a..b"), 400, "dnsName"),
    (route(dnsName="-a"), 400, "dnsName"),
    (route(dnsName="a b"), 400, "dnsName"),
    (route(dnsName="127.0.0.1"), 400, "dnsName"),
    (route(dnsName="a." + "x" * 64), 400, "dnsName"),
    (route(dnsName="x" * 63 + "." + "y" * 63 + ".z"), 400, "dnsName"),
    (route(dnsName=None), 400, "dnsName"),
    (without(route(), "dnsName"), 400, "dnsName"),
    (route(port=0), 400, "port"),
    (route(port=65536), 400, "port"),
    (route(port="80"), 400, "port"),
    (route(targets=[]), 400, "targets"),
    (route(targets={}), 400, "targets"),
    (route(targets="v1"), 400, "targets"),
    (without(route(), "targets"), 400, "targets"),
    (route(targets=[{"service": "v1", "weight": 65536}]), 400, "targets[0].weight"),
    (route(targets=[{"service": "v1", "weight": 1}, {"service": "v2", "weight": -1}]), 400, "targets[1].weight"),
    (route(targets=[{"service": "v1"}]), 400, "targets[0].weight"),
    (route(targets=[{"weight": 1}]), 400, "targets[0].service"),
    (route(targets=[{"service": "v1", "weight": 1, "wait": 1}]), 400, "targets[0].wait"),
    (route(targets=[{"service": "v1", "weight": 1}, {"service": "v1", "weight": 2}]), 400,
     "targets[1].service"),
    (route(targets=[5]), 400, "targets[0]"),
    (("DELETE", "/v1/routes", {"dnsName": "nobody", "port": 80}), 404, None),
    (("DELETE", "/v1/routes", {"dnsName": "backend", "port": 81}), 404, None),
    (("POST", "/v1/batch", {}), 400, "changes"),
    (("POST", "/v1/batch", {"changes": {}}), 400, "changes"),
    (batch(OK_CHANGE, {"op": "update", "service": "v1", "id": "1", "weight": 65536}), 400, "changes[1].weight"),
    (batch(OK_CHANGE, {"op": "explode"}), 400, "changes[1].op"),
    (batch(OK_CHANGE, {"service": "v1"}), 400, "changes[1].op"),
    (batch(OK_CHANGE, 5), 400, "changes[1]"),
    (batch(OK_CHANGE, {"op": "deregister", "service": "v1", "id": "nobody"}), 404, None),
    (batch(OK_CHANGE, {"op": "delete-service", "service": "v2"}), 409, None),
    (batch(OK_CHANGE, {"op": "set-route", "dnsName": "x", "targets": [{"service": "v1", "weight": 70000}]}), 400,
     "changes[1].targets[0].weight"),
    (("POST", "/v1/tasks", {}), 400, "cgroup"),
    (("POST", "/v1/tasks", {"cgroup": 5}), 400, "cgroup"),
    (("POST", "/v1/tasks", {"cgroup": "/svctest-nowhere", "run": "yes"}), 400, "run"),
    (("POST", "/v1/tasks", {"cgroup": "/svctest-nowhere", "namespace": "a b"}), 400, "namespace"),
    (("DELETE", "/v1/tasks", {}), 400, None),
    (("DELETE", "/v1/tasks", {"all": False}), 400, None),
    (("DELETE", "/v1/tasks", {"all": "true"}), 400, "all"),
    (("DELETE", "/v1/tasks", {"cgroup": "/svctest-nowhere"}), 404, None),
    (("GET", "/v1/nothing", None), 404, None),
    (("GET", "/", None), 404, None),
    (("GET", "/v1/servicesx", None), 404, None),
    (("GET", "/v1/services/", None), 404, None),
    (("GET", "/v1/../etc/passwd", None), 404, None),
    (("PUT", "/v1/instances", GOOD), 405, None),
    (("DELETE", "/v1/status", None), 405, None),
    (("POST", "/v1/services", {"service": "x"}), 405, None),
    (("POST", "/metrics", {}), 405, None),
]


def check_error(request, answer, status, wanted_status, field):
    what = f"{request[0]} {request[1]} {str(request[2])[:120]}: {status} {str(answer)[:300]}"
    assert status == wanted_status, what
    error = answer["error"]
    assert error["message"] and "\n" not in error["message"] and len(error["message"]) < 2000, what
    if field:
        assert error.get("field") == field, what
        assert field in error["message"] and error["allowed"] and "value" in error, what


def test_bad_requests_change_nothing():
    with Testbed() as bed:
        with_some_state(bed)
        before = bed.wanted_state()
        wrong = []
        for request, wanted_status, field in BAD_REQUESTS:
            status, answer = bed.api(*request)
            try:
                check_error(request, answer, status, wanted_status, field)
                assert bed.wanted_state() == before, f"{request} changed something"
            except (AssertionError, KeyError, TypeError) as error:
                wrong.append(str(error))
                before = bed.wanted_state()
        note(f"{len(BAD_REQUESTS)} bad requests")
        assert not wrong, "\n".join([f"{len(wrong)} answered wrongly:", *wrong])


def test_an_empty_batch_changes_nothing():
    with Testbed() as bed:
        with_some_state(bed)
        before = bed.wanted_state()
        assert bed.api("POST", "/v1/batch", {"changes": []})[0] in (200, 400)
        bed.check_state(before)


def test_the_same_member_twice_is_not_taken_silently():
    """Which of the two would count? Refused, or at least the state is one of the two and said so."""
    with Testbed() as bed:
        with_some_state(bed)
        before = bed.wanted_state()
        status, answer = bed.api("PATCH", "/v1/instances", b'{"service": "v1", "id": "0", "weight": 3, "weight": 4}')
        if status == 200:
            assert bed.endpoints()["v1", "0"]["weight"] in (3, 4), answer
        else:
            assert status == 400 and bed.wanted_state() == before, (status, answer)


def test_good_requests_at_the_edges():
    """What is just allowed is taken, so that the refusals above mean something."""
    with Testbed() as bed:
        task = bed.task()
        for number, more in enumerate((
                {"weight": 0}, {"weight": 65535}, {"health": "UNHEALTHY"}, {"protocol": "tcp"}, {"service": "x" * 63 + "." + "y" * 63},
                {"id": "x" * 64}, {"id": "a/b:c.d@e-f_G"}, {"namespace": "n" * 1024}, {"namespace": "a/<\"b>"},
                {"address": "127.0.0.1:1"}, {"address": "127.0.0.1:65535"}, {"address": "[::1]:80"},
                {"service": "_a-b.c"}, {"address": "198.51.100.255:80"})):
            status, answer = bed.api(*register(**{"service": f"s{number}", **more}))
            assert status == 200, (more, status, answer)
            assert answer["revision"] > 0 and answer["warnings"] == [] and answer["id"], answer
        status, answer = bed.api("POST", "/v1/instances", {"service": "plain", "address": "127.0.0.9:80"})
        assert status == 200 and answer["id"] == "127.0.0.9:80", (status, answer)
        plain = bed.endpoints()["plain", "127.0.0.9:80"]
        assert (plain["weight"], plain["health"], plain["protocol"]) == (1, "HEALTHY", "tcp"), plain
        for more in ({"dnsName": "Back.End"}, {"dnsName": "x" * 63 + "." + "y" * 63}, {"port": 65535}):
            status, answer = bed.api(*route(**{"targets": [{"service": "plain", "weight": 65535}], **more}))
            assert status == 200, (more, status, answer)
        assert bed.alias("back.end")["dnsName"] == "back.end"
        assert task.path in bed.tasks()


def test_garbage_on_the_socket():
    with Testbed() as bed:
        with_some_state(bed)
        before = bed.wanted_state()
        chance = random.Random(7)
        pieces = [bytes(chance.randrange(256) for _ in range(chance.randrange(1, 4000))) for _ in range(50)]
        pieces += [b"GET", b"GET \r\n\r\n", b"\r\n" * 1000,
                   b"POST /v1/instances HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                   b"POST /v1/instances HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                   b"POST /v1/instances HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n",
                   b"GET /v1/status HTTP/9.9\r\n\r\n", b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n",
                   b"GET /v1/status HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                   b"GET /v1/status HTTP/1.1\r\n" + b"X: " + b"y" * 300000 + b"\r\n\r\n",
                   b"GET http://other/v1/status HTTP/1.1\r\n\r\n", b"CONNECT a:80 HTTP/1.1\r\n\r\n",
                   b"\x16\x03\x01\x02\x00"]
        for piece in pieces:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(5)
                sock.connect(bed.socket_path)
                with contextlib.suppress(OSError):
                    sock.sendall(piece)
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
        assert bed.is_up()
        bed.check_state(before)


def test_requests_split_into_single_bytes():
    with Testbed() as bed:
        body = json.dumps(GOOD).encode()
        request = b"POST /v1/instances HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(bed.socket_path)
            for byte in request:
                sock.sendall(bytes([byte]))
            assert b" 200 " in sock.recv(65536).split(b"\r\n")[0]
        assert ("v1", "z") in bed.endpoints()


def test_requests_cut_off_change_nothing():
    with Testbed() as bed:
        before = bed.wanted_state()
        body = json.dumps(GOOD).encode()
        request = b"POST /v1/instances HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        for length in range(1, len(request), 7):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(bed.socket_path)
                sock.sendall(request[:length])
        bed.check_state(before)


def test_a_body_over_the_limit():
    with Testbed() as bed:
        with_some_state(bed)
        before = bed.wanted_state()
        for size in (2 << 20, (1 << 20) + 1):
            body = json.dumps({**GOOD, "padding": "x" * size}).encode()
            try:
                status, answer = bed.api("POST", "/v1/instances", body)
                assert status == 413, (status, answer)
            except OSError:  # the daemon may answer and close before it has read all
                pass
            assert bed.is_up()
            bed.check_state(before)
        changes = [{"op": "register", "service": "big", "address": f"127.0.1.{i % 250 + 1}:{i + 1000}", "id": str(i)}
                   for i in range(5000)]
        big = json.dumps({"changes": changes}).encode()
        assert len(big) < 1 << 20
        status, answer = bed.api("POST", "/v1/batch", big)
        assert status == 200, (status, str(answer)[:300])
        assert len(bed.endpoints()) == 5003


def test_an_oversized_body_is_answered_413():
    """Far beyond the limit the answer does not wait for the body: with Expect: 100-continue it is never sent."""
    with Testbed() as bed:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(bed.socket_path)
            sock.sendall(b"POST /v1/instances HTTP/1.1\r\nHost: x\r\nContent-Length: 33554432\r\n\r\n")
            line = sock.recv(65536).split(b"\r\n")[0]
            assert b" 413 " in line, line


def test_slow_clients_hold_up_nobody():
    with Testbed() as bed:
        with_some_state(bed)
        slow = []
        with contextlib.ExitStack() as stack:
            beginnings = (b"POST /v1/instances HTTP/1.1\r\nContent-Length: 100\r\n\r\n{", b"GET /v1/st", b"")
            for number in range(50):
                sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                sock.connect(bed.socket_path)
                sock.sendall(beginnings[number % 3])
                slow.append(sock)
            for _ in range(20):
                bed.update("v1", "0", weight=5)
            # Who waits for the slow ones is answered when they have been cut off.
            assert select.select(slow, [], [], 0)[0] == [], "they are all still there"
        assert bed.is_up()


def test_a_client_that_does_not_read():
    """A pipeline of requests whose answers nobody takes must not make the daemon grow or stop."""
    with Testbed() as bed:
        with_some_state(bed)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(1)
            sock.connect(bed.socket_path)
            with contextlib.suppress(OSError):
                for _ in range(20000):
                    sock.sendall(b"GET /v1/aliases HTTP/1.1\r\nHost: x\r\n\r\n")
            bed.update("v1", "0", weight=9)
        with open(f"/proc/{bed.daemon.pid}/status", encoding="utf-8") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        assert resident < 200 * 1024, f"{resident} KiB resident"


def test_200_connections_at_once():
    with Testbed() as bed:
        with_some_state(bed)
        connections = [UnixConnection(bed.socket_path, 20) for _ in range(200)]
        for connection in connections:
            connection.connect()
        problems = []

        def ask(mine, first):
            try:
                for number, connection in enumerate(mine):
                    assert connection.ask("GET", "/v1/status")[0] == 200
                    body = {"service": "many", "address": "127.0.0.9:80", "id": str(first + number)}
                    assert connection.ask("POST", "/v1/instances", body)[0] == 200
            except (AssertionError, OSError) as error:
                problems.append(repr(error))

        threads = [threading.Thread(target=ask, args=(connections[i * 25:i * 25 + 25], i * 25)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()
        assert not problems, problems[:3]
        assert len([key for key in bed.endpoints() if key[0] == "many"]) == 200


def test_keep_alive_serves_many_requests():
    with Testbed() as bed:
        with_some_state(bed)
        with contextlib.closing(bed.connection()) as connection:
            connection.connect()
            first = connection.sock
            for i in range(300):
                status, _ = connection.ask("PATCH", "/v1/instances", {"service": "v1", "id": "0", "weight": i})
                assert status == 200 and connection.sock is first, i
        assert bed.endpoints()["v1", "0"]["weight"] == 299


SUFFIXES = ("red", "red.svc.cluster.local", "default.svc.cluster.local", "red.us-east-1.ecs.amazonaws.com")


def test_reads_are_narrowed_by_namespace():
    with Testbed() as bed:
        with_some_state(bed)
        bed.service("v9", namespace="red")
        for name, key in (("services", "name"), ("endpoints", "service"), ("aliases", "dnsName"), ("hosts", "name")):
            everything = {item[key] for item in bed.get(f"/v1/{name}")[name]}
            narrowed = {item[key] for item in bed.get(f"/v1/{name}", namespace="red")[name]}
            wanted = {"v9", *(f"v9.{suffix}" for suffix in SUFFIXES)} if name == "hosts" else {"v9"}
            assert narrowed == wanted, (name, narrowed)
            assert {"v1", "v2", "v9"} <= everything, name
        assert bed.get("/v1/routes", namespace="red")["routes"] == []
        assert bed.get("/v1/services", namespace="nowhere")["services"] == []


def test_metrics_are_prometheus_text():
    with Testbed() as bed:
        with_some_state(bed)
        status, text = bed.api("GET", "/metrics")
        assert status == 200 and isinstance(text, str), (status, text)
        samples = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert samples, text
        for line in samples:
            name, value = line.rsplit(" ", 1)
            float(value)
            assert name.startswith("svcconnect_"), line


def test_names_of_a_task_that_a_restart_could_not_read_back():
    """The kernel's map of tasks holds 127 characters of a name: longer ones are refused, 127 survive a restart."""
    with Testbed() as bed:
        client = bed.bare_task("client")
        for field in ("namespace", "service"):
            status, answer = bed.api("POST", "/v1/tasks", {"cgroup": client.path, field: "n" * 63 + "." + "n" * 64})
            assert status == 400 and answer["error"]["field"] == field, (field, status, answer)
        longest = "n" * 127
        status, answer = bed.api("POST", "/v1/tasks", {"cgroup": client.path, "namespace": longest})
        assert status == 200, answer
        bed.kill()
        bed.start()
        assert [task["namespace"] for task in bed.get("/v1/tasks")["tasks"]] == [longest]
