# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""explain: what is told of a connect is what the connect does."""
import collections

from testbed import PORT, Testbed


def explain(bed, *words):
    return bed.cli_ok("explain", *words, "--json").json()


def item(answer, id):
    return next(endpoint for endpoint in answer["endpoints"] if endpoint["id"] == id)


def codes(endpoint, against=None):
    return {reason["code"] for reason in endpoint["reasons"] if against in (None, reason["against"])}


def test_what_is_told_is_what_happens():
    with Testbed() as bed:
        bed.service("v1", weights=(3, 1, 0))
        bed.service("v2")
        bed.route("backend", {"v1": 80, "v2": 20})
        bed.route("backend", {"v2": 1}, client="qa")
        task, other = bed.task(), bed.task(service="qa", name="qa")
        agent, address = task.agent(), bed.address_of("backend")

        told = explain(bed, "backend:80", "--task", task.path)
        assert told["connect"]["outcome"] == "connects" and told["scope"]["client"] == "" and told["endpointsInAll"] == 4, told
        shares = {f"{endpoint['service']}/{endpoint['id']}": endpoint["sharePercent"]["ipv4"] for endpoint in told["endpoints"]}
        assert {name: round(share, 3) for name, share in shares.items()} == {"v1/0": 60, "v1/1": 20, "v1/2": 0, "v2/0": 20}, shares
        assert codes(item(told, "2"), against=True) == {"weight"}
        drawn = collections.Counter(agent.name(address, 80) for _ in range(300))
        assert set(drawn) == {name for name, share in shares.items() if share}, drawn

        bed.change("POST", "/v1/ejections", service="v1", id="0", forSeconds=600)
        told = explain(bed, "backend", "--pid", str(agent.process.pid))
        assert "ejected" in codes(item(told, "0"), against=True)
        assert round(item(told, "1")["chancePercent"]["ipv4"], 3) == 50, told
        assert {agent.name(address, 80) for _ in range(60)} == {"v1/1", "v2/0"}

        told = explain(bed, "backend.default", "--task", other.path)
        assert told["resolution"]["outcome"] == "outside", "a route's alias is no service"
        told = explain(bed, "backend", "--task", other.path)
        assert [endpoint["service"] for endpoint in told["endpoints"]] == ["v2"] and told["route"]["client"] == "qa", told
        assert {other.agent().name(address, 80) for _ in range(20)} == {"v2/0"}

        told = explain(bed, f"v2.default.svc.cluster.local:{PORT}")
        assert told["resolution"]["outcome"] == "service" and told["alias"]["dnsName"] == "v2", told

        told = explain(bed, "backend:81")
        assert told["connect"]["outcome"] == "refused" and "80/tcp" in told["connect"]["text"], told
        assert agent.name(address, 81) == "ECONNREFUSED"
        told = explain(bed, f"{address}:80")
        assert told["resolution"]["outcome"] == "address" and told["alias"]["dnsName"] == "backend", told

        for id in ("0", "1"):
            bed.update("v1", id, health="UNHEALTHY")
        bed.update("v2", "0", health="UNHEALTHY")
        told = explain(bed, "backend")
        assert told["connect"]["outcome"] == "refused" and "reported" in codes(item(told, "1"), against=True), told
        assert agent.name(address, 80) == "ECONNREFUSED"
        assert explain(bed, "example.com:443")["connect"]["outcome"] == "passes"


def test_the_command():
    with Testbed() as bed:
        bed.service("v1")
        bed.route("backend", {"v1": 1})
        task = bed.task()
        out = bed.cli_ok("explain", "backend:80", "--task", task.path).out
        for part in (f"task      {task.path}", "name      backend: the client alias backend: 127.", "route     backend:80/tcp for everybody: v1 100.0 %",
                     "connect   connects", "not checked"):
            assert part in out, out
        assert "HARE IPV4" not in out, "one column where both families are equal"
        result = bed.cli("explain", "backend", "--task", "/not/there")
        assert result.rc == 1 and "cgroup" in result.err, result
        bare = bed.bare_task("bare")
        result = bed.cli("explain", "backend", "--task", bare.path)
        assert result.rc == 1 and "a task" in result.err, result
        assert bed.cli("explain").rc == 2 and bed.cli("explain", ":80").rc == 2
        before = bed.wanted_state()
        bed.cli_ok("explain", "backend", "-n", "default", "--client", "web")
        assert bed.wanted_state() == before, "explaining changes nothing"
        assert bed.cli("explain", "backend", "-n", "nowhere").rc == 1
