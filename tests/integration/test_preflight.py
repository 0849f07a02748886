# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What the host lacks is said in one clear sentence, and nothing has been touched by then."""
import ctypes
import os
import re

from testbed import Testbed, need_program, wait_until

PR_CAPBSET_DROP = 24
CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF, CAP_LAST = 12, 21, 38, 39, 40
CAP_FILES = (0, 1, 3)  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER: for the directories


def refused(bed, flags=(), **options):
    """Runs the daemon, which must refuse; returns its one sentence. Nothing may have been made."""
    bed.write_config()
    before = listing(bed)
    done = bed.run(bed.command_line(flags), timeout=10, **options)
    assert done.rc > 0, f"it should have refused: {done}"
    assert listing(bed) == before, f"made something before it refused: {listing(bed)} was {before}"
    lines = [line for line in done.err.splitlines() if line.strip()]
    assert len(lines) == 1, f"one sentence: {done}"
    assert not done.out.strip(), done
    return lines[0]


def listing(bed):
    found = []
    for top in (bed.base, bed.bpffs):
        for where, directories, files in os.walk(top):
            found += [os.path.join(where, name) for name in directories + files]
    return sorted(found), os.path.exists(bed.bpffs)


def without_capabilities(*numbers):
    def drop():
        libc = ctypes.CDLL(None)
        for number in numbers:
            libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    return drop


def test_bpffs_is_no_bpffs():
    with Testbed(start=False) as bed:
        bed.bpffs = os.path.join(bed.base, "plain", "svcconnect")
        os.mkdir(os.path.join(bed.base, "plain"))
        said = refused(bed)
        assert bed.bpffs in said and "mount" in said, said


def test_bpffs_is_a_file():
    with Testbed(start=False) as bed:
        bed.bpffs = os.path.join(bed.base, "file")
        with open(bed.bpffs, "w", encoding="utf-8"):
            pass
        assert bed.bpffs in refused(bed)


def test_cgroup_root_is_no_cgroup2():
    with Testbed(start=False) as bed:
        for path in (bed.base, "/nonexistent", "/proc", ""):
            said = refused(bed, ["--cgroup-root", path])
            assert "cgroup" in said and path in said, said


def test_no_cgroup2_is_mounted():
    """In a mount namespace that sees no cgroup v2."""
    with Testbed(start=False) as bed:
        bed.write_config()
        script = "umount -R /sys/fs/cgroup && exec \"$@\""
        before = listing(bed)
        done = bed.run([need_program("unshare"), "-m", "--propagation", "private", "sh", "-c", script, "sh",
                        *bed.command_line()], timeout=10)
        assert done.rc > 0 and "cgroup v2" in done.err and len(done.err.splitlines()) == 1, done
        assert listing(bed) == before


def test_no_capabilities():
    with Testbed(start=False) as bed:
        said = refused(bed, preexec_fn=without_capabilities(*range(CAP_LAST + 1)))
        assert "CAP_BPF" in said and "CAP_NET_ADMIN" in said, said


def test_one_capability_missing():
    with Testbed(start=False) as bed:
        said = refused(bed, preexec_fn=without_capabilities(CAP_SYS_ADMIN, CAP_NET_ADMIN))
        assert "CAP_NET_ADMIN" in said, said
        said = refused(bed, preexec_fn=without_capabilities(CAP_SYS_ADMIN, CAP_BPF))
        assert "CAP_BPF" in said, said


def test_the_capabilities_it_asks_for_are_enough():
    """Without any it names what it wants; with those, and not CAP_SYS_ADMIN, it works."""
    numbers = {"CAP_BPF": CAP_BPF, "CAP_NET_ADMIN": CAP_NET_ADMIN, "CAP_PERFMON": CAP_PERFMON}
    with Testbed(start=False) as bed:
        said = refused(bed, preexec_fn=without_capabilities(*range(CAP_LAST + 1)))
        asked = {numbers[name] for name in re.findall(r"CAP_\w+", said) if name in numbers}
        dropped = set(range(CAP_LAST + 1)) - asked - set(CAP_FILES)
        bed.daemon = bed.launch(preexec_fn=without_capabilities(*dropped))
        wait_until(lambda: bed.is_up() or bed.daemon.poll() is not None, 10, "it is up or has given up")
        assert bed.daemon.poll() is None, f"it asked for these: {said}"
        bed.service("v1")
        task = bed.task()
        assert task.agent().name(bed.address_of("v1", 8080), 8080) == "v1/0"


def test_an_unusable_state_directory():
    with Testbed(start=False) as bed:
        blocker = os.path.join(bed.base, "blocker")
        with open(blocker, "w", encoding="utf-8"):
            pass
        for flag in ("--state-dir", "--run-dir"):
            bed.write_config()
            done = bed.run(bed.command_line([flag, blocker + "/below"]), timeout=10)
            assert done.rc > 0 and blocker in done.err, done


def test_the_directories_are_made():
    with Testbed(start=False) as bed:
        bed.state_dir, bed.run_dir = bed.base + "/a/b/state", bed.base + "/c/d/run"
        bed.socket_path = bed.run_dir + "/api.sock"
        bed.start()
        assert bed.status()["directories"] == {"state": bed.state_dir, "run": bed.run_dir, "bpffs": bed.bpffs,
                                               "cgroupRoot": bed.cgroup_root}
        assert os.stat(bed.state_dir).st_mode & 0o077 == 0, "the registry is nobody else's"


def test_a_corrupt_registry_leaves_the_tasks_connected():
    """Last known good: a registry that cannot be read never empties a table."""
    with Testbed() as bed:
        bed.service("v1")
        task = bed.task()
        agent, address = task.agent(), bed.address_of("v1", 8080)
        path = bed.status()["registry"]["path"]
        bed.stop()
        with open(path, "rb") as file:
            good = file.read()
        with open(path, "wb") as file:
            file.write(b"no database " * 1000)
        bed.start()
        with open(bed.log_file, encoding="utf-8") as log:
            assert path in log.read()
        assert bed.status()["degraded"], "that it is not the right registry is said"
        assert agent.name(address, 8080) == "v1/0"
        bed.stop()
        with open(path, "wb") as file:
            file.write(good)
        bed.start()
        assert agent.name(address, 8080) == "v1/0" and ("v1", "0") in bed.endpoints()


def test_a_log_line_tells_where_it_runs():
    with Testbed() as bed:
        with open(bed.log_file, encoding="utf-8") as log:
            text = log.read()
        assert bed.socket_path in text or bed.run_dir in text, text
