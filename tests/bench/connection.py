# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Part 1: the way of a connection: through svcconnect, without anything, and through what it stands in for."""
import json
import os

from figures import Figures, cell, print_table, short
from lab import Testbed, cpu_seconds, need_program, run_json, say, tool
from peers import BULK_PORT, CONNECT_PORT, HTTP_PORT, start_all

WRK_SCRIPT = """done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests": %d, "us": %d, "failed": %d, "p50_us": %d, "p99_us": %d}\\n', summary.requests,
    summary.duration, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def measure_connects(peer, figures, mode, options, seconds):
    """One run of connect_rate, with the processor time of everything on the way."""
    before = [cpu_seconds(pid) for pid in peer.helpers]
    report = run_json(peer.bed, [*peer.inside, tool("connect_rate"), "--seconds", str(seconds), *options,
                                 *peer.target(CONNECT_PORT)], cgroup=peer.cgroup)
    helpers = sum(cpu_seconds(pid) for pid in peer.helpers) - sum(before)
    done = report["connects"] - report["failed"]
    figures.add_all(f"{peer.name}, {mode}", rate=report["rate"], failed=report["failed"],
                    **{name: report[name] for name in ("p50_us", "p99_us", "p999_us")},
                    cpu_s_per_million=(report["cpu_s"] + helpers) * 1e6 / max(done, 1))


def measure_requests(peer, figures, script, seconds):
    before = [cpu_seconds(pid) for pid in peer.helpers]
    result = peer.bed.run([*peer.inside, need_program("wrk"), "-t", "1", "-c", "16", "-d", f"{seconds}s", "-s", script,
                           f"http://{peer.target(HTTP_PORT)[0]}/"], cgroup=peer.cgroup)
    helpers = sum(cpu_seconds(pid) for pid in peer.helpers) - sum(before)
    assert result.rc == 0, f"{peer.name}: {result}"
    report = json.loads(result.out.splitlines()[-1])
    figures.add_all(f"{peer.name}, keep-alive", rate=report["requests"] * 1e6 / report["us"], p50_us=report["p50_us"],
                    p99_us=report["p99_us"], failed=report["failed"],
                    server_cpu_s_per_million=helpers * 1e6 / max(report["requests"], 1))


def measure_bulk(peer, figures, seconds):
    host, port = peer.target(BULK_PORT)[0].rsplit(":", 1)
    report = run_json(peer.bed, [*peer.inside, need_program("iperf3"), "-c", host, "-p", port, "-t", str(seconds), "-J"],
                      cgroup=peer.cgroup)
    figures.add(f"{peer.name}, bulk", "gbit_per_second", report["end"]["sum_received"]["bits_per_second"] / 1e9)


SLICES = 3  # runs of connect_rate in each round: many short ones, since others disturb in bursts
SECONDS = 0.25


def measure(rounds, is_quick):
    figures = Figures()
    with Testbed() as bed:
        script = os.path.join(bed.base, "wrk.lua")
        with open(script, "w", encoding="utf-8") as file:
            file.write(WRK_SCRIPT)
        peers, left_out = start_all(bed)
        for number in range(rounds):
            say(f"connections, round {number + 1} of {rounds}")
            # Each kind of load goes through all peers in a row, so that what is divided is close in time.
            order = peers[number % len(peers):] + peers[:number % len(peers)]
            for mode, options in SLICES * (("connect", []), ("first byte", ["--first-byte"])):
                for peer in order:
                    measure_connects(peer, figures, mode, options, SECONDS)
            if is_quick and number > 0:
                continue
            for peer in order:
                measure_requests(peer, figures, script, 1)
            for peer in order:
                measure_bulk(peer, figures, 1)
    return {"figures": figures, "peers": [peer.name for peer in peers], "left_out": left_out}


COLUMNS = {
    "connect": ("TCP connect and close", "rate", ["rate", "p50_us", "p99_us", "p999_us", "cpu_s_per_million"]),
    "first byte": ("TCP connect, first byte of the server, close", "rate",
                   ["rate", "p50_us", "p99_us", "p999_us", "cpu_s_per_million"]),
    "keep-alive": ("Keep-alive requests (wrk, 16 connections)", "rate",
                   ["rate", "p50_us", "p99_us", "server_cpu_s_per_million"]),
    "bulk": ("Bulk transfer (iperf3)", "gbit_per_second", ["gbit_per_second"]),
}
HEADS = {"rate": "per second", "p50_us": "p50 us", "p99_us": "p99 us", "p999_us": "p99.9 us",
         "cpu_s_per_million": "CPU s per million", "server_cpu_s_per_million": "CPU s per million, without wrk",
         "gbit_per_second": "Gbit/s"}


def show(result):
    figures = result["figures"]
    for mode, (title, main, names) in COLUMNS.items():
        rows = []
        for peer in result["peers"]:
            values = figures.values.get(f"{peer}, {mode}", {})
            ratio = figures.ratio(f"{peer}, {mode}", f"direct, {mode}", main)
            rows.append([peer, short(ratio and ratio[0]), *(cell(values.get(name)) for name in names)])
        print_table(f"{title}: median (least..greatest)", ["through", "of direct", *(HEADS[name] for name in names)], rows)
    for peer, reason in result["left_out"].items():
        print(f"left out: {peer}: {reason}")


def judge(result, targets):
    figures = result["figures"]

    def ratio(other, mode, figure="rate"):
        found = figures.ratio(f"svcconnect, {mode}", f"{other}, {mode}", figure)
        return found and found[0]
    targets.at_least("connect+close rate, of direct", 0.98, ratio("direct", "connect"))
    for other, limit in (("nftables", 1.2), ("HAProxy", 3), ("nginx stream", 3)):
        for mode in ("connect", "first byte"):
            targets.at_least(f"{mode}{'+close' if mode == 'connect' else ''} rate, times {other}'s", limit,
                             ratio(other, mode))
    targets.at_least("keep-alive requests/s, of direct", 0.99, ratio("direct", "keep-alive"))
    targets.at_least("bulk throughput, of direct", 0.99, ratio("direct", "bulk", "gbit_per_second"))


def told(result):
    figures = result["figures"]
    ratios = {}
    for mode, (_, main, _) in COLUMNS.items():
        for peer in result["peers"]:
            found = figures.ratio(f"{peer}, {mode}", f"direct, {mode}", main)
            if found:
                ratios[f"{peer}, {mode}"] = dict(zip(("median", "min", "max"), found))
    return {"figures": figures.told(), "of_direct": ratios, "left_out": result["left_out"]}
