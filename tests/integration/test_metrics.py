# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Metrics over TCP: what is served, to whom, as what; checked by promtool, and harmed by nobody."""
import gzip
import http.client
import re
import socket
import subprocess

from testbed import PATIENCE, PORT, Testbed, need_program, wait_until

OPENMETRICS = "application/openmetrics-text; version=1.0.0; q=0.5, text/plain; version=0.0.4; q=0.3"


def listening(bed, **config):
    bed.metrics_address = bed.address(9465)
    bed.config.update({"metricsListen": bed.metrics_address, **config})
    bed.start()
    return bed


def testbed():
    return Testbed(start=False)


def ask(bed, method="GET", path="/metrics", **headers):
    connection = http.client.HTTPConnection(bed.metrics_address, timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def scrape(bed, **headers):
    status, _, body = ask(bed, **headers)
    assert status == 200, (status, body)
    return body.decode()


def value(text, name, **labels):
    """Of the one sample that has these labels among its own."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
        if match and match[1] == name and all(f'{key}="{text}"' in (match[2] or "") for key, text in labels.items()):
            found.append(float(match[3]))
    assert len(found) == 1, (name, labels, found)
    return found[0]


def connect(task, bed, times=1, name="web"):
    address = bed.address_of(name, PORT)
    agent = task.agent()
    try:
        for _ in range(times):
            agent.ask(address, PORT)
    finally:
        agent.end()


def test_promtool_finds_nothing():
    promtool = need_program("promtool")
    with testbed() as bed:
        listening(bed, metricsDetail="endpoint")
        bed.service("web", (1, 2))
        bed.cli_ok("set", "web", "responseTime=all")
        task = bed.task()
        connect(task, bed, 3)
        text = scrape(bed)
        assert value(text, "svcconnect_service_first_byte_seconds_count", namespace="default", service="web") == 3, text
        result = subprocess.run([promtool, "check", "metrics"], input=text, text=True, capture_output=True, timeout=60 * PATIENCE,
                                check=False)
        assert result.returncode == 0 and not result.stdout and not result.stderr, (result, text)


def test_who_calls_whom():
    with testbed() as bed:
        listening(bed)
        bed.service("web", (1, 2))
        task = bed.task(service="front")
        connect(task, bed, 5)
        who = {"namespace": "default", "client": "front", "alias": "web", "port": str(PORT), "service": "web"}

        def are_closed():
            return value(scrape(bed), "svcconnect_caller_outcomes_total", outcome="closed", **who) == 5
        wait_until(are_closed, 5, "five that are closed")
        text = scrape(bed)
        assert value(text, "svcconnect_caller_connections_total", **who) == 5
        assert value(text, "svcconnect_caller_outcomes_total", outcome="refused", **who) == 0
        assert value(text, "svcconnect_caller_open", **who) == 0
        received = value(text, "svcconnect_caller_bytes_total", direction="received", **who)
        assert received >= 5 * len("web/0\n"), text
        assert value(text, "svcconnect_service_bytes_total", service="web", direction="received") == received
        # They go on over a restart of the daemon.
        bed.kill()
        bed.restart(config=bed.config)
        assert value(scrape(bed), "svcconnect_caller_connections_total", **who) == 5
    with testbed() as bed:
        listening(bed, callers="off")
        assert "svcconnect_caller" not in scrape(bed)


def test_services_and_aliases():
    with testbed() as bed:
        listening(bed)
        bed.service("web", (1, 3))
        bed.service("spare")
        bed.route("front", {"web": 90, "spare": 10})
        task = bed.task()
        connect(task, bed, 5)
        text = wait_until(lambda: (text := scrape(bed)) and value(
            text, "svcconnect_service_outcomes_total", service="web", outcome="established") == 5 and text, 5, "five outcomes")
        assert value(text, "svcconnect_service_connections_total", namespace="default", service="web") == 5
        assert value(text, "svcconnect_service_connections_total", service="spare") == 0
        assert value(text, "svcconnect_service_endpoints", service="web", state="drawn") == 2
        assert value(text, "svcconnect_alias_endpoints", alias="web") == 2
        assert value(text, "svcconnect_alias_endpoints", alias="front", port="80", protocol="tcp") == 3
        assert abs(value(text, "svcconnect_alias_target_wanted_ratio", alias="front", service="web") - 0.9) < 1e-9
        assert abs(value(text, "svcconnect_alias_target_effective_ratio", alias="front", service="spare") - 0.1) < 1e-6
        assert value(text, "svcconnect_tasks") == 1
        assert value(text, "svcconnect_scrape_consistent") == 1
        assert "svcconnect_build_info{version=" in text
        assert "svcconnect_endpoint_" not in text
        bed.update("web", "0", health="UNHEALTHY")
        text = scrape(bed)
        assert value(text, "svcconnect_service_endpoints", service="web", state="unhealthy") == 1
        assert value(text, "svcconnect_alias_endpoints", alias="web") == 1


def test_counters_never_go_down():
    """Also when an endpoint that they were counted at goes, and comes back under its name."""
    with testbed() as bed:
        listening(bed)
        first, second = bed.service("web", (1, 1))
        task = bed.task()
        connect(task, bed, 20)
        before = value(scrape(bed), "svcconnect_service_connections_total", service="web")
        assert before == 20
        connect(task, bed, 7)
        bed.change("DELETE", "/v1/instances", service="web", id="0", now=True)
        assert value(scrape(bed), "svcconnect_service_connections_total", service="web") == 27
        bed.register("web", first, id="0")
        connect(task, bed, 3)
        assert value(scrape(bed), "svcconnect_service_connections_total", service="web") == 30
        bed.change("DELETE", "/v1/services", service="web")
        # Who has called it stays told, as long as the kernel has the row.
        assert set(re.findall(r'^(\w+)\{.*service="web"', scrape(bed), re.M)) <= \
            {"svcconnect_service_bytes_total", *(f"svcconnect_caller_{what}" for what in
                                                 ("connections_total", "outcomes_total", "bytes_total", "open", *(
                                                     f"first_byte_seconds_{part}" for part in ("bucket", "sum", "count"))))}
        assert second


def test_a_restart_begins_at_zero():
    with testbed() as bed:
        listening(bed)
        bed.service("web")
        task = bed.task()
        connect(task, bed, 4)
        assert value(scrape(bed), "svcconnect_service_connections_total", service="web") == 4
        bed.restart()
        assert value(scrape(bed), "svcconnect_service_connections_total", service="web") == 0
        connect(task, bed, 2)
        assert value(scrape(bed), "svcconnect_service_connections_total", service="web") == 2


def test_forms():
    with testbed() as bed:
        listening(bed)
        bed.service("web")
        _, headers, plain = ask(bed)
        assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", headers
        assert b"# EOF" not in plain
        _, headers, text = ask(bed, Accept=OPENMETRICS)
        assert headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8", headers
        assert text.endswith(b"\n# EOF\n") and b"# TYPE svcconnect_probes counter\n" in text
        _, headers, packed = ask(bed, Accept_Encoding="gzip")
        assert headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in headers["Vary"], headers
        assert set(re.findall(rb"# TYPE (\S+)", gzip.decompress(packed))) == set(re.findall(rb"# TYPE (\S+)", plain))
        assert len(packed) < len(plain) / 3


def test_nothing_else_is_served():
    with testbed() as bed:
        listening(bed)
        for method, path, status in (("GET", "/", 404), ("GET", "/v1/status", 404), ("GET", "/metrics/", 404),
                                     ("POST", "/metrics", 405), ("PUT", "/v1/routes", 404), ("DELETE", "/metrics", 405)):
            found, _, body = ask(bed, method, path)
            assert found == status and body.endswith(b"\n"), (method, path, found, body)
        found, _, body = ask(bed, "GET", "/metrics?x=1")
        assert found == 200


def test_strangers_harm_nothing():
    """More connections than there may be, slow ones, garbage: the next scrape is answered, and so are tasks."""
    with testbed() as bed:
        listening(bed)
        bed.service("web")
        task = bed.task()
        host, port = bed.metrics_address.split(":")
        sockets = []
        for i in range(200):
            sock = socket.create_connection((host, int(port)), timeout=10)
            sockets.append(sock)
            sock.sendall((b"GET /metrics HTTP/1.1\r\nX: ", b"\0\xff\r\n\r\n", b"GET /metrics HTTP/1.1\r\n\r\n", b"")[i % 4])
        connect(task, bed, 1)
        assert value(scrape(bed), "svcconnect_services") == 1
        for sock in sockets:
            sock.close()
        assert bed.status()["state"] == "ok"
        with socket.create_connection((host, int(port)), timeout=10) as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"a" * 40000)
            assert sock.recv(100).startswith(b"HTTP/1.1 431")


def test_an_address_that_is_taken():
    with testbed() as bed:
        bed.metrics_address = bed.address(9465)
        host, port = bed.metrics_address.split(":")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what an earlier test had there may linger
            other.bind((host, int(port)))
            other.listen()
            bed.config["metricsListen"] = bed.metrics_address
            bed.start()
            assert "metrics on " + bed.metrics_address in bed.status()["degraded"][0], bed.status()
        wait_until(lambda: bed.status()["state"] == "ok", 10, "the address")
        assert value(scrape(bed), "svcconnect_degraded") == 0


def test_settings_that_are_wrong():
    with testbed() as bed:
        for config, sentence in (({"metricsListen": "9465"}, 'metricsListen: "9465" is not allowed'),
                                 ({"metricsDetail": "all"}, 'metricsDetail: "all" is not allowed; allowed: service, endpoint')):
            bed.config = config
            daemon = bed.launch()
            assert daemon.wait(30) != 0
            with open(bed.log_file, encoding="utf-8") as log:
                assert sentence in log.read()
