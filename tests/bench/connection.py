# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Part 1: the way of a connection: through svcconnect, without anything, and through what it stands in for."""
import collections
import json
import os

from figures import Figures, cell, print_table
from lab import Testbed, cpu_seconds, need_program, pinned, processors, run_json, say, tool
from peers import BULK_PORT, CONNECT_PORT, HTTP_PORT, UDP_FLOWS_PORT, UDP_PORT, start_all

# Client, servers and proxies share `processors`, which they fill. With one, none of the rate depends on where the kernel
# puts processes and how long it takes to wake another processor, which differs by a factor of two from run to run.
Load = collections.namedtuple("Load", "title client port options processors seconds slices")
CLIENTS = 16
LOADS = {
    # Many short runs in each round, since others disturb in bursts.
    "connect": Load("TCP connect and close, all on one processor", "connect_rate", CONNECT_PORT, [], 1, 0.25, 3),
    "first byte": Load("TCP connect, first byte of the server, close, all on one processor", "connect_rate", CONNECT_PORT, ["--first-byte"],
                       1, 0.25, 3),
    "concurrent": Load(f"The same by {CLIENTS} clients at once, on two processors", "connect_rate", CONNECT_PORT,
                       ["--first-byte", "--parallel", str(CLIENTS)], 2, 0.4, 2),
    "udp unconnected": Load("UDP request and response, one socket without a peer", "udp_rate", UDP_FLOWS_PORT, [], 1,
                            0.2, 2),
    "udp connected": Load("UDP request and response, a connected socket for 1,000 of them", "udp_rate", UDP_FLOWS_PORT,
                          ["--connect"], 1, 0.2, 2),
    "udp new socket": Load("UDP: a new socket, connect, request and response, close", "udp_rate", UDP_PORT,
                           ["--connect", "--new-socket"], 1, 0.2, 2),
}

WRK_SCRIPT = """done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests": %d, "us": %d, "failed": %d, "p50_us": %d, "p99_us": %d}\\n', summary.requests,
    summary.duration, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def helpers_cpu(peer):
    return sum(cpu_seconds(pid) for pid in peer.helpers)


def is_measured(peer, mode):
    """More than one thread is only of use to several clients."""
    if peer.threads > 1:
        return mode == "concurrent"
    return not (mode.startswith("udp") and peer.why_no_udp)


def measure_load(peer, figures, mode):
    """One run, with the processor time of everything on the way."""
    load = LOADS[mode]
    where = processors(load.processors)
    peer.place(where)
    before = helpers_cpu(peer)
    report = run_json(peer.bed, [*peer.inside, tool(load.client), "--seconds", str(load.seconds), *load.options,
                                 *peer.target(load.port)], cgroup=peer.cgroup,
                      preexec_fn=pinned(where))
    helpers = helpers_cpu(peer) - before
    done = report["connects" if load.client == "connect_rate" else "requests"] - report["failed"]
    figures.add_all(f"{peer.name}, {mode}", rate=report["rate"], failed=report["failed"],
                    **{name: report[name] for name in ("p50_us", "p99_us", "p999_us")},
                    cpu_s_per_million=(report["cpu_s"] + helpers) * 1e6 / max(done, 1))


def measure_requests(peer, figures, script, seconds):
    peer.place(processors(1))
    before = helpers_cpu(peer)
    result = peer.bed.run([*peer.inside, need_program("wrk"), "-t", "1", "-c", "16", "-d", f"{seconds}s", "-s", script,
                           f"http://{peer.target(HTTP_PORT)[0]}/"], cgroup=peer.cgroup,
                          preexec_fn=pinned(processors(1)))
    helpers = helpers_cpu(peer) - before
    assert result.rc == 0, f"{peer.name}: {result}"
    report = json.loads(result.out.splitlines()[-1])
    figures.add_all(f"{peer.name}, keep-alive", rate=report["requests"] * 1e6 / report["us"], p50_us=report["p50_us"],
                    p99_us=report["p99_us"], failed=report["failed"],
                    server_cpu_s_per_million=helpers * 1e6 / max(report["requests"], 1))


def measure_bulk(peer, figures, seconds):
    peer.place(processors(1))
    host, port = peer.target(BULK_PORT)[0].rsplit(":", 1)
    report = run_json(peer.bed, [*peer.inside, need_program("iperf3"), "-c", host, "-p", port, "-t", str(seconds), "-J"],
                      cgroup=peer.cgroup, preexec_fn=pinned(processors(1)))
    figures.add(f"{peer.name}, bulk", "gbit_per_second", report["end"]["sum_received"]["bits_per_second"] / 1e9)


def in_turn(peers, number):
    """From another one on each time, and back the next: neither who is first nor a drift favours one."""
    first = number // 2 % len(peers)
    order = peers[first:] + peers[:first]
    return order[::-1] if number % 2 else order


def measure_round(peers, figures, number, is_quick):
    """Each kind of load goes through all peers in a row, so that what is divided is close in time."""
    most = max(load.slices for load in LOADS.values())
    for i in range(1 if is_quick else most):
        for mode, load in LOADS.items():
            if i < load.slices:
                for peer in in_turn([peer for peer in peers if is_measured(peer, mode)], number * most + i):
                    measure_load(peer, figures, mode)


def measure(rounds, is_quick):
    figures = Figures()
    with Testbed() as bed:
        script = os.path.join(bed.base, "wrk.lua")
        with open(script, "w", encoding="utf-8") as file:
            file.write(WRK_SCRIPT)
        peers, left_out = start_all(bed)
        left_out.update((f"{peer.name}, UDP", peer.why_no_udp) for peer in peers if peer.why_no_udp and peer.threads == 1)
        single = [peer for peer in peers if peer.threads == 1]
        for number in range(rounds):
            say(f"connections, round {number + 1} of {rounds}")
            measure_round(peers, figures, number, is_quick)
            if is_quick and number > 0:
                continue
            for i in range(1 if is_quick else 2):
                for peer in in_turn(single, 2 * number + i):
                    measure_requests(peer, figures, script, 1)
            for peer in in_turn(single, number):
                measure_bulk(peer, figures, 1)
    return {"figures": figures, "peers": [peer.name for peer in peers], "left_out": left_out}


RATES = ["rate", "p50_us", "p99_us", "p999_us", "cpu_s_per_million", "failed"]
COLUMNS = {
    **{mode: (load.title, "rate", RATES) for mode, load in LOADS.items()},
    "keep-alive": ("Keep-alive requests (wrk, 16 connections)", "rate",
                   ["rate", "p50_us", "p99_us", "server_cpu_s_per_million", "failed"]),
    "bulk": ("Bulk transfer (iperf3)", "gbit_per_second", ["gbit_per_second"]),
}
HEADS = {"rate": "per second", "p50_us": "p50 us", "p99_us": "p99 us", "p999_us": "p99.9 us",
         "cpu_s_per_million": "CPU s per million", "server_cpu_s_per_million": "CPU s per million, without wrk",
         "gbit_per_second": "Gbit/s", "failed": "failed"}


def cpu_ratio(figures, what, other):
    """As Figures.ratio(), of the processor time for one."""
    return figures.ratio(what, other, "cpu_s_per_million") or figures.ratio(what, other, "server_cpu_s_per_million")


def show(result):
    figures = result["figures"]
    for mode, (title, main, names) in COLUMNS.items():
        rows = []
        for peer in result["peers"]:
            values = figures.values.get(f"{peer}, {mode}")
            if values:
                both = f"{peer}, {mode}", f"direct, {mode}"
                rows.append([peer, cell(figures.ratio(*both, main)), cell(cpu_ratio(figures, *both)),
                             *(sum(values[name]) if name == "failed" else cell(values.get(name)) for name in names)])
        print_table(f"{title}: median (least..greatest)",
                    ["through", "of direct", "CPU of direct's", *(HEADS[name] for name in names)], rows)
    for peer, reason in result["left_out"].items():
        print(f"left out: {peer}: {reason}")


def judge(result, targets):
    figures = result["figures"]

    def ratio(other, mode, figure="rate"):
        found = figures.ratio(f"svcconnect, {mode}", f"{other}, {mode}", figure)
        return found and found[0]
    targets.at_least("connect+close rate, of direct", 0.98, ratio("direct", "connect"))
    for other, limit in (("nftables", 1.2), ("HAProxy", 3), ("nginx stream", 3), ("HAProxy, 2 threads", 3),
                         ("nginx stream, 2 processes", 3)):
        for mode in ("connect", "first byte", "concurrent"):
            targets.at_least(f"{mode}{'+close' if mode == 'connect' else ''} rate, times {other}'s", limit,
                             ratio(other, mode))
    targets.at_least("keep-alive requests/s, of direct", 0.99, ratio("direct", "keep-alive"))
    targets.at_least("bulk throughput, of direct", 0.99, ratio("direct", "bulk", "gbit_per_second"))


def told(result):
    figures = result["figures"]
    ratios, cpu_ratios = {}, {}
    for mode, (_, main, _) in COLUMNS.items():
        for peer in result["peers"]:
            both = f"{peer}, {mode}", f"direct, {mode}"
            for kept, found in ((ratios, figures.ratio(*both, main)), (cpu_ratios, cpu_ratio(figures, *both))):
                if found:
                    kept[both[0]] = dict(zip(("median", "min", "max"), found))
    return {"figures": figures.told(), "of_direct": ratios, "cpu_of_direct": cpu_ratios, "left_out": result["left_out"]}
