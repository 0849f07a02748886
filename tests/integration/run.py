#!/usr/bin/env python3
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Runs the integration tests: each test_* function of each test_*.py here and in tests/aws, in a process of its own.

The runner works in a mount namespace of its own with its own bpffs, adopts what its tests orphan, and checks after each
test and at the end that no process, cgroup, pin or mount is left: a leftover is a failure. Last line: N passed, ..."""
import argparse
import contextlib
import ctypes
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
AWS = os.path.join(os.path.dirname(HERE), "aws")  # those with AWS's clients run the same way
PR_SET_CHILD_SUBREAPER = 36
DEFAULT_TIMEOUT = 60
PASSED, FAILED, SKIPPED = 0, 1, 77


class Interrupted(BaseException):
    """The runner wants this test to end now."""


class Stopped(Exception):
    """Somebody wants the runner to end now."""


def parse_arguments():
    parser = argparse.ArgumentParser(description="Runs the integration tests (root).")
    parser.add_argument("-k", metavar="PATTERN", default="", help="only tests with PATTERN in FILE.NAME")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the output of passing tests too")
    parser.add_argument("-x", "--exit-first", action="store_true", help="stop at the first failure")
    parser.add_argument("-l", "--list", action="store_true", help="only name the tests")
    parser.add_argument("--as-unit", action="store_true",
                        help="start the daemons with the settings of the systemd unit (as_unit.py)")
    parser.add_argument("--host-bpffs", action="store_true",
                        help="pin in the host's /sys/fs/bpf, in no mount namespace of our own")
    return parser.parse_args()


# --- around the tests

def check_requirements():
    import testbed
    if os.geteuid() != 0:
        sys.exit("run.py: needs root")
    support = os.path.join(testbed.TOP, "tests", "support")
    tools = [testbed.tool(file[:-2]) for file in sorted(os.listdir(support)) if file.endswith(".c")]
    for path in (testbed.DAEMON, testbed.CLI, *tools):
        if not os.access(path, os.X_OK):
            sys.exit(f"run.py: {path} is missing: make all tools (or set SVCCONNECT_BUILD)")


def enter_mount_namespace():
    """Starts this program again in a private mount namespace: pins in a bpffs mounted there end with it."""
    if os.environ.get("SVCTEST_INSIDE") == str(os.getpid()):
        return
    os.environ["SVCTEST_INSIDE"] = str(os.getpid())
    # unshare replaces itself by us: the process id stays.
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv])


@contextlib.contextmanager
def surroundings(use_host_bpffs):
    scratch = tempfile.mkdtemp(prefix="svctest-")
    bpffs = f"/sys/fs/bpf/svctest-{os.getpid()}" if use_host_bpffs else os.path.join(scratch, "bpffs")
    os.mkdir(bpffs)
    if not use_host_bpffs:
        subprocess.run(["mount", "-t", "bpf", "none", bpffs], check=True)
    os.environ.update(SVCTEST_SCRATCH=os.path.join(scratch, "beds"), SVCTEST_BPFFS=bpffs, SVCTEST_RUN=str(os.getpid()),
                      SVCTEST_RUN_PIDS=os.path.join(scratch, "run-pids"), PYTHONDONTWRITEBYTECODE="1", LC_ALL="C")
    had_parent = os.path.isdir(run_cgroup_parent())
    os.mkdir(os.environ["SVCTEST_SCRATCH"])
    try:
        yield scratch
    finally:
        if use_host_bpffs:
            shutil.rmtree(bpffs, ignore_errors=True)
        else:
            subprocess.run(["umount", bpffs], check=False)
        shutil.rmtree(scratch, ignore_errors=True)
        if not had_parent:
            with contextlib.suppress(OSError):
                os.rmdir(run_cgroup_parent())


def adopt_orphans():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


# --- what must not stay

def children_of(parent):
    """{pid: command} of all descendants."""
    parents, commands = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
            fields = text[text.rindex(")") + 2:].split()
            parents[int(entry)] = int(fields[1])
            commands[int(entry)] = text[text.index("(") + 1:text.rindex(")")]
    found, generation = {}, {parent}
    while generation:
        generation = {pid for pid, above in parents.items() if above in generation and pid not in found}
        found.update((pid, commands[pid]) for pid in generation)
    return found


def reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def end_children():
    """Kills what is left of our descendants; returns their names. What has only to be waited for does not count."""
    names = []
    for _ in range(200):
        reap()
        left = children_of(os.getpid())
        if not left:
            break
        for pid, name in left.items():
            names.append(f"process {name} ({pid})")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return sorted(set(names))


def our_cgroups(known_runs):
    """Directories of this run, and those below /svcconnect that were not there before."""
    import testbed
    root = testbed.find_cgroup2()
    if not root:
        return []
    ours = [os.path.join(root, name) for name in os.listdir(root)
            if name.startswith(f"svctest-{os.environ['SVCTEST_RUN']}-")]
    return ours + [path for path in run_cgroups() if path not in known_runs and is_ours(path)]


def run_cgroup_parent():
    import testbed
    return os.path.join(testbed.find_cgroup2() or "/nonexistent", "svcconnect")


def run_cgroups():
    """What `svcconnect run` makes, ours or others'."""
    parent = run_cgroup_parent()
    return [os.path.join(parent, name) for name in os.listdir(parent)] if os.path.isdir(parent) else []


def is_ours(path):
    """run-PID where PID is a `svcconnect run` that a test started."""
    import testbed
    pid = os.path.basename(path).split("-")[1:2]
    return bool(pid) and pid[0] in testbed.read_run_pids()


def leftovers(known_runs, mounts):
    """Names what the last test left behind, and takes it away."""
    import testbed
    found = end_children()
    for path in our_cgroups(known_runs):
        found.append(f"cgroup {path}")
        testbed.remove_cgroup(path)
    for directory in (os.environ["SVCTEST_BPFFS"], os.environ["SVCTEST_SCRATCH"]):
        for name in os.listdir(directory):
            if name.endswith(".debug") and os.path.isfile(os.path.join(directory, name)):
                continue  # the kernel's own, in every bpffs
            found.append(os.path.join(directory, name))
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)
    for path in sorted(read_mounts() - mounts, reverse=True):
        found.append(f"mount {path}")
        subprocess.run(["umount", "-l", path], check=False)
    return found


def read_mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        return {line.split()[4] for line in lines}


# --- one test

def in_child(test, output):
    """Never returns."""
    def interrupt(_number, _frame):
        raise Interrupted("took too long")
    import testbed
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    # Ctrl-C is for the runner, which then ends us. What we start must not inherit ignored signals: a shell started
    # with SIGINT ignored, as by `command &` in a script, cannot trap it.
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, interrupt)
    code = FAILED
    try:
        test()
        code = PASSED
    except testbed.Skip as reason:
        print(f"skip: {reason}")
        code = SKIPPED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait_for(pid, seconds):
    """The exit code, or None if it did not end in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # Any child: what the test orphans is ours to reap, and a test may be waiting for it to go.
        done, status = os.waitpid(-1, os.WNOHANG)
        if done == pid:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else FAILED
        if not done:
            time.sleep(0.005)
    return None


def end_test(pid):
    for number, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_for(pid, patience) is not None:
            return


def run_test(test, known_runs, mounts):
    """(code, seconds, output)"""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            in_child(test, output)
        limit = getattr(test, "timeout", DEFAULT_TIMEOUT)
        remarks = []
        try:
            code = wait_for(pid, limit)
            if code is None:
                remarks.append(f"ended after {limit} s")
                end_test(pid)
        except BaseException:
            end_test(pid)
            leftovers(known_runs, mounts)
            raise
        left = leftovers(known_runs, mounts)
        if left:
            remarks += [f"left behind: {item}" for item in left]
        if remarks:
            code = FAILED
        output.seek(0)
        text = output.read() + "".join(remark + "\n" for remark in remarks)
    return code, time.monotonic() - began, text


# --- all tests

def load_tests(pattern):
    tests = []
    for file in sorted(os.listdir(HERE)) + sorted(os.listdir(AWS)):
        if not (file.startswith("test_") and file.endswith(".py")):
            continue
        module = importlib.import_module(file[:-3])
        for name, value in list(vars(module).items()):
            full_name = f"{file[5:-3]}.{name[5:]}"
            is_test = name.startswith("test_") and getattr(value, "__module__", "") == module.__name__
            if is_test and pattern in full_name:
                tests.append((full_name, value))
    return tests


class Report:
    """Prints one line per test and counts."""

    def __init__(self, verbose):
        self.verbose = verbose
        self.counts = {PASSED: 0, FAILED: 0, SKIPPED: 0}
        self.failed = []
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.marks = {PASSED: ("ok  ", "\033[32m"), FAILED: ("FAIL", "\033[31m"), SKIPPED: ("skip", "\033[33m")}
        self.plain = "\033[0m" if colour else ""
        if not colour:
            self.marks = {code: (word, "") for code, (word, _) in self.marks.items()}

    def add(self, name, code, seconds, text):
        word, colour = self.marks[code]
        self.counts[code] += 1
        reason = ""
        if code == SKIPPED:
            reason = "".join(f"  ({line[6:]})" for line in text.splitlines() if line.startswith("skip: "))
        print(f"{colour}{word}{self.plain}  {name:<58} {seconds:6.1f} s{reason}", flush=True)
        if code == FAILED:
            self.failed.append(name)
        for line in text.splitlines():
            if code == FAILED or self.verbose:
                print(f"      | {line}", flush=True)
            elif line.startswith("note: "):
                print(f"        {line[6:]}", flush=True)

    def close(self, seconds):
        if self.failed:
            print("failed: " + ", ".join(self.failed))
        print(f"{len(self.failed) and 'not all passed' or 'all done'} in {seconds:.0f} s")
        print(f"{self.counts[PASSED]} passed, {self.counts[FAILED]} failed, {self.counts[SKIPPED]} skipped", flush=True)
        return 1 if self.failed else 0


def run_all(tests, report, exit_first):
    known_runs, mounts = set(run_cgroups()), read_mounts()
    for name, test in tests:
        code, seconds, text = run_test(test, known_runs, mounts)
        report.add(name, code, seconds, text)
        if code == FAILED and exit_first:
            break
    left = leftovers(known_runs, mounts)
    if left:
        report.add("nothing_is_left", FAILED, 0, "\n".join(left))


def stop(_number, _frame):
    raise Stopped


def main():
    arguments = parse_arguments()
    sys.path[:0] = [HERE, AWS]
    sys.dont_write_bytecode = True
    import as_unit
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
    if not arguments.host_bpffs:
        enter_mount_namespace()
    adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    report = Report(arguments.verbose)
    began = time.monotonic()
    try:
        with surroundings(arguments.host_bpffs):
            run_all(tests, report, arguments.exit_first)
    except Stopped:
        report.add("interrupted", FAILED, time.monotonic() - began, "")
    return report.close(time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
