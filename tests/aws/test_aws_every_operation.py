# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Every operation that the `aws` command of Debian's awscli knows, typed as a user types it; answers against the model."""
import json

from aws_client import AwsBed, check_members, operations_of
from testbed import note

# What the API serves and this version of the command does not know: tested by requests made by hand.
UNKNOWN_TO_IT = {"DiscoverInstancesRevision", "GetServiceAttributes", "UpdateServiceAttributes",
                 "DeleteServiceAttributes"}
OPERATIONS_OF_ECS = 13  # that the API serves: what carries Service Connect


class Commands:
    """`aws SERVICE ...` one after the other; remembers which operations there were."""

    def __init__(self, bed, service):
        self.bed, self.service = bed, service
        self.model = operations_of(service)
        self.used = set()

    def __call__(self, command, *words, **how):
        name = "".join(part.capitalize() for part in command.split("-"))
        result = self.bed.aws(self.service, command, *map(str, words), **how)
        assert result.rc == 0, (command, words, result)
        self.used.add(name)
        answer = json.loads(result.out) if result.out.strip() else {}
        shape = self.model.operation_model(name).output_shape
        if shape is not None:
            check_members(shape, answer, name)
        return answer

    def fails(self, command, code, *words):
        """The typed error, by the command's exit status and its sentence."""
        result = self.bed.aws(self.service, command, *map(str, words))
        assert result.rc == 254 and f"({code})" in result.err, (command, words, result)


def check_namespaces(aws):
    made = {}
    for kind, words in (("http", ()), ("private-dns", ("--vpc", "vpc-1")), ("public-dns", ())):
        operation = aws(f"create-{kind}-namespace", "--name", f"{kind}.example", *words)["OperationId"]
        made[kind] = aws("get-operation", "--operation-id", operation)["Operation"]["Targets"]["NAMESPACE"]
        aws(f"update-{kind}-namespace", "--id", made[kind], "--namespace",
            json.dumps({"Description": "changed"}))
    first = aws("list-namespaces", "--max-items", 2, "--page-size", 1)
    rest = aws("list-namespaces", "--starting-token", first["NextToken"])
    ids = [item["Id"] for item in first["Namespaces"] + rest["Namespaces"]]
    assert sorted(ids) == sorted(made.values()), (ids, made)
    assert aws("get-namespace", "--id", made["http"])["Namespace"]["Description"] == "changed"
    assert len(aws("list-operations", "--max-items", 50)["Operations"]) >= 6
    aws.fails("get-namespace", "NamespaceNotFound", "--id", "ns-none")
    return made["private-dns"]


def check_instances(aws, service):
    for id in ("i1", "i2", "i3"):
        aws("register-instance", "--service-id", service, "--instance-id", id, "--attributes",
            f"AWS_INSTANCE_IPV4=127.9.8.{id[1]},AWS_INSTANCE_PORT=8080,zone={id}")
    assert aws("get-instance", "--service-id", service, "--instance-id", "i2")["Instance"]["Attributes"]["zone"] == "i2"
    page = aws("list-instances", "--service-id", service, "--max-items", 2, "--page-size", 1)
    assert len(page["Instances"]) == 2 and page["NextToken"], page
    aws("update-instance-custom-health-status", "--service-id", service, "--instance-id", "i3", "--status", "UNHEALTHY")
    health = aws("get-instances-health-status", "--service-id", service)["Status"]
    assert health == {"i1": "HEALTHY", "i2": "HEALTHY", "i3": "UNHEALTHY"}, health
    found = aws("discover-instances", "--namespace-name", "private-dns.example", "--service-name", "web",
                "--query-parameters", "zone=i1", env={"http_proxy": aws.bed.endpoint})["Instances"]
    assert [item["InstanceId"] for item in found] == ["i1"], found
    aws.fails("deregister-instance", "InstanceNotFound", "--service-id", service, "--instance-id", "none")
    for id in ("i1", "i2", "i3"):
        aws("deregister-instance", "--service-id", service, "--instance-id", id)


def test_cloud_map():
    with AwsBed() as bed:
        aws = Commands(bed, "servicediscovery")
        namespace = check_namespaces(aws)
        service = aws("create-service", "--name", "web", "--namespace-id", namespace, "--dns-config",
                      "DnsRecords=[{Type=A,TTL=15}]", "--health-check-custom-config", "FailureThreshold=1")["Service"]
        assert aws("get-service", "--id", service["Id"])["Service"]["Name"] == "web"
        assert [item["Name"] for item in aws("list-services")["Services"]] == ["web"]
        aws("update-service", "--id", service["Id"], "--service", json.dumps(
            {"Description": "d", "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 30}]}}))
        aws("tag-resource", "--resource-arn", service["Arn"], "--tags", "Key=stage,Value=test")
        tags = aws("list-tags-for-resource", "--resource-arn", service["Arn"])["Tags"]
        assert tags == [{"Key": "stage", "Value": "test"}], tags
        aws("untag-resource", "--resource-arn", service["Arn"], "--tag-keys", "stage")
        check_instances(aws, service["Id"])
        aws("delete-service", "--id", service["Id"])
        aws("delete-namespace", "--id", namespace)
        missing = set(aws.model.operation_names) - aws.used
        assert not missing, f"not tried: {missing}"
        assert len(aws.used | UNKNOWN_TO_IT) == 30, sorted(aws.used)
        note(f"{len(aws.used)} of 30 operations by the command itself")


test_cloud_map.timeout = 150  # every member of every operation, wrong in each way


def test_ecs():
    with AwsBed() as bed:
        aws = Commands(bed, "ecs")
        assert bed.call("CreateHttpNamespace", {"Name": "shop"})[0] == 200
        aws("create-cluster", "--cluster-name", "c", "--service-connect-defaults", "namespace=shop")
        aws("update-cluster", "--cluster", "c", "--service-connect-defaults", "namespace=shop")
        assert aws("describe-clusters", "--clusters", "c")["clusters"][0]["clusterName"] == "c"
        containers = [{"name": "app", "image": "i", "memory": 64, "portMappings": [{"name": "http", "containerPort": 8080}]}]
        for _ in range(2):
            aws("register-task-definition", "--family", "web", "--container-definitions", json.dumps(containers))
        assert aws("describe-task-definition", "--task-definition", "web")["taskDefinition"]["revision"] == 2
        assert len(aws("list-task-definitions", "--max-items", 1, "--page-size", 1)["taskDefinitionArns"]) == 1
        aws("create-service", "--cluster", "c", "--service-name", "web", "--task-definition", "web:2", "--desired-count", 2,
            "--service-connect-configuration", json.dumps({"enabled": True, "services": [
                {"portName": "http", "discoveryName": "web", "clientAliases": [{"port": 80, "dnsName": "web"}]}]}))
        bed.register("web", "127.9.8.1:8080", "i", namespace="shop")
        shown = aws("describe-services", "--cluster", "c", "--services", "web")["services"][0]
        assert (shown["desiredCount"], shown["runningCount"]) == (2, 1), shown
        aws("update-service", "--cluster", "c", "--service", "web", "--desired-count", 3)
        assert len(aws("list-services", "--cluster", "c")["serviceArns"]) == 1
        assert len(aws("list-services-by-namespace", "--namespace", "shop")["serviceArns"]) == 1
        aws.fails("update-service", "ServiceNotFoundException", "--cluster", "c", "--service", "none")
        aws("delete-service", "--cluster", "c", "--service", "web", "--force")
        aws("deregister-task-definition", "--task-definition", "web:1")
        assert len(aws.used) == OPERATIONS_OF_ECS, sorted(aws.used)
