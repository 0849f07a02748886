# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The Debian package on a copy of this host (an overlay): installed, exchanged under a task that goes on connecting, removed,
purged. `make deb` builds it; scripts/test does before these tests."""
import contextlib
import glob
import json
import os
import re
import subprocess

import test_adoption
from testbed import BUILD, Skip, Testbed, note, wait_until

SETTINGS = {"dns": "off", "containerRuntime": "none"}
# What dpkg writes down, and what belongs to every run of a program.
NOT_OURS = re.compile(r"/(var/(lib/(dpkg|systemd|ucf)|log|cache)|tmp|etc/ld\.so\.cache|root|proc|sys|dev|run/(lock|systemd))(/|$)")


def package():
    found = sorted(glob.glob(os.path.join(BUILD, "packages", "svcconnect_*.deb")))
    if not found:
        raise Skip("there is no package: make deb")
    return found[-1]


def another_version(deb, version, place):
    """The same files under another version: what matters is what the package's own scripts do."""
    content = os.path.join(place, "content")
    subprocess.run(["dpkg-deb", "-R", deb, content], check=True)
    control = os.path.join(content, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = re.sub(r"(?m)^Version: .*$", f"Version: {version}", file.read())
    with open(control, "w", encoding="utf-8") as file:
        file.write(text)
    made = os.path.join(place, f"svcconnect_{version}.deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", content, made], check=True, stdout=subprocess.DEVNULL)
    return made


class Host(Testbed):
    """A copy of this host, whose daemon is the installed one. What is written is in `upper`."""

    def __init__(self):
        super().__init__(start=False)
        self.top = os.path.join(self.base, "host")
        self.root, self.upper = os.path.join(self.top, "root"), os.path.join(self.top, "upper")
        self.socket_path = self.root + "/run/svcconnect/api.sock"

    def command_line(self, flags=()):
        return ["chroot", self.root, "/usr/sbin/svcconnectd", *flags]

    @contextlib.contextmanager
    def mounted(self):
        os.mkdir(self.top)
        subprocess.run(["mount", "-t", "tmpfs", "none", self.top], check=True)
        with contextlib.ExitStack() as stack:
            stack.callback(subprocess.run, ["umount", "-R", "-l", self.top], check=False)
            for name in ("root", "upper", "work"):
                os.mkdir(os.path.join(self.top, name))
            overlay = subprocess.run(["mount", "-t", "overlay", "none", self.root, "-o",
                                      f"lowerdir=/,upperdir={self.upper},workdir={self.top}/work"],
                                     capture_output=True, text=True, check=False)
            if overlay.returncode != 0:
                raise Skip(f"no overlay of this host can be mounted: {overlay.stderr.strip()}")
            for name in ("proc", "sys", "dev"):
                subprocess.run(["mount", "--rbind", f"/{name}", f"{self.root}/{name}"], check=True)
            subprocess.run(["mount", "-t", "bpf", "none", self.root + "/sys/fs/bpf"], check=True)
            subprocess.run(["mount", "-t", "tmpfs", "none", self.root + "/run"], check=True)
            yield

    def inside(self, *words):
        return self.run(["chroot", self.root, *words], timeout=120,
                        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def dpkg(self, *words):
        result = self.inside("dpkg", *words)
        assert result.rc == 0, result
        return result

    def copy_in(self, deb):
        name = "/" + os.path.basename(deb)
        subprocess.run(["cp", deb, self.root + name], check=True)
        return name

    def written(self):
        return {path[len(self.upper):] for path in glob.glob(self.upper + "/**", recursive=True, include_hidden=True)
                if "svcconnect" in path[len(self.upper):] and not NOT_OURS.match(path[len(self.upper):])}


def test_a_host_with_the_package():
    deb = package()
    with Host() as bed, bed.mounted():
        before = bed.copy_in(another_version(deb, "0.0.1", bed.base))
        deb = bed.copy_in(deb)
        missing = bed.inside("dpkg", "-i", before)
        if missing.rc != 0 and "dependency problems" in missing.err:
            raise Skip("a library that the package depends on is not installed as a package")
        assert missing.rc == 0, missing
        conffile = bed.root + "/etc/svcconnect/svcconnect.json"
        with open(conffile, encoding="utf-8") as file:
            assert json.load(file) == {}, "the defaults"
        with open(conffile, "w", encoding="utf-8") as file:
            json.dump(SETTINGS, file)
        bed.start()

        task, targets = test_adoption.set_up(bed)
        running = task.start_connector(targets, "--seconds", 60)
        wait_until(lambda: sum(test_adoption.connections(bed).values()) > 100, 20, "connects are counted")
        bed.dpkg("-i", deb)
        # systemd is told to by the package's script; here nobody is.
        bed.stop()
        bed.start()
        assert bed.inside("dpkg-query", "-W", "-f", "${Version}", "svcconnect").out != "0.0.1"
        with open(conffile, encoding="utf-8") as file:
            assert json.load(file) == SETTINGS, "settings that were changed stay"
        counted = sum(test_adoption.connections(bed).values())
        wait_until(lambda: sum(test_adoption.connections(bed).values()) > counted + 100, 20, "connects are counted on")
        report = running.stop()
        test_adoption.check_report(report)
        note(f"{report['answered']} connects while the package was exchanged, none failed")

        links = bed.root + "/sys/fs/bpf/svcconnect/links"
        assert os.listdir(links), "the task is attached"
        removed = bed.dpkg("-r", "svcconnect")
        assert "detaching 1 task" in removed.out, removed
        assert not os.path.exists(links), "nothing is pinned any more"
        bed.stop()
        assert os.path.exists(bed.root + "/var/lib/svcconnect/registry.db"), "data stay until they are purged"
        assert os.path.exists(conffile), "so do settings"
        bed.dpkg("-P", "svcconnect")
        for name in (before, deb):
            os.unlink(bed.root + name)
        left = {path for path in bed.written() if os.path.lexists(bed.root + path)}
        assert not left, left
        assert not os.path.exists(bed.root + "/run/svcconnect"), "not even there"


test_a_host_with_the_package.timeout = 300
