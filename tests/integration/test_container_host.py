# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Containers of a real Docker daemon that are reached at the host's address: on its network, and by published ports."""
from container_host import SERVER, docker_host
from testbed import wait_until


def addresses(host):
    return [item["address"] for item in host.instances()]


def test_host_network():
    with docker_host(is_inside=True) as host:
        host.serve("backend-1", "backend", "svcconnect.port=8080", options=["--network", "host"])
        wait_until(lambda: addresses(host) == ["192.0.2.1"], 5, "it is reached at the first address of an interface")
        host.check_caller("first", 20)
        host.check_caller("beside", 20)
        for command in ("ip link add sc0 type veth peer name sc1", "ip link set sc0 up", "ip link set sc1 up",
                        "ip addr add 203.0.113.9/24 dev sc0", "ip route add default dev sc0"):
            host.bed.run([*host.inside, *command.split()])
        wait_until(lambda: addresses(host) == ["203.0.113.9"], 5, "the address follows the default route")
        host.check_caller("second", 20)
        told = host.bed.get("/v1/status")["containerRuntimes"]["hostAddress"]
        assert told == {"address": "203.0.113.9", "from": "source of the default route"}, told
        assert "203.0.113.9 (source of the default route)" in host.bed.cli_ok("status").out
        assert "reached at 203.0.113.9 (source of the default route)" in host.bed.cli("doctor").out
        host.docker.ok("kill", "backend-1")
        wait_until(lambda: not addresses(host), 5, "it is gone with its end")


test_host_network.timeout = 120


def test_the_address_that_is_said():
    with docker_host(config={"hostAddress": SERVER}) as host:
        host.serve("backend-1", "backend", "svcconnect.port=8080", options=["--network", "host"])
        host.serve("published", "other", "svcconnect.port=8080", options=["-p", "18080:8080"])
        host.serve("private", "other", "svcconnect.port=8080", options=["-p", "127.0.0.1:18081:8080"])
        wait_until(lambda: len(host.instances("other")) == 2, 5, "all are registered")
        assert addresses(host) == [SERVER]
        host.check_caller("client", 20)
        told = sorted(str(item.get("attributes", {}).get("SVCCONNECT_PUBLISHED")) for item in host.instances("other"))
        assert told == [f"{SERVER}:18080", "None"], host.instances("other")


test_the_address_that_is_said.timeout = 120
