# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A dockerd of the test's own: in a network namespace that the test made, with its own directories; nothing of the host's Docker
is touched. Images are made of busybox, nothing is pulled."""
import contextlib
import os
import shutil
import signal
import subprocess
import time

from testbed import Skip, need_program, tool


def libraries_of(program):
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split()
    return [word for word in linked if word.startswith("/")]


def make_image(directory, programs=(), name="image"):
    """busybox, what glibc needs to resolve names, and more programs with their libraries; a tar file."""
    root = os.path.join(directory, f"{name}.root")
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp"):
        os.makedirs(os.path.join(root, name))
    busybox, getent = need_program("busybox"), need_program("getent")
    files = {busybox: "/bin/busybox", getent: "/bin/getent", tool("first"): "/bin/first"}
    files.update((program, f"/bin/{os.path.basename(program)}") for program in programs)
    libraries = [library for program in (getent, *programs) for library in libraries_of(program)]
    folder = os.path.dirname(next(library for library in libraries if "libc.so" in library))
    for library in libraries + [f"{folder}/libnss_{name}.so.2" for name in ("files", "dns")]:
        if os.path.exists(library):
            files[library] = library
    for source, target in files.items():
        os.makedirs(os.path.dirname(root + target), exist_ok=True)
        shutil.copy(source, root + target)
    for applet in ("sh", "sleep", "nslookup"):
        os.symlink("busybox", f"{root}/bin/{applet}")
    image = os.path.join(directory, f"{name}.tar")
    subprocess.run(["tar", "-C", root, "-cf", image, "."], check=True)
    return image


class Docker:
    def __init__(self, bed, inside, programs=(), words=()):
        self.bed = bed
        self.words = words
        self.base = os.path.join(bed.base, "docker")
        os.makedirs(self.base)
        self.socket = f"unix://{self.base}/docker.sock"
        self.inside = inside
        image = make_image(self.base, programs)
        self.start()
        self.ok("import", image, "svctest:1")

    def start(self):
        with open(f"{self.base}/log", "wb") as log:
            self.process = self.bed.popen([*self.inside, need_program("dockerd"), "--data-root", f"{self.base}/data", "--exec-root",
                                      f"{self.base}/exec", "-H", self.socket, "--pidfile", f"{self.base}/pid",
                                      "--bip", "192.0.2.1/24", *self.words], stdout=log, stderr=log)
        end = time.monotonic() + 30
        while self.call("version").rc != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                with open(f"{self.base}/log", encoding="utf-8", errors="replace") as log:
                    lines = log.read().strip().splitlines()
                self.end()
                raise Skip("dockerd does not run here: " + lines[-1] if lines else "dockerd says nothing")
            time.sleep(0.1)

    def call(self, *words, timeout=60):
        return self.bed.run([need_program("docker"), "-H", self.socket, *words], timeout=timeout)

    def ok(self, *words, timeout=60):
        result = self.call(*words, timeout=timeout)
        assert result.rc == 0, (words, result)
        return result.out

    def end(self):
        if self.process.poll() is None:
            for id in self.call("ps", "-aq").out.split():
                self.call("rm", "-f", id)
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for line in open("/proc/self/mountinfo", encoding="utf-8").read().splitlines()[::-1]:
            if self.base in line.split()[4]:
                self.bed.run(["umount", "-l", line.split()[4]])
        for file in ("exec/containerd/containerd.pid",):
            with contextlib.suppress(OSError, ValueError), open(f"{self.base}/{file}", encoding="utf-8") as text:
                os.kill(int(text.read()), signal.SIGKILL)
        # A dockerd that is killed while a container begins knows nothing of its shim when it is started again.
        for pid in self.shims():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def shims(self):
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
                if b"containerd-shim" in words[0] and any(self.base.encode() in word for word in words):
                    found.append(int(name))
        return found


def remove_v1_cgroups(name):
    """Docker makes the parent in every hierarchy and leaves it there."""
    for where, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        if f"/{name.strip('/')}" in where:
            with contextlib.suppress(OSError):
                os.rmdir(where)
