# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The `aws` command itself: what a reader of the README types, errors by exit status, the three ways around the
prefix that it puts before the host of DiscoverInstances."""
import json
import os
import shutil
import tempfile

from aws_client import AwsBed, AWS
from testbed import PORT, need_program, note


def ok(bed, *words, **how):
    result = bed.aws(*words, **how)
    assert result.rc == 0, (words, result)
    return json.loads(result.out) if result.out.strip() else None


def test_walk_through():
    with AwsBed() as bed:
        operation = ok(bed, "servicediscovery", "create-private-dns-namespace", "--name", "my-namespace", "--vpc",
                       "vpc-0123456789abcdef0", "--creator-request-id", "my-namespace-creation")["OperationId"]
        targets = ok(bed, "servicediscovery", "get-operation", "--operation-id", operation)["Operation"]["Targets"]
        service = ok(bed, "servicediscovery", "create-service", "--name", "my-backend-service", "--namespace-id",
                     targets["NAMESPACE"], "--dns-config", "DnsRecords=[{Type=A,TTL=15}]",
                     "--health-check-custom-config", "FailureThreshold=1")["Service"]["Id"]
        address = bed.address()
        bed.announce({address: "one"})
        ok(bed, "servicediscovery", "register-instance", "--service-id", service, "--instance-id", "backend-task-1",
           "--creator-request-id", "backend-instance-registration", "--attributes",
           json.dumps({"AWS_INSTANCE_IPV4": address.split(":")[0], "AWS_INSTANCE_PORT": str(PORT)}))
        task = bed.task("my-namespace")
        alias = bed.address_of("my-backend-service.my-namespace", PORT, "my-namespace")
        assert task.agent_name_once(alias, PORT) == "one"
        missing = bed.aws("servicediscovery", "get-service", "--id", "srv-none")
        assert missing.rc == 254 and "(ServiceNotFound)" in missing.err, missing
        listed = ok(bed, "servicediscovery", "list-services", "--max-items", "1", "--page-size", "1")
        assert len(listed["Services"]) == 1, listed


def test_host_prefix():
    with AwsBed() as bed:
        assert bed.call("CreateHttpNamespace", {"Name": "n"})[0] == 200
        bed.register("web", "127.9.9.1:80", "i", namespace="n")
        words = ("servicediscovery", "discover-instances", "--namespace-name", "n", "--service-name", "web")

        def check(**how):
            found = ok(bed, *words, **how)["Instances"]
            assert [item["InstanceId"] for item in found] == ["i"], (how, found)
        # As a proxy: the request has an absolute target and a strange host.
        check(env={"http_proxy": bed.endpoint})
        # As a name of the host's own.
        with tempfile.NamedTemporaryFile("w", dir=bed.base) as hosts:
            hosts.write("127.0.0.1 localhost data-localhost\n")
            hosts.flush()
            check(endpoint=f"http://localhost:{bed.port}", before=(
                need_program("unshare"), "-m", "sh", "-ec", f'mount --bind {hosts.name} /etc/hosts; exec "$@"', "sh"))
        # By the setting that newer versions have: in this process, where Debian's botocore has it too ...
        found = bed.client("servicediscovery").discover_instances(NamespaceName="n", ServiceName="web")
        assert found["Instances"][0]["InstanceId"] == "i"
        # ... and of a newer command, by its variable, where there is one beside Debian's.
        newer = shutil.which("aws")
        if newer and os.path.realpath(newer) != os.path.realpath(AWS):
            check(command=newer, env={"AWS_DISABLE_HOST_PREFIX_INJECTION": "true"})
        else:
            note("no other aws on PATH: AWS_DISABLE_HOST_PREFIX_INJECTION of newer ones is not tried")
