# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The systemd unit: what it takes from the daemon, whether the daemon lives with it, and how the manager watches it.
`scripts/test --integration --as-unit` runs all the other tests under the same settings."""
import os
import re
import signal
import socket

import as_unit
from testbed import Skip, Testbed, need_program, wait_until

MOST_EXPOSURE = 3.7


def needs(reason):
    if reason:
        raise Skip(reason)


def test_exposure():
    need_program("systemd-analyze")
    with Testbed(start=False) as bed:
        path = os.path.join(bed.base, "svcconnectd.service")
        with open(as_unit.UNIT, encoding="utf-8") as unit, open(path, "w", encoding="utf-8") as file:
            file.write(unit.read().replace("@SBINDIR@/svcconnectd", "/bin/true"))
        done = bed.run(["systemd-analyze", "security", "--offline=yes", path], env={**os.environ, "LC_ALL": "C"})
        level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.out)
        assert level, done.out + done.err
        assert float(level.group(1)) <= MOST_EXPOSURE, level.group(0)
        assert "Unknown" not in done.err and "Failed to parse" not in done.err, done.err


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def test_the_daemon_lives_with_it():
    needs(as_unit.missing() and f"this machine lacks {as_unit.missing()}")
    os.environ["SVCTEST_AS_UNIT"] = "1"
    with Testbed() as bed:
        bed.service("v1")
        assert bed.task().agent_name_once(bed.address_of("v1", 8080), 8080) == "v1/0"
        unit = as_unit.settings()
        status = status_of(bed.daemon.pid)
        wanted = sum(1 << as_unit.CAPABILITIES.index(name.replace("CAP_", ""))
                     for name in unit["CapabilityBoundingSet"][0].split()) & int(status_of(os.getpid())["CapBnd"], 16)
        assert (status["Seccomp"], status["NoNewPrivs"], status["Umask"]) == ("2", "1", unit["UMask"][0]), status
        assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == wanted, status
        with open(f"/proc/{bed.daemon.pid}/mountinfo", encoding="utf-8") as file:
            root = next(line.split() for line in file if line.split()[4] == "/")
        assert "ro" in root[5].split(","), root
        assert sorted(os.listdir(f"/proc/{bed.daemon.pid}/root/dev")) == sorted(as_unit.DEVICES)
        modes = {name: os.stat(os.path.join(bed.run_dir, name)).st_mode & 0o777 for name in ("api.sock",)}
        assert modes == {"api.sock": 0o660}, "modes are not left to the umask"


class Manager:
    """The service manager's end of sd_notify(3)."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def hear(self, timeout=10):
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(4096).decode()
        except (TimeoutError, BlockingIOError):
            return None

    def hear_until(self, wanted):
        heard = []
        while wanted not in heard:
            word = self.hear()
            assert word, f"{wanted} was not said, only {heard}"
            heard.append(word)
        return heard


def test_the_manager_hears_of_it():
    with Testbed(start=False) as bed:
        manager = Manager(bed.base)
        bed.daemon = bed.launch(env={**os.environ, "NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000"})
        assert manager.hear_until("READY=1") == ["READY=1"], "nothing before it is ready"
        for _ in range(5):
            assert manager.hear() == "WATCHDOG=1"
        bed.daemon.send_signal(signal.SIGHUP)
        heard = [word for word in manager.hear_until("READY=1") if word != "WATCHDOG=1"]
        assert heard[0].startswith("RELOADING=1") and heard[-1] == "READY=1", heard
        bed.daemon.send_signal(signal.SIGSTOP)
        wait_until(lambda: "T" in status_of(bed.daemon.pid)["State"], 5, "it stands still")
        while manager.hear(0) is not None:
            pass
        assert manager.hear(1) is None, "one that stands still gives no sign of life"
        bed.daemon.send_signal(signal.SIGCONT)
        assert manager.hear() == "WATCHDOG=1"
        bed.daemon.terminate()
        manager.hear_until("STOPPING=1")
        bed.daemon.wait()
