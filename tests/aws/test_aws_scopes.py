# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What a key for one namespace sees of ECS's objects over the wire, what stays so over a restart, and what is
remembered of a service. Every operation is tried in tests/unit/aws_api/test_aws_scopes.c."""
import json

from aws_client import AwsBed
from testbed import wait_until

SECRET = "their-password"
NAMESPACES = ("mine", "theirs")


def definition(family, **more):
    return {"family": family, "containerDefinitions": [{
        "name": "app", "image": "tiny:1", "environment": [{"name": "PASSWORD", "value": SECRET}],
        "portMappings": [{"name": "http", "containerPort": 8080}]}], **more}


def block(namespace, name):
    return {"enabled": True, "namespace": namespace, "services": [{"portName": "http", "discoveryName": name}]}


class Keys:
    """Requests of ECS by the keys: all namespaces, each one's, and a read-only one of "mine"."""

    def __init__(self, bed):
        self.bed = bed
        for name in NAMESPACES:
            bed.call("CreateHttpNamespace", {"Name": name})
            bed.cli_ok("credentials", "add", "--name", name, "-n", name)
        bed.cli_ok("credentials", "add", "--name", "reader", "-n", "mine", "--read-only")
        self.keys = {name: bed.key(name) for name in ("default", "reader", *NAMESPACES)}

    def ok(self, who, operation, **body):
        status, answer = self.bed.call(operation, body, service="ecs", key=self.keys[who])
        assert status == 200, (who, operation, answer)
        return answer

    def fails(self, who, code, operation, **body):
        status, answer = self.bed.call(operation, body, service="ecs", key=self.keys[who])
        assert (status, answer.get("__type")) == (400, code), (who, operation, answer)


def look(keys):
    """What is theirs is not there for the other; for them, and for who sees everything, it is."""
    for who in ("mine", "reader"):
        keys.fails(who, "ClientException", "DescribeTaskDefinition", taskDefinition="theirs")
        keys.fails(who, "ClientException", "DescribeTaskDefinition", taskDefinition="admins")
        shown = [keys.ok(who, operation, **body) for operation, body in (
            ("ListTaskDefinitions", {}), ("ListTaskDefinitionFamilies", {}), ("ListClusters", {}), ("ListServices", {}),
            ("DescribeClusters", {"clusters": ["their-cluster", "default"], "include": ["TAGS"]}),
            ("DescribeServices", {"services": ["their-web"]}))]
        assert SECRET not in json.dumps(shown) and shown[0]["taskDefinitionArns"] == [], shown
        assert [item["reason"] for item in shown[4]["failures"] + shown[5]["failures"]] == ["MISSING"] * 2, shown
    keys.fails("mine", "AccessDeniedException", "RegisterTaskDefinition", **definition("theirs"))
    keys.fails("reader", "AccessDeniedException", "RegisterTaskDefinition", **definition("fresh"))
    for who in ("theirs", "default"):
        assert SECRET in json.dumps(keys.ok(who, "DescribeTaskDefinition", taskDefinition="theirs"))
        assert "svcconnect" not in json.dumps(keys.ok(who, "DescribeTaskDefinition", taskDefinition="theirs"))
    keys.fails("theirs", "ClientException", "DescribeTaskDefinition", taskDefinition="admins")


def test_what_is_anothers():
    with AwsBed() as bed:
        keys = Keys(bed)
        keys.ok("theirs", "RegisterTaskDefinition", **definition("theirs"))
        keys.ok("default", "RegisterTaskDefinition", **definition("admins"))
        keys.ok("theirs", "CreateCluster", clusterName="their-cluster", tags=[{"key": "k", "value": SECRET}])
        keys.ok("theirs", "CreateService", serviceName="their-web", taskDefinition="theirs",
                serviceConnectConfiguration=block("theirs", "web"), tags=[{"key": "k", "value": SECRET}])
        look(keys)
        bed.restart()
        look(keys)
        # A page's token is of no use to another key, and stays of use over the restart.
        for family in ("a", "b"):
            keys.ok("mine", "RegisterTaskDefinition", **definition(family))
        token = keys.ok("mine", "ListTaskDefinitions", maxResults=1)["nextToken"]
        bed.restart()
        assert len(keys.ok("mine", "ListTaskDefinitions", maxResults=1, nextToken=token)["taskDefinitionArns"]) == 1
        for who, operation in (("theirs", "ListTaskDefinitions"), ("default", "ListTaskDefinitions"),
                               ("mine", "ListTaskDefinitionFamilies"), ("mine", "ListClusters")):
            keys.fails(who, "InvalidParameterException", operation, nextToken=token)


def test_what_happened_to_a_service():
    with AwsBed() as bed:
        keys = Keys(bed)
        keys.ok("mine", "RegisterTaskDefinition", **definition("web"))
        keys.ok("mine", "CreateService", serviceName="web", taskDefinition="web", desiredCount=1,
                serviceConnectConfiguration=block("mine", "web"))
        first = keys.ok("mine", "ListServiceDeployments", service="web")["serviceDeployments"]
        keys.ok("mine", "UpdateService", service="web", desiredCount=2)
        assert keys.ok("mine", "ListServiceDeployments", service="web")["serviceDeployments"] == first
        keys.ok("mine", "UpdateService", service="web", serviceConnectConfiguration=block("mine", "front"))
        latest = keys.ok("mine", "ListServiceDeployments", service="web")["serviceDeployments"]
        assert latest[1:] == first and latest[0]["status"] == "SUCCESSFUL", (first, latest)
        revision = keys.ok("mine", "DescribeServiceRevisions", serviceRevisionArns=[
            latest[0]["targetServiceRevisionArn"]])["serviceRevisions"][0]
        assert revision["serviceConnectConfiguration"]["services"][0]["discoveryName"] == "front", revision
        assert revision["containerImages"] == [{"containerName": "app", "image": "tiny:1"}], revision
        for who in ("theirs", "default"):
            found = keys.ok(who, "DescribeServiceDeployments", serviceDeploymentArns=[latest[0]["serviceDeploymentArn"]])
            assert len(found["serviceDeployments"]) == (who == "default"), found

        def messages():
            return [item["message"] for item in keys.ok("mine", "DescribeServices", services=["web"])["services"][0]["events"]]
        assert all("deployment completed" in message for message in messages()) and len(messages()) == 2, messages()
        for id in ("a", "b"):  # by another entrance
            bed.register("front", f"127.0.0.9:{ord(id)}", id, namespace="mine")
        wait_until(lambda: messages()[0] == "(service web) has reached a steady state.", 5, "the steady state")
        bed.restart()
        assert len(messages()) == 2 and keys.ok("mine", "ListServiceDeployments", service="web")[
            "serviceDeployments"] == latest, "what was deployed is remembered"
