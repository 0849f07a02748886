# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""One of the processes that run tests side by side: it takes the number of a test, runs it in a process of its own, says
how it ended, and takes the next. What tests could meet in is its own: mounts, bpffs, scratch, network (lo alone), and
the tree of cgroups, of which it sees only a part. A worker for tests that are `alone` stays in the host's network and
cgroups."""
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import leftovers
import testbed

PASSED, FAILED, SKIPPED = 0, 1, 77
DEFAULT_TIMEOUT = 60
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
NEW_MOUNTS, NEW_CGROUPS, NEW_NETWORK = 0x00020000, 0x02000000, 0x40000000
MS_REC, MS_PRIVATE = 16384, 1 << 18


class Interrupted(BaseException):
    """The runner wants this test to end now."""


class Stopped(BaseException):
    """Somebody wants the worker, or the runner, to end now."""


def stop(_number, _frame):
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)  # cleaning up is not interrupted again
    raise Stopped


# --- its surroundings

class Library:
    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)

    def call(self, name, *words):
        if getattr(self.libc, name)(*words) < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")


def adopt_orphans():
    """What tests leave running becomes this process's child, to be found and ended."""
    Library().call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def cgroup_of(pid):
    """Where the worker of this id has its tests' cgroups."""
    return os.path.join(testbed.find_cgroup2() or "/nonexistent", f"svctest-worker-{pid}")


@contextlib.contextmanager
def own_cgroups(library):
    """The mount of cgroup v2 and /proc show nothing but a part of ours."""
    root = testbed.find_cgroup2()
    if not root:
        yield
        return
    ours = cgroup_of(os.getpid())
    os.mkdir(ours)
    above = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    way_back = os.open(os.path.join(root, "cgroup.procs"), os.O_WRONLY)
    with open(os.path.join(ours, "cgroup.procs"), "w", encoding="utf-8") as file:
        file.write("0")
    library.call("unshare", NEW_CGROUPS)
    subprocess.run(["umount", "-l", root], check=True)
    subprocess.run(["mount", "-t", "cgroup2", "none", root], check=True)
    try:
        yield
    finally:
        # Where the mount delegates, an older kernel refuses it: then the runner removes the directory.
        with contextlib.suppress(OSError):
            os.write(way_back, b"0")
            os.rmdir(os.path.basename(ours), dir_fd=above)


def own_network(library):
    library.call("unshare", NEW_NETWORK)
    ip = testbed.need_program("ip")
    subprocess.run([ip, "link", "set", "lo", "up"], check=True)
    # Resolvers ask for the addresses of a family only where there is one beside the loopback's (AI_ADDRCONFIG).
    for address in ("192.0.2.77/32", "2001:db8::77/128"):
        subprocess.run([ip, "address", "add", address, "dev", "lo"], check=True)


def sanitizer_options(reports):
    """The first finding ends a process, and is written to a file of its own. No effect on programs without a sanitizer. The copy of a
    daemon that has ended answers names with threads of its own, which ThreadSanitizer would not have after a fork."""
    usual = f"log_path={reports}/report:halt_on_error=1:exitcode=99"
    return {"ASAN_OPTIONS": f"{usual}:detect_leaks=1:verify_asan_link_order=0", "UBSAN_OPTIONS": f"{usual}:print_stacktrace=1",
            "TSAN_OPTIONS": f"{usual}:die_after_fork=0:suppressions={os.path.join(testbed.TOP, 'tests', 'integration', 'tsan.supp')}"}


@contextlib.contextmanager
def directories(use_host_bpffs):
    scratch = tempfile.mkdtemp(prefix="svctest-")
    bpffs = f"/sys/fs/bpf/svctest-{os.getpid()}" if use_host_bpffs else os.path.join(scratch, "bpffs")
    os.mkdir(bpffs)
    if not use_host_bpffs:
        subprocess.run(["mount", "-t", "bpf", "none", bpffs], check=True)
    os.environ.update(SVCTEST_SCRATCH=os.path.join(scratch, "beds"), SVCTEST_BPFFS=bpffs, SVCTEST_RUN=str(os.getpid()),
                      SVCTEST_RUN_PIDS=os.path.join(scratch, "run-pids"), SVCTEST_REPORTS=os.path.join(scratch, "reports"),
                      PYTHONDONTWRITEBYTECODE="1", LC_ALL="C", **sanitizer_options(os.path.join(scratch, "reports")))
    parent = leftovers.run_cgroup_parent()
    had_parent = os.path.isdir(parent)
    os.mkdir(os.environ["SVCTEST_SCRATCH"])
    os.mkdir(os.environ["SVCTEST_REPORTS"])
    try:
        yield
    finally:
        if use_host_bpffs:
            shutil.rmtree(bpffs, ignore_errors=True)
        else:
            subprocess.run(["umount", bpffs], check=False)
        shutil.rmtree(scratch, ignore_errors=True)
        if not had_parent:
            with contextlib.suppress(OSError):
                os.rmdir(parent)


@contextlib.contextmanager
def surroundings(is_isolated, use_host_bpffs):
    library = Library()
    if not use_host_bpffs:
        # Pins in a bpffs mounted here end with these mounts.
        library.call("unshare", NEW_MOUNTS)
        library.call("mount", b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    with contextlib.ExitStack() as stack:
        if is_isolated:
            stack.enter_context(own_cgroups(library))
            own_network(library)
        stack.enter_context(directories(use_host_bpffs))
        yield


# --- one test

def in_child(test, output):
    """Never returns."""
    def interrupt(_number, _frame):
        raise Interrupted("took too long")
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


def run_test(test, watch):
    """(code, seconds, output)"""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        pid = os.fork()
        if pid == 0:
            in_child(test, output)
        limit = getattr(test, "timeout", DEFAULT_TIMEOUT) * testbed.PATIENCE
        remarks = []
        try:
            code = wait_for(pid, limit)
            if code is None:
                remarks.append(f"ended after {limit} s")
                end_test(pid)
        except BaseException:
            end_test(pid)
            watch.take()
            raise
        remarks += [f"left behind: {item}" for item in watch.take()]
        remarks += leftovers.take_reports()
        if remarks:
            code = FAILED
        output.seek(0)
        text = output.read() + "".join(remark + "\n" for remark in remarks)
    return code, time.monotonic() - began, text


# --- all that the runner hands out

def serve(tests, requests, answers, is_isolated, use_host_bpffs):
    """`tests`: [(name, function)]; numbers of them come as lines, and go back with the result. Ends with the requests."""
    with surroundings(is_isolated, use_host_bpffs):
        watch = leftovers.Watch()
        for line in requests:
            code, seconds, text = run_test(tests[int(line)][1], watch)
            answers.write(json.dumps([int(line), code, seconds, text]) + "\n")
            answers.flush()
        left = watch.take()
        if left:
            answers.write(json.dumps([-1, FAILED, 0, "\n".join(left)]) + "\n")
            answers.flush()


class Worker:
    """The runner's end of one. `doing`: the number of the test that it runs; `has_answered`: it has run one."""

    def __init__(self, tests, others, is_isolated, use_host_bpffs):
        theirs, self.requests = os.pipe()
        self.answers, ours = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        runner = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                for fd in (self.requests, self.answers, *(fd for other in others for fd in (other.requests, other.answers))):
                    os.close(fd)
                self.live(runner, tests, theirs, ours, is_isolated, use_host_bpffs)
                status = 0
            except Stopped:
                pass
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)
        os.close(theirs)
        os.close(ours)
        self.buffer = b""
        self.doing = None
        self.has_answered = False

    @staticmethod
    def live(runner, tests, requests, answers, is_isolated, use_host_bpffs):
        os.setpgid(0, 0)
        for number in ENDING:
            signal.signal(number, stop)
        adopt_orphans()
        Library().call("prctl", PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != runner:
            return
        with open(requests, encoding="utf-8") as lines, open(answers, "w", encoding="utf-8") as out:
            serve(tests, lines, out, is_isolated, use_host_bpffs)

    def give(self, number):
        self.doing = number
        os.write(self.requests, b"%d\n" % number)

    def read(self):
        """Whole answers that have come; None: there will be no more."""
        data = os.read(self.answers, 1 << 16)
        if not data:
            return None
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def dismiss(self):
        """No more tests; it ends when the present one has."""
        if self.requests >= 0:
            os.close(self.requests)
        self.requests = -1

    def close(self, seconds=60):
        """Waits for its end, then removes its cgroup. True: it ended well."""
        self.dismiss()
        status = None
        deadline = time.monotonic() + seconds
        while status is None and time.monotonic() < deadline:
            done, how = os.waitpid(self.pid, os.WNOHANG)
            if done:
                status = how
            else:
                time.sleep(0.01)
        if status is None:
            os.kill(self.pid, signal.SIGKILL)
            status = os.waitpid(self.pid, 0)[1]
        os.close(self.answers)
        testbed.remove_cgroup(cgroup_of(self.pid))
        return status == 0

    def end_now(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
