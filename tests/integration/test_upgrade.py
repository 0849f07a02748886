# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A daemon of the version before is replaced by this one, and this one by that, under tasks that go on connecting."""
import contextlib
import os
import shutil
import subprocess
import tempfile

import test_adoption
from testbed import DAEMON, TOP, Skip, Testbed, note, wait_until

BEFORE = "3b87ede827d3c8413fd008b07d83fb440b644fc9"  # the last one that was one folder; its layout's version is 4


@contextlib.contextmanager
def daemon_before():
    """Built from the history; without optimisation, since only what it pins and writes matters."""
    known = subprocess.run(["git", "-C", TOP, "cat-file", "-e", BEFORE + "^{commit}"], stderr=subprocess.DEVNULL, check=False)
    if known.returncode != 0:
        raise Skip("the history of this checkout does not reach the version before")
    place = tempfile.mkdtemp(prefix="before-", dir=os.environ["SVCTEST_SCRATCH"])
    try:
        archive = subprocess.run(["git", "-C", TOP, "archive", BEFORE], stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", place], input=archive.stdout, check=True)
        environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "BUILD")}
        subprocess.run(["make", "-C", place, f"-j{os.cpu_count()}", "OPTIMIZE=-O0", "BUILD=build", "build/svcconnectd"],
                       env=environment, check=True)
        yield os.path.join(place, "build", "svcconnectd")
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Upgraded(Testbed):
    """Its daemon can be another program."""
    program = DAEMON

    def command_line(self, flags=()):
        return [self.program, *super().command_line(flags)[1:]]

    def run_program(self, program, gracefully):
        if gracefully:
            self.stop()
        else:
            self.kill()
        self.program = program
        self.start()


def as_known_before(now, before):
    """Without the members that lists have got since: the version before did not know them."""
    return [{key: value for key, value in item.items() if not before or key in before[0]} for item in now]


def test_no_connect_fails_while_versions_change():
    with daemon_before() as before, Upgraded(start=False) as bed:
        bed.program = before
        bed.start()
        task, targets = test_adoption.set_up(bed)
        running = task.start_connector(targets, "--seconds", 60)
        wait_until(lambda: sum(test_adoption.connections(bed).values()) > 200, 10, "connects are counted")
        state, numbers = bed.wanted_state(), test_adoption.numbers(bed)
        for program, gracefully in ((DAEMON, True), (before, True), (DAEMON, False)):
            counted = sum(test_adoption.connections(bed).values())
            bed.run_program(program, gracefully)
            if program == before:  # it cannot read a layout of after it, and makes its own: numbers and counters begin anew
                numbers, state["endpoints"] = test_adoption.numbers(bed), bed.wanted_state()["endpoints"]
            else:
                assert sum(test_adoption.connections(bed).values()) >= counted, "what is counted goes on"
            now = bed.wanted_state()
            # The version before had no names of services beside their aliases.
            aliases = {alias["dnsName"] for alias in now["aliases"]}
            now["hosts"], state["hosts"] = ([item for item in hosts if item["name"] in aliases]
                                            for hosts in (now["hosts"], state["hosts"]))
            now["endpoints"] = as_known_before(now["endpoints"], state["endpoints"])
            different = {key: (now[key], state[key]) for key in state if key != "revision" and now[key] != state[key]}
            assert not different and test_adoption.numbers(bed) == numbers, different
        assert bed.status()["registry"]["state"] == "ok"
        bed.run_program(DAEMON, True)
        assert bed.status()["writes"]["maps"] == 0, "what was pinned is taken over as it is"
        bed.register("v2", "127.0.0.99:9", id="late", health="UNHEALTHY")  # and it can be changed; nobody listens there
        report = running.stop()
        test_adoption.check_report(report)
        note(f"{report['answered']} connects over three changes of the version, none failed")


test_no_connect_fails_while_versions_change.timeout = 400
