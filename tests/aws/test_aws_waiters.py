# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Waiters of AWS's SDKs, and the SDK for JavaScript as a whole: botocore in this process, the other one where it is installed."""
import glob
import json
import os

from aws_client import AwsBed, import_botocore
from aws_model import served
from testbed import BUILD, Skip, TOP, need_program, note

DEFINITION = {"family": "web", "containerDefinitions": [
    {"name": "app", "image": "i", "portMappings": [{"name": "http", "containerPort": 8080}]}]}
BLOCK = {"enabled": True, "services": [{"portName": "http", "clientAliases": [{"port": 80, "dnsName": "web"}]}]}


def waits(client, name, attempts=2, **what):
    """Does the waiter come to its end?"""
    try:
        client.get_waiter(name).wait(WaiterConfig={"Delay": 0, "MaxAttempts": attempts}, **what)
        return True
    except import_botocore().exceptions.WaiterError:
        return False


def test_botocore():
    with AwsBed() as bed:
        ecs = bed.client("ecs")
        ecs.create_cluster(clusterName="c", serviceConnectDefaults={"namespace": "shop"})
        ecs.register_task_definition(**DEFINITION)
        ecs.create_service(cluster="c", serviceName="web", taskDefinition="web", desiredCount=1,
                           serviceConnectConfiguration=BLOCK)
        named = {"cluster": "c", "services": ["web"]}
        assert not waits(ecs, "services_stable", **named), "nothing runs of it yet"
        bed.register("http", "127.9.8.1:8080", "i", namespace="shop")
        assert waits(ecs, "services_stable", **named)
        assert not waits(ecs, "services_inactive", **named)
        assert not waits(ecs, "services_stable", cluster="c", services=["none"])
        ecs.delete_service(cluster="c", service="web", force=True)
        assert waits(ecs, "services_inactive", **named)
        assert not waits(ecs, "services_stable", **named)
        wait = bed.aws("ecs", "wait", "services-inactive", "--cluster", "c", "--services", "web")
        assert wait.rc == 0, wait


def find_sdk():
    """The folder that has node_modules with the clients of version 3."""
    places = (os.environ.get("SVCCONNECT_AWS_SDK_JS", ""), f"{BUILD}/aws-sdk-js", TOP, "/usr/local/lib", "/usr/lib", "/usr/share/nodejs")
    for place in filter(None, places):
        if all(glob.glob(f"{place}/node_modules/@aws-sdk/client-{name}/package.json") for name in ("ecs", "servicediscovery")):
            return place
    raise Skip("AWS's SDK for JavaScript is not installed: npm install --prefix build/aws-sdk-js "
               "@aws-sdk/client-ecs @aws-sdk/client-servicediscovery")


def test_javascript():
    folder, node = find_sdk(), need_program("node")
    with AwsBed() as bed:
        result = bed.run([node, os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdk_v3.mjs"), folder, bed.endpoint],
                         env=bed.environment(AWS_REGION="us-east-1"), timeout=100)
        assert result.rc == 0, result
        used = {item.split(".")[1] for item in json.loads(result.out.splitlines()[-1]) if item.startswith("map.")}
        missing = set(served("servicediscovery")) - used
        assert not missing, f"served, and not tried by the SDK for JavaScript: {missing}"
        note(f"{len(json.loads(result.out.splitlines()[-1]))} operations by the SDK for JavaScript, and its waiters")


test_javascript.timeout = 120
