# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Every way to name a namespace (its name, its id, its ARN) at every entrance means that namespace and makes no other."""
import json

from aws_client import AwsBed, error_of
from testbed import PORT

DEFINITION = {"family": "web", "containerDefinitions": [
    {"name": "app", "image": "tiny:1", "memory": 64, "portMappings": [{"name": "http", "containerPort": PORT}]}]}


def block(namespace, **more):
    return {"enabled": True, "namespace": namespace,
            "services": [{"portName": "http", "discoveryName": "web", "clientAliases": [{"port": 80, "dnsName": "w"}]}], **more}


def document(namespace):
    return {"serviceName": "web", "taskDefinition": "web", "serviceConnectConfiguration": block(namespace)}


def without_namespace(text):
    connect = {name: value for name, value in text["serviceConnectConfiguration"].items() if name != "namespace"}
    return {**text, "serviceConnectConfiguration": connect}


def names(bed):
    return sorted(item["Name"] for item in bed.client("servicediscovery").list_namespaces()["Namespaces"])


def post(bed, *texts, **more):
    return bed.api("POST", "/v1/documents", {"documents": [{"source": str(number), "text": json.dumps(text)}
                                                           for number, text in enumerate(texts)], **more})


def test_characters_that_paths_and_pages_are_made_of():
    """Cloud Map allows them in names: each namespace works and is told apart from others, over a restart too."""
    odd = 'a/b<"&>'
    things = {"a": ("b", "c/d"), "a/b": ("c", "d"), odd: ("c", "d")}
    with AwsBed() as bed:
        cloud = bed.client("servicediscovery")
        for name, (service, instance) in things.items():
            cloud.create_http_namespace(Name=name)
            found = cloud.list_namespaces(Filters=[{"Name": "NAME", "Values": [name]}])["Namespaces"]
            made = cloud.create_service(Name=service, NamespaceId=found[0]["Id"])["Service"]
            address = bed.address(80)
            bed.announce({address: name})
            cloud.register_instance(ServiceId=made["Id"], InstanceId=instance, Attributes={
                "AWS_INSTANCE_IPV4": address.split(":")[0], "AWS_INSTANCE_PORT": "80"})
        bed.route("r", {"c": 1}, namespace="a/b")
        task = bed.task(odd)
        before = bed.wanted_state()
        for is_again in (False, True):
            if is_again:
                bed.restart()
            assert names(bed) == sorted(things) and bed.wanted_state() == before
            for name, (service, instance) in things.items():
                assert [item["NamespaceName"] for item in cloud.discover_instances(
                    NamespaceName=name, ServiceName=service)["Instances"]] == [name]
                assert list(bed.endpoints(name)) == [(service, instance)]
                table = bed.cli_ok("--json", "endpoints", "-n", name).json()["endpoints"]
                assert [(item["namespace"], item["id"]) for item in table] == [(name, instance)]
            assert [item["dnsName"] for item in bed.get("/v1/routes", namespace="a/b")["routes"]] == ["r"]
            assert task.agent().name(bed.address_of("c", 80, odd), 80) == odd
            assert task.agent().name(bed.address_of("r", 80, "a/b"), 80) == "ECONNREFUSED"


def test_every_way_at_every_entrance():
    with AwsBed() as bed:
        cloud, ecs = bed.client("servicediscovery"), bed.client("ecs")
        cloud.create_http_namespace(Name="shop")
        shop = cloud.list_namespaces()["Namespaces"][0]
        ecs.register_task_definition(**DEFINITION)
        ecs.create_cluster(clusterName="c")
        for way in (shop["Name"], shop["Id"], shop["Arn"]):
            for texts, more in (([document(way)], {}), ([{"services": [document(way)]}], {}),
                                ([{**DEFINITION, "serviceConnectConfiguration": block(way)}], {}),
                                ([without_namespace(document(way))], {"namespace": way})):
                status, answer = post(bed, *texts, **more)
                assert status == 200, answer
                assert bed.address_of("w", 80, "shop") and names(bed) == ["shop"], (way, texts)
                bed.cli_ok("delete", "service", "web", "-n", way)
                assert not bed.get("/v1/services", namespace="shop")["services"], (way, texts)
            routes = {"namespace": way, "routes": [{"dnsName": "r", "port": 80, "targets": [{"discoveryName": "x", "weight": 1}]}]}
            assert post(bed, document(way), routes)[0] == 200
            assert [route["dnsName"] for route in bed.get("/v1/routes", namespace=way)["routes"]] == ["r"]
            bed.cli_ok("register", "x", "--address", "127.0.0.9:80", "--id", "i", "-n", way)
            bed.cli_ok("weight", "x", "i", "7", "-n", way)
            bed.cli_ok("health", "x", "i", "unhealthy", "-n", way)
            bed.cli_ok("set", "x", "dnsRoutingPolicy=WEIGHTED", "-n", way)
            bed.cli_ok("route", "set", "r:80", "x=3", "-n", way)
            for what in ("services", "endpoints", "aliases", "routes", "settings", "documents"):
                assert bed.get(f"/v1/{what}", namespace=way) == bed.get(f"/v1/{what}", namespace="shop"), what
                assert bed.get(f"/v1/{what}", namespace=way)["services" if what == "settings" else what], what
            bed.cli_ok("route", "clear", "r:80", "-n", way)
            bed.cli_ok("deregister", "x", "i", "-n", way)
            bed.cli_ok("delete", "service", "web", "-n", way)
            bed.cli_ok("delete", "service", "x", "-n", way)
            task = bed.task(way, name=f"client-{len(way)}")
            assert [item["namespace"] for item in bed.get("/v1/tasks", namespace=way)["tasks"]][-1:] == ["shop"]
            assert task and names(bed) == ["shop"], way
            key = json.loads(bed.cli_ok("--json", "credentials", "add", "--name", "k", "-n", way).out)
            assert key["namespace"] == "shop"
            bed.cli_ok("credentials", "remove", "k")
            ecs.create_service(cluster="c", serviceName="web", taskDefinition="web", desiredCount=0,
                               serviceConnectConfiguration=block(way))
            assert bed.address_of("w", 80, "shop") and len(ecs.list_services_by_namespace(namespace=way)["serviceArns"]) == 1
            assert cloud.discover_instances(NamespaceName=way, ServiceName="web")["Instances"] == []
            ecs.update_cluster(cluster="c", serviceConnectDefaults={"namespace": way})
            ecs.delete_service(cluster="c", service="web", force=True)
            assert names(bed) == ["shop"], way
        before = bed.wanted_state()
        other = shop["Arn"].replace("ns-", "ns-x")
        for bad in (other, "ns-abcdefghijklmnop", "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1"):
            status, answer = post(bed, document(bad))
            assert status == 400 and answer["errors"][0]["path"].endswith(".namespace"), answer
            assert bed.cli("register", "x", "--address", "127.0.0.9:80", "-n", bad).rc == 1
            assert error_of(ecs.create_service, cluster="c", serviceName="web", taskDefinition="web",
                            serviceConnectConfiguration=block(bad)) == "NamespaceNotFoundException"
            assert error_of(ecs.update_cluster, cluster="c", serviceConnectDefaults={"namespace": bad}) == \
                "NamespaceNotFoundException"
        assert bed.wanted_state() == before and names(bed) == ["shop"]
