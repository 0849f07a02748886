# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Many at once: register -f and delete -f by batches, export and import."""
import json
import os

from terminal import on_terminal, plain
from testbed import Testbed

HTTP = {"healthCheck": {"type": "http", "path": "/ready", "interval": 5}, "drainSeconds": 7}


def lines(count, service="v1"):
    return [{"service": service, "id": f"i{i}", "address": f"10.0.{i // 250}.{i % 250 + 1}:8080"} for i in range(count)]


def write(bed, text, name="many"):
    path = os.path.join(bed.base, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def as_lines(records):
    return "".join(json.dumps(record) + "\n" for record in records)


def ids(bed):
    return {item["id"] for item in bed.get("/v1/endpoints")["endpoints"]}


def test_many_in_batches():
    records = lines(5000)
    with Testbed() as bed:
        path = write(bed, as_lines(records))
        assert bed.cli_ok("register", "-f", path, "--dry-run").out == "would have registered 5000\n" and not ids(bed)
        before = bed.status()["registry"]["revision"]
        result = bed.cli_ok("register", "-f", path)
        assert result.out == "registered 5000\n" and not result.err, result
        assert len(ids(bed)) == 5000 and bed.status()["registry"]["revision"] == before + 3, "three batches of 2,000"
        status, text = on_terminal(bed, "register", "-f", path, columns=80)
        assert status == 0 and "2000 of 5000" in text and plain(text).split("\r")[-1].strip() == "registered 5000", text
        assert bed.cli_ok("delete", "-f", path, "--now").out == "deleted 5000\n" and not ids(bed)


def test_forms_of_files():
    records = lines(3)
    with Testbed() as bed:
        forms = {"lines": as_lines(records), "array": json.dumps(records, indent=2), "jq": "\n\n".join(
            json.dumps(record, indent=2) for record in records), "empty": "", "none": " [ ] "}
        for name, text in forms.items():
            wanted = 0 if name in ("empty", "none") else 3
            assert bed.cli_ok("register", "-f", "-", input=text).out == f"registered {wanted}\n", name
            assert len(ids(bed)) == wanted, name
            assert bed.cli_ok("delete", "-f", write(bed, text), "--now", "--json").json()["deleted"] == wanted
        typed = as_lines([{"service": "v1", "address": "[fd00::1]:80"}, {"service": "v1", "address": "[fd00::1]:80",
                                                                        "protocol": "udp", "id": "[0:0::7]:53/udp"}])
        bed.cli_ok("register", "-f", "-", "-n", "red", input=typed)
        assert set(bed.endpoints("red")) == {("v1", "fd00::1:80"), ("v1", "::7:53/udp")}
        refused = bed.cli("register", "-f", "-", input='{"service": "v1", "address": "10.0.0.9:80", "id": "[x]"}')
        assert refused.rc == 1 and "[x]" in refused.err, refused
        bed.cli_ok("delete", "-f", "-", "-n", "red", input='{"service": "v1"}')
        assert not bed.endpoints("red")


def test_what_is_refused_names_the_line():
    with Testbed() as bed:
        for text, wanted in (('{"service": "v1"}\nnonsense\n', "line 2"), ("\n\n[1]", "line 3"), ("[{}\n,\n{}", "line 3"),
                             ("[{}] {}", "line 1"), ('{"a":\n1}\n{]', "line 3")):
            refused = bed.cli("register", "-f", "-", input=text)
            assert refused.rc == 1 and wanted in refused.err and "nothing was done" in refused.err, (text, refused)
        records = lines(4500)
        records[4100]["weight"] = 70000
        refused = bed.cli("register", "-f", write(bed, as_lines(records)))
        assert refused.rc == 1 and "line 4101: weight" in refused.err and "70000" in refused.err, refused
        assert "4000 done before; none of the 500 in its batch" in refused.err and "0 after it" in refused.err, refused
        assert len(ids(bed)) == 4000
        for words in (["v1", "-f", "x"], ["-f", "x", "--id", "a"], ["v1", "--address", "10.0.0.1:80", "--dry-run"], []):
            assert bed.cli("register", *words).rc == 2, words
        assert bed.cli("register", "-f", bed.base + "/nowhere").rc == 1
        refused = bed.cli("delete", "-f", "-", input='{"service": "v1", "id": "nobody"}')
        assert refused.rc == 1 and "standard input: line 1" in refused.err and "nobody" in refused.err, refused


def fill(bed):
    """Everything that an export has: documents, services with and without instances, settings, routes."""
    document = {"serviceName": "web", "taskDefinition": {"family": "web", "containerDefinitions": [
        {"name": "web", "portMappings": [{"name": "http", "containerPort": 80}]}]}, "serviceConnectConfiguration": {
            "enabled": True, "services": [{"portName": "http", "discoveryName": "web",
                                           "clientAliases": [{"dnsName": "www", "port": 80}]}]}}
    bed.change("POST", "/v1/documents", documents=[{"source": "web.json", "text": json.dumps(document)}])
    bed.register("web", "10.0.0.9:80", id="w")
    bed.register("v1", "10.0.0.1:80", id="first")
    bed.register("v1", "[fd00::1]:8081", id="six", weight=7, health="UNHEALTHY")
    bed.change("DELETE", "/v1/instances", service="v1", id="first", now=True)
    bed.register("dns", "10.0.0.2:53", protocol="udp")
    bed.register("empty", "10.0.0.3:9000", namespace="red", id="x")
    bed.change("DELETE", "/v1/instances", service="empty", namespace="red", id="x", now=True)
    bed.register("db", "db.invalid:5432")
    bed.change("PUT", "/v1/settings", service="v1", settings=HTTP)
    bed.change("PUT", "/v1/settings", settings={"connectTimeoutSeconds": 9})
    bed.route("backend", {"v1": 3, "web": 1}, onEmpty="unhealthy")
    bed.route("backend", {"web": 1}, client="qa")
    bed.route("backend", {"empty": 1}, namespace="red", port=81)


def test_export_and_import():
    with Testbed() as first, Testbed() as second:
        fill(first)
        exported = first.cli_ok("export").out
        state = json.loads(exported)
        assert {len(state[part]) > 0 for part in ("documents", "services", "instances", "settings", "routes")} == {True}
        path = write(first, exported)
        planned = second.cli_ok("import", path, "--dry-run").out
        assert "would create instance default/v1/six" in planned and "would create document default/web" in planned, planned
        assert not second.get("/v1/services")["services"], "a dry run changes nothing"
        second.cli_ok("import", path)
        assert second.cli_ok("export").out == exported
        assert second.cli_ok("import", path).out == "nothing to change\n"
        assert second.cli_ok("import", "--dry-run", input=exported).out == "nothing to change\n"
        second.update("v1", "six", weight=1)
        second.change("PUT", "/v1/settings", service="v1", settings={"healthCheck": {"retries": 9}, "slowStartSeconds": 4})
        second.register("v1", "10.0.0.77:1", id="more")
        said = second.cli_ok("import", path).out.splitlines()
        assert said == ["update instance default/v1/six", "update settings default/v1"], said
        second.change("DELETE", "/v1/instances", service="v1", id="more", now=True)
        assert second.cli_ok("export").out == exported
        red = json.loads(first.cli_ok("export", "-n", "red").out)
        assert not red["documents"] and [item["service"] for item in red["services"]] == ["empty"], red


def test_a_large_import_is_summed_up():
    with Testbed() as bed:
        records = [{**line, "namespace": "default", "weight": 1} for line in lines(150)]
        text = json.dumps({"svcconnectExport": 1, "instances": records})
        assert bed.cli_ok("import", input=text).out == "instances: 150 created\n"
        records[0]["weight"] = 2
        text = json.dumps({"svcconnectExport": 1, "instances": records})
        assert len(bed.cli_ok("import", "--dry-run", input=text).out.splitlines()) == 150, "these lack what an export has"


def test_what_is_no_export():
    with Testbed() as bed:
        for text, wanted in (("{}", "no export"), ("[]", "no export"), ('{"svcconnectExport": 2}', "reads 1"),
                             ('{"svcconnectExport": 1, "pods": []}', "pods"), ('{"svcconnectExport": 1, "routes": {}}', "routes"),
                             ('{"svcconnectExport": 1, "routes": [5]}', "routes[0]"),
                             ('{"svcconnectExport": 1, "instances": [{"service": "v1"}]}', "address")):
            refused = bed.cli("import", input=text)
            assert refused.rc == 1 and wanted in refused.err, (text, refused)
        assert bed.cli_ok("import", input='{"svcconnectExport": 1}').out == "nothing to change\n"
        assert bed.cli("export", "--all", "-n", "red").rc == 2
