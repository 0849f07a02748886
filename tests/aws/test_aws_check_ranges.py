# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Health checks that come over the AWS API do not reach this host itself, by whatever order check and address come."""
import http.server
import threading

from aws_client import AwsBed
from testbed import wait_until

QUICK = {"interval": 5, "timeout": 2, "retries": 1}
CLOSED = ("127.0.0.1", "127.9.9.9", "169.254.169.254", "168.63.129.16")


class Admin(http.server.ThreadingHTTPServer):
    """What trusts this host; counts who asks."""

    def __init__(self):
        self.asked = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def ecs_service(name, check=None):
    return {"serviceName": name, "taskDefinition": "web", "desiredCount": 1, "serviceConnectConfiguration": {
        "enabled": True, "namespace": "shop",
        "services": [{"portName": "http", "discoveryName": name, **({"healthCheck": check} if check else {})}]}}


def at(address, port=80):
    return {"AWS_INSTANCE_IPV4": address, "AWS_INSTANCE_PORT": str(port)}


def test_the_host_is_closed_to_them():
    admin = Admin()
    port = admin.server_port
    with AwsBed() as bed:
        own = next((line.split()[3].split("/")[0] for line in bed.run(["ip", "-4", "-o", "address"]).out.splitlines()
                    if " 127." not in line), None)
        bed.call("CreateHttpNamespace", {"Name": "shop"})
        bed.change("POST", "/v1/credentials", name="tenant", namespace="shop")
        key = bed.key("tenant")

        def call(operation, body, service="servicediscovery"):
            return bed.call(operation, body, key=key, service=service)

        def refused(operation, body, service="servicediscovery", type="InvalidInput"):
            status, answer = call(operation, body, service)
            text = str(answer)
            assert status == 400 and type in text and "awsCheckRanges" in text and "address" in text, (status, answer)

        shop = next(item["Id"] for item in call("ListNamespaces", {})[1]["Namespaces"] if item["Name"] == "shop")
        # The check first, then the address.
        checked = call("CreateService", {"Name": "checked", "NamespaceId": shop, "HealthCheckConfig": {
            "Type": "HTTP", "ResourcePath": "/admin"}})[1]["Service"]["Id"]
        for address in (*CLOSED, *([own] if own else [])):
            refused("RegisterInstance", {"ServiceId": checked, "InstanceId": "x", "Attributes": at(address, port)})
        assert call("RegisterInstance", {"ServiceId": checked, "InstanceId": "x",
                                         "Attributes": at("192.0.2.7", port)})[0] == 200
        refused("RegisterInstance", {"ServiceId": checked, "InstanceId": "x", "Attributes": at("127.0.0.1", port)})
        assert bed.endpoints("shop")["checked", "x"]["address"] == "192.0.2.7"
        # The address first, then the check.
        plain = call("CreateService", {"Name": "plain", "NamespaceId": shop})[1]["Service"]["Id"]
        assert call("RegisterInstance", {"ServiceId": plain, "InstanceId": "y",
                                         "Attributes": at("127.0.0.1", port)})[0] == 200
        refused("UpdateService", {"Id": plain, "Service": {"HealthCheckConfig": {"Type": "TCP"}}})
        # ECS, either way round.
        call("RegisterTaskDefinition", {"family": "web", "containerDefinitions": [
            {"name": "app", "image": "tiny:1", "portMappings": [{"name": "http", "containerPort": port}]}]}, "ecs")
        http_check = {"type": "http", "path": "/admin", "port": port, **QUICK}
        assert call("CreateService", ecs_service("one", http_check), "ecs")[0] == 200
        ids = {item["Name"]: item["Id"] for item in call("ListServices", {})[1]["Services"]}
        refused("RegisterInstance", {"ServiceId": ids["one"], "InstanceId": "z", "Attributes": at("127.0.0.1", port)})
        bed.change("POST", "/v1/instances", service="one", id="z", address=f"127.0.0.1:{port}", namespace="shop")
        assert call("CreateService", ecs_service("two"), "ecs")[0] == 200
        ids = {item["Name"]: item["Id"] for item in call("ListServices", {})[1]["Services"]}
        assert call("RegisterInstance", {"ServiceId": ids["two"], "InstanceId": "z",
                                         "Attributes": at("127.0.0.1", port)})[0] == 200
        refused("UpdateService", {"service": "two", **{name: value for name, value in ecs_service("two", http_check).items()
                                                       if name == "serviceConnectConfiguration"}},
                "ecs", "InvalidParameterException")
        # What came past that (the socket's address at the key's check) is not probed, and told.
        wait_until(lambda: any("awsCheckRanges" in text for text in bed.status()["degraded"]), 10, "it is told")
        assert admin.asked == 0
        # The control socket's own checks go where they like.
        bed.change("POST", "/v1/instances", service="mine", id="m", address=f"127.0.0.1:{port}", namespace="shop")
        bed.change("PUT", "/v1/settings", service="mine", namespace="shop", settings={
            "healthCheck": {"type": "http", "path": "/up", **QUICK}})
        wait_until(lambda: admin.asked > 0, 10, "it is probed")
        before = admin.asked
        # And where a range is named, these too.
        bed.restart({"awsListen": f"127.0.0.1:{bed.port}", "awsCheckRanges": ["127.0.0.0/24"]})
        assert call("RegisterInstance", {"ServiceId": checked, "InstanceId": "x",
                                         "Attributes": at("127.0.0.1", port)})[0] == 200
        refused("RegisterInstance", {"ServiceId": checked, "InstanceId": "w", "Attributes": at("10.1.2.3")})
        wait_until(lambda: bed.endpoints("shop")["checked", "x"]["health"] == "HEALTHY", 10, "it is probed")
        assert admin.asked > before
    admin.shutdown()
