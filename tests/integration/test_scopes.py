# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Routes for one client's tasks only: its own weights, the default for its neighbours, one scope per set of routes.

Services named after a letter announce that letter, whatever their number: a1 and a2 both answer "a/..."."""
import contextlib
import http.client
import random
import subprocess
import threading
import time

import chi_square
from testbed import CLI, PATIENCE, Testbed, note, wait_until


def client_route(bed, client, targets, name="backend", port=80, **more):
    return bed.route(name, targets, port, client=client, **more)


def clear_client_route(bed, client, name="backend", port=80, **more):
    return bed.change("DELETE", "/v1/routes", dnsName=name, port=port, client=client, **more)


def scopes(bed, *tasks):
    """The numbers of the tasks' scopes, in their order."""
    known = bed.tasks()
    return [known[task.path]["scope"] for task in tasks]


def client_tasks(bed, *clients, namespace="default"):
    return [bed.task(namespace, client, name=f"{namespace}-{client or 'nobody'}") for client in clients]


def two_versions(bed):
    """v1 and v2 behind backend:80, half and half."""
    bed.service("v1")
    bed.service("v2")
    bed.route("backend", {"v1": 1, "v2": 1})


def lettered(bed, *names):
    """Services with one instance each that announce their first letter."""
    for name in names:
        bed.service(name, label=name[0])


def names_seen(task, bed, name="backend", port=80, count=300):
    report = task.connector({bed.target(name, port): None}, "--count", count)
    assert report["answered"] == count and not report["failed"], report
    return report["targets"][0]["names"]


def answers(agent, bed, name="backend", port=80):
    return agent.name(bed.address_of(name, port), port)


def routes_of(bed, client, namespace="default"):
    """{(name, port): {service: weight}} of what was set for one client."""
    return {(item["dnsName"], item["port"]): {target["service"]: target["weight"] for target in item["targets"]}
            for item in bed.get("/v1/routes", namespace=namespace)["routes"] if item["client"] == client}


def check_storm(reports, least=500):
    for report in reports:
        bad = [target for target in report["targets"] if target["wrong"] or target["errors"]]
        assert not bad, f"{report['wrong']} wrong, errors {report['errors']}: {bad}"
        assert report["answered"] >= least, report["answered"]


# --- who sees what

def test_each_client_sees_its_own_weights_and_others_the_default():
    """Two clients with 100/0 and 0/100 on one alias, a third and one of no service without overrides."""
    with Testbed() as bed:
        two_versions(bed)
        alpha, beta, gamma, nobody = client_tasks(bed, "alpha", "beta", "gamma", None)
        bed.route("backend", {"v1": 70, "v2": 30})
        client_route(bed, "alpha", {"v1": 100, "v2": 0})
        client_route(bed, "beta", {"v1": 0, "v2": 100})
        assert names_seen(alpha, bed) == {"v1/0": 300}
        assert names_seen(beta, bed) == {"v2/0": 300}
        for task in (gamma, nobody):
            seen = names_seen(task, bed, count=3000)
            chi_square.check(seen, {"v1/0": 70, "v2/0": 30})
        address6 = f"[{bed.alias('backend')['address6']}]:80"
        for task, wanted in ((alpha, "v1"), (beta, "v2")):
            report = task.connector({address6: wanted}, "--count", 200, "--v6")
            assert report["answered"] == 200 and not report["wrong"], report
            report = task.connector({bed.target("backend"): wanted}, "--count", 200, "--mapped")
            assert report["answered"] == 200 and not report["wrong"], report


def test_all_at_once_in_both_clients():
    with Testbed() as bed:
        two_versions(bed)
        tasks = dict(zip(("v1", "v2"), client_tasks(bed, "alpha", "beta")))
        client_route(bed, "alpha", {"v1": 100, "v2": 0})
        client_route(bed, "beta", {"v1": 0, "v2": 100})
        running = [task.start_connector({bed.target("backend"): wanted}, "--seconds", 1)
                   for wanted, task in tasks.items()]
        check_storm([connector.finish() for connector in running], 100)


def test_a_client_sees_all_other_aliases_as_everybody():
    """Those that were there before its routes, and those that come after; and changes of them."""
    with Testbed() as bed:
        two_versions(bed)
        bed.service("steady")
        alpha, = client_tasks(bed, "alpha")
        agent = alpha.agent()
        client_route(bed, "alpha", {"v1": 1})
        assert answers(agent, bed, "steady", 8080) == "steady/0"
        bed.service("late")
        bed.route("other", {"late": 1})
        assert answers(agent, bed, "late", 8080) == "late/0" and answers(agent, bed, "other") == "late/0"
        bed.route("other", {"steady": 1})
        assert answers(agent, bed, "other") == "steady/0"
        bed.change("DELETE", "/v1/routes", dnsName="other", port=80)
        bed.update("steady", "0", health="UNHEALTHY")
        assert answers(agent, bed, "steady", 8080) == "ECONNREFUSED"
        bed.update("v1", "0", health="UNHEALTHY")
        assert answers(agent, bed) == "ECONNREFUSED", "its route leads to v1 alone"
        nobody, = client_tasks(bed, None)
        assert answers(nobody.agent(), bed) == "v2/0"


def test_a_target_without_eligible_endpoints_gives_its_share_away():
    with Testbed() as bed:
        two_versions(bed)
        alpha, = client_tasks(bed, "alpha")
        client_route(bed, "alpha", {"v1": 95, "v2": 5})
        bed.update("v1", "0", health="UNHEALTHY")
        assert names_seen(alpha, bed) == {"v2/0": 300}
        shown = [item for item in bed.get("/v1/routes")["routes"] if item["client"] == "alpha"]
        assert {target["service"]: (target["wantedPercent"], target["effectivePercent"])
                for target in shown[0]["targets"]} == {"v1": (95, 0), "v2": (5, 100)}, shown


def test_a_task_attached_before_its_client_has_routes_gets_them():
    with Testbed() as bed:
        two_versions(bed)
        early, = client_tasks(bed, "alpha")
        agent = early.agent()
        before = scopes(bed, early)
        client_route(bed, "alpha", {"v2": 1})
        assert [answers(agent, bed) for _ in range(20)] == ["v2/0"] * 20
        assert scopes(bed, early) != before
        late = bed.task(service="alpha", name="late")
        assert scopes(bed, late) == scopes(bed, early)
        assert [answers(late.agent(), bed) for _ in range(20)] == ["v2/0"] * 20


def test_the_cli_sets_shows_and_clears_it():
    with Testbed() as bed:
        two_versions(bed)
        alpha, nobody = client_tasks(bed, "alpha", None)
        agent = alpha.agent()
        bed.cli_ok("route", "set", "backend:80", "v1=0", "v2=100", "--client", "alpha")
        assert answers(agent, bed) == "v2/0"
        bed.cli_ok("route", "set", "backend", "v1=100", "--client", "alpha")
        assert [answers(agent, bed) for _ in range(10)] == ["v1/0"] * 10
        assert set(names_seen(nobody, bed)) == {"v1/0", "v2/0"}
        shown = bed.cli_ok("route", "show", "--client", "alpha", "--json").json()["routes"]
        assert [(item["client"], item["dnsName"]) for item in shown] == [("alpha", "backend")], shown
        assert "alpha" in bed.cli_ok("route", "show").out
        assert bed.cli("route", "show", "--client", "nobody").rc == 1
        assert bed.cli("route", "clear", "backend", "--client", "nobody").rc == 1
        bed.cli_ok("route", "clear", "backend:80", "--client", "alpha")
        assert routes_of(bed, "alpha") == {} and routes_of(bed, "") == {("backend", 80): {"v1": 1, "v2": 1}}
        assert set(names_seen(alpha, bed)) == {"v1/0", "v2/0"}


def test_a_bad_client_is_refused():
    with Testbed() as bed:
        two_versions(bed)
        before = bed.wanted_state()
        for client in ("a b", "a/b", "x" * 300, 5, None, [], "\t"):
            status, answer = bed.api("PUT", "/v1/routes", {"dnsName": "backend", "port": 80, "client": client,
                                                           "targets": [{"service": "v1", "weight": 1}]})
            assert status == 400 and answer["error"]["field"] == "client", (client, status, answer)
        status, _ = bed.api("DELETE", "/v1/routes", {"dnsName": "backend", "port": 80, "client": "nobody"})
        assert status == 404
        bed.check_state(before)


# --- scopes

def test_clients_with_equal_routes_share_a_scope():
    with Testbed() as bed:
        two_versions(bed)
        alpha, beta, nobody = tasks = client_tasks(bed, "alpha", "beta", None)
        assert len(set(scopes(bed, *tasks))) == 1, "no routes: all in the namespace's"
        default = scopes(bed, nobody)[0]
        client_route(bed, "alpha", {"v1": 9, "v2": 1})
        client_route(bed, "beta", {"v1": 9, "v2": 1})
        first, second, third = scopes(bed, *tasks)
        assert first == second != third == default
        client_route(bed, "beta", {"v1": 0, "v2": 1})
        split = scopes(bed, *tasks)
        assert len(set(split)) == 3 and split[2] == default, split
        assert split[0] == first, "alpha has changed nothing"
        assert names_seen(beta, bed) == {"v2/0": 300} and len(names_seen(alpha, bed)) == 2
        client_route(bed, "beta", {"v1": 9, "v2": 1})
        again = scopes(bed, *tasks)
        assert again[0] == again[1] != again[2] == default, again
        assert len(names_seen(beta, bed)) == 2
        client_route(bed, "beta", {"v1": 1}, name="more")
        assert len(set(scopes(bed, *tasks))) == 3, "one route more is another configuration"


def test_the_order_of_routes_does_not_matter():
    with Testbed() as bed:
        two_versions(bed)
        tasks = client_tasks(bed, "alpha", "beta")
        for client, names in (("alpha", ("one", "two", "three")), ("beta", ("three", "one", "two"))):
            for name in names:
                client_route(bed, client, {"v1": 1, "v2": 2}, name=name)
        assert len(set(scopes(bed, *tasks))) == 1


def test_a_change_of_the_only_clients_routes_keeps_its_scope():
    with Testbed() as bed:
        two_versions(bed)
        alpha, = client_tasks(bed, "alpha")
        client_route(bed, "alpha", {"v1": 1})
        number, agent = scopes(bed, alpha), alpha.agent()
        for round in range(10):
            client_route(bed, "alpha", {"v1": round % 2, "v2": 1 - round % 2})
            assert scopes(bed, alpha) == number
            assert answers(agent, bed) == ("v1/0" if round % 2 else "v2/0")
        client_route(bed, "alpha", {"v1": 1}, name="more")
        assert scopes(bed, alpha) == number
        clear_client_route(bed, "alpha", name="more")
        assert scopes(bed, alpha) == number


def test_clearing_the_last_route_moves_its_tasks_back():
    with Testbed() as bed:
        two_versions(bed)
        bed.route("backend", {"v1": 1})
        alpha, beta, nobody = client_tasks(bed, "alpha", "beta", None)
        time.sleep(0.3)  # what the last change gave up has been given back by then
        used = {item["name"]: item["used"] for item in bed.status()["maps"]}
        for client in ("alpha", "beta"):
            client_route(bed, client, {"v2": 1})
        agent = alpha.agent()
        assert answers(agent, bed) == "v2/0"
        clear_client_route(bed, "alpha")
        assert scopes(bed, alpha) == scopes(bed, nobody) != scopes(bed, beta)
        assert answers(agent, bed) == "v1/0"
        assert answers(beta.agent(), bed) == "v2/0", "the other that shared it keeps it"
        clear_client_route(bed, "beta")
        assert len(set(scopes(bed, alpha, beta, nobody))) == 1
        wait_until(lambda: {item["name"]: item["used"] for item in bed.status()["maps"]} == used, 3,
                   f"what the scopes took is given back: {used}")


def test_scopes_come_and_go_without_leaving_anything():
    with Testbed() as bed:
        two_versions(bed)
        alpha, nobody = client_tasks(bed, "alpha", None)
        used = {item["name"]: item["used"] for item in bed.status()["maps"]}
        for round in range(30):
            client_route(bed, "alpha", {"v1": round + 1, "v2": 1})
            clear_client_route(bed, "alpha")
        assert scopes(bed, alpha) == scopes(bed, nobody)
        wait_until(lambda: {item["name"]: item["used"] for item in bed.status()["maps"]} == used, 3,
                   f"the maps are as full as before: {used}")


def test_an_alias_of_one_client_only():
    """Resolves and connects for its tasks and is refused to all others."""
    with Testbed() as bed:
        where = bed.address()
        bed.announce({where: "web/0"}, "--http")
        bed.register("web", where, id="0")
        client_route(bed, "alpha", {"web": 1}, name="private", port=81)
        shown = [item for item in bed.get("/v1/routes")["routes"] if item["client"] == "alpha"]
        address = shown[0]["address"]
        alpha, beta, nobody = client_tasks(bed, "alpha", "beta", None)
        report = alpha.connector({f"{address}:81": "web"}, "--count", 20, "--http")
        assert report["answered"] == 20 and not report["wrong"], report
        refused = bed.counters()["noAlias"]
        for task in (beta, nobody):
            assert task.agent_name_once(address, 81) == "ECONNREFUSED"
        assert bed.counters()["noAlias"] == refused + 2
        ask = ["getent", "ahostsv4", "private"]
        result = bed.cli("run", "--service", "alpha", "--", *ask)
        assert result.rc == 0 and result.out.split()[0] == address, result
        fetch = ["sh", "-c", "exec 3<>/dev/tcp/private/81; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"]
        fetch[0] = "bash"
        result = bed.cli("run", "--service", "alpha", "--", *fetch)
        assert result.rc == 0 and result.out.endswith("web/0\n"), result
        for options in ([], ["--service", "beta"]):
            assert bed.cli("run", *options, "--", *ask).rc == 2, options


def test_a_name_of_a_running_client_comes_and_goes_with_its_route():
    with Testbed() as bed:
        bed.service("v1")
        script = "until getent hosts mine; do sleep 0.02; done; while getent hosts mine; do sleep 0.02; done"
        process = bed.popen([CLI, "run", "--service", "alpha", "--", "sh", "-c", f"({script}) >/dev/null; echo done"],
                            env=bed.cli_environment(), stdout=subprocess.PIPE)
        wait_until(bed.tasks, 5, "it runs")
        client_route(bed, "alpha", {"v1": 1}, name="mine")
        time.sleep(0.2)
        assert process.poll() is None
        clear_client_route(bed, "alpha", name="mine")
        out, _ = process.communicate(timeout=10 * PATIENCE)
        assert (process.returncode, out) == (0, "done\n"), out


def test_equal_client_names_in_two_namespaces():
    with Testbed() as bed:
        tasks = []
        for namespace in ("red", "blue"):
            for service in ("v1", "v2"):
                bed.service(service, namespace=namespace, label=f"{namespace}-{service}")
            bed.route("backend", {"v1": 1}, namespace=namespace)
            tasks += client_tasks(bed, "web", None, namespace=namespace)
        client_route(bed, "web", {"v2": 1}, namespace="red")
        agents = [task.agent() for task in tasks]

        def seen():
            return [agent.name(bed.address_of("backend", namespace=namespace), 80)
                    for agent, namespace in zip(agents, ("red", "red", "blue", "blue"))]
        assert seen() == ["red-v2/0", "red-v1/0", "blue-v1/0", "blue-v1/0"]
        client_route(bed, "web", {"v2": 1}, namespace="blue")
        assert seen() == ["red-v2/0", "red-v1/0", "blue-v2/0", "blue-v1/0"]
        assert len(set(scopes(bed, *tasks))) == 4, "equal routes of two namespaces are not shared"
        clear_client_route(bed, "web", namespace="red")
        assert seen() == ["red-v1/0", "red-v1/0", "blue-v2/0", "blue-v1/0"]


# --- under load and through death

def storm_bed(bed):
    """own:80 answers a for alpha, b for beta and d for others; common:80 answers c, whoever asks, by c0, c1 or c2."""
    lettered(bed, "a1", "a2", "b1", "b2", "c0", "c1", "c2", "d")
    bed.route("own", {"d": 1})
    bed.route("common", {"c0": 1})
    client_route(bed, "alpha", {"a1": 1}, name="own")
    client_route(bed, "beta", {"b1": 1}, name="own")
    return client_tasks(bed, "alpha", "beta", "gamma", "delta", None)


def start_storm(bed, tasks):
    common, own, steady = bed.target("common"), bed.target("own"), bed.target("d", 8080)
    letters = ("a", "b", "d", "d", "d")
    return [task.start_connector({own: letter, common: "c", steady: "d"}, "--seconds", 60)
            for task, letter in zip(tasks, letters)]


def random_change(chance):
    """(client, alias, targets or None to clear). Gamma and delta come to share a scope, to part, to lose their last."""
    client = chance.choice(("alpha", "beta", "gamma", "delta"))
    if client in ("alpha", "beta") and chance.random() < 0.7:
        letter = client[0]
        return client, "own", chance.choice(({f"{letter}1": 1}, {f"{letter}2": 1},
                                             {f"{letter}1": chance.randrange(1, 9), f"{letter}2": 1}))
    return client, "common", chance.choice((None, {"c1": 1}, {"c2": 1}, {"c1": 1, "c2": 1}))


def request_of(change):
    client, alias, targets = change
    body = {"dnsName": alias, "port": 80, "client": client}
    if targets is None:
        return "DELETE", "/v1/routes", body
    return "PUT", "/v1/routes", {**body, "targets": [{"service": service, "weight": weight}
                                                    for service, weight in targets.items()]}


def test_never_wrong_while_client_routes_change():
    with Testbed() as bed:
        tasks = storm_bed(bed)
        running = start_storm(bed, tasks)
        connection, chance, seen = bed.connection(), random.Random(5), set()
        for number in range(250):
            change = random_change(chance)
            status, answer = connection.ask(*request_of(change))
            assert status == 200 or (status == 404 and change[2] is None), f"change {number} {change}: {answer}"
            if number % 10 == 0:
                gamma, delta, nobody = scopes(bed, *tasks[2:])
                seen.add((gamma == delta, gamma == nobody, delta == nobody))
        time.sleep(0.3)
        reports = [connector.stop() for connector in running]
        check_storm(reports, 200)
        note(f"{sum(report['answered'] for report in reports)} connects, none wrong; longest "
             f"{max(report['longestMs'] for report in reports):.0f} ms; {bed.counters()['retried']} retried reads")
        assert (True, False, False) in seen and (False, False, False) in seen, f"they shared and parted: {seen}"
        assert any(alone for _, alone, _ in seen), "and went back to the namespace's scope"
        assert bed.counters()["inconsistent"] == 0


def test_restart_keeps_scopes_and_writes_nothing():
    with Testbed() as bed:
        two_versions(bed)
        tasks = client_tasks(bed, "alpha", "beta", "gamma", None)
        client_route(bed, "alpha", {"v1": 1})
        client_route(bed, "beta", {"v1": 1})
        client_route(bed, "gamma", {"v2": 1})
        client_route(bed, "gamma", {"v2": 2})  # its scope is kept under another name
        client_route(bed, "nobody-runs-as-this", {"v2": 7}, name="elsewhere")
        before = bed.wanted_state(), scopes(bed, *tasks)
        for gracefully in (False, True, False):
            bed.restart(gracefully=gracefully)
            writes = bed.status()["writes"]
            assert writes["maps"] == 0 and writes["adopted"] > 0, writes
            assert (bed.wanted_state(), scopes(bed, *tasks)) == before
            assert [names_seen(task, bed, count=50) for task in tasks[:3]] == [{"v1/0": 50}, {"v1/0": 50}, {"v2/0": 50}]
        client_route(bed, "beta", {"v2": 2})
        first, second, third, _ = scopes(bed, *tasks)
        assert first != second == third, "what is equal is shared with what was there before the restart"
        assert names_seen(tasks[1], bed, count=50) == {"v2/0": 50}


def test_the_data_path_serves_all_scopes_without_a_daemon():
    with Testbed() as bed:
        tasks = storm_bed(bed)
        client_route(bed, "gamma", {"c1": 1}, name="common")
        running = start_storm(bed, tasks)
        time.sleep(0.2)
        bed.kill()
        time.sleep(0.3)
        bed.start()
        time.sleep(0.2)
        check_storm([connector.stop() for connector in running], 50)


class Changer(threading.Thread):
    """Changes client routes until told to stop, and knows what was acknowledged and what was on its way."""

    def __init__(self, bed, seed):
        super().__init__(daemon=True)
        self.bed, self.chance = bed, random.Random(seed)
        self.over = threading.Event()
        self.routes = {"alpha": {("own", 80): {"a1": 1}}, "beta": {("own", 80): {"b1": 1}}, "gamma": {}, "delta": {}}
        self.in_flight = None
        self.done, self.problems = 0, []

    def run(self):
        try:
            with contextlib.closing(self.bed.connection()) as connection:
                while not self.over.is_set():
                    self.in_flight = random_change(self.chance)
                    status, answer = connection.ask(*request_of(self.in_flight))
                    if status not in (200, 404) or (status == 404 and self.in_flight[2] is not None):
                        self.problems.append((self.in_flight, status, answer))
                        return
                    self.settle()
        except (OSError, http.client.HTTPException):
            return

    def settle(self):
        """The change on its way has been made."""
        client, alias, targets = self.in_flight
        if targets is None:
            self.routes[client].pop((alias, 80), None)
        else:
            self.routes[client][alias, 80] = targets
        self.in_flight = None
        self.done += 1

    def check(self):
        """What was acknowledged is there; of what was on its way, all or nothing. Goes on from what there is."""
        found = {client: routes_of(self.bed, client) for client in self.routes}
        if found != self.routes and self.in_flight:
            self.settle()
        assert found == self.routes, f"on record: {found}, acknowledged: {self.routes}"
        self.in_flight = None


def test_killed_during_changes():
    """Every restart finds routes, scopes and kernel of one mind, and no connect fails or goes astray meanwhile."""
    with Testbed() as bed:
        tasks = storm_bed(bed)
        agents = [task.agent() for task in tasks]
        running = start_storm(bed, tasks)
        chance, done, routes = random.Random(6), 0, None
        for number in range(12):
            changer = Changer(bed, number)
            changer.routes = routes or changer.routes
            changer.start()
            time.sleep(0.05 + chance.random() * 0.15)
            bed.kill()
            changer.over.set()
            changer.join(10)
            assert not changer.problems, changer.problems
            bed.start()
            changer.check()
            routes, done = changer.routes, done + changer.done
            numbers = dict(zip(routes, scopes(bed, *tasks)))
            default = scopes(bed, tasks[4])[0]
            for client, own in routes.items():
                assert (numbers[client] == default) == (not own), f"round {number}: {routes}, {numbers}, {default}"
            assert (numbers["gamma"] == numbers["delta"]) == (routes["gamma"] == routes["delta"]), (routes, numbers)
            for client, agent in zip(routes, agents):
                for (name, port), targets in routes[client].items():
                    assert answers(agent, bed, name, port)[0] in {target[0] for target in targets}
        check_storm([connector.stop() for connector in running], 200)
        note(f"{done} changes acknowledged in 12 lives")
        assert done >= 24


def test_other_map_sizes_keep_the_scopes():
    with Testbed() as bed:
        tasks = storm_bed(bed)
        client_route(bed, "gamma", {"c1": 1}, name="common")
        client_route(bed, "delta", {"c1": 1}, name="common")
        before = bed.wanted_state(), scopes(bed, *tasks)
        running = start_storm(bed, tasks)
        for config in ({"maps": {"slots": 4096, "aliases": 1024}}, {}):
            bed.restart(config)
            after = bed.wanted_state(), scopes(bed, *tasks)
            changed = {key: (value, before[0][key]) for key, value in after[0].items() if value != before[0][key]}
            assert after == before, changed or after[1]
        client_route(bed, "delta", {"c2": 1}, name="common")
        time.sleep(0.2)
        check_storm([connector.stop() for connector in running], 100)


# --- full maps

def refused_for_room(bed, setting, method, path, body):
    before = bed.wanted_state()
    status, answer = bed.api(method, path, body)
    assert status == 507 and setting in answer["error"]["message"], (status, answer)
    bed.check_state(before)


def test_no_room_for_another_scopes_aliases():
    """Three aliases take six entries in each scope: room for two scopes and no third."""
    with Testbed({"maps": {"aliases": 12}}) as bed:
        two_versions(bed)
        bed.route("backend", {"v1": 1})
        alpha, beta, nobody = tasks = client_tasks(bed, "alpha", "beta", None)
        client_route(bed, "alpha", {"v2": 1})
        agents = [task.agent() for task in tasks]
        wanted = ["v2/0", "v1/0", "v1/0"]
        change = request_of(("beta", "backend", {"v1": 1, "v2": 1}))
        refused_for_room(bed, "maps.aliases", *change)
        assert [answers(agent, bed) for agent in agents] == wanted
        refused_for_room(bed, "maps.aliases", *request_of(("alpha", "more", {"v1": 1})))
        assert [answers(agent, bed) for agent in agents] == wanted
        bed.restart()
        assert [answers(agent, bed) for agent in agents] == wanted and bed.status()["writes"]["maps"] == 0
        client_route(bed, "beta", {"v2": 1})  # shares alpha's: no room needed
        assert scopes(bed, beta) == scopes(bed, alpha)
        assert [answers(agent, bed) for agent in agents] == ["v2/0", "v2/0", "v1/0"]
        clear_client_route(bed, "alpha")
        clear_client_route(bed, "beta")
        wait_until(lambda: bed.api(*change)[0] == 200, 3, "what was freed can be used")
        assert answers(agents[0], bed) == "v1/0" and set(names_seen(beta, bed)) == {"v1/0", "v2/0"}


def test_no_room_for_a_clients_weights():
    """Coarse tables of few slots: a client's route that needs more than there is changes nothing."""
    with Testbed({"maps": {"slots": 16}}) as bed:
        two_versions(bed)
        alpha, nobody = client_tasks(bed, "alpha", None)
        agents = [alpha.agent(), nobody.agent()]
        bed.route("backend", {"v1": 1})
        for number in range(16):
            before = bed.wanted_state()
            status, answer = bed.api("PUT", "/v1/routes", {
                "dnsName": f"r{number}", "port": 80, "client": "alpha",
                "targets": [{"service": "v1", "weight": number + 1}, {"service": "v2", "weight": 100}]})
            if status != 200:
                break
        assert status == 507 and "maps.slots" in answer["error"]["message"], (number, status, answer)
        assert number > 0 and bed.wanted_state() == before
        assert [answers(agent, bed) for agent in agents] == ["v1/0", "v1/0"]
        bed.restart()
        bed.check_state(before)


def test_a_batch_that_fails_leaves_the_scopes():
    """The last change of a batch is bad: the client routes before it are not there, nor are their scopes."""
    with Testbed() as bed:
        two_versions(bed)
        bed.route("backend", {"v1": 1})
        tasks = client_tasks(bed, "alpha", "beta", None)
        client_route(bed, "beta", {"v2": 1})
        before, agents = bed.wanted_state(), [task.agent() for task in tasks]
        changes = [{"op": "set-route", "dnsName": "backend", "port": 80, "client": client,
                    "targets": [{"service": "v2", "weight": 3}]} for client in ("alpha", "beta")]
        status, _ = bed.api("POST", "/v1/batch", {"changes": [
            *changes, {"op": "update", "service": "nobody", "id": "0", "weight": 1}]})
        assert status == 404
        bed.check_state(before)
        assert [answers(agent, bed) for agent in agents] == ["v1/0", "v2/0", "v1/0"]
        bed.batch(changes)
        assert [answers(agent, bed) for agent in agents] == ["v2/0", "v2/0", "v1/0"]
        assert len(set(scopes(bed, *tasks))) == 2
        bed.batch([{"op": "clear-route", "dnsName": "backend", "port": 80, "client": client}
                   for client in ("alpha", "beta")])
        assert len(set(scopes(bed, *tasks))) == 1 and answers(agents[1], bed) == "v1/0"
