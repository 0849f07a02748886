# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What people and programs are told: a code, a sentence, what was probably meant, and where in a file it stands."""
import json
import os
import tempfile

from testbed import Testbed

SERVICE = {"serviceName": "web", "serviceConnectConfiguration": {"enabled": True, "services": []}}

# request, status, code, part of the sentence
ERRORS = [
    (("POST", "/v1/instances", {"service": "web"}), 400, "MissingValue", "address is missing"),
    (("POST", "/v1/instances", {"service": "web", "addres": "10.0.0.1:80"}), 400, "UnknownMember",
     'did you mean "address"?'),
    (("PATCH", "/v1/instances", {"service": "backend", "id": "a", "weight": "5s"}), 400, "InvalidValue",
     'weight: "5s" is not allowed'),
    (("PATCH", "/v1/instances", {"service": "backedn", "id": "a", "weight": 5}), 404, "NotFound",
     'there is no "backedn" (did you mean "backend"?)'),
    (("PATCH", "/v1/instances", {"service": "backend", "id": "aa", "weight": 5}), 404, "NotFound",
     'there is no "aa" (did you mean "a"?)'),
    (("PATCH", "/v1/instances", {"service": "backend", "id": "a", "weight": 5, "namespace": "defualt"}), 404, "NotFound",
     'namespace defualt, which does not exist; there is "default"'),
    (("PUT", "/v1/routes", {"dnsName": "x", "port": 80, "targets": [{"service": "backedn", "weight": 1}]}), 404,
     "NotFound", 'targets[0].service: there is no "backedn"'),
    (("PUT", "/v1/routes", {"dnsName": "localhost", "port": 80, "targets": [{"service": "backend", "weight": 1}]}), 400,
     "InvalidValue", "localhost is every task's own host"),
    (("DELETE", "/v1/routes", {"dnsName": "bakend", "port": 80}), 404, "NotFound", 'did you mean "backend"?'),
    (("PUT", "/v1/settings", {"service": "backend", "settings": {"drainSecond": 5}}), 400, "UnknownMember",
     'did you mean "drainSeconds"?'),
    (("DELETE", "/v1/services", {"service": "backend"}), 409, "Conflict", "is in conflict with what is there"),
    (("PUT", "/v1/nothing", {}), 404, "NotFound", "no such path"),
    (("DELETE", "/v1/status", {}), 405, "MethodNotAllowed", "does not take this method"),
]

# text, wanted parts of what `apply` says of it
DOCUMENTS = [
    ('{\n  "serviceName": "web",\n  "a": oops\n}', ["web.json", "line 3, column 8", "not JSON"]),
    ("serviceName: web\nport: 80\n", ["web.json", "line 1, column 1", "this looks like YAML"]),
    ("Resources:\n  A:\n    Type: AWS::ECS::Service\n", ["web.json", "CloudFormation template"]),
    ('{"Resources": {"A": {"Type": "AWS::ECS::Service"}}}', ["web.json", "CloudFormation template"]),
]


def test_errors_have_a_code_and_say_what_was_meant():
    with Testbed() as bed:
        bed.register("backend", "10.0.0.1:80", "a")
        bed.route("storage", {"backend": 1})
        before = bed.status()["registry"]["revision"]
        for (method, path, body), status, code, part in ERRORS:
            got, answer = bed.api(method, path, body)
            assert (got, answer["error"]["code"]) == (status, code), (body, got, answer)
            assert part in answer["error"]["message"], (part, answer)
        connection = bed.connection()
        connection.request("POST", "/v1/batch", '{\n "changes": [}', {"Content-Type": "application/json"})
        error = json.loads(connection.getresponse().read())["error"]
        assert error["code"] == "InvalidJson" and "line 2, column 14" in error["message"], error
        assert bed.status()["registry"]["revision"] == before


def test_documents_say_where_and_what_they_are():
    with Testbed() as bed, tempfile.TemporaryDirectory(prefix="svctest-") as directory:
        path = os.path.join(directory, "web.json")
        for text, parts in DOCUMENTS:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            result = bed.cli("apply", "-f", path)
            assert result.rc == 1 and all(part in result.err for part in parts), (text, result)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**SERVICE, "taskDefintion": "web:1"}, file)
        result = bed.cli("apply", "-f", path)
        assert "web.json" in result.err and 'did you mean "taskDefinition"?' in result.err, result


def test_the_command_line_says_what_was_meant():
    with Testbed() as bed:
        bed.register("backend", "10.0.0.1:80", "a")
        for words, part in ((["regster"], 'there is no command "regster" (did you mean "register"?)'),
                            (["route", "cler"], 'there is no command "route cler" (did you mean "route clear"?)'),
                            (["drain", "backend", "a", "--timeot", "5"], "did you mean --timeout?"),
                            (["drain", "backend", "a", "--timeout", "soon"], '"soon" is not allowed; give seconds or a duration')):
            result = bed.cli(*words)
            assert result.rc == 2 and part in result.err, result
            result = bed.cli("--json", *words)
            assert json.loads(result.err)["error"]["code"] == "Usage", result
        result = bed.cli("--json", "--socket", "/nowhere/api.sock", "status")
        assert result.rc == 3 and json.loads(result.err)["error"]["code"] == "Unreachable", result


def test_durations_are_taken_everywhere_and_ids_as_they_are_typed():
    with Testbed() as bed:
        bed.cli_ok("register", "backend", "--address", "[::1]:8081")
        bed.cli_ok("register", "backend", "--address", "10.0.0.1:8081", "--id", "b")
        bed.cli_ok("weight", "backend", "[::1]:8081", "3")
        weights = {id: one["weight"] for (_, id), one in bed.endpoints().items()}
        assert weights == {"::1:8081": 3, "b": 1}, weights
        bed.cli_ok("set", "backend", "drainSeconds=2m", "ejection.baseSeconds=90s")
        own = bed.get("/v1/settings", namespace="default")["services"][0]["own"]
        assert own["drainSeconds"] == 120 and own["ejection"]["baseSeconds"] == 90, own
        assert "2m at most" in bed.cli_ok("drain", "backend", "b", "--timeout", "2m").out
        assert "1m30s at most" in bed.cli_ok("drain", "backend", "b", "--timeout", "90").out
        bed.cli_ok("deregister", "backend", "[::1]:8081", "--now")
        assert list(bed.endpoints()) == [("backend", "b")]
