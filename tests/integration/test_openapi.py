# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""docs/openapi.json says of the control API what there is: all requests, the members of their bodies, the members of answers."""
import glob
import json
import os
import re

from openapi import Checker, answer_schema, body_members, load, operations
from testbed import PORT, TOP, Testbed

ROUTE = re.compile(r'\{EVHTTP_REQ_([A-Z]+), "(/[a-z0-9/]+)", ')
DOCUMENT = {"serviceName": "shop", "taskDefinition": {"family": "shop", "containerDefinitions": [
    {"name": "shop", "portMappings": [{"name": "http", "containerPort": 8080}]}]},
    "serviceConnectConfiguration": {"enabled": True, "services": [{"portName": "http", "discoveryName": "shop"}]}}


def routes_of_the_source():
    found = set()
    for path in glob.glob(os.path.join(TOP, "userspace", "*", "**", "*.c"), recursive=True):
        with open(path, encoding="utf-8") as file:
            found.update(ROUTE.findall(file.read()))
    return found


def test_every_request_is_there():
    written, there = set(operations(load())), routes_of_the_source()
    assert ("PUT", "/v1/routes") in there and len(there) > 35, there
    assert written == there, {"only in the document": sorted(written - there), "only in the source": sorted(there - written)}


def test_bodies_have_the_members_that_are_taken():
    document, faults = load(), []
    with Testbed() as bed:
        for (method, path), operation in operations(document).items():
            members = body_members(document, operation)
            if members is None:
                continue
            status, answer = bed.api(method, path, {"noSuchMember": 1})
            assert status == 400 and answer["error"]["code"] == "UnknownMember", (method, path, status, answer)
            taken = set(filter(None, answer["error"]["allowed"].split(", "))) - {"none"}
            if members != taken:
                faults.append((method, path, {"only written": sorted(members - taken), "only taken": sorted(taken - members)}))
    assert not faults, faults


def make_everything(bed):
    """Something of each kind, so that lists have items with all their members."""
    bed.service("v1", (3, 1))
    for name in ("v2", "c1", "c2"):
        bed.service(name)
    bed.route("front", {"v1": 90, "v2": 10})
    bed.route("can", {"c1": 1})
    bed.register("named", "localhost:81", id="h")
    bed.update("v1", "1", health="UNHEALTHY")
    bed.cli_ok("set", "v2", "healthCheck.type=tcp", "slowStartSeconds=60")
    bed.cli_ok("policy", "set", "v2", "--from", "client,default/*")
    agent = bed.task(service="client").agent()
    for _ in range(5):
        agent.ask(bed.address_of("front"), 80)
        agent.ask(bed.address_of("v1", PORT), PORT)
    agent.end()


CHANGES = [
    ("POST", "/v1/documents", {"documents": [{"source": "a.json", "text": json.dumps(DOCUMENT)}]}),
    ("POST", "/v1/canaries", {"dnsName": "can", "from": "c1", "to": "c2"}),
    ("PATCH", "/v1/canaries", {"dnsName": "can", "action": "pause"}),
    ("POST", "/v1/drains", {"service": "c1", "id": "0", "timeoutSeconds": 100}),
    ("POST", "/v1/ejections", {"service": "v2", "id": "0"}),
    ("DELETE", "/v1/ejections", {"service": "v2", "id": "0"}),
    ("POST", "/v1/ejections", {"service": "v2", "id": "0"}),
    ("PUT", "/v1/settings", {"service": "v2", "settings": {"peerName": "alias"}}),
    ("POST", "/v1/batch", {"changes": [{"op": "register", "service": "v9", "address": "127.0.0.9:1"}]}),
    ("PATCH", "/v1/instances", {"service": "v9", "id": "127.0.0.9:1", "weight": 2}),
    ("POST", "/v1/instances", {"service": "v9", "address": "127.0.0.9:2"}),
    ("DELETE", "/v1/instances", {"service": "v9", "id": "127.0.0.9:1"}),
    ("DELETE", "/v1/services", {"service": "v9"}),
    ("DELETE", "/v1/routes", {"dnsName": "front"}),
]
READS = ["status", "services", "endpoints", "aliases", "routes", "tasks", "containers", "hosts", "events", "history", "documents", "canaries",
         "credentials", "settings", "policies", "policies?service=v2", "policies/check?service=v2&client=client", "explain?name=front&port=80", "explain?name=v1&service=client", "explain?name=example.net&port=80"]


def test_answers_are_as_written():
    document = load()
    requests = operations(document)
    checker = Checker(document)
    with Testbed() as bed:
        make_everything(bed)
        for method, path, body in [("GET", f"/v1/{read}", None) for read in READS] + CHANGES + [("GET", f"/v1/{read}", None) for read in READS]:
            status, answer = bed.api(method, path, body)
            assert status == 200, (method, path, status, answer)
            path = path.partition("?")[0]
            checker.check(answer, answer_schema(requests[method, path]), f"{method} {path}")
        for method, path, body in (("POST", "/v1/instances", {"service": "v1", "address": "127.0.0.1:1", "wieght": 1}),
                                   ("DELETE", "/v1/routes", {"dnsName": "none"}), ("PUT", "/v1/status", {})):
            status, answer = bed.api(method, path, body)
            assert status >= 400, (method, path, answer)
            checker.check(answer, document["components"]["schemas"]["Error"], f"{method} {path}: {status}")
    assert not checker.faults, "\n".join(sorted(set(checker.faults))[:40])
