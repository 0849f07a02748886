# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Reads leave no trace: after every GET of the control API and every read of the AWS API, rows, kernel and later changes
are what they would have been without."""
import json
import os
import sqlite3

from aws_client import AwsBed
from testbed import wait_until

GETS = ("settings", "canaries", "documents", "credentials", "status", "services", "endpoints", "aliases", "routes", "tasks",
        "hosts", "events")


def document(name):
    return {"serviceName": name, "serviceConnectConfiguration": {
        "enabled": True, "namespace": "shop", "services": [{"portName": "http", "discoveryName": name}]},
        "taskDefinition": {"family": name, "containerDefinitions": [
            {"name": "app", "portMappings": [{"name": "http", "containerPort": 8080}]}]}}


def write(path, *names):
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        json.dump([document(name) for name in names], file)
    os.rename(path + ".tmp", path)


def rows(bed):
    with sqlite3.connect(f"file:{os.path.join(bed.state_dir, 'registry.db')}?mode=ro", uri=True) as registry:
        return registry.execute("SELECT * FROM rows ORDER BY 1").fetchall()


def read_everything(bed, cloud_map, ecs):
    for name in GETS:
        bed.get(f"/v1/{name}")
    assert bed.connection().ask("GET", "/metrics")[0] == 200
    for operation in cloud_map.list_operations()["Operations"]:
        cloud_map.get_operation(OperationId=operation["Id"])
    for namespace in cloud_map.list_namespaces()["Namespaces"]:
        cloud_map.get_namespace(Id=namespace["Id"])
        cloud_map.list_tags_for_resource(ResourceARN=namespace["Arn"])
        ecs.list_services_by_namespace(namespace=namespace["Name"])
    services = cloud_map.list_services()["Services"]
    assert len(services) == 6
    for service in services:
        cloud_map.get_service(Id=service["Id"])
        cloud_map.discover_instances(NamespaceName="shop", ServiceName=service["Name"], HealthStatus="ALL")
        bed.call("DiscoverInstancesRevision", {"NamespaceName": "shop", "ServiceName": service["Name"]})
        bed.call("GetServiceAttributes", {"ServiceId": service["Id"]})
        for instance in cloud_map.list_instances(ServiceId=service["Id"])["Instances"]:
            cloud_map.get_instance(ServiceId=service["Id"], InstanceId=instance["Id"])
    cloud_map.get_instances_health_status(ServiceId=[item["Id"] for item in services if item["Name"] == "own"][0])
    ecs.describe_clusters(clusters=["c"])
    for definition in ecs.list_task_definitions()["taskDefinitionArns"]:
        ecs.describe_task_definition(taskDefinition=definition)
    assert ecs.list_services(cluster="c")["serviceArns"] == []
    ecs.describe_services(cluster="c", services=["none"])


def test_reads_change_nothing():
    with AwsBed(start=False) as bed:
        os.mkdir(bed.services_dir)
        left, right = (os.path.join(bed.services_dir, f"{name}.json") for name in ("left", "right"))
        write(left, "s5", "s1", "s3")
        write(right, "s4", "s2")
        bed.start()
        cloud_map, ecs = bed.client("servicediscovery"), bed.client("ecs")
        namespace = [item["Id"] for item in cloud_map.list_namespaces()["Namespaces"] if item["Name"] == "shop"][0]
        own = cloud_map.create_service(Name="own", NamespaceId=namespace)["Service"]["Id"]
        for number in (9, 1, 5):
            cloud_map.register_instance(ServiceId=own, InstanceId=f"i{number}", Attributes={
                "AWS_INSTANCE_IPV4": f"127.9.9.{number}", "AWS_INSTANCE_PORT": "8080"})
        ecs.create_cluster(clusterName="c")
        ecs.register_task_definition(family="f", containerDefinitions=[{"name": "app", "image": "tiny:1", "memory": 64}])
        before = rows(bed), bed.status()["writes"]["maps"]
        for _ in range(2):
            read_everything(bed, cloud_map, ecs)
        assert (rows(bed), bed.status()["writes"]["maps"]) == before
        os.unlink(left)
        os.unlink(right)
        wait_until(lambda: not bed.get("/v1/documents")["documents"], 5, "the documents to go")
        with open(bed.log_file, encoding="utf-8") as log:
            text = log.read()
        assert text.count(f"{left} has gone") == text.count(f"{right} has gone") == 1, text
