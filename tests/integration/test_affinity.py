# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Clients that keep their endpoints: tasks and processes, while endpoints come and go, with the daemon dead."""
from testbed import Testbed, note

TASKS = 10


def serve(bed, ids, service="backend"):
    addresses = {str(id): bed.address() for id in ids}
    bed.announce({address: f"{service}/{id}" for id, address in addresses.items()})
    bed.batch([{"op": "register", "service": service, "address": address, "id": id} for id, address in addresses.items()])
    return addresses


def kept(agent, address, count=10):
    """Where all of so many connects of one process go."""
    names = {agent.name(address, 8080) for _ in range(count)}
    assert len(names) == 1, names
    return names.pop()


def test_tasks_keep_their_endpoints():
    with Testbed() as bed:
        addresses = serve(bed, range(4))
        bed.cli_ok("set", "backend", "affinity=task")
        tasks = [bed.task(name=f"client-{number}") for number in range(TASKS)]
        address = bed.address_of("backend", 8080)
        assert "each task keeps its endpoint" in bed.cli_ok("explain", "backend:8080").out
        before = [kept(task.agent(), address) for task in tasks]
        assert [kept(task.agent(), address) for task in tasks] == before, "a process more of a task is no other client"
        note(f"{before}")
        assert len(set(before)) > 1, "not all at one: that comes once in millions"
        gone = before[0]
        bed.cli_ok("deregister", "backend", gone.split("/")[1], "--now")
        after = [kept(task.agent(), address) for task in tasks]
        assert all(now == then for now, then in zip(after, before) if then != gone), (before, after)
        assert gone not in after
        bed.change("POST", "/v1/instances", service="backend", id=gone.split("/")[1], address=addresses[gone.split("/")[1]])
        assert [kept(task.agent(), address) for task in tasks] == before, "who comes back has its own again"
        bed.kill()
        assert [kept(task.agent(), address) for task in tasks] == before
        bed.start()
        assert [kept(task.agent(), address) for task in tasks] == before
        bed.cli_ok("set", "backend", "affinity=none")
        agent = tasks[0].agent()
        assert len({agent.name(address, 8080) for _ in range(60)}) == 4


def test_processes_keep_their_endpoints():
    with Testbed() as bed:
        serve(bed, range(4))
        bed.cli_ok("set", "backend", "affinity=process")
        task = bed.task()
        address = bed.address_of("backend", 8080)
        agents = [task.agent() for _ in range(TASKS)]
        before = [kept(agent, address) for agent in agents]
        assert len(set(before)) > 1, before
        assert [kept(agent, address) for agent in agents] == before


def test_one_that_is_ejected():
    """Its clients go elsewhere for as long as it lasts, the others stay."""
    with Testbed() as bed:
        serve(bed, range(3))
        bed.cli_ok("set", "backend", "affinity=task", "localLiveness=off")
        agents = [bed.task(name=f"client-{number}").agent() for number in range(TASKS)]
        address = bed.address_of("backend", 8080)
        before = [kept(agent, address) for agent in agents]
        out = before[0]
        bed.cli_ok("eject", "backend", out.split("/")[1], "--for", "60")
        for agent, then in zip(agents, before):
            names = {agent.name(address, 8080) for _ in range(20)}
            assert names == {then} if then != out else out not in names, (names, then)
        bed.cli_ok("unject", "backend", out.split("/")[1])
        assert [kept(agent, address) for agent in agents] == before


def test_canaries_are_whole_tasks():
    with Testbed() as bed:
        serve(bed, range(2), "v1")
        serve(bed, range(2), "v2")
        bed.cli_ok("set", "v1", "affinity=task")
        bed.cli_ok("route", "set", "v1:8080", "v1=50", "v2=50")
        address = bed.address_of("v1", 8080)
        seen = {kept(bed.task(name=f"client-{number}").agent(), address).split("/")[0] for number in range(2 * TASKS)}
        assert seen == {"v1", "v2"}
