# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Settings of services: set, shown, kept over kill -9, refused as a whole; from documents; onEmpty of routes."""
import json

from testbed import Testbed

GLOBAL = {"ejection": {"failures": 5, "windowSeconds": 30, "baseSeconds": 30, "maxSeconds": 300},
          "connectTimeoutSeconds": 0}
DEFAULTS = {"healthCheck": {"type": "none"}, **GLOBAL, "synTimeoutMilliseconds": 0, "panicThresholdPercent": 0, "slowStartSeconds": 0,
            "drainSeconds": 20, "admissionSeconds": 480, "udpStickinessSeconds": 30, "peerName": "endpoint", "dnsRoutingPolicy": "MULTIVALUE", "localLiveness": "auto",
            "affinity": "none", "balance": "weighted", "zone": "prefer", "zoneMinEndpoints": 6, "policyMode": "enforce", "responseTime": "1/16"}
HTTP = {"type": "http", "interval": 7, "path": "/ready", "expectedStatus": 204}


def put(bed, settings, **more):
    return bed.api("PUT", "/v1/settings", {"settings": settings, **more})


def put_ok(bed, settings, **more):
    status, answer = put(bed, settings, **more)
    assert status == 200, answer
    return answer


def all_of(bed, name, namespace="default"):
    found = [item for item in bed.get("/v1/settings", namespace=namespace)["services"] if item["name"] == name]
    assert len(found) == 1, found
    return found[0]


def own(bed, name, namespace="default"):
    """As GET /v1/services has them, and GET /v1/settings says the same."""
    found = [item for item in bed.get("/v1/services", namespace=namespace)["services"] if item["name"] == name]
    assert len(found) == 1, found
    settings = found[0].get("settings", {})
    assert all_of(bed, name, namespace)["own"] == settings
    return settings


def effective(bed, name, namespace="default"):
    return all_of(bed, name, namespace)["settings"]


def everything(bed):
    return bed.wanted_state(), bed.get("/v1/settings"), bed.status()["writes"]["maps"]


def document(name="web", outer=None, **inner):
    mapping = {"containerPort": 8080, "name": "http"}
    return {"serviceName": name, **(outer or {}),
            "taskDefinition": {"family": name, "containerDefinitions": [{"name": name, "portMappings": [mapping]}]},
            "serviceConnectConfiguration": {"enabled": True, "namespace": "default", "services": [
                {"portName": "http", "discoveryName": name, **inner}]}}


def apply(bed, *documents):
    return bed.api("POST", "/v1/documents", {"documents": [
        {"source": f"{number}.json", "text": json.dumps(item)} for number, item in enumerate(documents)]})


# --- the API

def test_nothing_set_is_the_defaults():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        assert bed.get("/v1/settings") == {"global": GLOBAL, "services": [
            {"namespace": "default", "name": "v1", "settings": DEFAULTS, "own": {}}]}
        assert own(bed, "v1") == {}


def test_members_are_set_one_by_one_and_put_back():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        bed.register("v2", "127.0.0.3:8081")
        put_ok(bed, {"healthCheck": HTTP, "drainSeconds": 5}, service="v1")
        assert own(bed, "v1") == {"healthCheck": HTTP, "drainSeconds": 5}
        put_ok(bed, {"healthCheck": {"interval": 8}, "ejection": {"failures": 3}}, service="v1")
        assert own(bed, "v1") == {"healthCheck": {**HTTP, "interval": 8}, "drainSeconds": 5,
                                  "ejection": {**GLOBAL["ejection"], "failures": 3}}
        assert effective(bed, "v1")["healthCheck"] == {
            "type": "http", "interval": 8, "timeout": 5, "retries": 3, "healthyRetries": 1, "startPeriod": 0,
            "path": "/ready", "expectedStatus": 204}
        assert own(bed, "v2") == {}
        put_ok(bed, {"healthCheck": {"path": None}, "drainSeconds": None, "ejection": None}, service="v1")
        assert own(bed, "v1") == {"healthCheck": {"type": "http", "interval": 8, "expectedStatus": 204}}
        put_ok(bed, {"healthCheck": None}, service="v1")
        assert own(bed, "v1") == {} and effective(bed, "v1") == DEFAULTS


def test_the_same_again_writes_nothing():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        put_ok(bed, {"drainSeconds": 5}, service="v1")
        put_ok(bed, {"connectTimeoutSeconds": 5})
        before = everything(bed)
        put_ok(bed, {"drainSeconds": 5}, service="v1")
        put_ok(bed, {}, service="v1")
        put_ok(bed, {"connectTimeoutSeconds": 5})
        assert everything(bed) == before


def test_entries_of_the_instances_are_renewed():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        bed.register("v1", "127.0.0.3:8081")
        bed.register("v2", "127.0.0.4:8081")
        before = bed.status()["writes"]["maps"]
        put_ok(bed, {"slowStartSeconds": 5}, service="v1")
        assert bed.status()["writes"]["maps"] == before + 2
        # What holds for everybody is in no entry, but in what each endpoint is judged by.
        put_ok(bed, {"connectTimeoutSeconds": 5})
        assert bed.status()["writes"]["maps"] == before + 2 + 3


def test_another_change_of_a_service_leaves_its_instances_alone():
    with Testbed() as bed:
        apply(bed, document(drainSeconds=3, clientAliases=[{"port": 80, "dnsName": "web"}]))
        for number in range(20):
            bed.register("web", f"127.0.0.{number + 2}:8081")
        before = bed.status()["writes"]["maps"]
        apply(bed, document(drainSeconds=3, clientAliases=[{"port": 81, "dnsName": "web"}]))
        assert bed.status()["writes"]["maps"] - before < 20


def test_global_settings_hold_for_those_without():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        bed.register("v2", "127.0.0.3:8081")
        put_ok(bed, {"ejection": {"failures": 2}, "connectTimeoutSeconds": 1}, service="v2")
        put_ok(bed, {"ejection": {"failures": 9}, "connectTimeoutSeconds": 4})
        assert bed.get("/v1/settings")["global"] == {"ejection": {**GLOBAL["ejection"], "failures": 9},
                                                     "connectTimeoutSeconds": 4}
        assert effective(bed, "v1")["ejection"]["failures"] == 9
        assert effective(bed, "v1")["connectTimeoutSeconds"] == 4
        assert own(bed, "v1") == {}
        assert effective(bed, "v2")["ejection"]["failures"] == 2
        assert effective(bed, "v2")["connectTimeoutSeconds"] == 1
        put_ok(bed, {"ejection": {"failures": None}, "connectTimeoutSeconds": None})
        assert bed.get("/v1/settings")["global"] == GLOBAL


def test_settings_outlive_kill_9():
    with Testbed({"execChecks": ["/bin/sh"]}) as bed:
        bed.register("v1", "127.0.0.2:8081")
        bed.register("v1", "127.0.0.3:8081", namespace="other")
        put_ok(bed, {"healthCheck": {"command": ["CMD-SHELL", "exit 0"]}, "ejection": {"failures": 0},
                     "connectTimeoutSeconds": 0, "panicThresholdPercent": 50}, service="v1", namespace="other")
        put_ok(bed, {"ejection": {"maxSeconds": 600}})
        bed.route("api", {"v1": 1}, onEmpty="unhealthy")
        before = bed.wanted_state(), bed.get("/v1/settings")
        assert own(bed, "v1", "other")["healthCheck"]["command"] == ["CMD", "/bin/sh", "-c", "exit 0"]
        bed.restart()
        assert (bed.wanted_state(), bed.get("/v1/settings")) == before
        # What registers later leaves them alone; what deletes the service takes them along.
        bed.register("v1", "127.0.0.4:8081", namespace="other")
        assert own(bed, "v1", "other") == before[1]["services"][1]["own"]
        bed.change("DELETE", "/v1/services", service="v1", namespace="other")
        bed.register("v1", "127.0.0.4:8081", namespace="other")
        assert own(bed, "v1", "other") == {}


def test_what_is_refused_changes_nothing():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        put_ok(bed, {"healthCheck": HTTP}, service="v1")
        before = everything(bed)
        for status, field, settings, more in (
                (400, "settings.drainSeconds", {"drainSeconds": -1, "slowStartSeconds": 1}, {"service": "v1"}),
                (400, "settings.healthCheck.interval", {"healthCheck": {"interval": 301}}, {"service": "v1"}),
                (400, "settings.healthCheck.path", {"healthCheck": {"path": "/a\r\nb"}}, {"service": "v1"}),
                (400, "settings.healthCheck.command", {"healthCheck": {"type": "exec"}}, {"service": "v1"}),
                (400, "settings.healthCheck.command", {"healthCheck": {"command": ["/bin/true"]}}, {"service": "v1"}),
                (400, "settings.healthCheck.more", {"healthCheck": {"more": 1}}, {"service": "v1"}),
                (400, "settings.more", {"more": 1}, {"service": "v1"}),
                (400, "settings.ejection.maxSeconds", {"ejection": {"maxSeconds": 10}}, {"service": "v1"}),
                (400, "settings", None, {"service": "v1"}),
                (400, "settings", [], {"service": "v1"}),
                (400, "service", {"drainSeconds": 1}, {"service": 7}),
                (400, "service", {"drainSeconds": 1}, {"namespace": "default"}),
                (400, "namespace", {"drainSeconds": 1}, {"service": "v1", "namespace": "a b"}),
                (404, "service", {"drainSeconds": 1}, {"service": "v9"}),
                (404, "service", {"drainSeconds": 1}, {"service": "v1", "namespace": "other"}),
                (400, "settings.drainSeconds", {"drainSeconds": 1}, {}),
                (400, "settings.ejection.failures", {"ejection": {"failures": 256}}, {}),
                (400, "settings.connectTimeoutSeconds", {"connectTimeoutSeconds": "1"}, {}),
                (400, "more", {"drainSeconds": 1}, {"service": "v1", "more": 1})):
            got, answer = put(bed, settings, **more)
            assert (got, answer["error"]["field"]) == (status, field), (settings, more, got, answer)
            assert answer["error"]["allowed"], answer
        assert everything(bed) == before


def test_batch():
    with Testbed() as bed:
        bed.batch([{"op": "register", "service": "v1", "address": "127.0.0.2:8081"},
                   {"op": "set-settings", "service": "v1", "settings": {"drainSeconds": 1}},
                   {"op": "set-settings", "settings": {"connectTimeoutSeconds": 2}}])
        assert own(bed, "v1") == {"drainSeconds": 1}
        before = everything(bed)
        status, answer = bed.api("POST", "/v1/batch", {"changes": [
            {"op": "set-settings", "service": "v1", "settings": {"drainSeconds": 2}},
            {"op": "set-settings", "settings": {"connectTimeoutSeconds": 3}},
            {"op": "set-settings", "service": "v1", "settings": {"drainSeconds": 3601}}]})
        assert (status, answer["error"]["field"]) == (400, "changes[2].settings.drainSeconds"), answer
        assert everything(bed) == before


def test_on_empty_of_routes():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        bed.route("api", {"v1": 1}, onEmpty="unhealthy")
        bed.route("api", {"v1": 1}, client="shop")
        shown = {item["client"]: item["onEmpty"] for item in bed.get("/v1/routes")["routes"]}
        assert shown == {"": "unhealthy", "shop": "refuse"}, shown
        assert bed.alias("api")["onEmpty"] == "unhealthy" and bed.alias("v1", 8081)["onEmpty"] == "refuse"
        before = everything(bed)
        status, answer = bed.api("PUT", "/v1/routes", {"dnsName": "api", "port": 80, "onEmpty": "pass",
                                                       "targets": [{"service": "v1", "weight": 2}]})
        assert (status, answer["error"]["field"]) == (400, "onEmpty"), answer
        assert everything(bed) == before
        bed.route("api", {"v1": 1})
        assert bed.alias("api")["onEmpty"] == "refuse"


# --- documents

def test_settings_of_documents():
    with Testbed() as bed:
        web = document(outer={"healthCheck": {"type": "tcp"}, "slowStartSeconds": 9},
                       healthCheck=HTTP, drainSeconds=3)
        status, answer = apply(bed, web)
        assert status == 200 and not answer["warnings"], answer
        assert own(bed, "web") == {"healthCheck": HTTP, "slowStartSeconds": 9, "drainSeconds": 3}
        before = everything(bed)
        status, answer = apply(bed, web)
        assert status == 200 and answer["changes"] == [], answer
        assert everything(bed) == before
        status, answer = apply(bed, document(drainSeconds=4))
        assert ("update", "service") in {(item["action"], item["kind"]) for item in answer["changes"]}, answer
        assert own(bed, "web") == {"drainSeconds": 4}
        bed.restart()
        assert own(bed, "web") == {"drainSeconds": 4}
        apply(bed, document())
        assert own(bed, "web") == {}


def test_settings_of_a_document_stand_there():
    with Testbed() as bed:
        apply(bed, document("web", drainSeconds=3))
        before = everything(bed)
        status, answer = put(bed, {"drainSeconds": 4}, service="web")
        assert status == 409 and "document, web" in answer["error"]["message"], answer
        assert everything(bed) == before
        assert all_of(bed, "web")["document"] == "web"


def test_a_bad_setting_refuses_the_documents():
    with Testbed() as bed:
        apply(bed, document(drainSeconds=3))
        before = everything(bed)
        status, answer = apply(bed, document(drainSeconds=4), document("other", healthCheck={
            "type": "http", "path": "x", "interval": 0}))
        paths = {item["path"] for item in answer["errors"]}
        place = "serviceConnectConfiguration.services[0].healthCheck."
        assert status == 400 and paths == {place + "path", place + "interval"}, answer
        assert everything(bed) == before


def test_on_empty_of_documents():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        routes = {"namespace": "default", "routes": [{
            "dnsName": "api", "port": 80, "targets": [{"discoveryName": "v1", "weight": 1}], "onEmpty": "unhealthy"}]}
        apply(bed, routes)
        assert bed.alias("api")["onEmpty"] == "unhealthy"
        before = everything(bed)
        status, answer = apply(bed, routes)
        assert answer["changes"] == [] and everything(bed) == before
        routes["routes"][0]["onEmpty"] = "refuse"
        status, answer = apply(bed, routes)
        assert {item["kind"] for item in answer["changes"]} == {"route", "document"}, answer
        assert bed.alias("api")["onEmpty"] == "refuse"


# --- the CLI

def test_cli_sets_and_shows():
    with Testbed() as bed:
        bed.register("backend", "127.0.0.2:8081")
        out = bed.cli_ok("set", "backend", "healthCheck.type=http", "healthCheck.path=/ready",
                         "healthCheck.expectedStatus=204", "ejection.failures=3", "connectTimeoutSeconds=2").out
        assert "for backend in default" in out, out
        assert own(bed, "backend") == {"healthCheck": {"type": "http", "path": "/ready", "expectedStatus": 204},
                                       "ejection": {**GLOBAL["ejection"], "failures": 3}, "connectTimeoutSeconds": 2}
        out = bed.cli_ok("settings", "backend").out
        rows = {line.split()[2]: line.split()[3:] for line in out.splitlines()[1:]}
        assert rows["healthCheck.path"] == ["/ready", "service"], out
        assert rows["healthCheck.interval"] == ["30s", "default"] and rows["healthCheck.retries"] == ["3", "default"], out
        assert rows["connectTimeoutSeconds"] == ["2s", "service"] and rows["ejection.maxSeconds"][0] == "5m", out
        bed.cli_ok("set", "backend", "healthCheck.path=", "connectTimeoutSeconds=", "ejection=")
        assert own(bed, "backend") == {"healthCheck": {"type": "http", "expectedStatus": 204}}
        bed.cli_ok("set", "ejection.failures=10")
        assert bed.get("/v1/settings")["global"]["ejection"]["failures"] == 10
        rows = {line.split()[2]: line.split() for line in bed.cli_ok("settings").out.splitlines()[1:]}
        assert rows["ejection.failures"] == ["*", "*", "ejection.failures", "10", "global"], rows
        assert rows["healthCheck.type"] == ["default", "backend", "healthCheck.type", "http", "service"], rows
        bed.cli_ok("set", "ejection.failures=")
        assert bed.get("/v1/settings")["global"] == GLOBAL


def test_cli_values():
    with Testbed({"execChecks": ["/bin/sh", "/opt/"]}) as bed:
        bed.register("v1", "127.0.0.2:8081", namespace="shop")
        for words, check in (
                (["healthCheck.type=exec", "healthCheck.command=exit 0"], {"command": ["CMD", "/bin/sh", "-c", "exit 0"]}),
                (['healthCheck.command=["CMD","/opt/a","b c"]'], {"command": ["CMD", "/opt/a", "b c"]}),
                (["healthCheck.type=https", "healthCheck.host=10.0.0.1"], {"type": "https", "host": "10.0.0.1"}),
                (["healthCheck.expectedStatus=200-299"], {"expectedStatus": "200-299"}),
                (['healthCheck={"type":"tcp","port":99}'], {"type": "tcp", "port": 99})):
            bed.cli_ok("set", "v1", *words, "-n", "shop")
            got = own(bed, "v1", "shop")["healthCheck"]
            assert check.items() <= got.items(), (words, got)
        answer = json.loads(bed.cli_ok("settings", "v1", "-n", "shop", "--json").out)
        assert [item["name"] for item in answer["services"]] == ["v1"], answer


def test_cli_refusals():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        before = everything(bed)
        for rc, part, words in ((2, "NAME=VALUE", ["set", "v1"]),
                                (2, "NAME=VALUE", ["set", "v1", "drainSeconds"]),
                                (2, "NAME=VALUE", ["set", "v1", "=3"]),
                                (2, "NAME=VALUE", ["set", "v1", "ejection.=3"]),
                                (2, "as well", ["set", "v1", "drainSeconds=1", "drainSeconds=2"]),
                                (2, "as well", ["set", "v1", "ejection=", "ejection.failures=2"]),
                                (2, "as well", ["set", "v1", "ejection.failures=2", "ejection="]),
                                (1, "settings.drainSeconds", ["set", "v1", "drainSeconds=abc"]),
                                (1, "settings.healthCheck.type", ["set", "v1", "healthCheck.interval=3"]),
                                (1, "settings.drain", ["set", "v1", "drain=3"]),
                                (1, "v9", ["set", "v9", "drainSeconds=3"]),
                                (1, "drainSeconds", ["set", "drainSeconds=3"]),
                                (1, "no service v9", ["settings", "v9"]),
                                (1, "onEmpty", ["route", "set", "api", "v1=1", "--on-empty", "pass"])):
            result = bed.cli(*words)
            assert result.rc == rc and part in result.err, (words, result)
        assert everything(bed) == before


def test_cli_route_on_empty():
    with Testbed() as bed:
        bed.register("v1", "127.0.0.2:8081")
        bed.cli_ok("route", "set", "api", "v1=1", "--on-empty", "unhealthy")
        assert bed.alias("api")["onEmpty"] == "unhealthy"
        bed.cli_ok("route", "set", "api", "v1=1")
        assert bed.alias("api")["onEmpty"] == "refuse"
