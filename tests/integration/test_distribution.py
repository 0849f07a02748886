# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Weights: who is drawn how often, over real connects, and what a change of weight or health does."""
import chi_square
from testbed import Testbed, note

CONNECTS = 20000


def draw(bed, task, name, count=CONNECTS, port=80):
    """{instance: times it answered}; nothing else may happen."""
    report = task.connector({bed.target(name, port): None}, "--count", count, "--parallel", 4)
    assert report["answered"] == count and not report["failed"], report
    return report["names"]


def check_draws(bed, task, name, weights, count=CONNECTS):
    counts = draw(bed, task, name, count)
    statistic, p = chi_square.check(counts, weights)
    note(f"{sum(counts.values())} connects: {dict(sorted(counts.items()))}, chi-square {statistic:.1f}, p {p:.3f}")
    return counts


def test_90_to_10():
    with Testbed() as bed:
        bed.service("v1")
        bed.service("v2")
        bed.route("backend", {"v1": 90, "v2": 10})
        check_draws(bed, bed.task(), "backend", {"v1/0": 90, "v2/0": 10})


def test_1_to_999():
    with Testbed() as bed:
        bed.service("rare")
        bed.service("usual")
        bed.route("backend", {"rare": 1, "usual": 999})
        check_draws(bed, bed.task(), "backend", {"rare/0": 1, "usual/0": 999}, 40000)


def test_three_way():
    with Testbed() as bed:
        for name in ("a", "b", "c"):
            bed.service(name)
        bed.route("backend", {"a": 50, "b": 30, "c": 20})
        check_draws(bed, bed.task(), "backend", {"a/0": 50, "b/0": 30, "c/0": 20})


def test_instances_share_their_targets_weight():
    """P = target weight / sum over targets with an eligible endpoint x instance weight / sum of its eligible ones."""
    with Testbed() as bed:
        bed.service("a", weights=(1, 2, 0))
        bed.service("b", weights=(100, 50))
        bed.service("gone", weights=(1,))
        bed.service("zero", weights=(1,))
        bed.update("b", "1", health="UNHEALTHY")
        bed.update("gone", "0", health="UNHEALTHY")
        bed.route("backend", {"a": 60, "b": 30, "gone": 10, "zero": 0})
        wanted = {"a/0": 20, "a/1": 40, "b/0": 30}
        check_draws(bed, bed.task(), "backend", wanted)
        shares = {f"{target['service']}/{endpoint['id']}": endpoint["effectivePercent"]
                  for target in bed.alias("backend")["targets"] for endpoint in target["endpoints"]}
        for name, share in shares.items():
            assert abs(share - wanted.get(name, 0) / 90 * 100) < 0.01, (name, share)


def test_a_service_without_a_route_balances_its_instances():
    with Testbed() as bed:
        bed.service("backend", weights=(1, 2, 3, 4))
        counts = draw(bed, bed.task(), "backend", port=8080)
        chi_square.check(counts, {f"backend/{i}": i + 1 for i in range(4)})


def test_a_hundred_instances():
    with Testbed() as bed:
        weights = [1 + i % 7 for i in range(100)]
        bed.service("backend", weights=weights)
        counts = draw(bed, bed.task(), "backend", 40000, port=8080)
        chi_square.check(counts, {f"backend/{i}": weight for i, weight in enumerate(weights)})


def test_connections_are_counted_exactly():
    with Testbed() as bed:
        bed.service("backend", weights=(3, 1))
        task = bed.task()
        before = bed.counters()
        counts = draw(bed, task, "backend", 5000, port=8080)
        after = bed.counters()
        assert after["hit"] - before["hit"] == 5000, (before, after)
        for (_, id), endpoint in bed.endpoints().items():
            assert endpoint["connections"] == counts[f"backend/{id}"], (endpoint, counts)


def test_weight_0_is_never_drawn():
    with Testbed() as bed:
        bed.service("v1", weights=(1, 0))
        bed.service("v2")
        bed.route("backend", {"v1": 1, "v2": 0})
        assert draw(bed, bed.task(), "backend") == {"v1/0": CONNECTS}


def test_all_weights_0_refuse():
    with Testbed() as bed:
        bed.service("v1", weights=(0, 0))
        agent, before = bed.task().agent(), bed.counters()["noEndpoint"]
        assert agent.name(bed.address_of("v1", 8080), 8080) == "ECONNREFUSED"
        assert bed.counters()["noEndpoint"] == before + 1
        bed.update("v1", "1", weight=1)
        assert agent.name(bed.address_of("v1", 8080), 8080) == "v1/1"


def test_a_change_of_weight_takes_effect_at_once():
    """When the change is answered, the very next connect follows it."""
    with Testbed() as bed:
        bed.service("v1")
        bed.service("v2")
        bed.route("backend", {"v1": 1, "v2": 1})
        agent, address = bed.task().agent(), bed.address_of("backend")
        for i in range(100):
            bed.route("backend", {"v1": i % 2, "v2": 1 - i % 2})
            wanted = "v1/0" if i % 2 else "v2/0"
            for _ in range(3):
                assert agent.name(address, 80) == wanted, f"round {i}"
        bed.service("pair", weights=(1, 1))
        address = bed.address_of("pair", 8080)
        for i in range(50):
            bed.batch([{"op": "update", "service": "pair", "id": str(n), "weight": (i + n) % 2} for n in range(2)])
            assert agent.name(address, 8080) == f"pair/{(i + 1) % 2}", f"round {i}"


def test_a_change_of_weight_while_connects_run():
    with Testbed() as bed:
        bed.service("v1")
        bed.service("v2")
        bed.route("backend", {"v1": 90, "v2": 10})
        task, target = bed.task(), bed.target("backend")
        running = task.start_connector({target: None}, "--seconds", 20)
        for weights in ({"v1": 50, "v2": 50}, {"v1": 10, "v2": 90}):
            bed.route("backend", weights)
            chi_square.check(task.connector({target: None}, "--count", CONNECTS, "--parallel", 2)["names"],
                             {f"{name}/0": weight for name, weight in weights.items()})
        report = running.stop()
        assert report["answered"] and not report["failed"], report


def test_unhealthy_gets_none_and_all_unhealthy_refuse():
    with Testbed() as bed:
        bed.service("backend", weights=(1, 1, 1))
        task, port = bed.task(), 8080
        target = {bed.target("backend", port): "backend"}
        bed.update("backend", "1", health="UNHEALTHY")
        chi_square.check(draw(bed, task, "backend", 6000, port), {"backend/0": 1, "backend/2": 1})
        for id in ("0", "2"):
            bed.update("backend", id, health="UNHEALTHY")
        before = bed.counters()
        report = task.connector(target, "--count", 500)
        assert report["errors"] == {"ECONNREFUSED": 500} and not report["answered"], report
        after = bed.counters()
        nobody = task.connector({bed.address(): None}, "--count", 500)
        assert nobody["errors"] == {"ECONNREFUSED": 500}, nobody
        assert after["noEndpoint"] - before["noEndpoint"] == 500 and after["hit"] == before["hit"], (before, after)
        # A refusal that waited for anything would be slower than the kernel's own by orders of magnitude.
        assert report["seconds"] < 20 * nobody["seconds"] + 0.05, (report, nobody)
        bed.update("backend", "1", health="HEALTHY")
        assert draw(bed, task, "backend", 500, port) == {"backend/1": 500}


def test_deregistered_gets_none():
    with Testbed() as bed:
        bed.service("backend", weights=(1, 1))
        task = bed.task()
        address = bed.address_of("backend", 8080)
        bed.change("DELETE", "/v1/instances", service="backend", id="0")
        assert draw(bed, task, "backend", 1000, 8080) == {"backend/1": 1000}
        assert ("backend", "0") not in bed.endpoints()
        bed.change("DELETE", "/v1/instances", service="backend", id="1")
        assert task.agent().name(address, 8080) == "ECONNREFUSED"


def test_a_new_instance_is_drawn_at_once():
    with Testbed() as bed:
        bed.service("backend")
        agent, address = bed.task().agent(), bed.address_of("backend", 8080)
        bed.update("backend", "0", weight=0)
        for i in range(1, 30):
            where = bed.address()
            bed.announce({where: f"new/{i}"})
            bed.register("backend", where, id=str(i))
            assert agent.name(address, 8080) == f"new/{i}"
            bed.change("DELETE", "/v1/instances", service="backend", id=str(i))
            assert agent.name(address, 8080) == "ECONNREFUSED"


def test_replacing_an_instance_moves_it():
    with Testbed() as bed:
        bed.service("backend")
        agent, address = bed.task().agent(), bed.address_of("backend", 8080)
        assert agent.name(address, 8080) == "backend/0"
        where = bed.address()
        bed.announce({where: "moved"})
        bed.register("backend", where, id="0")
        assert agent.name(address, 8080) == "moved"
        assert len(bed.endpoints()) == 1


def test_clearing_a_route_leads_to_the_service_again():
    with Testbed() as bed:
        bed.service("v1")
        bed.service("v2")
        agent, address = bed.task().agent(), bed.address_of("v1", 8080)
        bed.route("v1", {"v2": 1}, port=8080)
        assert agent.name(address, 8080) == "v2/0"
        assert bed.alias("v1", 8080)["origin"] == "route"
        bed.change("DELETE", "/v1/routes", dnsName="v1", port=8080)
        assert agent.name(address, 8080) == "v1/0"
        assert bed.address_of("v1", 8080) == address and bed.get("/v1/routes")["routes"] == []
