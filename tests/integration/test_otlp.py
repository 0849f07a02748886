# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""OpenTelemetry: a span for each logged connection and the services' metrics, to a collector that now and then takes nothing."""
import http.server
import json
import os
import threading

from test_callers import call, serve
from test_connections import connections
from test_metrics import value
from testbed import PORT, Testbed, wait_until


class Collector:
    """Keeps what it is sent, as long as its status is 200."""

    def __init__(self, address):
        self.status = 200
        self.spans = []  # (service.name, span)
        self.metrics = {}  # (name, service, label): value
        self.keys = set()
        self.refused = 0
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["Content-Type"] == "application/json"
                status = collector.status
                if status == 200:
                    collector.keys.add(self.headers["X-Key"])
                    {"/otlp/v1/traces": collector.take_spans, "/otlp/v1/metrics": collector.take_metrics}[self.path](body)
                else:
                    collector.refused += 1
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        host, port = address.rsplit(":", 1)
        self.server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def take_spans(self, body):
        for resource in body["resourceSpans"]:
            name = attributes(resource["resource"])["service.name"]
            for scope in resource["scopeSpans"]:
                self.spans += [(name, span) for span in scope["spans"]]

    def take_metrics(self, body):
        for metric in body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]:
            for point in metric.get("sum", metric.get("gauge"))["dataPoints"]:
                labels = attributes(point)
                self.metrics[metric["name"], labels["svcconnect.service"],
                             labels.get("svcconnect.outcome", labels.get("svcconnect.state"))] = int(point["asInt"])


def attributes(thing):
    return {one["key"]: int(one["value"]["intValue"]) if "intValue" in one["value"] else one["value"]["stringValue"]
            for one in thing["attributes"]}


def counted(bed):
    text = bed.api("GET", "/metrics")[1]
    return [int(value(text, f"svcconnect_otlp_{what}_total")) for what in ("sent", "dropped", "failed_requests")]


def check_span(name, span, one):
    """Against what GET /v1/connections says of the same connection."""
    has = attributes(span)
    assert (name, has["server.address"], has["server.port"], has["peer.service"], has["svcconnect.outcome"]) == \
        (one["client"], one["alias"], one["aliasPort"], one["service"], one["outcome"]), (name, span, one)
    assert (has["svcconnect.bytes_received"], has["process.pid"], span["kind"]) == (one["bytesReceived"], one["pid"], 3)
    assert span["status"].get("code", 0) == (0 if one["outcome"] == "closed" else 2), span
    took = int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])
    assert abs(took / 1e6 - one["milliseconds"]) < 0.01, (span, one)


def test_what_a_collector_is_sent():
    with Testbed(start=False) as bed:
        where = bed.address(4318)
        path = os.path.join(bed.base, "headers")
        with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write("X-Key: of the vendor\n")
        bed.config.update(connectionLog="all", otlp={"endpoint": f"http://{where}/otlp", "headersFile": path,
                                                     "intervalSeconds": 1})
        bed.start()
        good, bad = serve(bed, bed.address()), bed.address()
        bed.register("good", good, id="g")
        bed.register("bad", bad, id="b")
        bed.service("many")
        bed.change("PUT", "/v1/settings", service="bad", settings={"ejection": {"failures": 0}})
        task = bed.task(service="web")
        call(task, 5, bed.target("good", PORT))
        wait_until(lambda: counted(bed)[2] > 0, 10, "a request that nobody answers")
        with Collector(where) as collector:
            call(task, 3, bed.target("bad", PORT))
            wait_until(lambda: len(collector.spans) >= 8, 10, "a span for each connection")
            for (name, span), one in zip(collector.spans, connections(bed, 8), strict=True):
                check_span(name, span, one)
            wait_until(lambda: collector.metrics.get(("svcconnect.service.outcomes", "bad", "refused")) == 3 and
                       collector.metrics["svcconnect.service.connections", "good", None] == 5, 10, "the services' metrics")
            assert collector.metrics["svcconnect.service.endpoints", "good", "drawn"] == 1
            assert collector.keys == {"of the vendor"}
            assert counted(bed)[:2] == [8, 0]

            # While it takes nothing, the log keeps the last 2,048, and what has no room in it is counted.
            collector.status = 503
            task.connector({bed.target("many", PORT): None}, "--count", 3000, "--parallel", 4)
            wait_until(lambda: collector.refused > 0 and bed.get("/v1/connections", after=1 << 50)["next"] == 3008, 10,
                       "all of them in the log")
            wait_until(lambda: counted(bed)[1] == 3000 - 2048, 10, "those without room are counted")
            collector.status = 200
            wait_until(lambda: counted(bed)[:2] == [8 + 2048, 3000 - 2048], 20, "the others are sent")
            assert len({span["traceId"] for _, span in collector.spans}) == len(collector.spans) == 8 + 2048
            assert bed.status()["state"] == "ok", bed.status()
