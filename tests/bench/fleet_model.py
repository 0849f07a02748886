# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What a fleet asks of etcd, by what one request and one delivered event cost it: a simulation, and its own check.

Load is what all hosts ask together, in processors of etcd. Delay comes from a queue: each commit is to be delivered to all
hosts that hear of its namespace, each member delivers to its share of them, one after the other, and what comes meanwhile
waits. Commits come at random (Poisson). A relay is a host that watches for its rack and tells the others."""
import dataclasses
import random
import statistics

MI = 1 << 20


@dataclasses.dataclass(frozen=True)
class Costs:
    """Of one etcd member: microseconds of a processor, bytes of memory. The defaults were measured with etcd 3.4.23 (docs/fleet.md)."""
    event_us: float = 98        # the events of a commit, delivered to one watch by the JSON gateway
    put_us: float = 950         # a transaction of a commit, on each member
    keepalive_us: float = 420
    head_us: float = 450        # a range of one key
    audit_key_us: float = 1.4   # for each key that the audit counts
    load_key_us: float = 15     # for each row that a host reads as a whole
    watch_bytes: float = 100000  # of a stream
    key_bytes: float = 920      # of a row


@dataclasses.dataclass(frozen=True)
class Fleet:
    hosts: int = 10000
    services: int = 10000
    instances: int = 10         # of each service
    namespaces: int = 1         # that a host hears of one of
    changes: float = 10         # commits a second, in all namespaces
    members: int = 3            # that take requests
    processors: int = 4         # of each
    lease_s: float = 15
    check_s: float = 5
    audit_s: float = 60
    rack: int = 1               # hosts that share a watch; 1: each has its own


def watches(fleet):
    return fleet.hosts / fleet.rack


def watches_of_one(fleet):
    """That hear of one commit."""
    return watches(fleet) / fleet.namespaces


def rows(fleet):
    return fleet.services * (1 + fleet.instances)


def events(fleet):
    """Delivered a second, by all members."""
    return fleet.changes * watches_of_one(fleet)


def loads(fleet, costs):
    """{what: processors}, of all members together."""
    kept = fleet.hosts / (fleet.lease_s / 3)
    return {
        "events": events(fleet) * costs.event_us / 1e6,
        "commits": fleet.changes * costs.put_us * fleet.members / 1e6,
        "leases": kept * costs.keepalive_us / 1e6,
        "heads": watches(fleet) / fleet.check_s * costs.head_us / 1e6,
        "audits": watches(fleet) / fleet.audit_s * rows(fleet) / fleet.namespaces * costs.audit_key_us / 1e6 if fleet.audit_s else 0,
    }


def load(fleet, costs):
    return sum(loads(fleet, costs).values())


def memory(fleet, costs):
    """Bytes of one member."""
    return watches(fleet) / fleet.members * costs.watch_bytes + rows(fleet) * costs.key_bytes


def busy(fleet, costs):
    """The share of a member's processors; from 1 on it falls behind for ever."""
    return load(fleet, costs) / (fleet.members * fleet.processors)


def breaks_at(fleet, costs, most=0.7):
    """Changes a second with which a member is busy for that share; 0: it is without any."""
    rest = loads(dataclasses.replace(fleet, changes=0), costs)
    room = most * fleet.members * fleet.processors - sum(rest.values())
    each = watches_of_one(fleet) * costs.event_us / 1e6 + costs.put_us * fleet.members / 1e6
    return max(0.0, room / each)


def delivery_s(fleet, costs):
    """What one commit keeps a member busy with, by what the rest has left of it."""
    free = fleet.processors - (load(fleet, costs) - loads(fleet, costs)["events"]) / fleet.members
    return float("inf") if free <= 0 else watches_of_one(fleet) / fleet.members * costs.event_us / 1e6 / free


def simulate(fleet, costs, commits=4000, seed=1):
    """Delays in seconds of `commits` commits until the last host has heard of them; None where the queue never ends."""
    service = delivery_s(fleet, costs)
    if service * fleet.changes >= 1:
        return None
    chance = random.Random(seed)
    now = free = 0.0
    delays = []
    for _ in range(commits):
        now += chance.expovariate(fleet.changes)
        free = max(now, free) + service
        delays.append(free - now)
    return delays


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def return_s(fleet, costs):
    """Seconds of all members' processors until that many hosts that come back have read all rows."""
    return fleet.hosts / fleet.rack * rows(fleet) / fleet.namespaces * costs.load_key_us / 1e6 / (fleet.members * fleet.processors)


WAYS = {
    "one namespace, a watch each": {},
    "100 namespaces, a watch each": {"namespaces": 100},
    "one namespace, a relay per rack of 40": {"rack": 40},
    "one namespace, five members": {"members": 5},
    "100 namespaces and relays": {"namespaces": 100, "rack": 40},
}


def self_test():
    costs, fleet = Costs(), Fleet()
    # One change a second to 10,000 watches is 10,000 events; namespaces and relays divide them.
    assert events(Fleet(changes=1)) == 10000 and events(Fleet(changes=1, namespaces=100)) == 100
    assert events(Fleet(changes=1, rack=40)) == 250
    assert abs(loads(Fleet(changes=1), costs)["events"] - 10000 * costs.event_us / 1e6) < 1e-9
    assert abs(loads(fleet, costs)["leases"] - 2000 * costs.keepalive_us / 1e6) < 1e-9
    # At the break the members are busy for that share, by the other formula.
    for way in WAYS.values():
        base = dataclasses.replace(fleet, audit_s=600, **way)
        at = breaks_at(base, costs)
        assert at > 0 and abs(busy(dataclasses.replace(base, changes=at), costs) - 0.7) < 1e-6, (way, at)
    assert breaks_at(Fleet(hosts=10**6), costs) == 0
    assert memory(Fleet(hosts=3000, services=0), costs) == 1000 * costs.watch_bytes
    # The queue is the one of the books: a mean wait of rho / 2 (1 - rho) services (Pollaczek and Khinchine).
    small = Fleet(hosts=2000, services=10, changes=9, processors=1, audit_s=0)
    service = delivery_s(small, costs)
    rho = service * small.changes
    assert 0.5 < rho < 0.95, rho
    wait = statistics.mean(simulate(small, costs, 200000)) - service
    assert abs(wait / (service * rho / (2 * (1 - rho))) - 1) < 0.1, (wait, rho)
    assert simulate(Fleet(changes=1000), costs) is None
    assert simulate(small, costs, 100) == simulate(small, costs, 100)


if __name__ == "__main__":
    self_test()
    print("the simulation agrees with its formulas")
