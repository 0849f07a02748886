# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A key pair for one namespace cannot fill the host for the others: the error names the setting, and others go on."""
from aws_client import AwsBed

QUOTAS = {"instances": 3, "services": 2, "taskDefinitions": 2, "writesPerSecond": 20}


def test_one_namespace_leaves_room():
    with AwsBed({"quotas": QUOTAS}) as bed:
        for name in ("shop", "other"):
            bed.call("CreateHttpNamespace", {"Name": name})
        bed.change("POST", "/v1/credentials", name="tenant", namespace="shop")
        key, everybody = bed.key("tenant"), bed.key()
        ids = {item["Name"]: item["Id"] for item in bed.call("ListNamespaces")[1]["Namespaces"]}

        def service(name, who=key, namespace="shop"):
            return bed.call("CreateService", {"Name": name, "NamespaceId": ids[namespace]}, key=who)

        def register(service_id, id, who=key):
            return bed.call("RegisterInstance", {"ServiceId": service_id, "InstanceId": id, "Attributes": {
                "AWS_INSTANCE_IPV4": "192.0.2.1", "AWS_INSTANCE_PORT": "80"}}, key=who)

        def limited(answer, setting, type="ResourceLimitExceeded"):
            status, body = answer
            assert status == 400 and body["__type"] == type and f"quotas.{setting}" in str(body), answer

        first = service("one")[1]["Service"]["Id"]
        assert service("two")[0] == 200
        limited(service("three"), "services")
        for i in range(3):
            assert register(first, f"i{i}")[0] == 200
        limited(register(first, "i3"), "instances")
        assert register(first, "i0")[0] == 200, "the same again is no more"
        assert bed.call("DeregisterInstance", {"ServiceId": first, "InstanceId": "i1"}, key=key)[0] == 200
        assert register(first, "i3")[0] == 200
        definition = {"family": "web", "containerDefinitions": [{"name": "app", "image": "tiny:1"}]}
        for _ in range(2):
            assert bed.call("RegisterTaskDefinition", definition, key=key, service="ecs")[0] == 200
        limited(bed.call("RegisterTaskDefinition", definition, key=key, service="ecs"), "taskDefinitions", "ClientException")
        # Nobody else is bound by that.
        more = service("more", everybody, "other")[1]["Service"]["Id"]
        for i in range(5):
            assert register(more, f"i{i}", everybody)[0] == 200
        bed.change("POST", "/v1/instances", service="one", namespace="shop", address="192.0.2.9:80")
        limited(register(first, "i4"), "instances")
        # And who writes without end is slowed down: ten seconds' worth at once, less what has been.
        answers = [register(first, "i0") for _ in range(10 * QUOTAS["writesPerSecond"] + 60)]
        slowed = [body for status, body in answers if status == 400]
        assert slowed and all(body["__type"] == "ThrottlingException" and "quotas.writesPerSecond" in str(body)
                              for body in slowed), slowed[:3]
        assert register(more, "i0", everybody)[0] == 200
        assert bed.call("ListServices", key=key)[0] == 200, "reading goes on"
