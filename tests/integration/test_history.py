# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Who has changed what: kept with the change, told as event and in the log, and put back by a rollback."""
import json
import os
import tempfile

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
