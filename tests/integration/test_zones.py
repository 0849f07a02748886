# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Zones: what stays in the zone of the host, what spills over, and who says where a host is."""
import collections
import http.server
import os
import threading

import chi_square
from testbed import Testbed, note, wait_until

CONNECTS = 6000
ZONES = "aabbbbbb"  # of eight instances; the host is in a


def zoned(bed, service="backend", zones=ZONES, **settings):
    """Instances "0", "1"... of a service, each in its zone."""
    addresses = [bed.address() for _ in zones]
    bed.announce({address: f"{service}/{i}" for i, address in enumerate(addresses)})
    bed.batch([{"op": "register", "service": service, "address": address, "id": str(i), "zone": zone}
               for i, (address, zone) in enumerate(zip(addresses, zones))])
    if settings:
        configure(bed, service, **settings)


def configure(bed, service="backend", **settings):
    bed.cli_ok("set", service, *(f"{name}={value}" for name, value in settings.items()))


def draw(bed, task, name="backend", port=8080, count=CONNECTS):
    report = task.connector({bed.target(name, port): None}, "--count", count, "--parallel", 4)
    assert report["answered"] == count and not report["failed"], report
    return report["names"]


def check(bed, task, wanted, name="backend", port=8080):
    """Counts that come from these shares, and what is told of them."""
    counts = draw(bed, task, name, port)
    left_over = {who: n for who, n in counts.items() if who not in wanted}
    assert sum(left_over.values()) <= 3, f"a way out is one part in 65,536: {counts}"
    counts = {who: n for who, n in counts.items() if who in wanted}
    if len(wanted) > 1:
        statistic, p = chi_square.check(counts, wanted)
        note(f"{dict(sorted(counts.items()))}, chi-square {statistic:.1f}, p {p:.3f}")
    return counts


def in_zone(bed, name="backend", port=8080):
    return bed.alias(name, port)["targets"][0]["inZonePercent"]


def names(ids, share=1.0, service="backend"):
    return {f"{service}/{i}": share / len(ids) for i in ids}


def test_prefer_only_off():
    with Testbed(flags=("--zone", "a")) as bed:
        zoned(bed)
        task = bed.task()
        check(bed, task, names("01"))
        assert in_zone(bed) > 99.9 and bed.status()["zone"] == "a"

        configure(bed, zone="off")
        check(bed, task, names("01234567"))
        assert abs(in_zone(bed) - 25) < 0.01

        configure(bed, zone="only")
        assert set(draw(bed, task, count=500)) == set(names("01"))
        bed.update("backend", "0", health="UNHEALTHY")
        bed.update("backend", "1", health="UNHEALTHY")
        assert task.agent().name(bed.address_of("backend", 8080), 8080) == "ECONNREFUSED", "nobody else is asked"
        assert bed.endpoints()["backend", "2"]["reasonCode"] == "zone"
        configure(bed, zone="prefer")
        check(bed, task, names("234567"))

        configure(bed, zoneMinEndpoints=9)
        bed.update("backend", "0", health="HEALTHY")
        check(bed, task, names("0234567"))


def test_sick_ones_spill_over():
    """A zone with less capacity than clients keeps what it can carry; the others get the rest as they can."""
    with Testbed(flags=("--zone", "a")) as bed:
        zoned(bed)
        task = bed.task()
        bed.update("backend", "0", health="UNHEALTHY")
        kept = (1 / 7) / (2 / 8)  # of the capacity, of the clients
        check(bed, task, names("1", kept) | names("234567", 1 - kept))
        assert abs(in_zone(bed) - 100 * kept) < 0.05

        bed.update("backend", "0", health="HEALTHY")
        configure(bed, zoneClients="a=1,b=1")
        check(bed, task, names("01", 0.5) | names("234567", 0.5))
        text = bed.cli_ok("explain", "backend:8080").out
        assert "25.0 % of the capacity" in text and "50.0 % of connects stay" in text, text
        told = bed.cli_ok("explain", "backend:8080", "--json").json()
        reasons = {endpoint["id"]: [reason["text"] for reason in endpoint["reasons"] if reason["code"] == "zone"]
                   for endpoint in told["endpoints"]}
        assert reasons["0"] == ["in this host's zone a"] and "gets 100.0 % of the connects" in reasons["5"][0], reasons


def test_ejected_ones_spill_over_and_come_back():
    with Testbed(flags=("--zone", "a")) as bed:
        zoned(bed)
        task = bed.task()
        bed.change("POST", "/v1/ejections", service="backend", id="0", forSeconds=600)
        kept = (1 / 7) / (2 / 8)
        wait_until(lambda: abs(in_zone(bed) - 100 * kept) < 0.1, 10, "the tables to follow the ejection")
        check(bed, task, names("1", kept) | names("234567", 1 - kept))
        bed.kill()
        bed.start()
        assert bed.status()["writes"]["maps"] == 0, bed.status()["writes"]  # the tables are as they were
        check(bed, task, names("1", kept) | names("234567", 1 - kept))
        bed.change("DELETE", "/v1/ejections", service="backend", id="0")
        wait_until(lambda: in_zone(bed) > 99.9, 10, "it to be back")


def test_the_way_out_with_the_daemon_dead():
    """All that listen in the zone go while nobody can build another table."""
    with Testbed(flags=("--zone", "a")) as bed:
        here, elsewhere = bed.address(), bed.address()
        bed.announce({here: "here"})
        server = bed.processes[-1]
        bed.announce({elsewhere: "elsewhere"})
        bed.cli_ok("register", "backend", "--address", here, "--zone", "a")
        bed.cli_ok("register", "backend", "--address", elsewhere, "--zone", "b")
        configure(bed, zoneMinEndpoints=0)
        agent, address = bed.task().agent(), bed.address_of("backend", 8080)
        assert {agent.name(address, 8080) for _ in range(50)} == {"here"}
        bed.kill()
        server.kill()
        server.wait()
        assert {agent.name(address, 8080) for _ in range(50)} == {"elsewhere"}


def test_weights_of_routes_stay_exact():
    with Testbed(flags=("--zone", "a")) as bed:
        zoned(bed, "v1")
        zoned(bed, "v2", zones="bbbbbba")
        bed.route("shop", {"v1": 90, "v2": 10})
        task = bed.task()
        counts = draw(bed, task, "shop", 80, 20000)
        of = collections.Counter()
        for who, n in counts.items():
            of[who.partition("/")[0]] += n
        chi_square.check(dict(of), {"v1": 90, "v2": 10})
        assert counts["v1/0"] + counts["v1/1"] >= of["v1"] - 3 and counts["v2/6"] >= of["v2"] - 3, counts


class Metadata(http.server.BaseHTTPRequestHandler):
    """EC2's metadata service, which gives nothing without a token."""
    asked = []

    def do_PUT(self):
        self.asked.append(self.path)
        self.answer(200 if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else 400, "a-token")

    def do_GET(self):
        self.asked.append(self.path)
        is_good = self.headers["X-aws-ec2-metadata-token"] == "a-token"
        self.answer(200 if is_good else 401, "eu-west-1b")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def test_who_says_where_a_host_is():
    server = http.server.HTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}/"
    try:
        with Testbed(config={"zone": "ec2"}) as bed:
            assert bed.status()["zone"] == "eu-west-1b" and Metadata.asked[0] == "/latest/api/token", Metadata.asked
            server.shutdown()
            server.server_close()
            bed.restart()
            assert "zone" not in bed.status(), "nobody answers, and the daemon starts all the same"
            os.environ["SVCCONNECT_ZONE"] = "eu-west-1c"
            bed.restart(config={"zone": "auto"})
            assert bed.status()["zone"] == "eu-west-1c"
            bed.restart(config={"zone": "off"})
            assert "zone" not in bed.status()
    finally:
        os.environ.pop("AWS_EC2_METADATA_SERVICE_ENDPOINT", None)
        os.environ.pop("SVCCONNECT_ZONE", None)


def test_zones_are_kept_and_shown():
    with Testbed(flags=("--zone", "a")) as bed:
        zoned(bed, zones="ab")
        bed.cli_ok("register", "backend", "--address", "127.9.9.9:80", "--id", "x", "--zone", "b")
        refused = bed.cli("register", "backend", "--address", "127.9.9.9:80", "--zone", "no zone")
        assert refused.rc == 1 and "zone" in refused.err, refused
        bed.restart()
        assert [bed.endpoints()["backend", id].get("zone") for id in ("0", "1", "x")] == ["a", "b", "b"]
        assert bed.endpoints()["backend", "x"]["attributes"] == {"AVAILABILITY_ZONE": "b"}
        assert '"zone":"b"' in bed.cli_ok("export").out.replace(" ", "")
        assert "ZONE" in bed.cli_ok("endpoints", "-o", "wide").out and "IN ZONE" in bed.cli_ok("aliases", "-o", "wide").out
        refused = bed.cli("set", "backend", "zone=near")
        assert refused.rc == 1 and "prefer, only, off" in refused.err, refused
        assert bed.cli("set", "backend", "zoneClients=a").rc == 1
