# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What lies in examples/ works: the rules by their own tests, and every query of the dashboard by a real Prometheus."""
import contextlib
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from test_container_daemon import compose_list
from testbed import PATIENCE, PORT, TOP, Testbed, need_program, wait_until

EXAMPLES = os.path.join(TOP, "examples")
RULES = os.path.join(EXAMPLES, "prometheus")


def promtool(*words):
    result = subprocess.run([need_program("promtool"), *words], cwd=RULES, text=True, capture_output=True, timeout=120 * PATIENCE,
                            check=False)
    assert result.returncode == 0, result
    return result.stdout


def test_the_rules_are_right():
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "svcconnect.rules.test.yml")


def test_each_alert_has_a_test():
    with open(os.path.join(RULES, "svcconnect.rules.yml"), encoding="utf-8") as file:
        alerts = re.findall(r"alert: (\w+)", file.read())
    with open(os.path.join(RULES, "svcconnect.rules.test.yml"), encoding="utf-8") as file:
        tests = file.read()
    assert alerts and all(re.search(rf"alertname: {alert}\n +exp_alerts:\n", tests) for alert in alerts), alerts


def dashboard_queries():
    with open(os.path.join(EXAMPLES, "grafana", "svcconnect.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def filled(query):
    """As Grafana fills it in where everything is chosen."""
    query = query.replace("$__rate_interval", "20s")
    return re.sub(r"\$(host|namespace|service)", ".*", query)


@contextlib.contextmanager
def prometheus(bed, metrics_address):
    """A real one, by the shipped configuration with another target and a shorter interval."""
    directory = os.path.join(bed.base, "prometheus")
    os.mkdir(directory)
    with open(os.path.join(RULES, "prometheus.yml"), encoding="utf-8") as file:
        text = file.read()
    assert text.count("127.0.0.1:9465") == 2 and "15s" in text
    text = text.replace("127.0.0.1:9465", metrics_address).replace("15s", "1s")
    text = text.replace("svcconnect.rules.yml", os.path.join(RULES, "svcconnect.rules.yml"))
    with open(os.path.join(directory, "prometheus.yml"), "w", encoding="utf-8") as file:
        file.write(text)
    address = bed.address(9090)
    log = os.path.join(directory, "log")
    with open(log, "w", encoding="utf-8") as out:
        bed.popen([need_program("prometheus"), f"--config.file={directory}/prometheus.yml",
                   f"--storage.tsdb.path={directory}/data", f"--web.listen-address={address}"], stdout=out, stderr=out)

    def ask(path, **query):
        url = f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return None  # it starts
            raise AssertionError(f"{query}: {error.read()}") from error
        except OSError:
            return None  # it is not there yet
    yield ask


def test_the_task_definition_is_what_compose_runs():
    """examples/compose.yaml is run by test_container_daemon; ECS's form of it has the same rights and mounts."""
    with open(os.path.join(TOP, "examples", "ecs-daemon-task.json"), encoding="utf-8") as file:
        task = json.load(file)
    [container] = task["containerDefinitions"]
    linux = container["linuxParameters"]["capabilities"]
    assert linux == {"drop": compose_list("svcconnectd", "cap_drop"), "add": compose_list("svcconnectd", "cap_add")}, linux
    sources = {volume["name"]: volume["host"]["sourcePath"] for volume in task["volumes"]}
    mounts = {mount["containerPath"]: sources[mount["sourceVolume"]] for mount in container["mountPoints"]}
    wanted = dict(reversed(mount.split(":")[:2]) for mount in compose_list("svcconnectd", "volumes"))
    assert mounts == {path: source if source.startswith("/") else path for path, source in wanted.items()}, mounts
    assert (task["networkMode"], task["pidMode"]) == ("host", "host")
    with Testbed() as bed:
        said = bed.cli("apply", "--dry-run", "-f", os.path.join(TOP, "examples", "ecs-daemon-task.json"))
        assert said.rc == 0 and "containerDefinitions" not in said.err, "ECS knows all its members"


# What RegisterDaemonTaskDefinition of ECS's API 2014-11-13 takes, as far as it is used here.
DAEMON_TASK = {"family", "containerDefinitions", "cpu", "memory", "volumes", "taskRoleArn", "executionRoleArn", "tags"}
DAEMON_CONTAINER = {"name", "image", "essential", "cpu", "memory", "memoryReservation", "command", "mountPoints", "linuxParameters",
                    "stopTimeout", "privileged", "ulimits", "environment", "healthCheck", "logConfiguration"}


def test_the_managed_daemon_is_the_same_with_less():
    def read(name):
        with open(os.path.join(TOP, "examples", name), encoding="utf-8") as file:
            return json.load(file)

    managed, task = read("ecs-managed-daemon.json"), read("ecs-daemon-task.json")
    [container], [usual] = managed["containerDefinitions"], task["containerDefinitions"]
    assert set(managed) <= DAEMON_TASK and set(container) <= DAEMON_CONTAINER, (managed, container)
    own = {"command", "mountPoints"}
    assert all(container[member] == usual[member] for member in set(container) - own), container
    sources = {volume["name"]: volume["host"]["sourcePath"] for volume in managed["volumes"]}
    mounts = {mount["containerPath"]: sources[mount["sourceVolume"]] for mount in container["mountPoints"]}
    assert set(mounts) == {"/sys/fs/bpf", "/sys/fs/cgroup", "/run/svcconnect", "/var/lib/svcconnect", "/etc/svcconnect"}, mounts
    assert all(path == source for path, source in mounts.items()), mounts
    assert container["command"] == [*usual["command"], "--config", "/etc/svcconnect/svcconnect.json"]


def test_prometheus_answers_the_dashboard():
    need_program("prometheus")
    with Testbed(start=False) as bed:
        metrics_address = bed.address(9465)
        bed.config["metricsListen"] = metrics_address
        bed.start()
        bed.service("web", (1, 2))
        agent = bed.task().agent()
        address = bed.address_of("web", PORT)
        with prometheus(bed, metrics_address) as ask:
            wait_until(lambda: (ask("query", query="up == 1") or {}).get("result"), 60, "Prometheus")
            wait_until(lambda: (ask("query", query="count_over_time(up[1m]) >= 3") or {}).get("result"), 60, "three scrapes")
            for _ in range(10):
                agent.ask(address, PORT)
            agent.end()
            wait_until(lambda: (ask("query", query='svcconnect_service_connections_total{service="web"} == 10') or {}).get("result"),
                       60, "the connects")
            targets = ask("targets")["activeTargets"]
            assert [target["health"] for target in targets] == ["up"], targets
            queries = list(dashboard_queries())
            assert len(queries) >= 20
            for title, query in queries:
                wait_until(lambda query=query: ask("query", query=filled(query))["result"], 20, f"{title}: {query}")
            result = ask("query", query=filled(dict(queries)["Connects by service"]))["result"]
            assert any(item["metric"] == {"namespace": "default", "service": "web"} and float(item["value"][1]) > 0
                       for item in result), result
            rules = wait_until(lambda: (rules := ask("rules")["groups"][0]["rules"]) and all(
                rule["health"] != "unknown" for rule in rules) and rules, 30, "an evaluation of the rules")
            assert len(rules) >= 9 and all(rule["health"] == "ok" for rule in rules), rules
