# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A task's process with a root directory of its own, whose /etc/resolv.conf is something else than one expects.

    root_agent.py KIND DIRECTORY TEXT UID [GROUP]

Runs in a mount namespace of its own; enters the cgroup whose cgroup.procs is open as $CGROUP_FD when all is done. Prints
READY. Then each line it reads is a request: "opened" (prints how often
anything opened that file), "interrupt" (types ^C at the terminal, for kind "pty")."""
import ctypes
import os
import pty
import stat
import struct
import subprocess
import sys

IN_OPEN, IN_NONBLOCK = 0x20, 0o4000
GROUP = 777  # of the file of kind "group"
libc = ctypes.CDLL(None, use_errno=True)


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def make(kind, root, path, text):
    """Returns what is to be watched, and the master of a terminal."""
    inside = os.path.join(root, "real.conf")
    if kind == "file":
        write(path, text)
    elif kind == "private":
        write(path, text, 0o600)
    elif kind == "group":
        write(path, text, 0o640)
        os.chown(path, 0, GROUP)
    elif kind == "link":
        write(inside, text)
        os.symlink("/real.conf", path)
        return inside, None
    elif kind == "link-up":
        write(inside, text)
        os.symlink("../../../../real.conf", path)
        return inside, None
    elif kind == "loop":
        os.symlink("resolv.conf", path)
        return None, None
    elif kind == "host":
        os.symlink(f"/proc/1/root{os.environ['HOST_FILE']}", path)
        return None, None
    elif kind == "proc":
        os.symlink("/proc/1/status", path)
        return None, None
    elif kind == "fifo":
        os.mkfifo(path, 0o666)
    elif kind == "directory":
        os.mkdir(path)
    elif kind == "device":
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        os.chmod(path, 0o666)
    elif kind == "pty":
        write(path, "")
        master, slave = pty.openpty()
        os.fchmod(slave, 0o666)
        subprocess.run(["mount", "--bind", os.ttyname(slave), path], check=True)
        return None, master
    return path, None


def main():
    kind, directory, text = sys.argv[1:4]
    uid, groups = int(sys.argv[4]), [int(word) for word in sys.argv[5:]]
    subprocess.run(["mount", "-t", "tmpfs", "none", directory], check=True)
    os.chmod(directory, 0o755)
    os.mkdir(os.path.join(directory, "etc"))
    os.mkdir(os.path.join(directory, "proc"))
    subprocess.run(["mount", "--rbind", "/proc", os.path.join(directory, "proc")], check=True)
    watched, master = make(kind, directory, os.path.join(directory, "etc", "resolv.conf"), text)
    watch = libc.inotify_init1(IN_NONBLOCK)
    if watched and libc.inotify_add_watch(watch, watched.encode(), IN_OPEN) < 0:
        raise OSError(ctypes.get_errno(), watched)
    os.chroot(directory)
    os.chdir("/")
    os.setgroups(groups)
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # Opened by root, as a container runtime does; only now is there something for the daemon to look at.
    with os.fdopen(int(os.environ["CGROUP_FD"]), "w") as processes:
        processes.write("0")
    print("READY", flush=True)
    opened = 0
    for line in sys.stdin:
        if line.strip() == "interrupt":
            os.write(master, b"\x03")
            print("typed", flush=True)
            continue
        try:
            data = os.read(watch, 65536)
        except BlockingIOError:
            data = b""
        while data:
            size = struct.unpack_from("iIII", data)[3]
            opened, data = opened + 1, data[16 + size:]
        print(opened, flush=True)


main()
