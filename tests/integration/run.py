#!/usr/bin/env python3
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Runs the integration tests: each test_* function of each test_*.py here and in tests/aws, in a process of its own.

Several run at once, each worker (worker.py) with its own mounts, bpffs, network and cgroups. A test that needs the
host's network or cgroups, or compares times and must have the machine to itself, says so: `test_x.alone = True`; those
come last, one by one. With --again what has failed runs once more after them, alone; what passes then is told as unsteady.
After each test nothing may be left of it (leftovers.py): that is a failure.
Last line: N passed, ..."""
import argparse
import importlib
import os
import random
import select
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
AWS = os.path.join(os.path.dirname(HERE), "aws")  # those with AWS's clients run the same way
sys.path[:0] = [HERE, AWS]
sys.dont_write_bytecode = True

CAUSE_LENGTH = 600


def parse_arguments():
    parser = argparse.ArgumentParser(description="Runs the integration tests (root).")
    parser.add_argument("-k", metavar="PATTERN", default="", help="only tests with PATTERN in FILE.NAME, or one of several, with commas between them")
    parser.add_argument("-j", "--jobs", metavar="N", type=int, default=(os.cpu_count() or 1) + 1,
                        help="so many at once (%(default)s); 1: one after the other")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the output of passing tests too")
    parser.add_argument("-x", "--exit-first", action="store_true", help="begin no test after the first failure")
    parser.add_argument("--again", metavar="N", type=int, default=0,
                        help="run what has failed once more, alone, if it is at most N tests; what passes then counts as passed and is "
                             "told as unsteady (%(default)s)")
    parser.add_argument("-l", "--list", action="store_true", help="only name the tests")
    parser.add_argument("--shuffle", metavar="SEED", type=int, nargs="?", const=0,
                        help="in an order drawn at random; with the SEED that such a run has printed, in that one")
    parser.add_argument("--as-unit", action="store_true",
                        help="start the daemons with the settings of the systemd unit (as_unit.py)")
    parser.add_argument("--sanitized", metavar="DIR",
                        help="take daemon and CLI from DIR, built with a sanitizer; any report of it is a failure")
    parser.add_argument("--host-bpffs", action="store_true",
                        help="pin in the host's /sys/fs/bpf, in no mount namespace of our own; one after the other")
    return parser.parse_args()


def set_surroundings(arguments):
    """Before testbed is loaded: its times to give up after are for a machine that has nothing else to do."""
    share = os.getloadavg()[0] / (os.cpu_count() or 1)
    patience = max(1 if arguments.jobs == 1 else 3, min(share, 10))
    if arguments.sanitized:
        patience *= 2
        os.environ.update(SVCCONNECT_PROGRAMS=arguments.sanitized, SVCTEST_SANITIZE="1")
    os.environ.setdefault("SVCTEST_PATIENCE", f"{patience:.1f}")


def check_requirements():
    import testbed
    if os.geteuid() != 0:
        sys.exit("run.py: needs root")
    support = os.path.join(testbed.TOP, "tests", "support")
    tools = [testbed.tool(file[:-2]) for file in sorted(os.listdir(support)) if file.endswith(".c")]
    for path in (testbed.DAEMON, testbed.CLI, *tools):
        if not os.access(path, os.X_OK):
            sys.exit(f"run.py: {path} is missing: make all tools (or set SVCCONNECT_BUILD)")


def load_tests(pattern):
    tests, parts = [], [part for part in pattern.split(",") if part] or [""]
    for file in sorted(os.listdir(HERE)) + sorted(os.listdir(AWS)):
        if not (file.startswith("test_") and file.endswith(".py")):
            continue
        module = importlib.import_module(file[:-3])
        for name, value in list(vars(module).items()):
            full_name = f"{file[5:-3]}.{name[5:]}"
            is_test = name.startswith("test_") and getattr(value, "__module__", "") == module.__name__
            if is_test and any(part in full_name for part in parts):
                tests.append((full_name, value))
    return tests


def cause_in(text):
    """The exception's line, which comes last; cut, since some of them quote whole answers."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("note: ")]
    return lines[-1][:CAUSE_LENGTH] if lines else "it wrote nothing"


class Report:
    """Prints one line per test and counts; of `expected` tests, each tenth, how far it is."""

    def __init__(self, verbose, expected):
        from worker import FAILED, PASSED, SKIPPED
        self.verbose = verbose
        self.passed, self.failure, self.skipped = PASSED, FAILED, SKIPPED
        self.counts = {PASSED: 0, FAILED: 0, SKIPPED: 0}
        self.failed, self.unsteady = {}, []
        self.expected, self.began = expected, time.monotonic()
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.marks = {PASSED: ("ok  ", "\033[32m"), FAILED: ("FAIL", "\033[31m"), SKIPPED: ("skip", "\033[33m")}
        self.plain = "\033[0m" if colour else ""
        if not colour:
            self.marks = {code: (word, "") for code, (word, _) in self.marks.items()}

    def add(self, name, code, seconds, text):
        code = code if code in self.marks else self.failure
        word, colour = self.marks[code]
        self.counts[code] += 1
        reason = ""
        if code == self.skipped:
            reason = "".join(f"  ({line[6:]})" for line in text.splitlines() if line.startswith("skip: "))
        print(f"{colour}{word}{self.plain}  {name:<58} {seconds:6.1f} s{reason}", flush=True)
        if code == self.failure:
            self.failed[name] = cause_in(text)
        for line in text.splitlines():
            if code == self.failure or self.verbose:
                print(f"      | {line}", flush=True)
            elif line.startswith("note: "):
                print(f"        {line[6:]}", flush=True)
        self.tell_progress(sum(self.counts.values()))

    def tell_progress(self, done):
        if self.expected >= 20 and done < self.expected and done * 10 // self.expected > (done - 1) * 10 // self.expected:
            print(f"==    {done} of {self.expected} tests done, {len(self.failed)} failed, {time.monotonic() - self.began:.0f} s", flush=True)

    def fail(self, name, text):
        self.add(name, self.failure, 0, text)

    def begin_again(self, names):
        """Takes the failures of these tests back, which run once more; returns what they had failed by."""
        self.counts[self.failure] -= len(names)
        return {name: self.failed.pop(name) for name in names}

    def end_again(self, before):
        self.unsteady += [(name, cause) for name, cause in before.items() if name not in self.failed]

    def close(self, seconds):
        for name, cause in self.unsteady:
            print(f"unsteady: {name}: failed beside others and passed alone: {cause}")
        for name, cause in self.failed.items():
            print(f"failed: {name}: {cause}")
        print(f"{len(self.failed) and 'not all passed' or 'all done'} in {seconds:.0f} s")
        print(f"{self.counts[self.passed]} passed, {self.counts[self.failure]} failed, {self.counts[self.skipped]} skipped",
              flush=True)
        return 1 if self.failed else 0


class Round:
    """Hands tests to workers as they become free, those that may take longest first."""

    def __init__(self, tests, report, exit_first, draw=None):
        self.tests, self.report, self.exit_first, self.draw = tests, report, exit_first, draw
        self.workers = []

    def run(self, numbers, jobs, is_isolated, use_host_bpffs=False):
        """`numbers`: of tests."""
        queue = sorted(numbers, key=lambda number: -getattr(self.tests[number][1], "timeout", 0))
        if self.draw:
            self.draw.shuffle(queue)
        for _ in range(min(jobs, len(queue))):
            self.start(queue, is_isolated, use_host_bpffs)
        while self.workers:
            readable = select.select([worker.answers for worker in self.workers], [], [])[0]
            for worker in [worker for worker in self.workers if worker.answers in readable]:
                answers = worker.read()
                if answers is None:
                    was_at_work = worker.has_answered
                    self.remove(worker)
                    if queue and was_at_work:
                        self.start(queue, is_isolated, use_host_bpffs)
                else:
                    self.take(worker, answers, queue)
        for number in queue if not self.exit_first else ():
            self.report.fail(self.tests[number][0], "no worker was left to run it")

    def start(self, queue, is_isolated, use_host_bpffs):
        from worker import Worker
        worker = Worker(self.tests, self.workers, is_isolated, use_host_bpffs)
        self.workers.append(worker)
        worker.give(queue.pop(0))

    def take(self, worker, answers, queue):
        for number, code, seconds, text in answers:
            self.report.add(self.tests[number][0] if number >= 0 else "nothing_is_left", code, seconds, text)
            worker.has_answered = True
            worker.doing = None
        if self.exit_first and self.report.failed:
            queue.clear()
        if worker.doing is None:
            if queue:
                worker.give(queue.pop(0))
            else:
                worker.dismiss()

    def remove(self, worker):
        """One that has ended."""
        self.workers.remove(worker)
        ended_well = worker.close()
        if worker.doing is not None:
            self.report.fail(self.tests[worker.doing][0], "its worker has ended; what it wrote stands above")
        elif not ended_well:
            self.report.fail("a_worker_ends_well", "a worker has failed after its tests; what it wrote stands above")

    def stop(self):
        """Ends every test and waits until the workers have cleaned up."""
        for worker in self.workers:
            worker.end_now()
        for worker in self.workers:
            worker.close()
        self.workers = []


def run_all(tests, arguments, report):
    draw = None
    if arguments.shuffle is not None:
        seed = arguments.shuffle or time.time_ns() % 1000000 + 1
        draw = random.Random(seed)
        print(f"in the order of --shuffle {seed}", flush=True)
    everything = Round(tests, report, arguments.exit_first, draw)
    try:
        if arguments.host_bpffs:
            everything.run(range(len(tests)), 1, is_isolated=False, use_host_bpffs=True)
            return
        alone = [number for number, (_, test) in enumerate(tests) if getattr(test, "alone", False)]
        everything.run(sorted(set(range(len(tests))) - set(alone)), arguments.jobs, is_isolated=True)
        if not (arguments.exit_first and report.failed):
            everything.run(alone, 1, is_isolated=False)
        run_again(tests, arguments.again, report, everything, alone)
    finally:
        everything.stop()


def run_again(tests, at_most, report, everything, alone):
    """A fault that shows beside others only remains a fault, and is told; but one of hundreds of tests, met once by a machine that
    was busy elsewhere, says little about a change."""
    numbers = [number for number, (name, _) in enumerate(tests) if name in report.failed]
    is_all = len(numbers) == report.counts[report.failure]  # else something is amiss that is no test's
    if not numbers or len(numbers) > at_most or not is_all:
        return
    print(f"== once more, alone: {', '.join(tests[number][0] for number in numbers)}", flush=True)
    before = report.begin_again([tests[number][0] for number in numbers])
    everything.run(sorted(set(numbers) - set(alone)), 1, is_isolated=True)
    everything.run(sorted(set(numbers) & set(alone)), 1, is_isolated=False)
    report.end_again(before)


def main():
    arguments = parse_arguments()
    set_surroundings(arguments)
    import as_unit
    from worker import ENDING, Stopped, stop
    tests = load_tests(arguments.k)
    if arguments.list:
        print("\n".join(name for name, _ in tests))
        return 0
    check_requirements()
    if arguments.as_unit:
        lacking = as_unit.missing()
        if lacking:
            print(f"skip  as the unit: this machine lacks {lacking}\n0 passed, 0 failed, {len(tests)} skipped")
            return 0
        os.environ["SVCTEST_AS_UNIT"] = "1"
    for number in ENDING:
        signal.signal(number, stop)
    report = Report(arguments.verbose, len(tests))
    began = time.monotonic()
    try:
        run_all(tests, arguments, report)
    except Stopped:
        report.add("interrupted", 1, time.monotonic() - began, "")
    return report.close(time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
