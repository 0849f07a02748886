# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A user's own podman, found by itself: his containers have names from their first instruction, in the namespace that the configuration gives
him. He is a user of the test's, in mounts of its own; his cgroups are where systemd has those of a user's session."""
import contextlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile

from container_host import check_starts, held_times
from docker_host import make_image
from testbed import Skip, Testbed, need_program, note, remove_cgroup, wait_until
from worker import Library

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = "198.51.100.53"
UID = 54321
SESSION = f"/user.slice/user-{UID}.slice/user@{UID}.service"
STARTS = 10

# As systemd's cgroup driver does, which needs a session of the user's: a cgroup for each container.
RUNTIME = """#!{python}
import json, os, sys
words = sys.argv[1:]
if "create" in words and "--bundle" in words:
    path = os.path.join(words[words.index("--bundle") + 1], "config.json")
    with open(path) as file:
        spec = json.load(file)
    spec["linux"]["cgroupsPath"] = "{session}/user.slice/libpod-" + words[-1] + ".scope"
    with open(path, "w") as file:
        json.dump(spec, file)
os.execv("{crun}", ["crun", *words])
"""

# The host's files and mounts stay as they are: all of this is in a mount namespace.
ENTER = """
set -e
for file in passwd group subuid subgid; do [ ! -e /etc/$file ] || mount --bind {base}/etc/$file /etc/$file; done
mount --bind {run} /run
mount --rbind {cgroups} /mnt
mount --move /mnt /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup
echo $$ > /sys/fs/cgroup{session}/init.scope/cgroup.procs
export HOME={base}/home XDG_RUNTIME_DIR=/run/user/{uid}
cd
exec setpriv --reuid {uid} --regid {uid} --clear-groups "$@"
"""


def others_python():
    """One that a user may execute: this one may be in root's home."""
    path = shutil.which("python3", path="/usr/bin:/bin")
    if not path:
        raise Skip("no python3 that other users have")
    return path


class User:
    def __init__(self, bed):
        self.bed = bed
        for name in ("newuidmap", "setpriv", "unshare"):
            need_program(name)
        self.words = [need_program("podman"), "--cgroup-manager", "cgroupfs", "--storage-driver", "vfs"]
        self.base = tempfile.mkdtemp(prefix="svctest-user-")
        self.run = f"{self.base}/run"
        self.cgroups = bed.cgroup_root + SESSION
        for path in (f"{self.base}/etc", f"{self.base}/home", f"{self.run}/user/{UID}/podman"):
            os.makedirs(path)
        os.chmod(self.base, 0o755)
        self.write("etc/passwd", f"root:x:0:0::/root:/bin/sh\nsvctest:x:{UID}:{UID}::{self.base}/home:/bin/sh\n")
        self.write("etc/group", f"root:x:0:\nsvctest:x:{UID}:\n")
        for name in ("etc/subuid", "etc/subgid"):
            self.write(name, "svctest:600000:65536\n")
        runtime = self.write("runtime", RUNTIME.format(python=others_python(), session=SESSION, crun=need_program("crun")))
        os.chmod(runtime, 0o755)
        self.words += ["--runtime", runtime]
        self.had = [path for path in ("/user.slice", f"/user.slice/user-{UID}.slice") if os.path.isdir(bed.cgroup_root + path)]
        for name in ("init.scope", "user.slice"):
            os.makedirs(f"{self.cgroups}/{name}")
        self.give(self.cgroups)
        for path in (f"{self.base}/home", f"{self.run}/user/{UID}"):
            self.give(path)
        self.inside = bed.network_namespace(f"ip addr add {SERVER} dev lo")
        enter = self.write("enter", ENTER.format(base=self.base, run=self.run, cgroups=bed.cgroup_root, session=SESSION, uid=UID))
        self.enter = [*self.inside, "unshare", "-m", "sh", enter]

    def write(self, name, text):
        with open(f"{self.base}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
        return f"{self.base}/{name}"

    def give(self, top):
        for where, _, files in os.walk(top):
            os.chown(where, UID, UID)
            for name in files:
                with contextlib.suppress(OSError):
                    if not where.startswith(self.bed.cgroup_root) or name in ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control"):
                        os.chown(f"{where}/{name}", UID, UID)

    def call(self, *words, timeout=120):
        return self.bed.run([*self.enter, *self.words, *words], timeout=timeout)

    def ok(self, *words):
        result = self.call(*words)
        assert result.rc == 0, (words, result)
        return result.out.strip()

    def begin(self):
        server = self.bed.popen([*self.inside, sys.executable, os.path.join(HERE, "name_server.py"), SERVER, os.path.join(self.bed.base, "questions")],
                                stdout=subprocess.PIPE)
        assert server.stdout.readline() == "READY\n"
        image = make_image(self.base)
        os.chmod(image, 0o644)
        self.ok("import", image, "localhost/svctest:1")
        self.socket = f"{self.run}/user/{UID}/podman/podman.sock"
        with open(f"{self.base}/log", "wb") as log:
            self.bed.popen([*self.enter, *self.words, "system", "service", "--time", "0", f"unix:///run/user/{UID}/podman/podman.sock"],
                           stdout=log, stderr=log)
        wait_until(lambda: os.path.exists(self.socket) and stat.S_ISSOCK(os.stat(self.socket).st_mode), 30, "his podman answers")
        hidden = self.bed.popen(["unshare", "-m", "--propagation", "slave", "sh", "-c", f"mount --bind {self.run} /run && echo ready && exec sleep 600"],
                                stdout=subprocess.PIPE)
        assert hidden.stdout.readline() == "ready\n"

        def look_there():
            with open(f"/proc/{hidden.pid}/ns/mnt", encoding="utf-8") as mounts:
                Library().call("setns", mounts.fileno(), 0)

        plain = self.bed.launch
        self.bed.launch = lambda flags=(): plain(flags, preexec_fn=look_there)
        self.bed.config["containerRuntime"] = "auto,rootless:user-%u"
        self.bed.start()
        wait_until(lambda: [item["connected"] for item in self.bed.get("/v1/containers")["runtimes"]] == [True], 20, "it is found and followed")

    def containers(self):
        return {item["name"]: item for item in self.bed.get("/v1/containers")["containers"]}

    def end(self):
        assert remove_cgroup(self.cgroups), "his processes end"
        for path in (f"/user.slice/user-{UID}.slice", "/user.slice"):
            if path not in self.had:
                with contextlib.suppress(OSError):
                    os.rmdir(self.bed.cgroup_root + path)
        shutil.rmtree(self.base)


def test_a_users_podman():
    with Testbed(start=False) as bed:
        user = User(bed)
        try:
            user.begin()
            bed.announce({f"{SERVER}:8080": "b"}, before=user.inside)
            bed.cli_ok("register", "backend", "-n", f"user-{UID}", "--address", f"{SERVER}:8080")
            seen = {}
            for number in range(STARTS):
                name = f"client-{number}"
                user.ok("run", "-d", "--name", name, "--network", "host", "--dns", SERVER, "--label", "svcconnect.service=frontend", "--label",
                        "svcconnect.namespace=default", "localhost/svctest:1", "/bin/first", "call", "backend", "8080", "20")
                user.ok("wait", name)
                seen[name] = user.ok("logs", name)
            late, held = check_starts(bed, seen, "names 0 connects 0 of 20"), sorted(held_times(bed))
            note(f"{late} timed out, held for {held[0]} to {held[-1]} us, {len(held)} of {STARTS}")
            # Without labels, and one that says it serves what others do: his namespace has it, theirs has not.
            user.ok("run", "-d", "--name", "plain", "--network", "host", "localhost/svctest:1", "/bin/sleep", "600")
            user.ok("run", "-d", "--name", "server", "--network", "host", "--label", "svcconnect.service=shop", "--label", "svcconnect.port=9000",
                    "localhost/svctest:1", "/bin/sleep", "600")
            wait_until(lambda: user.containers().get("server", {}).get("attached") and "plain" in user.containers(), 20, "both are known")
            assert not user.containers()["plain"]["task"]
            assert [item["namespace"] for item in bed.tasks().values()] == [f"user-{UID}"], bed.tasks()
            user.ok("rm", "-f", "-t", "0", "server")
            wait_until(lambda: not bed.tasks(), 20, "and gone with its end")
        finally:
            user.end()


test_a_users_podman.timeout = 400
