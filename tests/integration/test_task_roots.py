# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What a task has in its own root directory is read with the task's rights, never opened blindly, and waited for by
nobody."""
import os
import re
import signal
import subprocess
import sys
import time

from test_dns import SERVER, Place, place
from test_preflight import CAP_LAST, without_capabilities
from testbed import PATIENCE, Skip, Testbed, children_of, need_program, tool, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
STRANGER = 12345
TEXT = f"nameserver {SERVER}\n"
NOT_REGULAR = "no regular file"
# As in linux/capability.h.
CAPABILITIES = {"DAC_OVERRIDE": 1, "DAC_READ_SEARCH": 2, "KILL": 5, "SETGID": 6, "SETUID": 7, "NET_BIND_SERVICE": 10, "NET_ADMIN": 12,
                "SYS_CHROOT": 18, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_RESOURCE": 24, "PERFMON": 38, "BPF": 39}


class Root:
    """A task with one process, whose root directory is of the kind (root_agent.py)."""
    def __init__(self, bed, kind, uid=0, groups=()):
        self.bed = bed
        self.task = bed.task(name=f"{kind}-{uid}")
        directory = os.path.join(bed.base, f"root-{kind}-{uid}")
        os.mkdir(directory)
        host_file = os.path.join(bed.base, "host.conf")
        with open(host_file, "w", encoding="utf-8") as file:
            file.write(TEXT)
        inside = bed.network_namespace()
        processes = os.open(os.path.join(self.task.directory, "cgroup.procs"), os.O_WRONLY)
        command = [*inside, need_program("unshare"), "-m", sys.executable, os.path.join(HERE, "root_agent.py"), kind,
                   directory, TEXT, str(uid), *map(str, groups)]
        self.process = bed.popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[processes],
                                 env={**os.environ, "CGROUP_FD": str(processes), "HOST_FILE": host_file})
        os.close(processes)
        assert self.process.stdout.readline() == "READY\n"

    def call(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def described(self):
        return self.bed.tasks()[self.task.path]

    def is_read(self):
        wait_until(lambda: self.described()["nameservers"] == [SERVER], 10, "its name server is stood in for")
        assert "nameserversReason" not in self.described()

    def is_left(self, reason):
        wait_until(lambda: "nameserversReason" in self.described(), 10, "the reason is told")
        described = self.described()
        assert described["nameservers"] == [] and reason in described["nameserversReason"], described


def field(pid, number):
    """Of /proc/PID/stat, counted as in proc(5)."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[number - 3]


def readers_of(bed):
    keepers = bed.keepers()
    return [pid for pid in children_of(bed.daemon.pid) if field(pid, 4) == str(bed.daemon.pid) and pid not in keepers]


def reader_of(bed):
    found = readers_of(bed)
    assert len(found) == 1, found
    return found[0]


def test_a_regular_file_is_read_as_the_process_would():
    with Testbed() as bed:
        Root(bed, "file").is_read()
        Root(bed, "file", STRANGER).is_read()
        Root(bed, "group", STRANGER, [776, 777]).is_read()
        Root(bed, "link", STRANGER).is_read()
        Root(bed, "link-up", STRANGER).is_read()
        assert "keeps to its own name servers" not in open(bed.log_file, encoding="utf-8").read()


def test_not_with_the_rights_of_the_daemon():
    with Testbed() as bed:
        root = Root(bed, "private", STRANGER)
        root.is_left("Permission denied")
        assert root.call("opened") == "0"
        root = Root(bed, "group", STRANGER)
        root.is_left("Permission denied")
        Root(bed, "host").is_left("Permission denied")
        Root(bed, "host", STRANGER).is_left("Permission denied")
        bed.cli_ok("tasks", "--json")


def test_what_is_no_regular_file_is_never_opened():
    with Testbed() as bed:
        for kind in ("device", "fifo", "directory"):
            for uid in (0, STRANGER):
                root = Root(bed, kind, uid)
                root.is_left(NOT_REGULAR)
                assert root.call("opened") == "0", kind
        Root(bed, "loop").is_left("symbolic links")
        Root(bed, "proc", STRANGER).is_left("file system that nothing is read from")
        log = open(bed.log_file, encoding="utf-8").read()
        assert log.count("keeps to its own name servers") == 8, "each is told, and once"
        Root(bed, "file", STRANGER).is_read()


def test_a_terminal_does_not_become_the_daemons():
    with Testbed(start=False) as bed:
        launch = bed.launch
        bed.launch = lambda flags=(): launch(flags, start_new_session=True)
        bed.start()
        assert field(bed.daemon.pid, 6) == str(bed.daemon.pid), "it leads a session, and could get a terminal"
        root = Root(bed, "pty")
        for _ in range(4):
            time.sleep(0.3)
            assert field(bed.daemon.pid, 7) == "0", "tty_nr"
            assert root.call("interrupt") == "typed"
        root.is_left(NOT_REGULAR)
        assert bed.daemon.poll() is None and field(reader_of(bed), 7) == "0"
        root.process.kill()
        Root(bed, "file").is_read()


def test_a_file_system_that_never_answers():
    """Who has asked it cannot be ended before it ends: one process at most, not the daemon, and nobody waits."""
    if not os.path.exists("/dev/fuse"):
        raise Skip("there is no /dev/fuse")
    with place() as (bed, here):
        def ask():
            asked = time.monotonic()
            assert here.short("backend") == [bed.address_of("backend", 9)]
            return time.monotonic() - asked

        usual = max(ask() for _ in range(3))
        task = bed.task(name="silent")
        inside = bed.network_namespace()
        # It becomes the task's once it is mounted: what lay below would be read before that.
        server = bed.popen([*inside, need_program("unshare"), "-m", tool("silent_fuse"), "/etc"], stdout=subprocess.PIPE)
        if server.stdout.readline() != "READY\n":
            raise Skip("FUSE cannot be mounted here")
        with open(os.path.join(task.directory, "cgroup.procs"), "w", encoding="utf-8") as file:
            file.write(str(server.pid))
        began, answered, took = time.monotonic(), 0, 0
        while time.monotonic() < began + 6 or "nameserversReason" not in bed.tasks()[task.path]:
            took, answered = max(took, ask()), answered + 1
            assert time.monotonic() < began + 20 * PATIENCE
        assert answered > 2 and took < 2 + usual, (answered, took, usual)
        described = bed.tasks()[task.path]
        assert described["nameservers"] == [] and "2000 ms" in described["nameserversReason"], described
        wait_until(lambda: len(children_of(reader_of(bed))) == 1, 5, "no second one is sent after it")
        stuck = children_of(reader_of(bed))[0]
        assert bed.stop() == 0
        assert os.path.exists(f"/proc/{stuck}"), "it waited indeed, and the daemon not for it"
        bed.start()
        here.wait()
        bed.kill()
        bed.start()
        here.wait()
        server.kill()
        server.wait()
        wait_until(lambda: not os.path.exists(f"/proc/{stuck}"), 10, "it ends with its file system")
        wait_until(lambda: children_of(reader_of(bed)) == [], 10, "as does that of the next daemon")


def test_without_openat2():
    with Testbed(start=False) as bed:
        words = bed.command_line
        bed.command_line = lambda flags=(): [tool("without_openat2"), *words(flags)]
        bed.start()
        bed.register("backend", "127.0.0.1:9", id="0")
        here = Place(bed)
        assert here.short("backend") == [bed.address_of("backend", 9)]
        Root(bed, "link", STRANGER).is_read()


def unit_setting(name):
    with open(os.path.join(HERE, "..", "..", "scripts", "svcconnectd.service.in"), encoding="utf-8") as file:
        return re.search(rf"^{name}=(.*)$", file.read(), re.MULTILINE).group(1)


def test_the_units_capabilities_are_enough_and_what_is_missing_is_told():
    for missing in (None, "SETUID", "SYS_CHROOT", "SYS_PTRACE"):
        kept = {CAPABILITIES[word[len("CAP_"):]] for word in unit_setting("CapabilityBoundingSet").split()}
        kept -= {CAPABILITIES[missing]} if missing else set()
        with Testbed(start=False) as bed:
            launch = bed.launch
            drop = without_capabilities(*set(range(CAP_LAST + 1)) - kept)
            bed.launch = lambda flags=(), launch=launch, drop=drop: launch(flags, preexec_fn=drop)
            bed.start()
            root = Root(bed, "file", STRANGER)
            if not missing:
                root.is_read()
            elif missing == "SYS_PTRACE":
                wait_until(lambda: root.described()["nameservers"] == [], 5, "it cannot be looked at")
            else:
                root.is_left(f"CAP_{missing}")


def test_the_reader_is_replaced():
    with Testbed() as bed:
        reader = reader_of(bed)
        Root(bed, "file").is_read()
        os.kill(reader, signal.SIGKILL)
        wait_until(lambda: readers_of(bed) not in ([], [reader]), 5, "another one is there")
        Root(bed, "file", STRANGER).is_read()
        assert "has ended, starting another" in open(bed.log_file, encoding="utf-8").read()
        last = reader_of(bed)
        bed.kill()
        wait_until(lambda: not os.path.exists(f"/proc/{last}"), 5, "it ends with a daemon that was killed")


def test_attach_is_answered_when_names_are_there():
    with place() as (bed, here):
        for _ in range(20):
            bed.cli_ok("detach", "--cgroup", here.task.path)
            answer = bed.change("POST", "/v1/tasks", cgroup=here.task.path, namespace="default")
            assert answer["nameservers"] == [SERVER], answer


test_a_file_system_that_never_answers.timeout = 90
test_the_units_capabilities_are_enough_and_what_is_missing_is_told.timeout = 90
