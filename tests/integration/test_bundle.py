# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What `svcconnect bundle` puts into its archive, and what it must not."""
import json
import os
import stat
import tarfile

from testbed import Testbed

SECRETS = ("argument-of-a-command", "environment-of-a-document")

DOCUMENT = {"family": "shop", "containerDefinitions": [
    {"name": "app", "image": "app:1", "portMappings": [{"name": "http", "containerPort": 80}],
     "environment": [{"name": "KEY", "value": "environment-of-a-document"}]}],
    "serviceConnectConfiguration": {"enabled": True, "namespace": "default", "services": [
        {"portName": "http", "discoveryName": "shop", "clientAliases": [{"dnsName": "shop", "port": 80}]}]}}


def test_what_is_in_it():
    config = {"execChecks": ["/bin/true"]}
    with Testbed(config) as bed:
        bed.service("web", (1, 2))
        bed.task(service="client")
        document = os.path.join(bed.base, "shop.json")
        with open(document, "w", encoding="utf-8") as file:
            json.dump(DOCUMENT, file)
        bed.cli_ok("apply", "-f", document)
        bed.change("PUT", "/v1/settings", service="web", settings={"healthCheck": {
            "type": "exec", "command": ["CMD", "/bin/true", "argument-of-a-command"]}})
        secret = bed.cli_ok("credentials", "add", "--name", "ci", "--json").json()["secretAccessKey"]
        assert len(secret) > 20
        path = os.path.join(bed.base, "report.tar.gz")
        told = bed.cli_ok("bundle", path).out
        assert path in told and "no keys" in told, told
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with tarfile.open(path) as archive:
            files = {member.name: archive.extractfile(member).read().decode("utf-8", "replace") for member in archive}
        for text in (*SECRETS, secret):
            found = [name for name, content in files.items() if text in content]
            assert not found, (text, found)
        status = json.loads(files["svcconnect/status.json"])
        assert status["pid"] == bed.daemon.pid and status["services"] == 2, status
        assert {item["service"] for item in json.loads(files["svcconnect/endpoints.json"])["endpoints"]} == {"web"}
        assert "attached" in files["svcconnect/events.json"]
        assert "svcconnect_services 2" in files["svcconnect/metrics.txt"]
        assert json.loads(files["svcconnect/configuration.json"])["servicesDir"] == bed.services_dir
        assert bed.config_file in files["svcconnect/command-line.txt"]
        assert files["svcconnect/host/kernel.txt"].startswith("Linux version")
        assert "web" in files["svcconnect/maps/endpoints.txt"], files["svcconnect/maps/endpoints.txt"][:500]
        again = bed.cli("bundle", path)
        assert again.rc == 1 and "File exists" in again.err, again


def test_without_a_daemon():
    """Then a report is wanted most: what can be had is in it, the rest says why not."""
    with Testbed() as bed:
        bed.stop()
        path = os.path.join(bed.base, "report.tar.gz")
        answer = bed.cli_ok("bundle", path, "--json").json()
        assert answer["file"] == path and answer["missing"] >= 13, answer
        with tarfile.open(path) as archive:
            text = archive.extractfile("svcconnect/status.json").read().decode()
            assert text.startswith("not to be had: "), text
            assert archive.extractfile("svcconnect/host/kernel.txt").read()
