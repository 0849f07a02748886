# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Warnings before an outage: aliases that a change leaves without an endpoint, and names that nobody has."""
import json

from testbed import Testbed

LEFT = "warning: no endpoint of client alias {} of namespace default is left to be drawn: connects to it are refused"


def expect(result, *parts):
    """As many warnings on standard error as parts, which they have."""
    lines = result.err.splitlines()
    assert result.rc == 0 and len(lines) == len(parts), (parts, result)
    assert all(part in line for part, line in zip(parts, lines)), (parts, result)


def test_warnings():
    with Testbed() as bed:
        for service, number in (("v1", 1), ("v2", 2), ("v3", 3)):
            bed.cli_ok("register", service, "--address", f"10.0.0.{number}:80", "--id", "a")
        bed.cli_ok("register", "v1", "--address", "10.0.0.4:80", "--id", "b")
        # The one before the last is no outage, the last one is; on standard output stands what was done.
        expect(bed.cli("drain", "v1", "b", "--timeout", "1h"))
        result = bed.cli("weight", "v1", "a", "0")
        expect(result, LEFT.format("v1:80/tcp"))
        assert "warning" not in result.out and result.out, result
        expect(bed.cli("weight", "v1", "a", "1"))
        result = bed.cli("--json", "health", "v1", "a", "UNHEALTHY")
        assert result.rc == 0 and not result.err and LEFT.format("v1:80/tcp")[9:] in json.loads(result.out)["warnings"][0], result
        expect(bed.cli("route", "set", "v2", "v1=1", "v2=0"), LEFT.format("v2:80/tcp"))
        expect(bed.cli("route", "clear", "v2"))
        expect(bed.cli("deregister", "v2", "a", "--now"), LEFT.format("v2:80/tcp"))
        # Events and the log tell it too, by whomever it was done.
        told = [one["message"] for one in bed.get("/v1/events")["events"] if one["kind"] == "CHANGE" and "left to be drawn" in one["message"]]
        assert len(told) == 4 and all("(uid " in message for message in told), told
        with open(bed.log_file, encoding="utf-8") as log:
            assert log.read().count("is left to be drawn") == 4
        # Of files, those of all of them together; a dry run says so too.
        bed.cli_ok("register", "v2", "--address", "10.0.0.2:80", "--id", "a")
        for target, parts in (("v2", ()), ("v1", (LEFT.format("front:80/tcp").replace("warning: ", ""),))):
            text = json.dumps({"namespace": "default", "routes": [
                {"dnsName": "front", "port": 80, "targets": [{"discoveryName": target, "weight": 1}]}]})
            for words in (["--dry-run"], []):
                expect(bed.cli("apply", "-f", "-", *words, input=text), *parts)
        bed.cli_ok("deregister", "v2", "a", "--now")
        # Names that nobody has.
        expect(bed.cli("route", "set", "v3", "v3=1", "--client", "v33"), 'client v33 is no service and no task\'s service')
        expect(bed.cli("route", "set", "v3", "v3=1", "v2=1"), "target v2 has no instance")
        task = bed.bare_task()
        expect(bed.cli("attach", "--cgroup", task.path, "-n", "prod"), "nothing is registered in namespace prod")
        expect(bed.cli("attach", "--cgroup", task.path, "--service", "v34"), 'v34 is no service of namespace default')
        expect(bed.cli("attach", "--cgroup", task.path, "--service", "v3"))
        expect(bed.cli("run", "--service", "v44", "--", "true"), "v44 is no service of namespace default")
        expect(bed.cli("run", "--", "true"))
        expect(bed.cli("route", "clear", "v3"))
        expect(bed.cli("route", "clear", "v3", "--client", "v33"))
        warnings = bed.change("DELETE", "/v1/services", service="v3")["warnings"]
        assert len(warnings) == 1 and "client alias v3:80/tcp of namespace default goes, and had endpoints" in warnings[0], warnings
