# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Containers with the labels of ECS's agent, of a real Docker daemon: documents say what they serve, no label of svcconnect's is there."""
import json
import os

from container_host import LIMITS, docker_host, outcome
from testbed import wait_until


def document(name, family, port, health=None):
    return {"serviceName": name,
            "taskDefinition": {"family": family, "networkMode": "awsvpc",
                               "containerDefinitions": [{"name": "app", "portMappings": [{"name": "http", "containerPort": port}]},
                                                        {"name": "side"}]},
            "serviceConnectConfiguration": {"enabled": True, "namespace": "prod",
                                            "services": [{"portName": "http", "discoveryName": "shop",
                                                          "clientAliases": [{"port": 80, "dnsName": "shop"}]}]}}


CLIENT = {"serviceName": "front", "taskDefinition": {"family": "front", "containerDefinitions": [{"name": "front"}]},
          "serviceConnectConfiguration": {"enabled": True, "namespace": "prod"}}


def ecs(task, family, name):
    labels = {"cluster": "arn:aws:ecs:us-east-1:1:cluster/blue", "task-arn": f"arn:aws:ecs:us-east-1:1:task/blue/{task}",
              "task-definition-family": family, "task-definition-version": "3", "container-name": name}
    return [f"com.amazonaws.ecs.{key}={value}" for key, value in labels.items()]


def apply(host, *documents):
    path = os.path.join(host.bed.base, "documents.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(documents, file)
    host.bed.cli_ok("apply", "-f", path)


def beside(host, name, *words):
    """A container in the network of the task's pause container."""
    labels = [word for label in ecs("t1", "shop", name) for word in ("--label", label)]
    host.docker.ok("run", "-d", "--name", name, *LIMITS, *labels, "--network", "container:pause", "svctest:1", *words)


def network_by_hand(host, pause):
    """As ECS's CNI plugins do for awsvpc: Docker knows nothing of it."""
    pid = host.docker.ok("inspect", "-f", "{{.State.Pid}}", pause).strip()
    for command in (f"ip link add ecs0 type veth peer name eth0 netns {pid}", "ip addr add 203.0.113.1/24 dev ecs0", "ip link set ecs0 up"):
        assert host.bed.run([*host.inside, *command.split()]).rc == 0, command
    for command in ("ip addr add 203.0.113.5/24 dev eth0", "ip link set eth0 up", "ip route add default via 203.0.113.1"):
        assert host.bed.run(["nsenter", "-t", pid, "-n", *command.split()]).rc == 0, command


def shops(host):
    return sorted((item["address"], item["port"], item["health"]) for item in host.instances("shop", "prod"))


def test_awsvpc():
    with docker_host() as host:
        apply(host, document("shop-service", "shop", 8080), CLIENT)
        host.run("pause", ecs("t1", "shop", "~internal~ecs~pause"), "/bin/sleep", "600", options=["--network", "none"])
        network_by_hand(host, "pause")
        beside(host, "side", "/bin/sleep", "600")
        assert not shops(host)
        beside(host, "app", "/bin/first", "serve", "8080", "x")
        wait_until(lambda: shops(host) == [("203.0.113.5", 8080, "HEALTHY")], 5, "the task's own address")
        host.run("front", ecs("t2", "front", "front"), "/bin/first", "call", "shop", "80", "50")
        host.docker.ok("wait", "front")
        assert outcome(host.docker.ok("logs", "front")) == (0, 0, 50), host.containers()["front"]
        listed = host.containers()
        assert {listed[name]["namespace"] for name in ("pause", "side", "app")} == {"prod"}, listed
        assert listed["app"]["service"] == "shop-service" and not listed["pause"]["note"], listed
        host.bed.cli_ok("stop", "app", timeout=60)
        wait_until(lambda: not shops(host), 5, "it went with its container")


test_awsvpc.timeout = 120


def test_bridge_and_documents_that_come_later():
    with docker_host() as host:
        check = ["--health-cmd", "test ! -e /tmp/sick", "--health-interval", "1s", "--health-retries", "1"]
        host.run("app", ecs("t1", "shop", "app"), "/bin/first", "serve", "8080", "x", options=check)
        wait_until(lambda: host.containers()["app"]["attached"], 5, "it is a task")
        assert host.containers()["app"]["namespace"] == "blue", "its cluster's, while there is no document"
        apply(host, document("shop", "shop", 8080))
        wait_until(lambda: [item[2] for item in shops(host)] == ["HEALTHY"], 10, "ECS's check, which Docker does, has passed")
        assert host.bed.tasks()[host.containers()["app"]["cgroup"]]["namespace"] == "prod", "the task is the document's"
        host.docker.ok("exec", "app", "/bin/sh", "-c", ": > /tmp/sick")
        wait_until(lambda: [item[2] for item in shops(host)] == ["UNHEALTHY"], 10, "and fails")
        apply(host, document("shop", "shop", 8081))
        wait_until(lambda: [item[1] for item in shops(host)] == [8081], 5, "another port")
        host.bed.cli_ok("delete", "service", "shop", "-n", "prod")
        wait_until(lambda: not shops(host), 5, "without its document it serves nobody")


test_bridge_and_documents_that_come_later.timeout = 120
