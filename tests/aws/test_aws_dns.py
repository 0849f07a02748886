# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""--dns-listen answers what services of the AWS API were declared with: types, times, routing policy."""
import collections

from aws_client import AwsBed, free_port
from test_aws_cloud_map import make_namespace, make_service
from testbed import need_program


class DnsBed(AwsBed):
    def __init__(self):
        self.dns_port = free_port()
        super().__init__(flags=["--dns-listen", f"127.0.0.1:{self.dns_port}"])

    def ask(self, *words):
        return self.run([need_program("dig"), "@127.0.0.1", "-p", str(self.dns_port), "+time=2", "+tries=1", "+nocookie",
                         *words]).out

    def short(self, *words):
        return self.ask("+short", *words).splitlines()

    def records(self, section, *words):
        """[[name, ttl, class, type, data...]] of one section"""
        lines = self.ask("+noall", f"+{section}", *words).splitlines()
        return [line.split() for line in lines if line and not line.startswith(";")]


def config(*types, policy="MULTIVALUE", ttl=15):
    return {"RoutingPolicy": policy, "DnsRecords": [{"Type": type, "TTL": ttl} for type in types]}


def register(cloud_map, service, id, **attributes):
    attributes = {f"AWS_INSTANCE_{key.upper()}": str(value) for key, value in attributes.items()}
    cloud_map.register_instance(ServiceId=service["Id"], InstanceId=id, Attributes=attributes)


def mark(cloud_map, service, status, *ids):
    for id in ids:
        cloud_map.update_instance_custom_health_status(ServiceId=service["Id"], InstanceId=id, Status=status)


CUSTOM = {"HealthCheckCustomConfig": {"FailureThreshold": 1}}


def test_declared_types_and_times():
    with DnsBed() as bed:
        cloud_map = bed.client("servicediscovery")
        namespace = make_namespace(cloud_map, "shop.local", "private_dns", Vpc="vpc-1")
        a = make_service(cloud_map, namespace, "a", DnsConfig=config("A", ttl=77))
        register(cloud_map, a, "i1", ipv4="10.0.0.1", port=80)
        assert bed.records("answer", "a.shop.local") == [["a.shop.local.", "77", "IN", "A", "10.0.0.1"]]
        for type in ("AAAA", "SRV", "TXT"):
            text = bed.ask("a.shop.local", type)
            assert "status: NOERROR" in text and "ANSWER: 0" in text and "SOA" in text, (type, text)
        assert "NXDOMAIN" in bed.ask("i1.a.shop.local"), "names of instances come with SRV"

        both = make_service(cloud_map, namespace, "both", DnsConfig=config("A", "AAAA"))
        register(cloud_map, both, "i1", ipv4="10.0.0.2", ipv6="fd00::2")
        assert bed.short("both.shop.local") == ["10.0.0.2"] and bed.short("both.shop.local", "AAAA") == ["fd00::2"]

        srv = make_service(cloud_map, namespace, "srv", DnsConfig=config("SRV", ttl=33))
        register(cloud_map, srv, "Task-1.a", ipv4="10.0.0.3", port=8080)
        register(cloud_map, srv, "colon:1", ipv4="10.0.0.4", port=8081)
        text = bed.ask("srv.shop.local")
        assert "status: NOERROR" in text and "ANSWER: 0" in text, "SRV alone, so there is no A"
        found = bed.records("answer", "+tcp", "srv.shop.local", "SRV")
        assert sorted(found) == [
            ["srv.shop.local.", "33", "IN", "SRV", "1", "1", "8080", "Task-1.a.srv.shop.local."],
            ["srv.shop.local.", "33", "IN", "SRV", "1", "1", "8081", "10-0-0-4-8081.srv.shop.local."]], found
        found = bed.records("additional", "+tcp", "srv.shop.local", "SRV")
        assert ["Task-1.a.srv.shop.local.", "33", "IN", "A", "10.0.0.3"] in found and len(found) == 2, found
        assert bed.records("answer", "task-1.a.srv.shop.local")[0][1:] == ["33", "IN", "A", "10.0.0.3"]
        assert bed.short("10-0-0-4-8081.srv.shop.local") == ["10.0.0.4"]
        text = bed.ask("a.srv.shop.local")
        assert "status: NOERROR" in text and "ANSWER: 0" in text, "something is below it"
        assert "NXDOMAIN" in bed.ask("task-1.srv.shop.local")

        cloud_map.update_service(Id=a["Id"], Service={"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 5}]}})
        assert bed.records("answer", "a.shop.local")[0][1] == "5"
        cloud_map.update_service(Id=a["Id"], Service={"Description": "without records"})
        assert "NXDOMAIN" in bed.ask("a.shop.local")
        bed.kill()
        bed.start()
        assert bed.records("answer", "+tcp", "srv.shop.local", "SRV")[0][1] == "33", "a restart knows"


def test_routing_policies():
    with DnsBed() as bed:
        cloud_map = bed.client("servicediscovery")
        namespace = make_namespace(cloud_map, "shop.local", "private_dns", Vpc="vpc-1")
        weighted = make_service(cloud_map, namespace, "w", DnsConfig=config("A", policy="WEIGHTED"), **CUSTOM)
        multi = make_service(cloud_map, namespace, "m", DnsConfig=config("A"), **CUSTOM)
        ids = [f"i{i}" for i in range(10)]
        for i, id in enumerate(ids):
            register(cloud_map, weighted, id, ipv4=f"10.0.0.{i}")
            register(cloud_map, multi, id, ipv4=f"10.0.1.{i}")
        counts = collections.Counter()
        for _ in range(300):
            found = bed.short("w.shop.local")
            assert len(found) == 1, found
            counts[found[0]] += 1
        assert len(counts) == 10 and max(counts.values()) < 60, counts
        assert len(set(bed.short("+tcp", "m.shop.local"))) == 8
        mark(cloud_map, weighted, "UNHEALTHY", *ids[2:])
        mark(cloud_map, multi, "UNHEALTHY", *ids[2:])
        assert {bed.short("w.shop.local")[0] for _ in range(40)} == {"10.0.0.0", "10.0.0.1"}
        assert set(bed.short("+tcp", "m.shop.local")) == {"10.0.1.0", "10.0.1.1"}
        mark(cloud_map, weighted, "UNHEALTHY", *ids[:2])
        mark(cloud_map, multi, "UNHEALTHY", *ids[:2])
        assert len({bed.short("w.shop.local")[0] for _ in range(60)}) > 5, "one of all, as if they were healthy"
        assert len(bed.short("+tcp", "m.shop.local")) == 8, "up to eight of the unhealthy"


def test_cname():
    with DnsBed() as bed:
        cloud_map = bed.client("servicediscovery")
        namespace = make_namespace(cloud_map, "shop.local", "private_dns", Vpc="vpc-1")
        service = make_service(cloud_map, namespace, "c", DnsConfig=config("CNAME", policy="WEIGHTED", ttl=9), **CUSTOM)
        text = bed.ask("c.shop.local")
        assert "status: NOERROR" in text and "ANSWER: 0" in text
        for name in "ab":
            register(cloud_map, service, name, cname=f"{name}.example.com")
        for type in ("A", "AAAA", "CNAME", "TXT"):
            found = bed.records("answer", "c.shop.local", type)
            assert len(found) == 1 and found[0][:4] == ["c.shop.local.", "9", "IN", "CNAME"], found
        assert {bed.records("answer", "c.shop.local")[0][4] for _ in range(40)} == {"a.example.com.", "b.example.com."}
        mark(cloud_map, service, "UNHEALTHY", "a")
        assert {bed.records("answer", "c.shop.local")[0][4] for _ in range(20)} == {"b.example.com."}


def test_who_is_in_dns():
    """An HTTP namespace is in no zone; what was declared without records has all that its instances can have."""
    with DnsBed() as bed:
        cloud_map = bed.client("servicediscovery")
        http = make_service(cloud_map, make_namespace(cloud_map, "plain"), "web")
        register(cloud_map, http, "i1", ipv4="10.0.0.1", port=80)
        assert "REFUSED" in bed.ask("web.plain") and "REFUSED" in bed.ask("plain")
        namespace = make_namespace(cloud_map, "shop.local", "private_dns", Vpc="vpc-1")
        service = make_service(cloud_map, namespace, "web")
        register(cloud_map, service, "i1", ipv4="10.0.0.1", port=80)
        assert bed.short("web.shop.local") == ["10.0.0.1"]
        assert bed.short("web.shop.local", "SRV") == ["1 1 80 i1.web.shop.local."]
        assert bed.short("i1.web.shop.local") == ["10.0.0.1"]


def test_the_setting():
    with DnsBed() as bed:
        for i in range(4):
            bed.register("web", f"10.0.0.{i}:80", id=f"i{i}", namespace="ours.local")
        assert len(bed.short("web.ours.local")) == 4
        bed.change("PUT", "/v1/settings", service="web", namespace="ours.local", settings={"dnsRoutingPolicy": "WEIGHTED"})
        assert len(bed.short("web.ours.local")) == 1 and len(bed.short("+tcp", "web.ours.local", "SRV")) == 1
        assert len({bed.short("web.ours.local")[0] for _ in range(60)}) == 4
