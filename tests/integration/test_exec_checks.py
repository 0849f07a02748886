# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Commands of health checks: run where the daemon's configuration names them, and not run from what is stored when it
does not. Each leaves a mark, so that what did not run is a fact; another service's check tells that there was time to."""
import json
import os

from testbed import PORT, Testbed, wait_until

QUICK = {"interval": 1, "timeout": 1, "retries": 1}


def program(bed):
    """(a program that leaves a mark and passes, the mark)"""
    # The mark where the daemon's unit lets it write, and so what it runs.
    path, mark = os.path.join(bed.base, "check"), os.path.join(bed.state_dir, "ran")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\necho "$@" >> {mark}\n')
    os.chmod(path, 0o755)
    return path, mark


def check_of(path, *arguments):
    return {"healthCheck": {"type": "exec", "command": ["CMD", path, *arguments], **QUICK}}


def endpoint(bed, id="0", service="backend"):
    return bed.endpoints()[(service, id)]


def wait_some_rounds(bed, rounds=3):
    """As many probes of the witness, which is probed as often."""
    begun = endpoint(bed, service="witness")["check"]["probes"]
    wait_until(lambda: endpoint(bed, service="witness")["check"]["probes"] >= begun + rounds, 20, "the witness is probed")


def witness(bed):
    bed.service("witness")
    bed.change("PUT", "/v1/settings", service="witness", settings={"healthCheck": {"type": "tcp", **QUICK}})
    wait_until(lambda: endpoint(bed, service="witness")["check"]["probes"], 5, "the witness is probed")


def refusals(bed):
    return [text for text in bed.status()["degraded"] if "are not made" in text]


def log_of(bed):
    with open(bed.log_file, encoding="utf-8") as file:
        return file.read()


def test_stored_commands_need_the_configuration_too():
    with Testbed(start=False) as bed:
        path, mark = program(bed)
        bed.config["execChecks"] = [path]
        bed.start()
        witness(bed)
        bed.service("backend")
        bed.change("PUT", "/v1/settings", service="backend", settings=check_of(path, "a", "b c"))
        wait_until(lambda: os.path.exists(mark) and os.path.getsize(mark), 5, "it has run")
        with open(mark, encoding="utf-8") as file:
            assert file.readline() == "a b c\n"
        wait_until(lambda: endpoint(bed)["check"]["passes"], 5, "it has passed")
        assert refusals(bed) == []
        agent, address = bed.task().agent(), bed.address_of("backend", PORT)

        bed.stop()
        os.unlink(mark)
        bed.config["execChecks"] = []
        bed.start()
        wait_some_rounds(bed)
        assert not os.path.exists(mark), "it has run"
        shown = endpoint(bed)
        assert shown["health"] == "HEALTHY" and shown["eligible"], "what was found stays"
        assert shown["check"]["probes"] == 0 and "execChecks does not name it" in shown["reason"], shown
        assert "execChecks does not name it" in bed.cli_ok("endpoints").out
        assert len(refusals(bed)) == 1 and "of 1 endpoints" in refusals(bed)[0] and "default/backend/0" in refusals(bed)[0]
        assert bed.status()["state"] == "degraded" and "default/backend/0" in bed.cli_ok("status").out
        assert agent.name(address, PORT) == "backend/0"
        wait_until(lambda: log_of(bed).count("are not made") == 1, 5, "the log says so, once")
        # One that has never been found healthy is not taken for it.
        bed.register("backend", bed.address(), id="new")
        wait_some_rounds(bed)
        assert endpoint(bed, "new")["health"] == "UNKNOWN" and not endpoint(bed, "new")["eligible"]
        assert {agent.name(address, PORT) for _ in range(20)} == {"backend/0"} and not os.path.exists(mark)
        # Settings besides can be changed, the command cannot stay in a check that is written anew.
        bed.change("PUT", "/v1/settings", service="backend", settings={"drainSeconds": 3})
        status, answer = bed.api("PUT", "/v1/settings", {"service": "backend", "settings": {"healthCheck": {"interval": 2}}})
        assert status == 400 and answer["error"]["field"] == "settings.healthCheck.command", answer
        assert not os.path.exists(mark)

        bed.restart({**bed.config, "execChecks": [bed.base + "/"]})
        wait_until(lambda: os.path.exists(mark) and endpoint(bed, "new")["health"] == "HEALTHY", 10, "it runs again")
        assert refusals(bed) == []


def test_commands_that_came_by_the_aws_api():
    """Versions that took them have left documents behind. They are not run though they are named, until the document
    comes from somebody of this host."""
    with Testbed(start=False) as bed:
        path, mark = program(bed)
        bed.config["execChecks"] = [path]
        bed.start()
        witness(bed)
        document = {"serviceName": "web", "taskDefinition": {"containerDefinitions": [{"portMappings": [
            {"name": "http", "containerPort": PORT}]}]}, **check_of(path),
            "serviceConnectConfiguration": {"enabled": True, "services": [{"portName": "http", "discoveryName": "backend"}]}}
        apply(bed, "ecs:default/web", document)
        bed.service("backend")
        wait_some_rounds(bed)
        assert not os.path.exists(mark) and "came by the AWS API" in endpoint(bed)["reason"], endpoint(bed)
        assert endpoint(bed)["health"] == "UNKNOWN" and "came by the AWS API" in refusals(bed)[0]
        bed.restart()
        wait_some_rounds(bed)
        assert not os.path.exists(mark) and "came by the AWS API" in refusals(bed)[0]
        apply(bed, "web.json", {**document, "desiredCount": 2})
        wait_until(lambda: os.path.exists(mark) and endpoint(bed)["health"] == "HEALTHY", 10, "it is the host's, and runs")
        assert refusals(bed) == []


def apply(bed, source, document):
    status, answer = bed.api("POST", "/v1/documents", {"documents": [{"source": source, "text": json.dumps(document)}]})
    assert status == 200, answer
