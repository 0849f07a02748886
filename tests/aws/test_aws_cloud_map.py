# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Cloud Map: every operation through botocore, what it answers, and what the kernel does with it."""
import time

from aws_client import AwsBed, error_of
from testbed import PORT, wait_until
from zone import Zone


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


def make_service(cloud_map, namespace, name, **more):
    return cloud_map.create_service(Name=name, NamespaceId=namespace, **more)["Service"]


def make_namespace(cloud_map, name, kind="http", **more):
    operation = getattr(cloud_map, f"create_{kind}_namespace")(Name=name, **more)["OperationId"]
    return cloud_map.get_operation(OperationId=operation)["Operation"]["Targets"]["NAMESPACE"]


def test_namespaces():
    with AwsBed() as bed:
        cloud_map = bed.client("servicediscovery")
        http = make_namespace(cloud_map, "plain", Description="d", Tags=[{"Key": "k", "Value": "v"}])
        private = make_namespace(cloud_map, "inner.local", "private_dns", Vpc="vpc-1", CreatorRequestId="same",
                                 Properties={"DnsProperties": {"SOA": {"TTL": 60}}})
        public = make_namespace(cloud_map, "example.org", "public_dns")
        again = make_namespace(cloud_map, "inner.local", "private_dns", Vpc="vpc-1", CreatorRequestId="same")
        assert again == private, "the same request twice"
        assert error_of(cloud_map.create_http_namespace, Name="plain") == "NamespaceAlreadyExists"
        assert error_of(cloud_map.create_public_dns_namespace, Name="nodot") == "InvalidInput"
        assert error_of(cloud_map.create_http_namespace, Name="arn:x") == "InvalidInput"
        shown = cloud_map.get_namespace(Id=private)["Namespace"]
        assert shown["Type"] == "DNS_PRIVATE" and shown["Properties"]["DnsProperties"]["SOA"]["TTL"] == 60, shown
        assert shown["CreatorRequestId"] == "same" and abs(shown["CreateDate"].timestamp() - time.time()) < 60, shown
        assert cloud_map.get_namespace(Id=shown["Arn"])["Namespace"]["Id"] == private
        listed = cloud_map.list_namespaces()["Namespaces"]
        assert {item["Id"] for item in listed} == {http, private, public}, listed
        for filters, wanted in (({"Name": "TYPE", "Values": ["HTTP"]}, {http}),
                                ({"Name": "NAME", "Values": ["inner"], "Condition": "BEGINS_WITH"}, {private}),
                                ({"Name": "RESOURCE_OWNER", "Values": ["OTHER_ACCOUNTS"]}, set())):
            found = cloud_map.list_namespaces(Filters=[filters])["Namespaces"]
            assert {item["Id"] for item in found} == wanted, (filters, found)
        assert error_of(cloud_map.list_namespaces, NextToken="x") == "InvalidInput"
        pages = cloud_map.get_paginator("list_namespaces").paginate(PaginationConfig={"PageSize": 1})
        assert [len(page["Namespaces"]) for page in pages] == [1, 1, 1]
        cloud_map.update_http_namespace(Id=http, Namespace={"Description": "new"})
        assert cloud_map.get_namespace(Id=http)["Namespace"]["Description"] == "new"
        cloud_map.update_private_dns_namespace(Id=private, Namespace={
            "Properties": {"DnsProperties": {"SOA": {"TTL": 5}}}})
        cloud_map.update_public_dns_namespace(Id=public, Namespace={"Description": "p"})
        assert error_of(cloud_map.update_http_namespace, Id=private, Namespace={"Description": "x"}) == "InvalidInput"
        make_service(cloud_map, http, "web")
        assert error_of(cloud_map.delete_namespace, Id=http) == "ResourceInUse"
        cloud_map.delete_namespace(Id=public)
        assert error_of(cloud_map.delete_namespace, Id=public) == "NamespaceNotFound"
        operations = cloud_map.list_operations(Filters=[{"Name": "TYPE", "Values": ["DELETE_NAMESPACE"]}])["Operations"]
        assert [item["Status"] for item in operations] == ["SUCCESS"], operations
        assert error_of(cloud_map.get_operation, OperationId="none") == "OperationNotFound"


def test_services():
    with AwsBed() as bed:
        cloud_map = bed.client("servicediscovery")
        http, private = make_namespace(cloud_map, "h"), make_namespace(cloud_map, "p.local", "private_dns", Vpc="v")
        records = {"DnsRecords": [{"Type": "A", "TTL": 15}]}
        web = make_service(cloud_map, private, "web", DnsConfig=records, Description="d", CreatorRequestId="c")
        assert web["Type"] == "DNS_HTTP" and web["DnsConfig"]["RoutingPolicy"] == "MULTIVALUE", web
        assert make_service(cloud_map, private, "web", DnsConfig=records, CreatorRequestId="c")["Id"] == web["Id"]
        for code, how in (("ServiceAlreadyExists", {"Name": "WEB", "NamespaceId": private, "DnsConfig": records}),
                          ("NamespaceNotFound", {"Name": "x", "NamespaceId": "ns-none"}),
                          ("InvalidInput", {"Name": "-x", "NamespaceId": http}),
                          ("InvalidInput", {"Name": "x", "NamespaceId": http, "DnsConfig": records}),
                          ("InvalidInput", {"Name": "x", "NamespaceId": private,
                                            "HealthCheckConfig": {"Type": "TCP"}}),
                          ("InvalidInput", {"Name": "x", "NamespaceId": http, "HealthCheckConfig": {"Type": "TCP"},
                                            "HealthCheckCustomConfig": {}}),
                          ("InvalidInput", {"Name": "x", "NamespaceId": private, "DnsConfig": {
                              "DnsRecords": [{"Type": "CNAME", "TTL": 1}]}})):
            assert error_of(cloud_map.create_service, **how) == code, how
        checked = make_service(cloud_map, http, "checked", HealthCheckConfig={"Type": "HTTP", "ResourcePath": "/up",
                                                                              "FailureThreshold": 2})
        settings = bed.get("/v1/settings", namespace="h", service="checked")
        assert "/up" in str(settings), settings
        found = cloud_map.list_services(Filters=[{"Name": "NAMESPACE_ID", "Values": [http]}])["Services"]
        assert [item["Id"] for item in found] == [checked["Id"]], found
        pages = cloud_map.get_paginator("list_services").paginate(PaginationConfig={"PageSize": 1})
        assert sum(len(page["Services"]) for page in pages) == 2
        cloud_map.update_service(Id=checked["Id"], Service={"Description": "new"})
        shown = cloud_map.get_service(Id=checked["Arn"])["Service"]
        assert shown["Description"] == "new" and "HealthCheckConfig" not in shown, shown
        assert "/up" not in str(bed.get("/v1/settings", namespace="h", service="checked"))
        assert error_of(cloud_map.update_service, Id=web["Id"], Service={
            "DnsConfig": {"DnsRecords": [{"Type": "SRV", "TTL": 1}]}}) == "InvalidInput"
        cloud_map.tag_resource(ResourceARN=web["Arn"], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
        cloud_map.untag_resource(ResourceARN=web["Arn"], TagKeys=["b"])
        assert cloud_map.list_tags_for_resource(ResourceARN=web["Arn"])["Tags"] == [{"Key": "a", "Value": "1"}]
        assert error_of(cloud_map.tag_resource, ResourceARN=web["Arn"], Tags=[
            {"Key": str(i), "Value": ""} for i in range(50)]) == "TooManyTagsException"
        assert error_of(cloud_map.list_tags_for_resource, ResourceARN="arn:aws:x:service/srv-none") == \
            "ResourceNotFoundException"
        # What Debian's version of the clients does not know.
        assert bed.call("UpdateServiceAttributes", {"ServiceId": web["Id"], "Attributes": {"a": "1", "b": "2"}})[0] == 200
        assert bed.call("DeleteServiceAttributes", {"ServiceId": web["Id"], "Attributes": ["b"]})[0] == 200
        answer = bed.call("GetServiceAttributes", {"ServiceId": web["Id"]})[1]["ServiceAttributes"]
        assert answer["Attributes"] == {"a": "1"} and answer["ServiceArn"] == web["Arn"], answer
        too_many = {"ServiceId": web["Id"], "Attributes": {str(i): "x" for i in range(30)}}
        assert bed.call("UpdateServiceAttributes", too_many)[1]["__type"] == "ServiceAttributesLimitExceededException", "31 with the one there is"
        cloud_map.delete_service(Id=web["Id"])
        assert error_of(cloud_map.get_service, Id=web["Id"]) == "ServiceNotFound"


def revision(bed, namespace, service):
    return bed.call("DiscoverInstancesRevision", {"NamespaceName": namespace, "ServiceName": service})[1]["InstancesRevision"]


def test_instances():
    with AwsBed() as bed:
        cloud_map = bed.client("servicediscovery")
        namespace = make_namespace(cloud_map, "shop")
        web = make_service(cloud_map, namespace, "web", HealthCheckCustomConfig={})["Id"]
        plain = make_service(cloud_map, namespace, "plain")["Id"]

        def register(instance, service=web, **attributes):
            return cloud_map.register_instance(ServiceId=service, InstanceId=instance, Attributes=attributes)

        def discover(service="web", **how):
            found = cloud_map.discover_instances(NamespaceName="shop", ServiceName=service, **how)
            return {item["InstanceId"] for item in found["Instances"]}
        revisions = [revision(bed, "shop", "web")]
        register("a", AWS_INSTANCE_IPV4="127.9.9.1", AWS_INSTANCE_PORT="80", zone="a", quoted='x","zone":"b')
        register("b", AWS_INSTANCE_IPV4="127.9.9.2", AWS_INSTANCE_PORT="80", zone="b", SVCCONNECT_WEIGHT="7",
                 AWS_INIT_HEALTH_STATUS="UNHEALTHY")
        register("c", zone="a", url="http://elsewhere")
        assert set(bed.endpoints("shop")) == {("web", "a"), ("web", "b")}, "one without an address is no endpoint"
        assert bed.endpoints("shop")["web", "b"]["weight"] == 7
        revisions.append(revision(bed, "shop", "web"))
        cloud_map.update_instance_custom_health_status(ServiceId=web, InstanceId="c", Status="UNHEALTHY")
        assert revision(bed, "shop", "web") == revisions[-1] > revisions[0], "health is none of its business"
        assert discover() == {"a"}
        assert discover(HealthStatus="ALL") == {"a", "b", "c"} and discover(HealthStatus="UNHEALTHY") == {"b", "c"}
        assert discover(HealthStatus="ALL", QueryParameters={"zone": "a"}) == {"a", "c"}
        assert discover(HealthStatus="ALL", QueryParameters={"zone": "b"}) == {"b"}, "not what looks like it in a value"
        assert discover(QueryParameters={"zone": "b"}) == set()
        assert discover(QueryParameters={"zone": "b"}, HealthStatus="HEALTHY_OR_ELSE_ALL") == {"b"}
        assert discover(HealthStatus="ALL", OptionalParameters={"zone": "b"}) == {"b"}
        assert discover(HealthStatus="ALL", OptionalParameters={"zone": "z"}) == {"a", "b", "c"}
        assert len(discover(HealthStatus="ALL", MaxResults=2)) == 2
        assert cloud_map.get_instances_health_status(ServiceId=web)["Status"] == {
            "a": "HEALTHY", "b": "UNHEALTHY", "c": "UNHEALTHY"}
        assert error_of(cloud_map.get_instances_health_status, ServiceId=web, Instances=["z"]) == "InstanceNotFound"
        # Upsert: the record gets an address, and there is still one of it.
        register("c", AWS_INSTANCE_IPV6="2001:db8::1", AWS_INSTANCE_PORT="80")
        assert ("web", "c") in bed.endpoints("shop")
        listed = cloud_map.list_instances(ServiceId=web)["Instances"]
        assert [item["Id"] for item in listed] == ["a", "b", "c"], listed
        assert cloud_map.get_instance(ServiceId=web, InstanceId="b")["Instance"]["Attributes"]["SVCCONNECT_WEIGHT"] == "7"
        for code, attributes in (("InvalidInput", {"AWS_INSTANCE_IPV4": "localhost"}),
                                 ("InvalidInput", {"AWS_INSTANCE_IPV4": "127.255.0.9", "AWS_INSTANCE_PORT": "80"}),
                                 ("InvalidInput", {"AWS_INSTANCE_PORT": "0"}), ("InvalidInput", {"key": " space"}),
                                 ("InvalidInput", {"SVCCONNECT_WEIGHT": "65536"}),
                                 ("InvalidInput", {str(i): "x" for i in range(31)}),
                                 ("InvalidInput", {str(i): "x" * 1000 for i in range(6)})):
            assert error_of(register, "x", **attributes) == code, attributes
        assert error_of(register, "x" * 65) == "InvalidInput" and error_of(register, "sp ace") == "InvalidInput"
        assert error_of(register, "x", plain, AWS_INIT_HEALTH_STATUS="HEALTHY") == "InvalidInput"
        register("p", plain, AWS_INSTANCE_IPV4="127.9.9.3", AWS_INSTANCE_PORT="80")
        assert discover("plain", HealthStatus="UNHEALTHY") == {"p"}, "without a check the filter is ignored"
        assert error_of(cloud_map.update_instance_custom_health_status, ServiceId=plain, InstanceId="p",
                        Status="UNHEALTHY") == "CustomHealthNotFound"
        assert error_of(cloud_map.discover_instances, NamespaceName="none", ServiceName="web") == "NamespaceNotFound"
        assert error_of(cloud_map.discover_instances, NamespaceName="shop", ServiceName="none") == "ServiceNotFound"
        assert error_of(cloud_map.discover_instances, NamespaceName="shop", ServiceName="web", MaxResults=1001) == \
            "InvalidInput"
        assert error_of(cloud_map.delete_service, Id=web) == "ResourceInUse"
        for instance in "abc":
            cloud_map.deregister_instance(ServiceId=web, InstanceId=instance)
        assert error_of(cloud_map.deregister_instance, ServiceId=web, InstanceId="a") == "InstanceNotFound"
        assert revision(bed, "shop", "web") > revisions[-1]
        # What other means made is a service here too.
        bed.register("ours", "127.9.9.4:80", "i", namespace="shop")
        assert discover("ours") == {"i"}
        ours = [item for item in cloud_map.list_services()["Services"] if item["Name"] == "ours"][0]["Id"]
        cloud_map.update_instance_custom_health_status(ServiceId=ours, InstanceId="i", Status="UNHEALTHY")
        assert bed.endpoints("shop")["ours", "i"]["health"] == "UNHEALTHY"


def test_instances_that_are_host_names():
    """AWS_INSTANCE_CNAME with a port is where connections go; without one it is only told."""
    with AwsBed(start=False) as bed:
        zone = Zone(bed)
        bed.config["externalNames"] = {"nameServers": [zone.where]}
        bed.start()
        cloud_map = bed.client("servicediscovery")
        namespace = make_namespace(cloud_map, "shop")
        service = make_service(cloud_map, namespace, "db", HealthCheckCustomConfig={"FailureThreshold": 1})
        address = bed.address()
        bed.announce({address: "one"})
        zone.put("db.example.net", A=[address.split(":")[0]], ttl=1)
        attributes = {"AWS_INSTANCE_CNAME": "DB.Example.net", "AWS_INSTANCE_PORT": str(PORT), "zone": "a"}
        cloud_map.register_instance(ServiceId=service["Id"], InstanceId="c1", Attributes=attributes)
        cloud_map.register_instance(ServiceId=service["Id"], InstanceId="c2",
                                    Attributes={"AWS_INSTANCE_CNAME": "told only", "x": "y"})
        wait_until(lambda: bed.status()["externalNames"]["unresolved"] == 0, 5, "it is resolved")
        shown = [item for item in bed.get("/v1/endpoints")["endpoints"]]
        assert [(item["id"], item["host"], item["address"]) for item in shown] == \
            [("c1", "db.example.net", address.split(":")[0])], shown
        agent = bed.task("shop").agent()
        alias = bed.address_of("db.shop", PORT, "shop")
        assert agent.name(alias, PORT) == "one"
        found = cloud_map.discover_instances(NamespaceName="shop", ServiceName="db")["Instances"]
        assert {item["InstanceId"]: item["Attributes"] for item in found} == \
            {"c1": attributes, "c2": {"AWS_INSTANCE_CNAME": "told only", "x": "y"}}, found
        assert {item["HealthStatus"] for item in found} == {"HEALTHY"}, found
        assert cloud_map.get_service(Id=service["Id"])["Service"]["InstanceCount"] == 2
        listed = cloud_map.list_instances(ServiceId=service["Id"])["Instances"]
        assert sorted(item["Id"] for item in listed) == ["c1", "c2"], listed
        assert cloud_map.get_instance(ServiceId=service["Id"], InstanceId="c1")["Instance"]["Attributes"] == attributes
        cloud_map.update_instance_custom_health_status(ServiceId=service["Id"], InstanceId="c1", Status="UNHEALTHY")
        assert agent.name(alias, PORT) == "ECONNREFUSED"
        health = cloud_map.get_instances_health_status(ServiceId=service["Id"])["Status"]
        assert health == {"c1": "UNHEALTHY", "c2": "HEALTHY"}, health
        cloud_map.update_instance_custom_health_status(ServiceId=service["Id"], InstanceId="c1", Status="HEALTHY")
        assert agent.name(alias, PORT) == "one"
        # Registered by other means, it is told in Cloud Map's words.
        bed.register("db", f"db.example.net:{PORT}", id="ours", namespace="shop", weight=2)
        told = cloud_map.get_instance(ServiceId=service["Id"], InstanceId="ours")["Instance"]["Attributes"]
        assert told == {"AWS_INSTANCE_CNAME": "db.example.net", "AWS_INSTANCE_PORT": str(PORT),
                        "SVCCONNECT_WEIGHT": "2"}, told
        for bad in ("10.0.0.300", "a b", "-x.net"):
            assert error_of(cloud_map.register_instance, ServiceId=service["Id"], InstanceId="bad", Attributes={
                "AWS_INSTANCE_CNAME": bad, "AWS_INSTANCE_PORT": "80"}) == "InvalidInput", bad
        assert error_of(cloud_map.get_instance, ServiceId=service["Id"],
                        InstanceId=f"c1#{address.split(':')[0]}") in ("InstanceNotFound", "InvalidInput")
        for id in ("c1", "c2", "ours"):
            cloud_map.deregister_instance(ServiceId=service["Id"], InstanceId=id)
        assert agent.name(alias, PORT) == "ECONNREFUSED"
        agent.end()
        assert bed.get("/v1/endpoints")["endpoints"] == []


def test_durable():
    """What was acknowledged is there after a kill right behind the answer."""
    with AwsBed() as bed:
        cloud_map = bed.client("servicediscovery")
        namespace = make_namespace(cloud_map, "d")
        service = make_service(cloud_map, namespace, "web", HealthCheckCustomConfig={})["Id"]
        key = bed.key()
        for number in range(200):
            instance = f"i{number % 20}"
            status, answer = bed.call("RegisterInstance", {"ServiceId": service, "InstanceId": instance, "Attributes": {
                "AWS_INSTANCE_IPV4": "127.9.9.1", "AWS_INSTANCE_PORT": "80", "round": str(number)}}, key=key)
            assert status == 200, answer
            bed.restart()
            _, kept = bed.call("GetInstance", {"ServiceId": service, "InstanceId": instance}, key=key)
            assert kept["Instance"]["Attributes"]["round"] == str(number), kept
            assert bed.call("GetOperation", answer, key=key)[0] == 200


test_durable.timeout = 150
