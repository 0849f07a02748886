# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Settings that have power on the host, by every entrance: whoever has a key pair gets none of it, the control socket
and services.d get what the daemon's configuration names, and nobody gets it by default.

Today that power is one setting, a health check that is a command of this host. A new one belongs into POWERS."""
import contextlib
import json
import os
import time

from aws_client import AwsBed
from testbed import PORT, wait_until

QUICK = {"interval": 5, "timeout": 2, "retries": 1}


class Marks:
    """A program that leaves a mark when it runs, and the shell for the same."""

    def __init__(self, bed):
        self.ran, self.program = os.path.join(bed.base, "ran"), os.path.join(bed.base, "checks", "mark")
        os.mkdir(os.path.dirname(self.program))
        with open(self.program, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\necho "$@" >> {self.ran}\n')
        os.chmod(self.program, 0o755)

    def powers(self):
        """Every way to write it, with what it needs to be allowed."""
        shell = f"echo shell >> {self.ran}"
        return {
            "exec": ({"type": "exec", "command": ["CMD", self.program, "exec"], **QUICK}, self.program),
            "exec without CMD": ({"type": "exec", "command": [self.program], **QUICK}, self.program),
            "exec by the shell": ({"type": "exec", "command": ["CMD-SHELL", shell], **QUICK}, "/bin/sh"),
            "as ECS has it": ({"command": ["CMD", self.program], **QUICK}, self.program),
            "as ECS has it, by the shell": ({"command": ["CMD-SHELL", shell], **QUICK}, "/bin/sh"),
        }

    def are_there(self):
        return os.path.exists(self.ran)


def definition(**more):
    return {"family": "web", "containerDefinitions": [{"name": "app", "image": "tiny:1", "portMappings": [
        {"name": "http", "containerPort": PORT}]}], **more}


def block(**more):
    return {"enabled": True, "namespace": "shop", "services": [{"portName": "http", "discoveryName": "backend", **more}]}


def document(check=None, inner=None, name="web"):
    """As `apply` takes it, with the check beside the block or in the element of its services."""
    return {"serviceName": name, "taskDefinition": definition(), **({"healthCheck": check} if check else {}),
            "serviceConnectConfiguration": block(**({"healthCheck": inner} if inner else {}))}


# --- entrances of whoever has a key pair: (operation, body) for each, with the place of the check that must be named

def ecs_entrances(check):
    inner = {**block(healthCheck=check)}
    service = {"serviceName": "web", "taskDefinition": "good", "serviceConnectConfiguration": block()}
    yield "CreateService", {**service, "healthCheck": check}, "healthCheck."
    yield "CreateService", {**service, "serviceConnectConfiguration": inner}, ".services[0].healthCheck."
    yield "UpdateService", {"service": "there", "serviceConnectConfiguration": inner}, ".services[0].healthCheck."
    yield "RegisterTaskDefinition", definition(healthCheck=check), "healthCheck."
    yield "RegisterTaskDefinition", definition(serviceConnectConfiguration=inner), ".services[0].healthCheck."


def test_key_pairs_have_no_power():
    """With everything allowed to the host: what is refused is the entrance."""
    with power_bed() as (bed, marks):
        tenant = bed.key("tenant")
        assert bed.call("RegisterTaskDefinition", definition(family="good"), service="ecs", key=tenant)[0] == 200
        there = {"serviceName": "there", "taskDefinition": "good", "desiredCount": 0,
                 "serviceConnectConfiguration": {**block(), "services": [{"portName": "http", "discoveryName": "there"}]}}
        assert bed.call("CreateService", there, service="ecs", key=tenant)[0] == 200
        before = everything(bed)
        for key in (tenant, bed.key()):
            for what, (check, _) in marks.powers().items():
                for operation, body, place in ecs_entrances(check):
                    status, answer = bed.call(operation, body, service="ecs", key=key)
                    assert status == 400 and place in answer["message"] and "control socket" in answer["message"], \
                        (what, operation, status, answer)
        assert everything(bed) == before
        # A container's own check is another thing, which no one runs here.
        inside = definition()
        inside["containerDefinitions"][0]["healthCheck"] = {"command": ["CMD-SHELL", f"touch {marks.ran}"]}
        assert bed.call("RegisterTaskDefinition", inside, service="ecs", key=tenant)[0] == 200
        assert bed.call("UpdateService", {"service": "there", "taskDefinition": "web", "healthCheck": {
            "type": "exec", "command": [marks.program]}}, service="ecs", key=tenant)[0] == 200, "not a member of it"
        cloud_map_has_no_power(bed, marks, tenant)
        for service in ("there", "mapped"):
            bed.register(service, bed.address(), "i", namespace="shop")
            assert settings(bed, service)["healthCheck"]["type"] == "none"
        time.sleep(2)
        assert not marks.are_there()


def cloud_map_has_no_power(bed, marks, key):
    """What it has no member for is not taken, wherever it stands; what it has cannot say it."""
    check, _ = marks.powers()["exec"]
    text = json.dumps(check)
    shop = next(item["Id"] for item in bed.call("ListNamespaces", key=key)[1]["Namespaces"] if item["Name"] == "shop")
    tags = [{"Key": "healthCheck", "Value": text}]
    body = {"Name": "mapped", "NamespaceId": shop, "Tags": tags}
    for config in (check, {"Type": "EXEC", "ResourcePath": marks.program}, {"Type": "exec", **check}):
        assert bed.call("CreateService", {**body, "HealthCheckConfig": config}, key=key)[0] == 400, config
    status, answer = bed.call("CreateService", {**body, "healthCheck": check, "settings": {"healthCheck": check},
                                                "HealthCheckCustomConfig": {"FailureThreshold": 1, **check}}, key=key)
    assert status == 200, answer
    id, arn = answer["Service"]["Id"], answer["Service"]["Arn"]
    for change in ({"HealthCheckConfig": check}, {"HealthCheckConfig": {"Type": "EXEC"}}):
        assert bed.call("UpdateService", {"Id": id, "Service": change}, key=key)[0] == 400, change
    for operation, body in (("UpdateService", {"Id": id, "Service": {"Description": text, "healthCheck": check}}),
                            ("UpdateServiceAttributes", {"ServiceId": id, "Attributes": {"healthCheck": text}}),
                            ("TagResource", {"ResourceARN": arn, "Tags": tags}),
                            ("RegisterInstance", {"ServiceId": id, "InstanceId": "x", "healthCheck": check, "Attributes": {
                                "AWS_INSTANCE_IPV4": "127.0.0.9", "AWS_INSTANCE_PORT": "81", "healthCheck": text,
                                "command": marks.program}})):
        status, answer = bed.call(operation, body, key=key)
        assert status == 200, (operation, answer)


# --- what the host itself sets is the host's

def test_aws_does_not_change_the_hosts_commands():
    with power_bed() as (bed, marks):
        tenant = bed.key("tenant")
        check, _ = marks.powers()["exec"]
        shop = next(item["Id"] for item in bed.call("ListNamespaces")[1]["Namespaces"] if item["Name"] == "shop")
        mapped = bed.call("CreateService", {"Name": "mapped", "NamespaceId": shop}, key=tenant)[1]["Service"]
        set_check(bed, check, "mapped")
        apply(bed, document(inner=check))
        before = settings(bed, "mapped"), settings(bed, "backend")
        assert before[0]["healthCheck"]["command"] == before[1]["healthCheck"]["command"] == check["command"]
        for change in ({"Description": "x"}, {"Description": "y", "healthCheck": {"command": ["CMD", "/bin/false"]}}):
            assert bed.call("UpdateService", {"Id": mapped["Id"], "Service": change}, key=tenant)[0] == 200
        for body in ({"desiredCount": 3}, {"serviceConnectConfiguration": block(healthCheck={
                **check, "command": ["CMD", marks.program, "another"]})}):
            status, answer = bed.call("UpdateService", {"service": "web", **body}, service="ecs", key=tenant)
            assert status == 400 and "healthCheck." in answer["message"], answer
        assert (settings(bed, "mapped"), settings(bed, "backend")) == before
        # Doing without it is the tenant's to decide; the command does not come back with the next one.
        for type in ("HTTP", "TCP"):
            change = {"HealthCheckConfig": {"Type": type}}
            assert bed.call("UpdateService", {"Id": mapped["Id"], "Service": change}, key=tenant)[0] == 200
            assert "command" not in settings(bed, "mapped")["healthCheck"]


# --- entrances of the host

def host_entrances(bed, check):
    """(name, function that tries it and returns the refusal or None, the service it is about)"""
    def by_file():
        path = os.path.join(bed.services_dir, "web.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(document(check), file)
        os.rename(path + ".new", path)
        try:
            wait_until(lambda: failure_of(bed, path) or has(bed, "backend"), 5, "the file is looked at")
            return failure_of(bed, path)
        finally:
            os.unlink(path)
            wait_until(lambda: not failure_of(bed, path) and not has(bed, "backend"), 5, "what the file published is gone")

    yield "apply", lambda: refusal(*bed.api("POST", "/v1/documents", applied(document(check)))), "backend"
    yield "apply of the block", lambda: refusal(*bed.api("POST", "/v1/documents",
                                                         applied(document(inner=check)))), "backend"
    yield "set", lambda: refusal(*put_check(bed, check, "plain")), "plain"
    yield "batch", lambda: refusal(*bed.api("POST", "/v1/batch", {"changes": [
        {"op": "set-settings", "service": "plain", "namespace": "shop", "settings": {"healthCheck": check}}]})), "plain"
    yield "services.d", by_file, "backend"


def test_the_host_has_what_is_named():
    """Nothing by default, then each power with its own program, and with the other's."""
    with power_bed(allowed=()) as (bed, marks):
        for allowed in ([], [marks.program], ["/bin/sh"], [os.path.dirname(marks.program) + "/"]):
            bed.restart({**bed.config, "execChecks": allowed})
            for what, (check, needs) in marks.powers().items():
                is_allowed = any(needs == path or path.endswith("/") and needs.startswith(path) for path in allowed)
                for entrance, attempt, service in host_entrances(bed, check):
                    refused = attempt()
                    assert is_allowed is (refused is None), (allowed, what, entrance, refused)
                    if refused:
                        assert "healthCheck.command" in refused and "execChecks" in refused, refused
                    elif service == "plain":
                        set_check(bed, None, "plain")
                    if has(bed, "backend"):
                        bed.change("DELETE", "/v1/services", service="web", namespace="shop")
        assert not marks.are_there(), "there was no instance to check"


# --- support

@contextlib.contextmanager
def power_bed(allowed=("mark", "/bin/sh")):
    """A daemon with the namespace shop, a key pair for it, a service that `register` made, and what may be run."""
    with AwsBed(start=False) as bed:
        marks = Marks(bed)
        os.makedirs(bed.services_dir, exist_ok=True)
        bed.config["execChecks"] = [marks.program if path == "mark" else path for path in allowed]
        bed.start()
        bed.call("CreateHttpNamespace", {"Name": "shop"})
        bed.cli_ok("credentials", "add", "--name", "tenant", "-n", "shop")
        bed.register("plain", bed.address(), "i", namespace="shop")
        bed.change("DELETE", "/v1/instances", service="plain", id="i", namespace="shop")
        yield bed, marks


def everything(bed):
    return bed.wanted_state(), bed.get("/v1/settings"), bed.call("ListTaskDefinitions", service="ecs")[1]


def has(bed, service):
    return any((item["namespace"], item["name"]) == ("shop", service) for item in bed.get("/v1/services")["services"])


def settings(bed, service):
    return next(item["settings"] for item in bed.get("/v1/settings")["services"]
                if (item["namespace"], item["name"]) == ("shop", service))


def applied(*documents):
    return {"documents": [{"source": "x.json", "text": json.dumps(item)} for item in documents]}


def apply(bed, *documents):
    status, answer = bed.api("POST", "/v1/documents", applied(*documents))
    assert status == 200, answer


def put_check(bed, check, service):
    return bed.api("PUT", "/v1/settings", {"service": service, "namespace": "shop", "settings": {"healthCheck": check}})


def set_check(bed, check, service):
    status, answer = put_check(bed, check, service)
    assert status == 200, answer


def refusal(status, answer):
    assert status in (200, 400), answer
    return None if status == 200 else answer["error"]["message"]


def failure_of(bed, path):
    return next((item["message"] for item in bed.status()["documents"]["failed"] if item["source"] == path), None)
