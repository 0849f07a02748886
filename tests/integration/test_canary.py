# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Canaries: shares that move by steps, by hand and by themselves, over restarts, and who may touch their route."""
import json
import os
import time

import chi_square
from testbed import Testbed, note, wait_until

LONG = 3600  # an interval that no test waits for


def two_versions(bed):
    bed.service("v1")
    bed.service("v2")
    bed.route("backend", {"v1": 100})


def start(bed, port=80, name="backend", **knobs):
    body = {"dnsName": name, "port": port, "from": "v1", "to": "v2", "intervalSeconds": LONG, **knobs}
    return bed.change("POST", "/v1/canaries", **body)["canary"]


def act(bed, action, port=80, **more):
    return bed.change("PATCH", "/v1/canaries", dnsName="backend", port=port, action=action, **more)


def canary(bed, client=""):
    found = [item for item in bed.get("/v1/canaries")["canaries"] if item["client"] == client]
    assert len(found) == 1, found
    return found[0]


def state(bed, client=""):
    item = canary(bed, client)
    return item["state"], item["percent"]


def route(bed, client=""):
    """{service: weight}; None: no route of its own."""
    found = [item for item in bed.get("/v1/routes")["routes"] if item["client"] == client]
    assert len(found) < 2, found
    return {target["service"]: target["weight"] for target in found[0]["targets"]} if found else None


def standing(bed):
    """What of the canaries only a change may change."""
    return [{key: item[key] for key in item if key not in ("nextStepInSeconds", "step")}
            for item in bed.get("/v1/canaries")["canaries"]]


def refused(bed, method, path, status, *words, **body):
    """A change that must not be: the answer's message holds `words`, and nothing has changed."""
    before = bed.wanted_state(), standing(bed)
    got, answer = bed.api(method, path, body)
    assert got == status, (method, path, body, got, answer)
    for word in words:
        assert word in answer["error"]["message"], answer
    assert (bed.wanted_state(), standing(bed)) == before, answer
    return answer["error"]


def drawn(bed, task, count=4000, port=80):
    report = task.connector({bed.target("backend", port): None}, "--count", count, "--parallel", 2)
    assert report["answered"] == count and not report["failed"], report
    return report["names"]


def split(share):
    """The weights of a share in tenths: of whole percents as they were typed, 80 and 20."""
    scale = 10 if share % 10 == 0 else 1
    return {"v1": (1000 - share) // scale, "v2": share // scale}


def test_shares_move_by_steps():
    """Every step that is seen is a multiple of the step, and its route has just that share."""
    with Testbed() as bed:
        two_versions(bed)
        task = bed.task()
        background = task.start_connector({bed.target("backend"): None}, "--seconds", 20)
        start(bed, stepPercent=25, intervalSeconds=1)
        seen, began = [], time.monotonic()
        while True:
            item, weights = both(bed)
            share = round(item["percent"] * 10)
            assert weights == ({"v2": 100} if item["state"] == "SUCCEEDED" else split(share)), item
            if not seen or seen[-1] != item["percent"]:
                seen.append(item["percent"])
            if item["state"] == "SUCCEEDED":
                break
            assert time.monotonic() < began + 60, item
            time.sleep(0.02)
        assert seen == [25, 50, 75, 100], seen
        assert time.monotonic() - began > 3.5, "four steps of a second each"
        assert weights == {"v2": 100}, weights
        assert drawn(bed, task, 500) == {"v2/0": 500}
        report = background.stop()
        assert report["answered"] and not report["failed"] and set(report["names"]) == {"v1/0", "v2/0"}, report
        refused(bed, "PATCH", "/v1/canaries", 409, "SUCCEEDED", dnsName="backend", port=80, action="abort")
        assert bed.change("DELETE", "/v1/services", service="v1"), "no route leads there any more"


def test_the_share_is_the_one_that_connects_get():
    with Testbed() as bed:
        two_versions(bed)
        task = bed.task()
        assert start(bed, stepPercent=12.5)["percent"] == 12.5
        assert route(bed) == {"v1": 875, "v2": 125}
        chi_square.check(drawn(bed, task), {"v1/0": 875, "v2/0": 125})


def test_canary_strategy_goes_from_a_small_share_to_all():
    with Testbed() as bed:
        two_versions(bed)
        item = start(bed, strategy="canary", canaryPercent=0.1, intervalSeconds=1)
        assert item["strategy"] == "CANARY" and item["canaryPercent"] == 0.1 and "stepPercent" not in item, item
        assert route(bed) == {"v1": 999, "v2": 1}
        wait_until(lambda: state(bed)[1] == 100, 5, "all to v2")
        wait_until(lambda: state(bed)[0] == "SUCCEEDED", 5, "succeeded")
        assert route(bed) == {"v2": 100}


def test_defaults_are_those_of_ecs():
    with Testbed() as bed:
        two_versions(bed)
        body = {"dnsName": "backend", "port": 80, "from": "v1", "to": "v2"}
        item = bed.change("POST", "/v1/canaries", **body)["canary"]
        assert (item["strategy"], item["stepPercent"], item["intervalSeconds"]) == ("LINEAR", 10, 360), item
        assert (item["maxFailuresPercent"], item["minConnects"], item["state"]) == (5, 20, "RUNNING"), item
        assert 350 < item["nextStepInSeconds"] <= 360, item
        act(bed, "abort")
        item = bed.change("POST", "/v1/canaries", **body, strategy="CANARY")["canary"]
        assert (item["canaryPercent"], item["intervalSeconds"]) == (5, 600), item


def test_pause_holds_and_resume_goes_on():
    with Testbed() as bed:
        two_versions(bed)
        start(bed, stepPercent=40, intervalSeconds=4)
        time.sleep(0.5)
        left = act(bed, "pause")["canary"]["nextStepInSeconds"]
        assert 0 < left <= 3.5, left
        time.sleep(left + 1)
        item = canary(bed)
        assert (item["state"], item["percent"], item["nextStepInSeconds"]) == ("PAUSED", 40, left), item
        refused(bed, "PATCH", "/v1/canaries", 409, "PAUSED", "resume", dnsName="backend", port=80, action="pause")
        resumed = time.monotonic()
        assert act(bed, "resume")["canary"]["state"] == "RUNNING"
        assert canary(bed)["nextStepInSeconds"] <= left, "what was left of the step, and no step from its beginning"
        wait_until(lambda: state(bed)[1] == 80, 20, "the next step")
        assert time.monotonic() - resumed > left - 0.2, "and all of what was left"
        refused(bed, "PATCH", "/v1/canaries", 409, "RUNNING", dnsName="backend", port=80, action="resume")


def test_promote_gives_all_at_once():
    with Testbed() as bed:
        two_versions(bed)
        task = bed.task()
        for action in (None, "pause"):
            start(bed)
            if action:
                act(bed, action)
            assert act(bed, "promote")["canary"]["state"] == "SUCCEEDED"
            assert route(bed) == {"v2": 100} and state(bed) == ("SUCCEEDED", 100)
            assert drawn(bed, task, 300) == {"v2/0": 300}
            bed.route("backend", {"v1": 100})


def test_abort_brings_back_what_was_there():
    with Testbed() as bed:
        two_versions(bed)
        task = bed.task()
        agent = task.agent()
        for before in ({"v1": 7}, {"v1": 3, "v2": 0}):
            bed.route("backend", before)
            start(bed)
            assert route(bed) == {"v1": 90, "v2": 10}
            assert act(bed, "abort")["canary"]["state"] == "ABORTED"
            assert route(bed) == before, before
            assert drawn(bed, task, 300) == {"v1/0": 300}
        # A route that gave v2 a share already: back is all to v1.
        bed.route("backend", {"v1": 95, "v2": 5})
        start(bed, stepPercent=50)
        act(bed, "abort")
        assert route(bed) == {"v1": 100}
        # The service's own alias, without a route.
        bed.change("DELETE", "/v1/routes", dnsName="backend", port=80)
        start(bed, name="v1", port=8080, stepPercent=100)
        assert route(bed) == {"v1": 0, "v2": 100}
        address = bed.address_of("v1", 8080)
        assert agent.name(address, 8080) == "v2/0"
        bed.change("PATCH", "/v1/canaries", dnsName="v1", port=8080, action="abort")
        assert route(bed) is None and bed.alias("v1", 8080)["origin"] == "service"
        assert agent.name(address, 8080) == "v1/0"


def test_kill_and_restart_go_on():
    with Testbed() as bed:
        two_versions(bed)
        start(bed, stepPercent=30, intervalSeconds=2)
        item, weights = canary(bed), route(bed)
        bed.kill()
        time.sleep(5)  # more than two steps' time: a restart takes one
        bed.start()
        wait_until(lambda: state(bed) == ("RUNNING", 60), 1.8, "the step whose time was over")
        assert route(bed) == {"v1": 40, "v2": 60} and weights == {"v1": 70, "v2": 30}
        assert canary(bed)["startedAt"] == item["startedAt"]
        act(bed, "pause")
        left = canary(bed)["nextStepInSeconds"]
        bed.kill()
        time.sleep(2.5)
        bed.start()
        time.sleep(1.2)
        item = canary(bed)
        assert (item["state"], item["percent"], item["nextStepInSeconds"]) == ("PAUSED", 60, left), item
        act(bed, "resume")
        wait_until(lambda: state(bed)[0] == "SUCCEEDED", 10, "the end")
        bed.restart()
        assert state(bed) == ("SUCCEEDED", 100) and route(bed) == {"v2": 100}


def both(bed):
    """The canary and its route of one moment, whatever happens every second."""
    while True:
        item, weights = canary(bed), route(bed)
        again = canary(bed)
        if (item["state"], item["percent"]) == (again["state"], again["percent"]):
            return item, weights


def test_a_kill_leaves_row_and_route_together():
    """Killed about when a step is taken, the next daemon finds row and route of the same step."""
    with Testbed() as bed:
        two_versions(bed)
        shares = set()
        for round in range(16):
            bed.restart()
            up = time.monotonic()
            start(bed, stepPercent=3, intervalSeconds=0)
            time.sleep(max(0, up + 0.97 + round * 0.004 - time.monotonic()))
            bed.restart()
            item, weights = both(bed)
            share = int(item["percent"] * 10 + 0.5)
            assert weights == split(share), (round, item, weights)
            shares.add(share)
            act(bed, "abort")
            assert route(bed) == {"v1": 100}
        note(f"shares after a kill, in tenths of a percent: {sorted(shares)}")


def test_the_route_is_the_canarys():
    with Testbed() as bed:
        two_versions(bed)
        bed.service("v3")
        start(bed)
        targets = [{"service": "v1", "weight": 1}]
        for action in (None, "pause"):
            if action:
                act(bed, action)
            name = {"dnsName": "backend", "port": 80}
            refused(bed, "PUT", "/v1/routes", 409, "canary abort backend:80", **name, targets=targets)
            refused(bed, "DELETE", "/v1/routes", 409, "canary abort backend:80", **name)
            refused(bed, "POST", "/v1/batch", 409, "canary abort backend:80",
                    changes=[{"op": "set-route", **name, "targets": targets}])
            refused(bed, "POST", "/v1/canaries", 409, "canary abort", **name, **{"from": "v1", "to": "v3"})
            refused(bed, "PATCH", "/v1/canaries", 409, "abort", **name, action="clear")
            for service in ("v1", "v2"):
                refused(bed, "DELETE", "/v1/services", 409, "route", service=service)
        bed.route("other", {"v1": 1})  # other routes are free
        act(bed, "abort")
        bed.route("backend", {"v1": 1})
        act(bed, "clear")
        assert bed.get("/v1/canaries")["canaries"] == [] and route_of(bed, "backend") == {"v1": 1}
        refused(bed, "PATCH", "/v1/canaries", 404, "canary status", dnsName="backend", port=80, action="clear")


def route_of(bed, name):
    return {target["service"]: target["weight"] for target in bed.alias(name)["targets"]}


def test_refusals():
    with Testbed() as bed:
        two_versions(bed)
        bed.service("v3")
        good = {"dnsName": "backend", "port": 80, "from": "v1", "to": "v2"}
        bad = [("from", "v9"), ("to", "v9"), ("to", "v1"), ("from", 5), ("strategy", "blue"), ("stepPercent", 2.9),
               ("stepPercent", 100.1), ("stepPercent", 10.05), ("stepPercent", "10"), ("canaryPercent", 5),
               ("intervalSeconds", 86401), ("intervalSeconds", -1), ("maxFailuresPercent", 100.5),
               ("maxFailuresPercent", -1), ("minConnects", -1), ("minConnects", 1.5), ("port", 0), ("dnsName", "a b"),
               ("namespace", "a b"), ("client", "a b"), ("surprise", 1)]
        for field, value in bad:
            status = 404 if value == "v9" else 400  # a service that is not there is told from a bad value
            error = refused(bed, "POST", "/v1/canaries", status, **{**good, field: value})
            assert error["field"] == field and error["allowed"], (field, value, error)
        for percent in (0, 0.05, 100.1):
            refused(bed, "POST", "/v1/canaries", 400, "canaryPercent", **good, strategy="canary", canaryPercent=percent)
        refused(bed, "POST", "/v1/canaries", 400, "canaryPercent", **good, strategy="canary", stepPercent=10)
        for field in ("from", "to", "dnsName"):
            refused(bed, "POST", "/v1/canaries", 400, field, **{key: good[key] for key in good if key != field})
        refused(bed, "POST", "/v1/canaries", 404, "nowhere", **{**good, "dnsName": "nowhere"})
        for targets in ({"v2": 1}, {"v1": 0, "v2": 1}, {"v1": 1, "v3": 0}, {"v3": 1}):
            bed.route("backend", targets)
            refused(bed, "POST", "/v1/canaries", 409, "leads to", "svcconnect route set", **good)
        bed.route("backend", {"v1": 1})
        refused(bed, "PATCH", "/v1/canaries", 404, dnsName="backend", port=80, action="pause")
        refused(bed, "PATCH", "/v1/canaries", 400, "promote", dnsName="backend", port=80, action="hurry")
        assert bed.get("/v1/canaries")["canaries"] == []


def test_a_target_without_an_instance_is_said():
    with Testbed() as bed:
        two_versions(bed)
        bed.update("v2", "0", health="UNHEALTHY")
        answer = bed.change("POST", "/v1/canaries", dnsName="backend", port=80, **{"from": "v1", "to": "v2"})
        assert "v2 has no healthy instance" in answer["warnings"][0], answer
        assert drawn(bed, bed.task(), 200) == {"v1/0": 200}


def test_a_client_canary_is_for_that_client_only():
    with Testbed() as bed:
        two_versions(bed)
        web, other = bed.task(service="web", name="web"), bed.task(service="other", name="other")
        start(bed, client="web", stepPercent=100)
        assert route(bed) == {"v1": 100} and route(bed, "web") == {"v1": 0, "v2": 100}
        assert drawn(bed, web, 300) == {"v2/0": 300} and drawn(bed, other, 300) == {"v1/0": 300}
        start(bed)  # everybody's: another canary
        assert route(bed) == {"v1": 90, "v2": 10}
        act(bed, "abort")
        refused(bed, "PUT", "/v1/routes", 409, "--client web", dnsName="backend", port=80, client="web",
                targets=[{"service": "v1", "weight": 1}])
        act(bed, "abort", client="web")
        assert route(bed, "web") is None and state(bed, "web") == ("ABORTED", 100)
        assert drawn(bed, web, 300) == {"v1/0": 300}
        start(bed, client="web")
        act(bed, "promote", client="web")
        assert route(bed, "web") == {"v2": 100} and route(bed) == {"v1": 100}


def routes_document(v1, v2):
    targets = [{"discoveryName": "v1", "weight": v1}] + ([{"discoveryName": "v2", "weight": v2}] if v2 else [])
    return {"namespace": "default", "routes": [{"dnsName": "backend", "port": 80, "targets": targets}]}


def apply(bed, document):
    return bed.api("POST", "/v1/documents", {"documents": [{"source": "routes.json", "text": json.dumps(document)}]})


def test_documents_leave_the_route_to_the_canary():
    with Testbed() as bed:
        bed.service("v1")
        bed.service("v2")
        same = routes_document(100, 0)
        assert apply(bed, same)[0] == 200
        start(bed, stepPercent=50)
        status, answer = apply(bed, same)
        assert status == 200 and answer["changes"] == [], answer
        assert route(bed) == {"v1": 50, "v2": 50}
        status, answer = apply(bed, routes_document(70, 30))
        assert status == 400 and "canary abort" in answer["error"]["message"], answer
        assert answer["errors"][0]["path"] == "routes[0]", answer
        status, answer = apply(bed, {"namespace": "default", "routes": []})
        assert status in (400, 409), answer
        assert route(bed) == {"v1": 50, "v2": 50}
        act(bed, "promote")
        assert apply(bed, same)[0] == 200 and route(bed) == {"v2": 100}, "what the document said before the canary"
        assert apply(bed, routes_document(70, 30))[0] == 200
        assert route(bed) == {"v1": 70, "v2": 30}, "a document that has changed since"


def test_a_restart_with_services_d_keeps_the_canary():
    with Testbed(start=False) as bed:
        os.makedirs(bed.services_dir)
        with open(os.path.join(bed.services_dir, "routes.json"), "w", encoding="utf-8") as file:
            json.dump(routes_document(100, 0), file)
        bed.start()
        bed.service("v1")
        bed.service("v2")
        start(bed, stepPercent=30)
        bed.restart()
        assert route(bed) == {"v1": 70, "v2": 30} and bed.status()["documents"]["failed"] == []
        act(bed, "promote")
        bed.restart()
        assert route(bed) == {"v2": 100} and bed.status()["documents"]["failed"] == []


def closed_instance(bed, service, id="0"):
    """An instance that refuses: nobody listens there."""
    bed.register(service, bed.address(), id=id)


def test_failing_connects_roll_back():
    """Also when ejection keeps connects from a failing instance, so that few are counted.

    Needs the counters of connect outcomes in the kernel's programs."""
    with Testbed() as bed:
        bed.service("v1")
        closed_instance(bed, "v2")
        bed.route("backend", {"v1": 100})
        task = bed.task()
        start(bed, stepPercent=50)
        report = task.connector({bed.target("backend"): None}, "--count", 400)
        refusals = report["errors"].get("ECONNREFUSED", 0)
        assert refusals >= 5, report
        wait_until(lambda: state(bed)[0] == "ROLLED_BACK", 5, "rolled back")
        item = canary(bed)
        assert route(bed) == {"v1": 100} and item["percent"] == 50 and item["step"]["failurePercent"] == 100, item
        assert 5 <= item["step"]["failures"] <= refusals, (item, report)
        assert "100.0 %" in item["reason"] and "5.0 %" in item["reason"], item
        assert drawn(bed, task, 500) == {"v1/0": 500}
        bed.restart()
        assert canary(bed)["reason"] == item["reason"] and state(bed)[0] == "ROLLED_BACK"


def test_few_failures_do_not_roll_back():
    """Fewer than the least number of connects, or all of them allowed to fail; the count is kept over a restart.

    Needs the counters of connect outcomes in the kernel's programs."""
    with Testbed() as bed:
        bed.service("v1")
        closed_instance(bed, "v2")
        bed.route("backend", {"v1": 100})
        task = bed.task()
        target = {bed.target("backend"): None}
        start(bed, stepPercent=100, minConnects=4)
        task.connector(target, "--count", 3)
        time.sleep(2.2)
        assert state(bed)[0] == "RUNNING" and canary(bed)["step"]["failures"] == 3, canary(bed)
        bed.restart()
        assert state(bed)[0] == "RUNNING" and canary(bed)["step"]["failures"] == 3, canary(bed)
        task.connector(target, "--count", 1)
        wait_until(lambda: state(bed)[0] == "ROLLED_BACK", 5, "the fourth")
        start(bed, stepPercent=100, maxFailuresPercent=100)
        task.connector(target, "--count", 100)
        wait_until(lambda: canary(bed)["step"]["failures"] == 100, 5, "counted")
        time.sleep(2.2)
        assert state(bed)[0] == "RUNNING"


def test_the_commands():
    with Testbed() as bed:
        two_versions(bed)
        assert "canary start" in bed.cli_ok("canary", "status").err
        text = bed.cli_ok("canary", "start", "backend:80", "--from", "v1", "--to", "v2", "--step", "12.5", "--interval",
                          "90s", "--max-failures", "0.5", "--min-connects", "7").out
        assert "v2 gets 12.5 % now, 12.5 % more every 1m30s" in text and "more than 0.5 %" in text, text
        item = bed.cli_ok("--json", "canary", "status", "backend").json()["canaries"][0]
        assert (item["maxFailuresPercent"], item["minConnects"], item["intervalSeconds"]) == (0.5, 7, 90), item
        lines = bed.cli_ok("canary", "status").out.splitlines()
        assert lines[0].split()[:6] == ["NAMESPACE", "ALIAS", "CLIENT", "FROM", "TO", "STATE"], lines
        assert lines[1].split()[:8] == ["default", "backend:80", "*", "v1", "v2", "RUNNING", "12.5", "%"], lines
        assert "0 of 0 (0.0 %, at most 0.5 %)" in lines[1], lines
        assert "paused" in bed.cli_ok("canary", "pause", "backend:80").out
        assert "running again" in bed.cli_ok("canary", "resume", "backend").out
        assert bed.cli("route", "set", "backend:80", "v1=1").rc == 1
        assert "all goes to v1" in bed.cli_ok("canary", "abort", "backend:80").out
        bed.cli_ok("canary", "start", "backend", "--from", "v1", "--to", "v2", "--strategy", "canary", "--percent", "1",
                   "--interval", "1h")
        assert "all goes to v2" in bed.cli_ok("canary", "promote", "backend:80").out
        assert "cleared" in bed.cli_ok("canary", "clear", "backend:80").out
        assert bed.cli_ok("--json", "canary", "status").json() == {"canaries": []}
        assert bed.cli("canary", "status", "backend").rc == 1
        for words in (["--interval", "6x"], ["--interval", "-6m"], ["--step", "1e1"],
                      ["--step", "10.55"], ["--min-connects", "x"], ["--max-failures", "five"]):
            result = bed.cli("canary", "start", "backend:80", "--from", "v1", "--to", "v2", *words)
            assert result.rc == 2 and words[0] in result.err, (words, result)
        assert bed.cli("canary", "start", "backend:80", "--from", "v1").rc == 2
        assert bed.cli("canary", "pause", "backend:80").rc == 1
