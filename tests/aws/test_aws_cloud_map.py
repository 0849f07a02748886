# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Cloud Map: every operation through botocore, what it answers, and what the kernel does with it."""
from aws_client import AwsBed, error_of
from testbed import PORT


def test_end_to_end():
    """A namespace, a service, an instance: reachable at once, gone at once."""
    with AwsBed() as bed:
        cloud_map = bed.client("servicediscovery")
        operation = cloud_map.create_http_namespace(Name="shop")["OperationId"]
        operation = cloud_map.get_operation(OperationId=operation)["Operation"]
        assert operation["Status"] == "SUCCESS" and operation["Type"] == "CREATE_NAMESPACE", operation
        namespace = operation["Targets"]["NAMESPACE"]
        service = cloud_map.create_service(Name="web", NamespaceId=namespace,
                                           HealthCheckCustomConfig={"FailureThreshold": 1})["Service"]
        address = bed.address()
        bed.announce({address: "one"})
        task = bed.task("shop")
        cloud_map.register_instance(ServiceId=service["Id"], InstanceId="i1", Attributes={
            "AWS_INSTANCE_IPV4": address.split(":")[0], "AWS_INSTANCE_PORT": str(PORT), "zone": "a"})
        alias = bed.address_of("web.shop", PORT, "shop")
        agent = task.agent()
        assert agent.name(alias, PORT) == "one"
        cloud_map.update_instance_custom_health_status(ServiceId=service["Id"], InstanceId="i1", Status="UNHEALTHY")
        assert agent.name(alias, PORT) == "ECONNREFUSED"
        found = cloud_map.discover_instances(NamespaceName="shop", ServiceName="web")
        assert found["Instances"] == [], found
        found = cloud_map.discover_instances(NamespaceName="shop", ServiceName="web", HealthStatus="ALL")
        assert found["Instances"][0]["HealthStatus"] == "UNHEALTHY", found
        cloud_map.update_instance_custom_health_status(ServiceId=service["Id"], InstanceId="i1", Status="HEALTHY")
        assert agent.name(alias, PORT) == "one"
        cloud_map.deregister_instance(ServiceId=service["Id"], InstanceId="i1")
        assert agent.name(alias, PORT) == "ECONNREFUSED"
        agent.end()
        cloud_map.delete_service(Id=service["Id"])
        cloud_map.delete_namespace(Id=namespace)
        assert error_of(cloud_map.get_namespace, Id=namespace) == "NamespaceNotFound"
