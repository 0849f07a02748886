# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""ECS: clusters, task definitions and services through botocore, and what a service publishes."""
import email.utils
import http.client
import time

from aws_client import AwsBed, error_of
from testbed import PORT

DEFINITION = {"family": "web", "networkMode": "awsvpc", "containerDefinitions": [
    {"name": "app", "image": "tiny:1", "memory": 64, "portMappings": [
        {"name": "http", "containerPort": PORT, "protocol": "tcp", "appProtocol": "http"}]}]}


def connect(**more):
    return {"enabled": True, "services": [{"portName": "http", "discoveryName": "backend",
                                           "clientAliases": [{"port": 80, "dnsName": "backend"}]}], **more}


def test_service():
    with AwsBed() as bed:
        ecs = bed.client("ecs")
        cluster = ecs.create_cluster(clusterName="c", serviceConnectDefaults={"namespace": "shop"})["cluster"]
        assert cluster["status"] == "ACTIVE" and "namespace/ns-" in cluster["serviceConnectDefaults"]["namespace"], cluster
        definition = ecs.register_task_definition(**DEFINITION, tags=[{"key": "k", "value": "v"}])
        assert definition["taskDefinition"]["revision"] == 1 and definition["tags"], definition
        service = ecs.create_service(cluster="c", serviceName="web", taskDefinition="web", desiredCount=2,
                                     serviceConnectConfiguration=connect())["service"]
        assert service["taskDefinition"].endswith("task-definition/web:1") and service["runningCount"] == 0, service
        assert service["deployments"][0]["serviceConnectResources"][0]["discoveryName"] == "backend", service
        address = bed.address()
        bed.announce({address: "one"})
        bed.register("backend", address, "i", namespace="shop")
        task = bed.task("shop")
        assert task.agent_name_once(bed.address_of("backend", 80, "shop"), 80) == "one"
        shown = ecs.describe_services(cluster="c", services=["web", "none"])
        assert shown["services"][0]["runningCount"] == 1 and shown["services"][0]["desiredCount"] == 2, shown
        assert shown["failures"][0]["reason"] == "MISSING", shown
        assert error_of(ecs.create_service, cluster="c", serviceName="web", taskDefinition="web") == \
            "InvalidParameterException"
        assert ecs.describe_clusters(clusters=["c", "x"])["clusters"][0]["activeServicesCount"] == 1
        assert ecs.list_services(cluster="c")["serviceArns"] == [service["serviceArn"]]
        moved = ecs.update_service(cluster="c", service="web", desiredCount=1, serviceConnectConfiguration={
            **connect(), "services": [{"portName": "http", "discoveryName": "backend",
                                       "clientAliases": [{"port": 81, "dnsName": "moved"}]}]})["service"]
        assert moved["desiredCount"] == 1 and bed.address_of("moved", 81, "shop"), moved
        assert error_of(ecs.update_service, cluster="c", service="none") == "ServiceNotFoundException"
        assert error_of(ecs.update_service, cluster="none", service="web") == "ClusterNotFoundException"
        assert error_of(ecs.delete_service, cluster="c", service="web") == "InvalidParameterException"
        bed.restart()
        assert ecs.describe_services(cluster="c", services=["web"])["services"][0]["desiredCount"] == 1
        assert ecs.list_services_by_namespace(namespace="shop")["serviceArns"] == [service["serviceArn"]]
        assert error_of(ecs.list_services_by_namespace, namespace="none") == "NamespaceNotFoundException"
        ecs.update_service(cluster="c", service="web", desiredCount=0)
        assert ecs.delete_service(cluster="c", service="web")["service"]["status"] == "DRAINING"
        assert not ecs.list_services(cluster="c")["serviceArns"] and not bed.endpoints("shop")
        ecs.get_waiter("services_inactive").wait(cluster="c", services=["web"], WaiterConfig={"Delay": 1, "MaxAttempts": 2})
        bed.restart()
        ended = ecs.describe_services(cluster="c", services=["web"])["services"][0]
        assert ended["status"] == "INACTIVE" and ended["desiredCount"] == 0 and ended["deployments"] == [], ended
        assert ended["serviceArn"] == service["serviceArn"] and ended["taskDefinition"] == service["taskDefinition"], ended
        updated = ecs.update_cluster(cluster="c", serviceConnectDefaults={"namespace": ""})["cluster"]
        assert "serviceConnectDefaults" not in updated, updated


def test_a_service_of_another_cluster_is_let_alone():
    with AwsBed() as bed:
        ecs = bed.client("ecs")
        ecs.register_task_definition(**DEFINITION)
        for cluster in ("c1", "c2"):
            ecs.create_cluster(clusterName=cluster)
        ecs.create_service(cluster="c1", serviceName="one", taskDefinition="web", serviceConnectConfiguration=connect())
        arn = ecs.describe_services(cluster="c1", services=["one"])["services"][0]["serviceArn"].replace("/c1/", "/c2/")
        for operation, more in ((ecs.delete_service, {"service": arn, "force": True}), (ecs.update_service, {"service": arn}),
                                (ecs.describe_services, {"services": [arn]})):
            try:
                operation(cluster="c1", **more)
                raise AssertionError("done")
            except ecs.exceptions.InvalidParameterException as error:
                assert "Identifier is for cluster c2. Your cluster is c1" in str(error), error
        assert ecs.describe_services(cluster="c1", services=["one"])["services"][0]["status"] == "ACTIVE"


def test_what_is_shown_is_what_was_said():
    """What Terraform compares with its state, and what SDKs look at."""
    with AwsBed() as bed:
        ecs, cloud = bed.client("ecs"), bed.client("servicediscovery")
        ecs.register_task_definition(**DEFINITION, tags=[{"key": "k", "value": "v"}])
        ecs.create_cluster(clusterName="c", tags=[{"key": "k", "value": "v"}],
                           settings=[{"name": "containerInsights", "value": "enabled"}])
        plain = ecs.describe_clusters(clusters=["c"])["clusters"][0]
        assert not plain["tags"] and not plain["settings"], plain
        whole = ecs.describe_clusters(clusters=["c"], include=["TAGS", "SETTINGS"])["clusters"][0]
        assert whole["tags"] and whole["settings"], whole
        assert "tags" not in ecs.describe_task_definition(taskDefinition="web")
        assert ecs.describe_task_definition(taskDefinition="web", include=["TAGS"])["tags"]
        cloud.create_private_dns_namespace(Name="shop.local", Vpc="vpc-1")
        namespace = cloud.list_namespaces()["Namespaces"][0]
        for given in (namespace["Arn"], namespace["Name"]):
            ecs.create_service(cluster="c", serviceName="web", taskDefinition="web", desiredCount=0,
                               tags=[{"key": "k", "value": "v"}], serviceConnectConfiguration=connect(namespace=given))
            for shown in (ecs.describe_services(cluster="c", services=["web"])["services"][0],
                          ecs.update_service(cluster="c", service="web", desiredCount=0)["service"]):
                assert shown["deployments"][0]["serviceConnectConfiguration"]["namespace"] == given, shown
            assert not ecs.describe_services(cluster="c", services=["web"])["services"][0].get("tags")
            assert ecs.describe_services(cluster="c", services=["web"], include=["TAGS"])["services"][0]["tags"]
            assert bed.address_of("backend", 80, "shop.local")
            bed.restart()
            assert bed.address_of("backend", 80, "shop.local")
            ecs.delete_service(cluster="c", service="web", force=True)
            assert not bed.get("/v1/services", namespace="shop.local")["services"]
        service = cloud.create_service(Name="s", NamespaceId=namespace["Id"],
                                       DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 5}]})["Service"]
        for shown in (service, cloud.get_service(Id=service["Id"])["Service"], cloud.list_services()["Services"][0]):
            assert shown["DnsConfig"]["NamespaceId"] == namespace["Id"], shown
        for number in range(12):
            cloud.register_instance(ServiceId=service["Id"], InstanceId=str(number), Attributes={"AWS_INSTANCE_IPV4": "127.0.0.9"})
            body = {"NamespaceName": "shop.local", "ServiceName": "s"}
            revisions = [bed.call("DiscoverInstancesRevision", body)[1]["InstancesRevision"],
                         bed.call("DiscoverInstances", body)[1]["InstancesRevision"]]
            assert all(isinstance(revision, int) for revision in revisions), revisions
        connection = http.client.HTTPConnection("127.0.0.1", bed.port, timeout=20)
        connection.request("POST", "/", body="{}")
        date = email.utils.parsedate_to_datetime(connection.getresponse().getheader("Date"))
        assert abs(date.timestamp() - time.time()) < 60, date


def test_clusters():
    with AwsBed() as bed:
        ecs = bed.client("ecs")
        ecs.register_task_definition(**DEFINITION)
        for number in range(5):
            ecs.create_cluster(clusterName=f"c{number}")
        pages = ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2})
        names = [arn.rsplit("/", 1)[1] for page in pages for arn in page["clusterArns"]]
        assert names == ["c0", "c1", "c2", "c3", "c4", "default"], names
        put = ecs.put_cluster_capacity_providers(cluster="c0", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[
            {"capacityProvider": "FARGATE", "weight": 1, "base": 0}])["cluster"]
        shown = ecs.describe_clusters(clusters=["c0"])["clusters"][0]
        assert put["capacityProviders"] == shown["capacityProviders"] == ["FARGATE"], shown
        ecs.create_service(cluster="c0", serviceName="s", taskDefinition="web", desiredCount=0)
        assert error_of(ecs.delete_cluster, cluster="c0") == "ClusterContainsServicesException"
        ecs.delete_service(cluster="c0", service="s")
        assert ecs.delete_cluster(cluster="c0")["cluster"]["status"] == "INACTIVE"
        assert error_of(ecs.delete_cluster, cluster="c0") == "ClusterNotFoundException"
        bed.restart()
        assert len(ecs.list_clusters()["clusterArns"]) == 5


def test_one_name_in_two_clusters():
    def block(cluster, **more):
        return {"enabled": True, "services": [{"portName": "http", "discoveryName": f"d-{cluster}",
                                               "clientAliases": [{"port": 80, "dnsName": f"n-{cluster}"}]}], **more}

    def clients(bed):
        return sorted(item["client"] for item in bed.get("/v1/routes", namespace="shop")["routes"])

    with AwsBed() as bed:
        ecs = bed.client("ecs")
        ecs.register_task_definition(**DEFINITION)
        for cluster in ("c1", "c2"):
            ecs.create_cluster(clusterName=cluster, serviceConnectDefaults={"namespace": "shop"})
            ecs.create_service(cluster=cluster, serviceName="web", taskDefinition="web", desiredCount=0,
                               serviceConnectConfiguration=block(cluster))
        for _ in range(2):
            for cluster in ("c1", "c2"):
                shown = ecs.describe_services(cluster=cluster, services=["web"])["services"][0]
                assert shown["serviceName"] == "web" and shown["serviceArn"].endswith(f"service/{cluster}/web"), shown
                resources = shown["deployments"][0]["serviceConnectResources"]
                assert [item["discoveryName"] for item in resources] == [f"d-{cluster}"], shown
                assert ecs.list_services(cluster=cluster)["serviceArns"] == [shown["serviceArn"]]
                ecs.update_service(cluster=cluster, service="web", desiredCount=0)
                assert bed.address_of(f"n-{cluster}", 80, "shop")
            bed.restart()
        assert len(ecs.list_services_by_namespace(namespace="shop")["serviceArns"]) == 2
        routes = [{"dnsName": "x", "port": 80, "targets": [{"discoveryName": "d-c1", "weight": 1}]}]
        for cluster in ("c1", "c2"):  # routes are no member of ECS's: by hand
            status, answer = bed.call("UpdateService", {"cluster": cluster, "service": "web", "serviceConnectConfiguration":
                                                        block(cluster, routes=routes)}, service="ecs")
            assert status == 200, answer
        assert clients(bed) == ["c2.web", "web"]
        status, answer = bed.call("DeleteService", {"cluster": "c2", "service": "web"}, service="ecs")
        assert status == 200, answer
        assert ecs.describe_services(cluster="c2", services=["web"])["services"][0]["status"] == "INACTIVE"
        assert {item["name"] for item in bed.get("/v1/services", namespace="shop")["services"]} == {"d-c1"}
        assert clients(bed) == ["web"]


def test_tags():
    with AwsBed() as bed:
        ecs = bed.client("ecs")
        definition = ecs.register_task_definition(**DEFINITION)["taskDefinition"]["taskDefinitionArn"]
        cluster = ecs.create_cluster(clusterName="c")["cluster"]["clusterArn"]
        service = ecs.create_service(cluster="c", serviceName="s", taskDefinition="web", desiredCount=0,
                                     serviceConnectConfiguration=connect())["service"]["serviceArn"]
        for arn in (definition, cluster, service):
            assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == []
            ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
            ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "3"}])
            tags = {tag["key"]: tag["value"] for tag in ecs.list_tags_for_resource(resourceArn=arn)["tags"]}
            assert tags == {"a": "3", "b": "2"}, tags
            ecs.untag_resource(resourceArn=arn, tagKeys=["a", "none"])
            assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
            assert error_of(ecs.tag_resource, resourceArn=arn + "x", tags=[]) in (
                "ResourceNotFoundException", "InvalidParameterException")
            assert error_of(ecs.list_tags_for_resource, resourceArn=arn.replace("us-east-1", "eu-west-1")) == \
                "InvalidParameterException"
            many = [{"key": str(number), "value": ""} for number in range(50)]
            assert error_of(ecs.tag_resource, resourceArn=arn, tags=many) == "InvalidParameterException"
        assert bed.address_of("backend", 80), "what the service publishes stays"
        assert ecs.describe_services(cluster="c", services=["s"], include=["TAGS"])["services"][0]["tags"]
        bed.cli_ok("credentials", "add", "--name", "k", "-n", "elsewhere")
        foreign = bed.client("ecs", key=bed.key("k"))
        assert error_of(foreign.tag_resource, resourceArn=cluster, tags=[]) == "AccessDeniedException"
        assert error_of(foreign.list_tags_for_resource, resourceArn=service) == "AccessDeniedException"


def test_what_is_filled_in():
    with AwsBed() as bed:
        ecs, cloud = bed.client("ecs"), bed.client("servicediscovery")
        definition = ecs.register_task_definition(**DEFINITION)["taskDefinition"]
        container = definition["containerDefinitions"][0]
        assert (container["cpu"], container["essential"], container["portMappings"][0]["hostPort"]) == (0, True, PORT), container
        assert all(container[name] == [] for name in ("environment", "mountPoints", "volumesFrom")), container
        assert definition["compatibilities"] == ["EC2"] and definition["placementConstraints"] == [], definition
        assert definition["registeredBy"].endswith(":user/default") and definition["registeredAt"], definition
        assert ecs.describe_task_definition(taskDefinition="web")["taskDefinition"] == definition
        strategy = [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]
        for launch, code in (("FARGATE", "InvalidParameterException"), ("NOWHERE", "InvalidParameterException")):
            assert error_of(ecs.create_service, serviceName="s", taskDefinition="web", launchType=launch,
                            capacityProviderStrategy=strategy) == code
        service = ecs.create_service(serviceName="s", taskDefinition="web", capacityProviderStrategy=strategy)["service"]
        assert "launchType" not in service and service["capacityProviderStrategy"] == strategy, service
        # Without Service Connect: no namespace appears, and none is kept by it.
        assert not cloud.list_namespaces()["Namespaces"]
        ecs.create_cluster(clusterName="c", serviceConnectDefaults={"namespace": "shop"})
        ecs.create_service(cluster="c", serviceName="s", taskDefinition="web")
        cloud.delete_namespace(Id=cloud.list_namespaces()["Namespaces"][0]["Id"])
        bed.restart()
        assert not cloud.list_namespaces()["Namespaces"]
        assert ecs.describe_services(cluster="c", services=["s"])["services"][0]["status"] == "ACTIVE"


def test_families_and_deleted_definitions():
    with AwsBed() as bed:
        ecs = bed.client("ecs")
        for family in ("web", "web", "api", "wax"):
            ecs.register_task_definition(**{**DEFINITION, "family": family})
        assert ecs.list_task_definition_families()["families"] == ["api", "wax", "web"]
        assert ecs.list_task_definition_families(familyPrefix="wa", status="ACTIVE")["families"] == ["wax"]
        ecs.deregister_task_definition(taskDefinition="web:2")
        status, answer = bed.call("DeleteTaskDefinitions", {"taskDefinitions": ["web:1", "web:2"]}, service="ecs")
        assert status == 200, answer
        assert [item["revision"] for item in answer["taskDefinitions"]] == [2], answer
        assert answer["taskDefinitions"][0]["status"] == "DELETE_IN_PROGRESS" and answer["failures"][0]["reason"], answer
        assert ecs.list_task_definition_families(status="INACTIVE")["families"] == ["web"]
        assert len(ecs.list_task_definitions(status="DELETE_IN_PROGRESS")["taskDefinitionArns"]) == 1
        assert error_of(ecs.create_service, serviceName="s", taskDefinition="web:2") == "ClientException"
        assert ecs.register_task_definition(**DEFINITION)["taskDefinition"]["revision"] == 3


def test_definitions():
    with AwsBed() as bed:
        ecs = bed.client("ecs")
        for _ in range(11):
            ecs.register_task_definition(**DEFINITION)
        arns = ecs.list_task_definitions(familyPrefix="web", sort="DESC")["taskDefinitionArns"]
        assert [arn.rsplit(":", 1)[1] for arn in arns] == [str(number) for number in range(11, 0, -1)], arns
        pages = ecs.get_paginator("list_task_definitions").paginate(sort="DESC", PaginationConfig={"PageSize": 4})
        assert [arn for page in pages for arn in page["taskDefinitionArns"]] == arns
        assert ecs.deregister_task_definition(taskDefinition="web:11")["taskDefinition"]["status"] == "INACTIVE"
        assert ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["revision"] == 10
        assert len(ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"]) == 1
        assert error_of(ecs.describe_task_definition, taskDefinition="none") == "ClientException"
        bad = {"name": "a", "image": "i", "portMappings": [{"name": "Upper", "containerPort": 1}]}
        assert error_of(ecs.register_task_definition, family="x", containerDefinitions=[bad]) == "ClientException"
        assert error_of(ecs.create_service, serviceName="s", taskDefinition="web:11") == "ClientException"
        for code, block in (("InvalidParameterException", {**connect(), "services": [{"portName": "none"}]}),
                            ("NamespaceNotFoundException", connect(namespace="nowhere"))):
            assert error_of(ecs.create_service, serviceName="s", taskDefinition="web",
                            serviceConnectConfiguration=block) == code, block
        assert not ecs.list_services()["serviceArns"]
