# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Tasks that come and go, what may not be a task, and two daemons on one set of directories."""
import fcntl
import os
import subprocess
import sys

from testbed import PATIENCE, Testbed, wait_until


def links(bed):
    directory = os.path.join(bed.bpffs, "links")
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def simple(bed):
    """One service and its alias's address."""
    bed.service("v1")
    return bed.address_of("v1", 8080)


def test_cgroup_removed_under_a_pinned_link():
    with Testbed() as bed:
        address = simple(bed)
        task, other = bed.task(), bed.task(name="other")
        assert len(links(bed)) == 2
        task.remove()
        wait_until(lambda: list(bed.tasks()) == [other.path], 3, "the task is gone from /v1/tasks")
        wait_until(lambda: len(links(bed)) == 1, 3, "its links are gone from bpffs")
        assert other.agent().name(address, 8080) == "v1/0"


def test_a_cgroup_of_the_same_name_is_a_new_task():
    with Testbed() as bed:
        address = simple(bed)
        for _ in range(5):
            task = bed.task()
            assert task.agent_name_once(address, 8080) == "v1/0"
            task.remove()
            fresh = bed.bare_task()
            assert fresh.agent_name_once(address, 8080) == "ECONNREFUSED", "not attached, whatever its name"
            bed.attach(fresh)
            assert fresh.agent_name_once(address, 8080) == "v1/0"
            bed.change("DELETE", "/v1/tasks", cgroup=fresh.path)
            fresh.remove()


def test_many_tasks_come_and_go():
    with Testbed() as bed:
        address = simple(bed)
        for _ in range(3):
            tasks = [bed.task(name=f"t{i}") for i in range(30)]
            assert tasks[17].agent_name_once(address, 8080) == "v1/0"
            for task in tasks:
                task.remove()
        wait_until(lambda: not bed.tasks() and not links(bed), 5, "all are collected")


def test_detach_restores_pass_through():
    with Testbed() as bed:
        address = simple(bed)
        task = bed.task()
        agent = task.agent()
        assert agent.name(address, 8080) == "v1/0"
        bed.change("DELETE", "/v1/tasks", cgroup=task.path)
        before = bed.counters()
        assert agent.name(address, 8080) == "ECONNREFUSED"
        assert bed.counters() == before, "no program runs any more"
        assert not bed.tasks() and not links(bed)
        bed.attach(task)
        assert agent.name(address, 8080) == "v1/0"


def test_detach_is_in_effect_when_it_is_answered():
    """Removing a link's pin detaches it some time later, usually at once: hence the many rounds."""
    with Testbed() as bed:
        address, task = simple(bed), bed.task()
        agent, late = task.agent(), []
        for number in range(1500):
            bed.change("DELETE", "/v1/tasks", cgroup=task.path)
            if agent.name(address, 8080) != "ECONNREFUSED":
                late.append(number)
            bed.attach(task)
            assert agent.name(address, 8080) == "v1/0"
        assert not late, f"still redirected after the answer in rounds {late}"


def test_detach_all():
    with Testbed() as bed:
        address = simple(bed)
        agents = [bed.task(name=f"t{i}").agent() for i in range(3)]
        assert [agent.name(address, 8080) for agent in agents] == ["v1/0"] * 3
        bed.cli_ok("detach", "--all")
        assert [agent.name(address, 8080) for agent in agents] == ["ECONNREFUSED"] * 3
        assert not bed.tasks() and not links(bed)
        bed.restart()
        assert not bed.tasks() and [agent.name(address, 8080) for agent in agents] == ["ECONNREFUSED"] * 3


def test_attach_and_detach_are_done_once():
    """Attaching again changes nothing or is refused, but never doubles; detaching what is not attached is told."""
    with Testbed() as bed:
        address, task = simple(bed), bed.task()
        status, answer = bed.api("POST", "/v1/tasks", {"cgroup": task.path})
        assert status in (200, 409), (status, answer)
        assert len(bed.tasks()) == 1 and len(links(bed)) == 1
        before = bed.counters()["hit"]
        assert task.agent().name(address, 8080) == "v1/0"
        assert bed.counters()["hit"] == before + 1, "one program runs per connect"
        bed.change("DELETE", "/v1/tasks", cgroup=task.path)
        assert bed.api("DELETE", "/v1/tasks", {"cgroup": task.path})[0] == 404


def test_full_path_and_path_below_the_mount_name_the_same():
    with Testbed() as bed:
        simple(bed)
        task = bed.bare_task()
        answer = bed.change("POST", "/v1/tasks", cgroup=task.directory, service="web")
        assert answer["cgroup"] == task.path and answer["service"] == "web", answer
        assert answer["cgroupId"] == os.stat(task.directory).st_ino
        assert list(bed.tasks()) == [task.path]
        bed.change("DELETE", "/v1/tasks", cgroup=task.path)
        assert not bed.tasks()


def test_a_task_moves_to_another_namespace_by_detach_and_attach():
    with Testbed() as bed:
        for colour in ("red", "blue"):
            bed.service("v1", namespace=colour, label=colour)
        task = bed.task("red")
        agent = task.agent()
        assert agent.name(bed.address_of("v1", 8080, "red"), 8080) == "red/0"
        bed.change("DELETE", "/v1/tasks", cgroup=task.path)
        bed.attach(task, "blue")
        assert agent.name(bed.address_of("v1", 8080, "blue"), 8080) == "blue/0"


def test_the_root_is_no_task():
    with Testbed() as bed:
        root, inside = bed.cgroup_root, bed.bare_task().directory
        parent = os.path.dirname(root.rstrip("/"))
        for path in ("/", "", root, root + "/", root + "//", "//", "/.", "/..", f"{root}/.", f"{inside}/../..",
                     f"{bed.cgroup}/..", f"{bed.cgroup}/../", ".", "..", parent, "/etc", "relative/path"):
            status, answer = bed.api("POST", "/v1/tasks", {"cgroup": path})
            assert status in (400, 404), (path, status, answer)
            assert answer["error"]["message"], (path, answer)
            if status == 400:
                assert answer["error"]["field"] == "cgroup" and answer["error"]["value"] == path, (path, answer)
        for path in ("/", "", root):
            assert bed.api("POST", "/v1/tasks", {"cgroup": path})[0] == 400, path
            result = bed.cli("attach", "--cgroup", path)
            assert result.rc in (1, 2) and "cgroup" in result.err, (path, result)
            assert bed.api("DELETE", "/v1/tasks", {"cgroup": path})[0] in (400, 404), path
        assert not bed.tasks() and not links(bed)


def test_what_does_not_exist_is_no_task():
    with Testbed() as bed:
        task = bed.bare_task()
        file = os.path.join(task.directory, "cgroup.procs")
        for path in (bed.cgroup + "/nowhere", file, "/\u00e4", "/" + "x" * 5000):
            status, answer = bed.api("POST", "/v1/tasks", {"cgroup": path})
            assert status in (400, 404) and answer["error"]["message"], (path, status, answer)
        assert not bed.tasks()


def test_a_symbolic_link_is_no_way_around():
    with Testbed() as bed:
        link = os.path.join(bed.base, "link")
        os.symlink(bed.cgroup_root, link)
        status, answer = bed.api("POST", "/v1/tasks", {"cgroup": link})
        assert status in (400, 404), (status, answer)
        assert not bed.tasks()


def test_a_path_too_long_for_the_map_is_refused_or_kept_whole():
    with Testbed() as bed:
        address = simple(bed)
        task = bed.bare_task("a" * 120)
        for letter in "bc":
            task = task.child(letter * 120)
        status, answer = bed.api("POST", "/v1/tasks", {"cgroup": task.path})
        if status != 200:
            assert status == 400 and answer["error"]["field"] == "cgroup" and not bed.tasks(), (status, answer)
            return
        bed.restart()
        assert list(bed.tasks()) == [task.path] and task.agent().name(address, 8080) == "v1/0"


def test_tasks_do_not_nest():
    with Testbed() as bed:
        outer = bed.bare_task("outer")
        middle = outer.child("middle")
        inner = middle.child("inner")
        bed.attach(middle)
        before = bed.wanted_state()
        for task in (inner, outer):
            status, answer = bed.api("POST", "/v1/tasks", {"cgroup": task.path})
            assert status in (400, 409), (task.path, status, answer)
            assert middle.path in answer["error"]["message"], f"the message names the task in the way: {answer}"
        bed.check_state(before)
        sibling = bed.task(name="outer-2")
        assert sibling.path in bed.tasks(), "a longer name beside it is not below it"


def refused_daemon(bed, command):
    """Runs a second daemon, which must refuse soon; returns what it says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise AssertionError("the second daemon runs") from None
    assert done.returncode not in (0, None) and done.returncode > 0, done
    return done.stderr + done.stdout


def test_two_daemons_on_one_set_of_directories():
    with Testbed() as bed:
        address, task = simple(bed), bed.task()
        before = bed.wanted_state()
        said = refused_daemon(bed, bed.command_line())
        assert any(path in said for path in (bed.state_dir, bed.run_dir, bed.bpffs)), said
        assert str(bed.daemon.pid) in said or "another" in said.lower() or "running" in said.lower(), said
        assert bed.is_up()
        bed.check_state(before)
        assert task.agent().name(address, 8080) == "v1/0"


def test_one_directory_in_common_is_enough():
    with Testbed() as bed:
        simple(bed)
        before = bed.wanted_state()
        for flag, path in (("--state-dir", bed.state_dir), ("--run-dir", bed.run_dir), ("--bpffs", bed.bpffs)):
            own = {"--state-dir": bed.base + "/state2", "--run-dir": bed.base + "/run2", "--bpffs": bed.bpffs + "-2"}
            own[flag] = path
            words = [word for pair in own.items() for word in pair]
            command = bed.command_line()[:3] + words
            try:
                said = refused_daemon(bed, command)
            finally:
                subprocess.run(["rm", "-rf", bed.bpffs + "-2"], check=True)
            assert path in said, f"{flag}: the message names the directory: {said}"
            assert bed.is_up()
            bed.check_state(before)


# Holds and polls locks on the directory it is given and tries to lock what else it is given, until its input ends.
STRANGER = """
import fcntl, os, select, sys
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
how = getattr(fcntl, sys.argv[1])
directory = os.open(sys.argv[2], os.O_RDONLY)
got, opened = 0, set()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    for path in sys.argv[3:]:
        try:
            fcntl.flock(os.open(path, os.O_RDONLY), how | fcntl.LOCK_NB)
            opened.add(path)
        except OSError:
            pass
    try:
        fcntl.flock(directory, how | fcntl.LOCK_NB)
        got += 1
    except OSError:
        pass
print(got, *sorted(opened), flush=True)
"""


def test_no_stranger_keeps_the_daemon_from_starting():
    """Who can open a directory can lock it. The lock must be where he cannot."""
    with Testbed(start=False) as bed:
        top = os.environ["SVCTEST_SCRATCH"]
        for directory in (os.path.dirname(top), top, bed.base):
            os.chmod(directory, os.stat(directory).st_mode | 0o011)
        os.mkdir(bed.run_dir, 0o755)
        os.mkdir(bed.state_dir, 0o755)
        os.mkdir(bed.bpffs, 0o755)
        for how in ("LOCK_SH", "LOCK_EX"):
            tried = [os.path.join(directory, "lock") for directory in (bed.run_dir, bed.state_dir)] + [bed.bpffs]
            if how == "LOCK_SH":
                tried.pop()  # open to him before the first start, which is to close it
            stranger = bed.popen([sys.executable, "-c", STRANGER, how, bed.run_dir, *tried], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            assert stranger.stdout.readline() == "ready\n"
            bed.start()
            assert os.stat(bed.bpffs).st_mode & 0o7777 == 0o700
            bed.restart()
            said = refused_daemon(bed, bed.command_line())
            assert f"(pid {bed.daemon.pid})" in said, said
            bed.stop()
            got, *opened = stranger.communicate("end", timeout=10 * PATIENCE)[0].split()
            assert int(got) > 0 and not opened, (got, opened)
        with open(bed.log_file, encoding="utf-8") as log:
            assert f"run directory {bed.run_dir}: process {stranger.pid} has locked the directory" in log.read()


def test_an_earlier_version_is_not_run_beside():
    """It locked the directories themselves; the one on bpffs is the lock still, and tells the two from each other."""
    with Testbed() as bed:
        address, task = simple(bed), bed.task()
        bed.kill()
        earlier = os.open(bed.bpffs, os.O_RDONLY)
        fcntl.flock(earlier, fcntl.LOCK_EX)
        assert bed.bpffs in refused_daemon(bed, bed.command_line())
        os.close(earlier)
        bed.start()
        assert task.agent_name_once(address, 8080) == "v1/0"
        later = os.open(bed.bpffs, os.O_RDONLY)
        try:
            fcntl.flock(later, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise AssertionError("an earlier version could start beside this one")
        except BlockingIOError:
            pass
        finally:
            os.close(later)


def test_several_daemons_side_by_side():
    with Testbed() as one, Testbed() as two:
        for bed, name in ((one, "one"), (two, "two")):
            bed.service("v1", label=name)
        tasks = [(bed, bed.task()) for bed in (one, two)]
        for (bed, task), name in zip(tasks, ("one", "two")):
            assert task.agent().name(bed.address_of("v1", 8080), 8080) == f"{name}/0"
        one.kill()
        assert tasks[1][1].agent().name(two.address_of("v1", 8080), 8080) == "two/0"


def test_hangup_keeps_everything():
    """SIGHUP reloads; it neither ends the daemon nor touches the data path."""
    with Testbed() as bed:
        address, task = simple(bed), bed.task()
        running = task.start_connector({f"{address}:8080": "v1"}, "--seconds", 30)
        before = bed.wanted_state()
        for _ in range(3):
            bed.daemon.send_signal(1)
            bed.check_state(before)
        report = running.stop()
        assert report["answered"] and not report["failed"], report
