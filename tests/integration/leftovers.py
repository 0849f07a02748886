# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What a test must not leave behind: processes, cgroups, pins, files, mounts; and reports of sanitizers."""
import contextlib
import os
import shutil
import signal
import subprocess
import time

import testbed


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


def run_cgroup_parent():
    return os.path.join(testbed.find_cgroup2() or "/nonexistent", "svcconnect")


def run_cgroups():
    """What `svcconnect run` makes, ours or others'."""
    parent = run_cgroup_parent()
    return [os.path.join(parent, name) for name in os.listdir(parent)] if os.path.isdir(parent) else []


def is_ours(path):
    """run-PID where PID is a `svcconnect run` that a test started."""
    pid = os.path.basename(path).split("-")[1:2]
    return bool(pid) and pid[0] in testbed.read_run_pids()


def our_cgroups(known_runs):
    """Directories of this run, and those below /svcconnect that were not there before."""
    root = testbed.find_cgroup2()
    if not root:
        return []
    ours = [os.path.join(root, name) for name in os.listdir(root)
            if name.startswith(f"svctest-{os.environ['SVCTEST_RUN']}-")]
    return ours + [path for path in run_cgroups() if path not in known_runs and is_ours(path)]


def read_mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        return {line.split()[4] for line in lines}


class Watch:
    """What was there before the tests; take() names what the last one has left since, and takes it away."""

    def __init__(self):
        self.known_runs, self.mounts = set(run_cgroups()), read_mounts()

    def take(self):
        found = end_children()
        for path in our_cgroups(self.known_runs):
            found.append(f"cgroup {path}")
            testbed.remove_cgroup(path)
        for directory in (os.environ["SVCTEST_BPFFS"], os.environ["SVCTEST_SCRATCH"]):
            for name in os.listdir(directory):
                if name.endswith(".debug") and os.path.isfile(os.path.join(directory, name)):
                    continue  # the kernel's own, in every bpffs
                found.append(os.path.join(directory, name))
                shutil.rmtree(os.path.join(directory, name), ignore_errors=True)
        for path in sorted(read_mounts() - self.mounts, reverse=True):
            found.append(f"mount {path}")
            subprocess.run(["umount", "-l", path], check=False)
        return found


def take_reports():
    """What sanitizers have written since; each file is one process's."""
    directory = os.environ["SVCTEST_REPORTS"]
    found = []
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        with open(path, encoding="utf-8", errors="replace") as file:
            found.append(f"report of a sanitizer, {name}:\n{file.read()}")
        os.unlink(path)
    return found
