# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What every part of the benchmark stands on: the integration tests' testbed, and the programs that measure."""
import contextlib
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

from testbed import BUILD, Testbed, need_program  # noqa: E402

PORT = 8080
REGISTERS_PER_REQUEST = 4000


def tool(name):
    return os.path.join(BUILD, "tests", "bench", name)


def say(text):
    """How far it is; not part of the results."""
    print(f"  {text}", file=sys.stderr, flush=True)


def ahead_of_others():
    """For the process that measures: nobody takes its processor away in the middle, where the system allows that."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


# --- where processes run

def processors(number):
    """The last ones, as the first ones often have more of the host's own work."""
    return set(sorted(os.sched_getaffinity(0))[-number:])


def pinned(where):
    """For preexec_fn."""
    return lambda: os.sched_setaffinity(0, where)


def pin(pid, where):
    """All threads of a running process."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread), where)


def run_json(bed, command, timeout=60, **options):
    result = bed.run(command, timeout=timeout, **options)
    assert result.rc == 0, f"{command}: {result}"
    return json.loads(result.out)


def start_ready(bed, command, **options):
    """Starts a server that says READY on a line of its own."""
    process = bed.popen(command, stdout=subprocess.PIPE, **options)
    for line in process.stdout:
        if line.startswith("READY"):
            return process
    raise AssertionError(f"{command} ended with {process.wait()}")


class ProgramStats:
    """A running program_stats on a task's cgroup; or, with a scope, on one that is no task, with the least program."""

    def __init__(self, bed, task, scope=None):
        words = [] if scope is None else [os.path.join(bed.bpffs, "maps"), str(scope)]
        self.process = start_ready(bed, [tool("program_stats"), task.directory, *words], stdin=subprocess.PIPE)

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def sample(self):
        return self.ask("sample")

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    @contextlib.contextmanager
    def difference(self):
        """Yields a dictionary that is filled with runs and run_ns of each program in the block."""
        result, before = {}, self.sample()
        yield result
        for name, after in self.sample().items():
            result[name] = {key: after[key] - before.get(name, {}).get(key, 0) for key in ("runs", "run_ns")}


# --- what a process uses

def cpu_seconds(pid):
    """User and system time of a process so far, threads that have ended included, to the nanosecond; 0 if it is gone."""
    with contextlib.suppress(OSError):
        # The id of a process's own clock, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~pid << 3) | 2)
    return 0


def memory_mib(pid):
    """(resident now, greatest so far)"""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        fields = dict(line.split(":", 1) for line in file)
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))


# --- a registry of some size

def endpoint_address(number, port=PORT):
    """Addresses of their own for 4 million endpoints; 127.0 and 127.255 are left out. Last byte: 1 to 254."""
    return f"127.{64 + number // (254 * 256)}.{number // 254 % 256}.{1 + number % 254}:{port}"


def register_all(bed, registrations, timeout=120):
    """[(service, id, address)], in requests as large as the daemon takes them."""
    with contextlib.closing(bed.connection(timeout)) as connection:
        for i in range(0, len(registrations), REGISTERS_PER_REQUEST):
            changes = [{"op": "register", "service": service, "id": id, "address": address}
                       for service, id, address in registrations[i:i + REGISTERS_PER_REQUEST]]
            status, answer = connection.ask("POST", "/v1/batch", {"changes": changes})
            assert status == 200, answer


def many_services(first, last, instances):
    """Registrations for s<first> .. s<last - 1> with that many instances each."""
    return [(f"s{i}", str(j), endpoint_address(i * instances + j)) for i in range(first, last)
            for j in range(instances)]


def unreachable_services(bed, counts):
    """w<n> with n endpoints at addresses that no packet ever leaves for: this network namespace has no route to them. A
    connect() there is the program and little else. They are never ejected for it, or draws would look for another one,
    and what is noted of such connects has to be taken back (attempts_map())."""
    register_all(bed, [(f"w{n}", str(i), f"198.18.{n % 256}.{i % 250}:{1 + i // 250}") for n in counts for i in range(n)])
    for n in counts:
        bed.change("PUT", "/v1/settings", service=f"w{n}", settings={"ejection": {"failures": 0}})


def attempts_map(bed):
    """For connect_rate --attempts."""
    return os.path.join(bed.bpffs, "maps", "attempts")


def load_average():
    return os.getloadavg()[0]


def settle(seconds=0.2):
    time.sleep(seconds)


__all__ = ["BUILD", "PORT", "ProgramStats", "Testbed", "cpu_seconds", "endpoint_address", "load_average",
           "ahead_of_others", "attempts_map", "many_services", "memory_mib", "need_program", "pin", "pinned",
           "processors", "register_all", "run_json", "say", "settle", "start_ready", "tool", "unreachable_services"]
