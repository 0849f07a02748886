# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The tools themselves: what they report is what happened, so that other tests can rely on it."""
import os
import subprocess
import sys

import chi_square
import run
from testbed import PATIENCE, Testbed, has_ipv6, tool


def test_chi_square_knows_the_tables():
    chi_square.self_test()


def test_the_simulation_of_fleets_agrees_with_itself():
    """Its formulas with each other and with the queue of the books, and the pictures of docs/fleet.md with it."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for command in (["tests/bench/fleet_model.py"], ["scripts/draw-fleet", "--check"]):
        result = subprocess.run([sys.executable, *command], cwd=root, capture_output=True, text=True, timeout=120 * PATIENCE, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


class Again:
    """Tests of which each next run ends as it is said."""

    def __init__(self, report, tests, outcomes):
        self.report, self.tests, self.outcomes, self.given = report, tests, {name: list(codes) for name, codes in outcomes.items()}, []

    def run(self, numbers, jobs, is_isolated):
        for number in numbers:
            name = self.tests[number][0]
            self.given.append((name, jobs, is_isolated))
            self.report.add(name, self.outcomes[name].pop(0), 0, f"because of {name}")


def test_what_failed_runs_once_more_alone():
    def sums(outcomes, at_most, alone=(), amiss=0):
        report = run.Report(False, 0)
        tests = [(name, None) for name in sorted(outcomes)]
        everything = Again(report, tests, outcomes)
        everything.run(range(len(tests)), 3, True)
        for _ in range(amiss):
            report.fail("nothing_is_left", "a process")
        before = len(everything.given)
        run.run_again(tests, at_most, report, everything, [number for number, (name, _) in enumerate(tests) if name in alone])
        names = [name for name, _ in report.unsteady]
        return report.counts[report.passed], sorted(report.failed), names, everything.given[before:], report.close(0)

    ok, bad = run.Report(False, 0).passed, run.Report(False, 0).failure
    assert sums({"a": [ok], "b": [bad, ok]}, 2) == (2, [], ["b"], [("b", 1, True)], 0)
    assert sums({"a": [bad, ok], "b": [bad, bad]}, 2, alone="a") == (1, ["b"], ["a"], [("b", 1, True), ("a", 1, False)], 1)
    assert sums({"a": [bad], "b": [ok]}, 0) == (1, ["a"], [], [], 1)
    assert sums({"a": [bad], "b": [bad], "c": [bad]}, 2) == (0, ["a", "b", "c"], [], [], 1), "so many are no chance"
    assert sums({"a": [bad]}, 2, amiss=1) == (0, ["a", "nothing_is_left"], [], [], 1)


def test_connector_counts_answers_wrong_answers_and_errors():
    with Testbed(start=False) as bed:
        right, wrong, silent = bed.address(), bed.address(), bed.address()
        bed.announce({right: "a/0", wrong: "b/0"})
        report = bed.bare_task().connector({right: "a", wrong: "a", silent: "a"}, "--count", 3000)
        assert report["names"] == {"a/0": 1000, "b/0": 1000}, report
        assert report["errors"] == {"ECONNREFUSED": 1000} and report["wrong"] == 1000, report
        assert (report["attempts"], report["answered"], report["failed"]) == (3000, 2000, 1000), report
        parallel = bed.bare_task("other").connector({right: "a", wrong: "b"}, "--count", 3000, "--parallel", 4)
        assert parallel["answered"] == 3000 and not parallel["wrong"], parallel


def test_an_expected_name_is_no_mere_prefix():
    with Testbed(start=False) as bed:
        address = bed.address()
        bed.announce({address: "a1/0"})
        assert bed.bare_task().connector({address: "a"}, "--count", 5)["wrong"] == 5


def test_connector_modes_reach_the_server():
    with Testbed(start=False) as bed:
        plain, web = bed.address(), bed.address()
        bed.announce({plain: "a"})
        bed.announce({web: "a"}, "--http")
        task = bed.bare_task()
        for address, options in ((plain, ["--nonblocking"]), (plain, ["--mapped"]), (web, ["--http"]),
                                 (web, ["--fastopen"]), (web, ["--http", "--nonblocking", "--mapped"])):
            report = task.connector({address: "a"}, "--count", 100, *options)
            assert report["answered"] == 100 and not report["wrong"], (options, report)


def test_agent_and_hold_and_ipv6():
    with Testbed(start=False) as bed:
        address = bed.address()
        listeners = {address: "held"}
        listening = bed.announce(listeners, "--hold")
        agent = bed.bare_task().agent()
        host = address.split(":")[0]
        assert listening == [address]
        assert agent.name(host, 8080) == "held"
        assert agent.name(host, 8080, family="mapped") == "held"
        assert agent.name(host, 8080, nonblocking=True) == "held"
        assert agent.name(host, 8081) == "ECONNREFUSED"
        if has_ipv6():
            port = int(bed.announce({"[::1]:0": "six"})[0].rsplit(":", 1)[1])
            assert agent.name("::1", port, family=6) == "six"


def test_fast_open_carries_data_in_the_syn():
    with Testbed(start=False) as bed:
        inside = bed.network_namespace("sysctl -q net.ipv4.tcp_fastopen=3")
        bed.announce({"127.0.0.1:80": "a"}, "--http", before=inside)
        report = bed.bare_task().connector({"127.0.0.1:80": "a"}, "--fastopen", "--count", 20, before=inside)
        assert report["answered"] == 20 and report["synData"] >= 15, report


def test_tools_refuse_nonsense():
    for words in (["announce"], ["announce", "127.0.0.1:80"], ["announce", "nowhere:80=a"],
                  ["connector", "127.0.0.1:80"],
                  ["connector", "--count", "1"], ["connector", "--count", "1", "--parallel", "0", "127.0.0.1:80"]):
        done = subprocess.run([tool(words[0]), *words[1:]], capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
        assert done.returncode == 2 and "usage:" in done.stderr, (words, done)


def test_commands_run_in_their_cgroup():
    with Testbed(start=False) as bed:
        task = bed.bare_task()
        result = task.run(["cat", "/proc/self/cgroup"])
        assert f"0::{task.path}\n" in result.out, result
