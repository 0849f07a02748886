# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What the daemon says of its own event loop: how late it was."""
import contextlib
import re
import signal
import time

from testbed import Testbed, UnixConnection, wait_until


def metrics(bed):
    with contextlib.closing(UnixConnection(bed.socket_path)) as connection:
        status, text = connection.ask("GET", "/metrics")
    assert status == 200, text
    return text


def buckets(text):
    """[(bound as text, how many at most that late)]"""
    return [(bound, int(count)) for bound, count in
            re.findall(r'^svcconnect_loop_lag_seconds_bucket\{le="([^"]+)"\} (\d+)$', text, re.MULTILINE)]


def value(text, name):
    return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE).group(1))


def stop_for(bed, seconds):
    bed.daemon.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    bed.daemon.send_signal(signal.SIGCONT)


def test_the_histogram_is_whole():
    with Testbed() as bed:
        wait_until(lambda: value(metrics(bed), "svcconnect_loop_lag_seconds_count") > 3, 5, "some ticks")
        text = metrics(bed)
        found = buckets(text)
        assert [bound for bound, _ in found] == ["0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5",
                                                 "1", "2.5", "5", "+Inf"], found
        assert all(a[1] <= b[1] for a, b in zip(found, found[1:])), found
        assert found[-1][1] == value(text, "svcconnect_loop_lag_seconds_count"), text
        assert value(text, "svcconnect_loop_lag_seconds_sum") >= 0
        loop = bed.status()["loop"]
        assert sum(item["count"] for item in loop["lagBuckets"]) >= found[-1][1], loop
        assert 0 <= loop["lagP99Ms"] <= loop["lagMaxMs"], loop


def test_a_daemon_that_was_held_up_says_so():
    """By a stop of 1.3 s, of which no tick can be told to be in time: at least 12 were missed."""
    with Testbed() as bed:
        before = bed.status()["loop"]
        stop_for(bed, 1.3)
        loop = bed.status()["loop"]
        assert loop["lagMaxMs"] > 1150, loop
        late = sum(item["count"] - was["count"] for item, was in zip(loop["lagBuckets"], before["lagBuckets"])
                   if item["atMostMs"] is None or item["atMostMs"] > 50)
        assert late >= 12, (before, loop)
        assert loop["lagP99Ms"] > 20, loop
        assert "event loop" in bed.cli_ok("status").out
        assert bed.cli_ok("status", "--json").json()["loop"]["lagMaxMs"] >= loop["lagMaxMs"]
        doctor = bed.cli("doctor")
        assert doctor.rc == 0, "it is a warning"
        assert "in 1 % of its time the daemon is more than 20 ms late" in doctor.out, doctor
        assert "since its start the daemon was once" in doctor.out, doctor


def test_a_short_hold_up_is_no_warning_by_its_length():
    with Testbed() as bed:
        stop_for(bed, 0.1)
        bed.status()
        doctor = bed.cli("doctor")
        found = bed.status()["loop"]["lagMaxMs"]
        # On a machine that holds the daemon up for longer by itself, the warning is right.
        assert ("since its start the daemon was once" in doctor.out) == (found > 1000), (found, doctor)
