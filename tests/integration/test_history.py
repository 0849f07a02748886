# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Who has changed what: kept with the change, told as event and in the log, and put back by a rollback."""
import json
import os
import tempfile

from aws_client import AwsBed
from testbed import Testbed, wait_until

SECRET = "hunter2-is-no-secret"


def entries(bed, **query):
    return bed.get("/v1/history", **query)["history"]


def test_each_change_is_kept_with_who_made_it():
    with Testbed() as bed:
        bed.register("v1", "10.0.0.1:80", "a")
        bed.register("v2", "10.0.0.2:80", "b")
        bed.cli_ok("weight", "v1", "a", "5")
        newest = entries(bed)[0]
        assert newest["change"] == "weight 1 -> 5" and newest["operation"] == "update", newest
        assert (newest["kind"], newest["namespace"], newest["service"], newest["name"]) == ("instance", "default", "v1", "a")
        assert newest["by"]["kind"] == "socket" and newest["by"]["uid"] == os.getuid(), newest
        assert newest["by"]["pid"] > 0 and newest["by"]["name"] in ("svcconnect", ""), newest
        assert newest["revision"] == bed.status()["registry"]["revision"], newest
        bed.route("backend", {"v1": 9, "v2": 1})
        bed.route("backend", {"v1": 1, "v2": 1})
        assert entries(bed, service="backend")[0]["change"] == "targets v1=9 v2=1 -> v1=1 v2=1", entries(bed)
        assert [one["service"] for one in entries(bed, service="v2") if one["kind"] == "instance"] == ["v2"]
        # A refused change and one that changes nothing leave nothing.
        before = entries(bed)
        bed.route("backend", {"v1": 1, "v2": 1})
        assert bed.api("PATCH", "/v1/instances", {"service": "v1", "id": "a", "weight": -1})[0] == 400
        assert entries(bed) == before
        assert len(entries(bed, limit=2)) == 2
        # As event, in the log, and after a restart.
        events = [one for one in bed.get("/v1/events")["events"] if one["kind"] == "CHANGE"]
        assert any("weight 1 -> 5 by uid" in one["message"] and one["instance"] == "a" for one in events), events
        bed.restart()
        assert entries(bed) == before
        out = bed.cli_ok("history", "v1").out
        assert "weight 1 -> 5" in out and "svcconnect[" in out, out


def test_other_entrances_and_no_secrets():
    document = {"serviceName": "web", "taskDefinition": {"family": "web", "containerDefinitions": [
        {"name": "web", "portMappings": [{"name": "http", "containerPort": 80}],
         "environment": [{"name": "PASSWORD", "value": SECRET}]}]},
        "serviceConnectConfiguration": {"enabled": True, "namespace": "shop", "services": [{"portName": "http"}]}}
    with Testbed() as bed, tempfile.TemporaryDirectory(prefix="svctest-") as directory:
        path = os.path.join(directory, "web.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        bed.cli_ok("apply", "-f", path)
        kept = entries(bed)
        assert any(one["kind"] == "document" and one["isWithheld"] and one["operation"] == "apply" for one in kept), kept
        assert SECRET not in json.dumps(kept) and SECRET not in bed.cli_ok("history", "--json").out
        bed.register("v1", "10.0.0.1:80", "a")
        bed.cli_ok("drain", "v1", "a", "--timeout", "0")
        wait_until(lambda: not any(id == "a" for _, id in bed.endpoints()), 10, "the drain's end")
        newest = entries(bed)[0]
        assert newest["by"]["kind"] == "daemon" and newest["change"].startswith("removed"), newest


def test_rollback_puts_back_routes_weights_and_settings():
    with Testbed() as bed:
        bed.register("v1", "10.0.0.1:80", "a")
        bed.register("v2", "10.0.0.2:80", "b")
        bed.route("backend", {"v1": 9, "v2": 1})
        good = bed.update("v1", "a", weight=7)["revision"]
        before = bed.wanted_state()
        bed.update("v1", "a", weight=1)
        bed.update("v1", "a", weight=2)
        bed.route("backend", {"v1": 1, "v2": 9})
        bed.route("other", {"v2": 1})
        bed.cli_ok("set", "v2", "drainSeconds=1")
        bed.cli_ok("set", "connectTimeoutSeconds=3")
        bed.register("v2", "10.0.0.3:80", "new")
        revision = bed.status()["registry"]["revision"]
        out = bed.cli_ok("rollback", str(good), "--dry-run").out
        assert "weight 2 -> 7" in out and "targets v1=1 v2=9 -> v1=9 v2=1" in out, out
        assert bed.status()["registry"]["revision"] == revision
        bed.cli_ok("rollback", str(good))
        assert bed.status()["registry"]["revision"] == revision + 1
        assert ("v2", "new") in bed.endpoints()
        bed.cli_ok("deregister", "v2", "new", "--now")
        after = bed.wanted_state()
        assert {**after, "revision": 0} == {**before, "revision": 0}
        assert "nothing to put back" in bed.cli_ok("rollback", str(revision + 1)).out


def test_rollback_says_what_it_cannot_put_back():
    with Testbed() as bed:
        bed.register("v1", "10.0.0.1:80", "a")
        bed.register("v2", "10.0.0.2:80", "b")
        good = bed.route("backend", {"v1": 9, "v2": 1})["revision"]
        bed.route("backend", {"v1": 1})
        bed.update("v1", "a", weight=3)
        bed.change("DELETE", "/v1/services", service="v2")
        revision = bed.status()["registry"]["revision"]
        result = bed.cli("rollback", str(good))
        assert result.rc == 1 and "service v2 does not exist any more" in result.err, result
        assert bed.status()["registry"]["revision"] == revision
        assert bed.endpoints()["v1", "a"]["weight"] == 3
        status, answer = bed.api("POST", "/v1/rollback", {"revision": good})
        assert (status, answer["error"]["code"]) == (409, "Conflict"), answer


def wait_for_entry(bed, what, **query):
    """The newest entry that `what` is true of."""
    found = []

    def look():
        found[:] = [one for one in entries(bed, **query) if what(one)]
        return found
    wait_until(look, 10, "an entry of the history")
    return found[0]


def test_the_aws_api_is_told_by_its_keys():
    with AwsBed() as bed:
        bed.register("v1", "10.0.0.1:80", "a")
        bed.change("POST", "/v1/credentials", name="ci")
        key = bed.key("ci")
        status, answer = bed.call("ListServices", key=key)
        ids = {one["Name"]: one["Id"] for one in answer["Services"]}
        body = {"ServiceId": ids["v1"], "InstanceId": "aws", "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.3", "AWS_INSTANCE_PORT": "80"}}
        status, answer = bed.call("RegisterInstance", body, key=key)
        assert status == 200, answer
        kept = wait_for_entry(bed, lambda one: one["name"] == "aws", service="v1")
        assert kept["by"] == {"kind": "key", "name": "ci"} and kept["operation"] == "RegisterInstance", kept
        bed.call("DeregisterInstance", {"ServiceId": ids["v1"], "InstanceId": "aws"}, key=key)
        wait_for_entry(bed, lambda one: one["name"] == "aws" and one["change"].startswith("removed"), service="v1")
        # What the AWS API takes away is told where its answers cannot: the last endpoint is, the one before it is not.
        bed.call("DeregisterInstance", {"ServiceId": ids["v1"], "InstanceId": "a"}, key=key)
        wait_for_entry(bed, lambda one: one["name"] == "a" and one["change"].startswith("removed"), service="v1")
        told = [one["message"] for one in bed.get("/v1/events")["events"] if "left to be drawn" in one["message"]]
        assert len(told) == 1 and "v1:80/tcp" in told[0] and told[0].endswith("(key ci)"), told


def test_files_and_canaries_are_told():
    with Testbed(start=False) as bed:
        os.makedirs(bed.services_dir)
        bed.start()
        for service, number in (("v1", 1), ("v2", 2)):
            bed.register(service, f"10.0.0.{number}:80", "a")
        routes = {"namespace": "default", "routes": [{"dnsName": "backend", "port": 80,
                                                      "targets": [{"discoveryName": "v1", "weight": 100}]}]}
        path = os.path.join(bed.services_dir, "routes.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(routes, file)
        os.rename(path + ".new", path)
        kept = wait_for_entry(bed, lambda one: one["kind"] == "route")
        assert kept["by"]["kind"] == "file" and kept["by"]["name"].endswith("routes.json"), kept
        # Whoever starts a canary makes its first step, and the daemon the next.
        bed.change("POST", "/v1/canaries", dnsName="backend", port=80, **{"from": "v1"}, to="v2", intervalSeconds=1, stepPercent=50)
        started = wait_for_entry(bed, lambda one: one["kind"] == "route" and one["change"].endswith("v1=50 v2=50"))
        assert started["by"]["kind"] == "socket" and started["by"]["uid"] == os.getuid(), started
        step = wait_for_entry(bed, lambda one: one["change"] == "targets v1=50 v2=50 -> v1=0 v2=100")
        assert step["by"] == {"kind": "daemon"} and step["operation"] == "canary step", step
