# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Every operation that is served against AWS's service model: each member of a request wrong in each way, each member of an
answer looked at, each error one that the model has."""
import http.client
import json

from aws_client import AwsBed
from aws_model import Operation, put, served
from testbed import note

INVALID = {"servicediscovery": {"InvalidInput"}, "ecs": {"InvalidParameterException", "ClientException"}}


class Caller:
    """Signed requests on one connection."""

    def __init__(self, bed):
        self.bed, self.key = bed, bed.key()
        self.connection = http.client.HTTPConnection("127.0.0.1", bed.port, timeout=20)

    def __call__(self, operation, body):
        headers, data = self.bed.signed(operation.name, body, service=operation.service, key=self.key)
        self.connection.request("POST", "/", body=data, headers=headers)
        response = self.connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else {}


def known(service):
    operations = [Operation(service, name) for name in served(service)]
    unknown = [operation.name for operation in operations if not operation.is_known]
    if unknown:
        note(f"{service}: in no model that is installed, so not tried: {', '.join(unknown)}")
    return [operation for operation in operations if operation.is_known]


def name_of(path):
    """The last member on the way, as a message names it."""
    return [step for step in path if isinstance(step, str)][-1]


def judge_refusal(operation, case, status, answer):
    path, what, _, is_type = case
    said = answer.get("__type")
    wanted = {"SerializationException"} if is_type else INVALID[operation.service]
    text = answer.get("Message") or answer.get("message") or ""
    if status == 400 and said in wanted and said in operation.errors and (
            name_of(path) in text or any(step in text for step in path if isinstance(step, str))):
        return None
    return f"{operation.name} {'.'.join(map(str, path))}: {what}: {status} {said}: {text[:150] or str(answer)[:150]}"


def walk_refusals(service):
    with AwsBed() as bed:
        call, n, wrong = Caller(bed), 0, []
        for operation in known(service):
            body = operation.full()
            status, answer = call(operation, body)
            assert status == 200 or answer["__type"] in operation.errors, (operation.name, answer)
            for case in operation.wrong():
                n += 1
                wrong.append(judge_refusal(operation, case, *call(operation, put(body, case[0], case[2]))))
        wrong = [text for text in wrong if text]
        assert not wrong, f"{len(wrong)} of {n}:\n" + "\n".join(wrong)
        note(f"{n} requests that are wrong in one place")


def test_where_there_is_nothing():
    """Whatever is asked of a daemon that has nothing yet: an answer, or an error that the model has."""
    with AwsBed() as bed:
        call, bad = Caller(bed), []
        for service in INVALID:
            for operation in known(service):
                status, answer = call(operation, operation.least())
                if status == 200:
                    operation.check(answer)
                elif answer["__type"] not in operation.errors - {"InternalFailure", "SerializationException"}:
                    bad.append((operation.name, status, answer))
        assert not bad, bad


def test_what_cloud_map_refuses():
    walk_refusals("servicediscovery")


def test_what_ecs_refuses():
    walk_refusals("ecs")


class Walk:
    """Good requests, each answer held against the model; at the end every operation that is served must have been asked."""

    def __init__(self, bed, service):
        self.call, self.service, self.asked, self.bad = Caller(bed), service, set(), []

    def __call__(self, name, **body):
        operation = Operation(self.service, name)
        status, answer = self.call(operation, body)
        assert status == 200, (name, body, answer)
        self.asked.add(name)
        if operation.is_known:
            try:
                operation.check(answer)
            except AssertionError as error:
                self.bad.append(str(error))
        return answer

    def end(self):
        assert not self.bad, "\n".join(dict.fromkeys(self.bad))
        missing = set(served(self.service)) - self.asked
        assert not missing, f"served, and not walked: {missing}"


TAGS = [{"Key": "k", "Value": "v"}]
SOA = {"DnsProperties": {"SOA": {"TTL": 30}}}


def walk_namespaces(ask):
    made = {}
    for kind, more in (("Http", {}), ("PrivateDns", {"Vpc": "vpc-1", "Properties": SOA}), ("PublicDns", {"Properties": SOA})):
        operation = ask(f"Create{kind}Namespace", Name=f"{kind.lower()}.example", Description="d", CreatorRequestId=kind,
                        Tags=TAGS, **more)["OperationId"]
        shown = ask("GetOperation", OperationId=operation)["Operation"]
        made[kind] = shown["Targets"]["NAMESPACE"]
        change = {"Description": "e", **({"Properties": SOA} if more else {})}
        ask(f"Update{kind}Namespace", Id=made[kind], UpdaterRequestId="u", Namespace=change)
        namespace = ask("GetNamespace", Id=made[kind])["Namespace"]
        assert namespace["Properties"]["HttpProperties"]["HttpName"] == namespace["Name"], namespace
        dns = namespace["Properties"]["DnsProperties"]
        assert dns["SOA"] == ({"TTL": 30} if more else {}) and ("HostedZoneId" in dns) == bool(more), namespace
        assert namespace["Description"] == "e", namespace
    ask("ListNamespaces", Filters=[{"Name": "TYPE", "Values": ["HTTP"], "Condition": "EQ"}], MaxResults=1)
    assert ask("ListNamespaces", MaxResults=1)["NextToken"]
    ask("ListOperations", MaxResults=2)
    return made


def walk_instances(ask, namespace, service):
    names = {"NamespaceName": namespace, "ServiceName": "web"}
    for n in range(2):
        ask("RegisterInstance", ServiceId=service, InstanceId=f"i{n}", CreatorRequestId="c", Attributes={
            "AWS_INSTANCE_IPV4": f"127.9.8.{n + 1}", "AWS_INSTANCE_PORT": "8080", "zone": "a b"})
    ask("UpdateInstanceCustomHealthStatus", ServiceId=service, InstanceId="i0", Status="UNHEALTHY")
    for status in ("HEALTHY", "UNHEALTHY", "ALL", "HEALTHY_OR_ELSE_ALL"):
        assert ask("DiscoverInstances", **names, HealthStatus=status, MaxResults=10)["Instances"]
    ask("DiscoverInstances", **names, QueryParameters={"zone": "a b"}, OptionalParameters={"x": "y"})
    ask("DiscoverInstancesRevision", **names)
    ask("GetInstance", ServiceId=service, InstanceId="i1")
    assert ask("ListInstances", ServiceId=service, MaxResults=1)["NextToken"]
    ask("GetInstancesHealthStatus", ServiceId=service, Instances=["i0"])
    for n in range(2):
        ask("DeregisterInstance", ServiceId=service, InstanceId=f"i{n}")


def test_what_cloud_map_answers():
    with AwsBed() as bed:
        ask = Walk(bed, "servicediscovery")
        made = walk_namespaces(ask)
        service = ask("CreateService", Name="web", NamespaceId=made["PrivateDns"], Description="d", CreatorRequestId="c", Tags=TAGS,
                      DnsConfig={"RoutingPolicy": "WEIGHTED", "DnsRecords": [{"Type": "A", "TTL": 5}]},
                      HealthCheckCustomConfig={"FailureThreshold": 1})["Service"]
        checked = ask("CreateService", Name="checked", NamespaceId=made["PublicDns"], HealthCheckConfig={
            "Type": "HTTP", "ResourcePath": "/", "FailureThreshold": 2}, DnsConfig={"DnsRecords": [
                {"Type": "SRV", "TTL": 5}]})["Service"]
        plain = ask("CreateService", Name="plain", NamespaceId=made["Http"], Type="HTTP")["Service"]
        for one in (service, checked, plain):
            ask("GetService", Id=one["Id"])
        ask("ListServices", Filters=[{"Name": "NAMESPACE_ID", "Values": [made["Http"]]}])
        assert ask("ListServices", MaxResults=1)["NextToken"]
        walk_instances(ask, "privatedns.example", service["Id"])
        ask("UpdateServiceAttributes", ServiceId=service["Id"], Attributes={"a": "b c"})
        ask("GetServiceAttributes", ServiceId=service["Id"])
        ask("DeleteServiceAttributes", ServiceId=service["Id"], Attributes=["a"])
        ask("TagResource", ResourceARN=service["Arn"], Tags=TAGS)
        ask("ListTagsForResource", ResourceARN=service["Arn"])
        ask("UntagResource", ResourceARN=service["Arn"], TagKeys=["k"])
        ask("UpdateService", Id=service["Id"], Service={"Description": "e", "DnsConfig": {"DnsRecords": [
            {"Type": "A", "TTL": 7}]}})
        for one in (service, checked, plain):
            ask("DeleteService", Id=one["Id"])
        for one in made.values():
            ask("DeleteNamespace", Id=one)
        ask.end()


MAPPING = {"name": "http", "containerPort": 8080, "appProtocol": "http"}
BLOCK = {"enabled": True, "services": [{"portName": "http", "discoveryName": "web", "clientAliases": [
    {"port": 80, "dnsName": "web"}], "timeout": {"idleTimeoutSeconds": 0}, "ingressPortOverride": 8081}],
         "logConfiguration": {"logDriver": "json-file", "options": {"a": "b"}}}


def walk_definitions(ask):
    for more in ({}, {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
                      "tags": [{"key": "k", "value": "v"}], "volumes": [{"name": "v", "host": {"sourcePath": "/x"}}],
                      "runtimePlatform": {"cpuArchitecture": "X86_64"}, "placementConstraints": []}, {}):
        ask("RegisterTaskDefinition", family="web", containerDefinitions=[
            {"name": "app", "image": "i", "memory": 64, "portMappings": [MAPPING], "environment": [
                {"name": "A", "value": "b"}], "ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}]}], **more)
    ask("DescribeTaskDefinition", taskDefinition="web:2", include=["TAGS"])
    ask("DescribeTaskDefinition", taskDefinition="web")
    assert ask("ListTaskDefinitions", familyPrefix="web", sort="DESC", maxResults=1)["nextToken"]
    ask("ListTaskDefinitionFamilies", status="ACTIVE")
    ask("DeregisterTaskDefinition", taskDefinition="web:1")
    assert ask("DeleteTaskDefinitions", taskDefinitions=["web:1", "web:2"])["failures"]


def walk_deployments(ask, service):
    """Served or not: the history of a service."""
    names = served("ecs")
    if "ListServiceDeployments" in names:
        listed = ask("ListServiceDeployments", service=service, cluster="c")["serviceDeployments"]
        if "DescribeServiceDeployments" in names:
            ask("DescribeServiceDeployments", serviceDeploymentArns=[item["serviceDeploymentArn"] for item in listed])
        if "DescribeServiceRevisions" in names:
            ask("DescribeServiceRevisions", serviceRevisionArns=[item["targetServiceRevisionArn"] for item in listed])


def test_what_ecs_answers():
    with AwsBed() as bed:
        ask = Walk(bed, "ecs")
        arn = ask("CreateCluster", clusterName="c", serviceConnectDefaults={"namespace": "shop"}, settings=[
            {"name": "containerInsights", "value": "enabled"}], tags=[{"key": "k", "value": "v"}], configuration={
                "executeCommandConfiguration": {"logging": "NONE"}})["cluster"]["clusterArn"]
        ask("UpdateCluster", cluster="c", serviceConnectDefaults={"namespace": "shop"})
        ask("PutClusterCapacityProviders", cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[
            {"capacityProvider": "FARGATE", "weight": 1, "base": 0}])
        walk_definitions(ask)
        service = ask("CreateService", cluster="c", serviceName="web", taskDefinition="web", desiredCount=2, clientToken="t",
                      launchType="FARGATE", serviceConnectConfiguration=BLOCK, tags=[{"key": "k", "value": "v"}],
                      networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}},
                      deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 100, "deploymentCircuitBreaker": {
                          "enable": True, "rollback": True}})["service"]["serviceArn"]
        ask("CreateService", cluster="c", serviceName="plain", taskDefinition="web", schedulingStrategy="DAEMON")
        bed.register("web", "127.9.8.1:8080", "i", namespace="shop")
        ask("UpdateService", cluster="c", service="web", desiredCount=3, capacityProviderStrategy=[
            {"capacityProvider": "FARGATE", "weight": 1}])
        ask("DescribeServices", cluster="c", services=["web", "plain", "none"], include=["TAGS"])
        ask("DescribeClusters", clusters=["c", "none"], include=["TAGS", "SETTINGS", "CONFIGURATIONS", "STATISTICS"])
        assert ask("ListClusters", maxResults=1)["nextToken"]
        assert ask("ListServices", cluster="c", maxResults=1)["nextToken"]
        ask("ListServicesByNamespace", namespace="shop")
        for one in (arn, service):
            ask("TagResource", resourceArn=one, tags=[{"key": "a", "value": "b"}])
            ask("ListTagsForResource", resourceArn=one)
            ask("UntagResource", resourceArn=one, tagKeys=["a"])
        walk_deployments(ask, "web")
        for name in ("web", "plain"):
            ask("DeleteService", cluster="c", service=name, force=True)
        ask("DescribeServices", cluster="c", services=["web"])
        ask("DeleteCluster", cluster="c")
        ask.end()
