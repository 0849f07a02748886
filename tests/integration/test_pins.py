# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Pins removed under a running daemon: no task notices, they come back, and a kill -9 afterwards still adopts."""
import contextlib
import os
import shutil
import subprocess

from testbed import Skip, Testbed, wait_until


def pins(bed):
    return sorted(os.path.relpath(os.path.join(folder, name), bed.bpffs)
                  for folder, _, names in os.walk(bed.bpffs) for name in names)


def put_back(bed):
    return bed.status()["pins"]["putBack"]


def events(bed):
    return [event["message"] for event in bed.get("/v1/events")["events"] if event["kind"] == "PINS"]


def set_up(bed):
    bed.service("v1")
    task = bed.task()
    return task, {bed.target("v1", 8080): "v1"}


def check(report, least=20):
    assert report["answered"] >= least and not report["failed"] and not report["wrong"], report


def remove_and_wait(bed, remove, number):
    """Removes pins, and waits until they are back and told."""
    before = pins(bed)
    told = len(events(bed))
    remove()
    assert pins(bed) != before
    wait_until(lambda: put_back(bed) >= number and pins(bed) == before, 20, "the pins are back")
    wait_until(lambda: len(events(bed)) == told + 1, 10, "an event each time")


def test_pins_that_are_removed_come_back():
    with Testbed() as bed:
        task, targets = set_up(bed)
        assert "putBackAt" not in bed.status()["pins"]
        all_pins = pins(bed)
        running = task.start_connector(targets, "--seconds", 60)
        wait_until(lambda: bed.counters()["hit"] > 20, 10, "connects are counted")
        remove_and_wait(bed, lambda: os.unlink(f"{bed.bpffs}/maps/slots"), 1)
        assert "put back 1 maps and 0 links" in events(bed)[0], events(bed)
        remove_and_wait(bed, lambda: shutil.rmtree(f"{bed.bpffs}/links"), 10)
        remove_and_wait(bed, lambda: shutil.rmtree(bed.bpffs), 10 + len(all_pins))
        status = bed.status()
        assert status["state"] == "ok" and status["pins"]["putBackAt"], status
        doctor = bed.cli("--json", "doctor").out
        assert f"{10 + len(all_pins)} pins under {bed.bpffs} were removed" in doctor, doctor
        assert f"svcconnect_pins_put_back_total {10 + len(all_pins)}\n" in bed.api("GET", "/metrics")[1]
        check(running.stop())
        counted = bed.counters()["hit"]
        bed.kill()
        check(task.connector(targets, "--count", 20))
        bed.start()
        writes = bed.status()["writes"]
        assert writes["maps"] == 0 and writes["adopted"] > 0, writes
        assert bed.counters()["hit"] == counted + 20
        assert bed.tasks(), "the task is one still"
        check(task.connector(targets, "--count", 20))


def test_another_daemon_finds_the_new_directory_locked():
    with Testbed() as bed:
        set_up(bed)
        remove_and_wait(bed, lambda: shutil.rmtree(bed.bpffs), 1)
        with Testbed(start=False) as other:
            other.write_config()
            process = other.run([*other.command_line(), "--bpffs", bed.bpffs])
            assert process.rc and "another svcconnectd" in process.err, process


@contextlib.contextmanager
def own_bpffs(bed):
    """A mount of its own for the daemon's directory."""
    mount = os.path.join(bed.base, "bpf")
    bed.bpffs = os.path.join(mount, "svcconnect")
    os.mkdir(mount)
    subprocess.run(["mount", "-t", "bpf", "bpf", mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", mount], check=False)


def test_an_unmounted_bpffs_is_told_until_it_is_back():
    if os.environ.get("SVCTEST_AS_UNIT"):
        raise Skip("within the unit's settings the daemon writes to the one bpffs that it was given")
    with Testbed(start=False) as bed, own_bpffs(bed) as mount:
        bed.start()
        task, targets = set_up(bed)
        before = pins(bed)
        subprocess.run(["umount", "-l", mount], check=True)
        wait_until(lambda: bed.status()["state"] == "degraded", 20, "trouble is told")
        trouble = " ".join(bed.status()["degraded"])
        assert "cannot be put back" in trouble and f"mount -t bpf bpf {mount}" in trouble, trouble
        assert not os.path.exists(bed.bpffs), "nothing is made where a mount would hide it"
        check(task.connector(targets, "--count", 20))
        subprocess.run(["mount", "-t", "bpf", "bpf", mount], check=True)
        wait_until(lambda: bed.status()["state"] == "ok" and pins(bed) == before, 20, "the pins are back")
        bed.restart()
        assert bed.status()["writes"]["maps"] == 0
        check(task.connector(targets, "--count", 20))
        bed.kill()


def test_a_task_detached_while_its_pins_are_gone_is_detached():
    with Testbed() as bed:
        task, targets = set_up(bed)
        check(task.connector(targets, "--count", 20))
        shutil.rmtree(f"{bed.bpffs}/links")
        bed.cli_ok("detach", "--cgroup", task.path)
        wait_until(lambda: not [pin for pin in pins(bed) if pin.startswith("links/")], 10, "no links")
        hits = bed.counters()["hit"]
        task.connector(targets, "--count", 3)
        assert bed.counters()["hit"] == hits, "nothing is led any more"
