# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Runs the daemon as its systemd unit would (scripts/svcconnectd.service.in), on machines without systemd too: umask, priority,
capabilities, system call filter with all settings that are made of one, read-only file systems, private devices and
/proc. Not applied, and so not tested here: PrivateTmp and ProtectHome (the tests live there), memory and task limits.

run.py --as-unit uses it. `Sandbox(...)` is what a child calls between fork and exec."""
import ctypes
import errno
import functools
import os
import re
import shutil
import subprocess

UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "svcconnectd.service.in")
KNOWN_BEFOREHAND = {  # settings of the unit that are no part of a sandbox, or are not applied (see above)
    "Type", "ExecStart", "ExecReload", "Restart", "RestartSec", "TimeoutStopSec", "KillMode", "StateDirectory",
    "StateDirectoryMode", "RuntimeDirectory", "RuntimeDirectoryMode", "RuntimeDirectoryPreserve", "LimitMEMLOCK",
    "LimitNOFILE", "PrivateTmp", "ProtectHome", "DevicePolicy", "WatchdogSec", "MemoryMax", "MemoryHigh", "TasksMax",
    # these take nothing away that the capabilities and the filter do not
    "ProtectClock", "ProtectHostname", "ProtectKernelModules", "ProtectKernelLogs", "RestrictRealtime",
    "SystemCallArchitectures", "SystemCallErrorNumber", "PrivateMounts", "RestrictSUIDSGID", "LockPersonality",
    "MemoryDenyWriteExecute"}
APPLIED = {"UMask", "Nice", "CapabilityBoundingSet", "NoNewPrivileges", "SystemCallFilter", "RestrictAddressFamilies",
           "RestrictNamespaces", "ProtectSystem", "ProtectProc", "PrivateDevices"}
CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
                "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
                "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
                "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL",
                "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
                "PERFMON", "BPF", "CHECKPOINT_RESTORE"]
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
NAMESPACES = {"mnt": 0x00020000, "cgroup": 0x02000000, "uts": 0x04000000, "ipc": 0x08000000, "user": 0x10000000,
              "pid": 0x20000000, "net": 0x40000000}
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
ALLOW, EPERM, ENOSYS = 0x7fff0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
EQUAL, MASKED = 4, 7  # SCMP_CMP_EQ, SCMP_CMP_MASKED_EQ
WRITE_EXECUTE, EXECUTE = 6, 4
MS_RDONLY, MS_NOSUID, MS_NOEXEC, MS_BIND, MS_REC, MS_SLAVE = 1, 2, 8, 4096, 16384, 1 << 19
MOUNT_SETATTR, AT_RECURSIVE, ATTR_RDONLY, AT_FDCWD = 442, 0x8000, 1, -100
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def missing():
    """What this machine lacks for it; None: nothing."""
    if not shutil.which("systemd-analyze"):
        return "systemd-analyze, which knows the groups of system calls"
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return "libseccomp.so.2"
    return None


def settings():
    """{name: [values]} of the unit's [Service]; a setting that is neither applied nor known is an error."""
    with open(UNIT, encoding="utf-8") as file:
        text = file.read().split("[Service]")[1].split("[Install]")[0]
    found = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        if name not in APPLIED | KNOWN_BEFOREHAND:
            raise ValueError(f"as_unit.py does not know the unit's {name}=: apply it, or say why it is not")
        found.setdefault(name, []).append(value)
    return found


@functools.lru_cache(maxsize=None)  # a daemon that is started again within a test waits for no other program
def members(group):
    """The system calls of a @group, those of groups within it too."""
    words = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True,
                           check=True).stdout.split("\n")[1:]
    found = set()
    for word in (line.strip() for line in words):
        if word and not word.startswith("#"):
            found |= members(word) if word.startswith("@") else {word}
    return frozenset(found)


def allowed_calls(values):
    calls = members("@default")
    for value in values:
        named = set()
        for word in value.lstrip("~").split():
            named |= members(word) if word.startswith("@") else {word}
        calls = calls - named if value.startswith("~") else calls | named
    return calls | {"execve", "exit_group", "rt_sigreturn"}


class Argument(ctypes.Structure):
    _fields_ = [("number", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def masked(number, mask, value):
    return Argument(number, MASKED, mask, value)


def conditions(unit):
    """{system call: [an argument that it is allowed with, ...]} of those that are not allowed with all arguments."""
    forbidden = sum(flag for name, flag in NAMESPACES.items() if name not in unit["RestrictNamespaces"][0].split())
    return {
        "socket": [Argument(0, EQUAL, FAMILIES[name], 0) for name in unit["RestrictAddressFamilies"][0].split()],
        "clone": [masked(0, forbidden, 0)],
        "unshare": [masked(0, forbidden, 0)],
        "setns": [Argument(1, EQUAL, NAMESPACES[name], 0) for name in unit["RestrictNamespaces"][0].split()],
        "mmap": [masked(2, WRITE_EXECUTE, value) for value in (0, 2, 4)],
        "mprotect": [masked(2, EXECUTE, 0)],
        "pkey_mprotect": [masked(2, EXECUTE, 0)],
        "personality": [Argument(0, EQUAL, 0, 0), Argument(0, EQUAL, 0xffffffff, 0)],
        "chmod": [masked(1, 0o6000, 0)],
        "fchmod": [masked(1, 0o6000, 0)],
        "fchmodat": [masked(2, 0o6000, 0)],
    }


class Filter:
    def __init__(self, unit):
        library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        library.seccomp_init.restype = ctypes.c_void_p
        self.library, self.context = library, ctypes.c_void_p(library.seccomp_init(EPERM))
        special = conditions(unit)
        for name in sorted(allowed_calls(unit["SystemCallFilter"]) - {"clone3", "openat2"}):
            for argument in special.get(name, [None]):
                self.add(ALLOW, name, argument)
        for name in ("clone3", "openat2"):  # as systemd answers them under RestrictNamespaces and RestrictSUIDSGID
            self.add(ENOSYS, name, None)

    def add(self, action, name, argument):
        number = self.library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # of another architecture
        array = (Argument * 1)(argument) if argument else None
        r = self.library.seccomp_rule_add_array(self.context, action, number, 1 if argument else 0, array)
        if r < 0:
            raise OSError(-r, f"seccomp rule for {name}")

    def load(self):
        r = self.library.seccomp_load(self.context)
        if r < 0:
            raise OSError(-r, "seccomp_load")


class Sandbox:
    def __init__(self, state, writable):
        """`state`: the directory that the unit's StateDirectory stands for; `writable`: RuntimeDirectory, and what tests need."""
        self.unit, self.writable = settings(), [state, *writable]
        self.filter = Filter(self.unit)
        self.libc = ctypes.CDLL(None, use_errno=True)
        os.makedirs(state, int(self.unit["StateDirectoryMode"][0], 8), exist_ok=True)
        for directory in writable:
            os.makedirs(directory, exist_ok=True)

    def check(self, result, what):
        if result < 0:
            raise OSError(ctypes.get_errno(), what)

    def mount(self, source, target, kind, flags, data=None):
        words = [word.encode() if word is not None else None for word in (source, target, kind)]
        self.check(self.libc.mount(*words, ctypes.c_ulong(flags), data.encode() if data else None), f"mount {target}")

    def set_read_only(self, path, is_read_only):
        attributes = (ctypes.c_uint64 * 4)(ATTR_RDONLY if is_read_only else 0, 0 if is_read_only else ATTR_RDONLY, 0, 0)
        self.check(self.libc.syscall(MOUNT_SETATTR, AT_FDCWD, path.encode(), AT_RECURSIVE, attributes,
                                     ctypes.sizeof(attributes)), f"mount_setattr {path}")

    def make_devices(self):
        held = {name: os.open(f"/dev/{name}", os.O_PATH) for name in DEVICES}
        self.mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k")
        for name, fd in held.items():
            with open(f"/dev/{name}", "w", encoding="utf-8"):
                pass
            self.mount(f"/proc/self/fd/{fd}", f"/dev/{name}", None, MS_BIND)
            os.close(fd)

    def change_mounts(self):
        self.check(self.libc.unshare(NAMESPACES["mnt"]), "unshare")
        self.mount("none", "/", None, MS_REC | MS_SLAVE)
        for directory in self.writable:
            self.mount(directory, directory, None, MS_BIND | MS_REC)
        if "PrivateDevices" in self.unit:
            self.make_devices()
        if "ProtectSystem" in self.unit:
            self.set_read_only("/", True)
            for path in ("/proc", "/sys", "/dev", *self.writable):
                self.set_read_only(path, False)
        if "ProtectProc" in self.unit:
            self.mount("proc", "/proc", "proc", MS_NOSUID | MS_NOEXEC, f"hidepid={self.unit['ProtectProc'][0]}")

    def drop_capabilities(self):
        kept = set(self.unit["CapabilityBoundingSet"][0].replace("CAP_", "").split())
        assert kept <= set(CAPABILITIES), kept
        for number, name in enumerate(CAPABILITIES):
            if name not in kept:
                self.libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)

    def __call__(self):
        os.umask(int(self.unit["UMask"][0], 8))
        os.setpriority(os.PRIO_PROCESS, 0, int(self.unit["Nice"][0]))
        self.change_mounts()
        self.drop_capabilities()
        self.check(self.libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        self.filter.load()
