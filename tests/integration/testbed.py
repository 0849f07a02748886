# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What a test stands on: a daemon with directories and a cgroup parent of its own, tasks, announcing servers, clients.

Everything made here is taken away again when the `with` block ends, however it ends."""
import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.parse

from as_unit import Sandbox

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SVCCONNECT_BUILD") or os.path.join(TOP, "build"))
PROGRAMS = os.path.abspath(os.environ.get("SVCCONNECT_PROGRAMS") or BUILD)  # the tests' own tools stay those of BUILD
DAEMON = os.path.join(PROGRAMS, "svcconnectd")
CLI = os.path.join(PROGRAMS, "svcconnect")
AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "agent.py")

# What makes everything slower (sanitizers, a machine that is shared) makes waiting longer: times that a test gives up after
# are multiplied by this.
PATIENCE = float(os.environ.get("SVCTEST_PATIENCE") or 1)
START_PATIENCE = 10.0 * PATIENCE
NICE = -10
# How many times as slow a daemon with a sanitizer is, at most: for what is bounded by its work, and for what has to
# happen before something else that takes a set time.
SLOWNESS = 8 if os.environ.get("SVCTEST_SANITIZE") else 1
PORT = 8080  # where announcing servers listen on addresses of their own
_numbers = itertools.count(1)


class Skip(Exception):
    """Raised by a test that cannot run here; its text is the reason."""


def need_plain_programs(why):
    """A sanitizer is built into the programs: memory and time that they take say nothing about them."""
    if os.environ.get("SVCTEST_SANITIZE"):
        raise Skip(f"programs with a sanitizer: {why}")


def need_no_thread_sanitizer(why):
    if os.environ.get("SVCTEST_SANITIZE"):
        with open(DAEMON, "rb") as file:
            if b"__tsan_init" in file.read():
                raise Skip(f"ThreadSanitizer: {why}")


def tool(name):
    return os.path.join(BUILD, "tests", "support", name)


def note(text):
    """A line that the runner shows under the test even when it passes."""
    print(f"note: {text}", flush=True)


def wait_until(condition, seconds, what):
    """Calls `condition` until it returns something true, and returns that."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.01)


def processor_seconds(pid):
    """User and system time of a process so far, threads that have ended included."""
    # The id of a process's own clock, as clock_getcpuclockid(3) makes it.
    return time.clock_gettime((~pid << 3) | 2)


def yardstick():
    """Processor seconds that a fixed piece of work takes here and now. Limits of processor time are multiples of it: what
    makes all work slower, a slow machine or a busy one, moves both, and so does a sanitizer in the daemon."""
    text = json.dumps(list(range(1000000)))
    began = time.thread_time()
    for _ in range(3):
        json.loads(text)
    return (time.thread_time() - began) * SLOWNESS


def need_program(name):
    directories = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    path = shutil.which(name, path=directories)
    if not path:
        raise Skip(f"{name} is not installed")
    return path


# --- cgroups

def find_cgroup2():
    """The mount point of cgroup v2; one that shows the root of the hierarchy is preferred."""
    found = None
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            before, after = line.split(" - ", 1)
            fields = before.split()
            if after.split()[0] != "cgroup2":
                continue
            path = fields[4].encode().decode("unicode_escape")
            if fields[3] == "/":
                return path
            found = found or path
    return found


def cgroup_members(directory):
    """All processes in it and below."""
    members = []
    for where, _, _ in os.walk(directory):
        with contextlib.suppress(OSError), open(os.path.join(where, "cgroup.procs"), encoding="utf-8") as lines:
            members += [int(line) for line in lines]
    return [pid for pid in members if pid]


def remove_cgroup(directory, seconds=5.0):
    """Ends what runs in it, then removes it with all below. Returns False if it stays."""
    deadline = time.monotonic() + seconds * PATIENCE
    while os.path.isdir(directory):
        for pid in cgroup_members(directory):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for where, _, _ in os.walk(directory, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(where)
        if time.monotonic() > deadline:
            return not os.path.isdir(directory)
        if os.path.isdir(directory):
            time.sleep(0.02)
    return True


def read_run_pids():
    """The ids of all `svcconnect run` processes that tests started; their cgroups bear them."""
    try:
        with open(os.environ["SVCTEST_RUN_PIDS"], encoding="utf-8") as file:
            return set(file.read().split())
    except OSError:
        return set()


# --- HTTP on the unix socket

class UnixConnection(http.client.HTTPConnection):
    """http.client over a unix socket; keeps the connection alive between requests."""

    def __init__(self, path, timeout=30):
        super().__init__("svcconnect", timeout=timeout * PATIENCE)
        self.socket_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.socket_path)

    def ask(self, method, path, body=None):
        """(status, parsed answer). `body` may be anything JSON takes, or bytes to send as they are."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data is not None else {}
        self.request(method, path, body=data, headers=headers)
        response = self.getresponse()
        text = response.read()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text.decode(errors="replace")


class Result:
    """How a command ended."""

    def __init__(self, rc, out, err):
        self.rc, self.out, self.err = rc, out, err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.rc}\nstdout: {self.out}\nstderr: {self.err}"


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def is_running(pid):
    """Not when it has only to be waited for."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


# --- what runs inside a task

class Agent:
    """A process in the task that makes connections on request (agent.py)."""

    def __init__(self, process):
        self.process = process

    def call(self, op, **arguments):
        self.process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the agent has died"
        answer = json.loads(line)
        assert "failed" not in answer, answer
        return answer

    def ask(self, address, port, **how):
        return self.call("ask", address=address, port=port, **how)

    def name(self, address, port, **how):
        """Who answered, or the name of the errno."""
        answer = self.ask(address, port, **how)
        return answer["name"] or answer["errno"]

    def end(self):
        self.process.stdin.close()
        self.process.wait(10 * PATIENCE)

    def open(self, **how):
        return self.call("open", **how)["socket"]


class Connector:
    """A running connector; finish() gives its report."""

    def __init__(self, process):
        self.process = process

    def finish(self, timeout=60):
        """Waits for its own end."""
        out, err = self.process.communicate(timeout=timeout * PATIENCE)
        assert self.process.returncode == 0, f"connector: exit {self.process.returncode}: {err}"
        return json.loads(out)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.finish()


class Task:
    """A cgroup, attached or not, and commands run inside it."""

    def __init__(self, bed, name):
        self.bed = bed
        self.name = name
        self.path = f"{bed.cgroup}/{name}"
        self.directory = bed.cgroup_root + self.path

    def child(self, name):
        """A directory below this one; not attached itself."""
        child = Task(self.bed, f"{self.name}/{name}")
        os.makedirs(child.directory)
        return child

    def popen(self, command, **options):
        return self.bed.popen(command, cgroup=self.directory, **options)

    def run(self, command, **options):
        return self.bed.run(command, cgroup=self.directory, **options)

    def agent(self, before=()):
        """`before`: words to put in front of the command, to enter a network namespace for instance."""
        return self.bed.popen_agent(cgroup=self.directory, before=before)

    def agent_name_once(self, address, port, **how):
        """As Agent.name(), by an agent that ends right after."""
        agent = self.agent()
        try:
            return agent.name(address, port, **how)
        finally:
            agent.end()

    def start_connector(self, targets, *options, before=()):
        """`targets`: {"ADDRESS:PORT": expected name or None}."""
        words = [target if expected is None else f"{target}={expected}" for target, expected in targets.items()]
        command = [*before, tool("connector"), *map(str, options), *words]
        return Connector(self.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))

    def connector(self, targets, *options, timeout=60, before=()):
        return self.start_connector(targets, *options, before=before).finish(timeout)

    def remove(self):
        assert remove_cgroup(self.directory), f"{self.directory} stays"


# --- all of it

def _addresses():
    """Addresses of 127/8 that differ from those of another run on the same host, most likely."""
    run = int(os.environ["SVCTEST_RUN"])
    first, second = 10 + run % 110, run // 110 % 200
    for number in itertools.count():
        yield f"127.{first}.{(second + number // 254) % 250}.{1 + number % 254}"


_free_addresses = _addresses()


def both(first, second):
    """Between fork and exec: one after the other; each may be None."""
    def call():
        for one in (first, second):
            if one:
                one()
    return call


class Testbed:
    """`config`: settings for the daemon's file; `flags`: more words for its command line."""

    def __init__(self, config=None, flags=(), start=True):
        self.number = f"{os.getpid()}-{next(_numbers)}"
        self.config = {"logLevel": "info", **(config or {})}
        self.flags = list(flags)
        self.wants_start = start
        self.processes = []
        self.daemon = None
        self.base = os.path.join(os.environ["SVCTEST_SCRATCH"], self.number)
        self.state_dir = os.path.join(self.base, "state")
        self.run_dir = os.path.join(self.base, "run")
        self.config_file = os.path.join(self.base, "config.json")
        self.log_file = os.path.join(self.base, "daemon.log")
        self.services_dir = os.path.join(self.base, "services.d")  # not there until a test makes it
        self.bpffs = os.path.join(os.environ["SVCTEST_BPFFS"], self.number)
        self.socket_path = os.path.join(self.run_dir, "api.sock")
        self.cgroup_root = find_cgroup2()
        self.cgroup = f"/svctest-{os.environ['SVCTEST_RUN']}-{self.number}"

    def __enter__(self):
        if not self.cgroup_root:
            raise Skip("cgroup v2 is not mounted")
        try:
            os.makedirs(self.base)
            os.mkdir(self.cgroup_root + self.cgroup)
            if self.wants_start:
                self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, error, trace):
        if kind and kind is not Skip:
            self.show_log()
        readers = []
        for process in reversed(self.processes):
            if process.poll() is None:
                if process.args[0] == DAEMON:
                    readers += children_of(process.pid)
                process.kill()
                self.remove_run_cgroups(process.pid)
            for stream in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError):
                    if stream:
                        stream.close()
            process.wait()
        # They end with their daemon, which does not wait for them if it is killed.
        wait_until(lambda: not any(map(is_running, readers)), 10, "the daemon's children have ended")
        wait_until(lambda: not self.keepers(), 10, "what has outlived a daemon has ended")
        assert remove_cgroup(self.cgroup_root + self.cgroup), f"cgroup {self.cgroup} stays"
        shutil.rmtree(self.bpffs, ignore_errors=True)
        shutil.rmtree(self.base, ignore_errors=True)

    def keepers(self):
        """Processes that have the sockets of DNS without being the daemon: they outlive it."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8") as comm, \
                    open(f"/proc/{pid}/cmdline", encoding="utf-8") as words:
                if comm.read() == "svcconnect-keep\n" and self.state_dir in words.read():
                    found.append(int(pid))
        return found

    def remove_run_cgroups(self, pid):
        """Those of a `svcconnect run` that has been killed."""
        parent = os.path.join(self.cgroup_root, "svcconnect")
        for name in os.listdir(parent) if os.path.isdir(parent) else []:
            if f"{name}-".startswith(f"run-{pid}-"):
                remove_cgroup(os.path.join(parent, name))

    def show_log(self):
        with contextlib.suppress(OSError), open(self.log_file, encoding="utf-8", errors="replace") as log:
            lines = log.read().splitlines()
            print(f"--- the daemon's log, last {min(len(lines), 80)} of {len(lines)} lines")
            print("\n".join(lines[-80:]))

    # processes

    def popen(self, command, cgroup=None, **options):
        """Starts a command, in a cgroup if one is given; it is ended with the testbed at the latest."""
        def enter():
            with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="utf-8") as file:
                file.write("0")
        before = options.pop("preexec_fn", None)
        def prepare():
            if cgroup:
                enter()
            if before:
                before()
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(command, text=True, preexec_fn=prepare if cgroup or before else None, **options)
        self.processes.append(process)
        if command[0] == CLI and "run" in command:
            with open(os.environ["SVCTEST_RUN_PIDS"], "a", encoding="utf-8") as file:
                file.write(f"{process.pid}\n")
        return process

    def run(self, command, input=None, timeout=30, **options):
        options.setdefault("stdin", subprocess.PIPE if input is not None else subprocess.DEVNULL)
        process = self.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        try:
            out, err = process.communicate(input, timeout=timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{command} did not end in {timeout} s; stdout: {out}; stderr: {err}") from None
        return Result(process.returncode, out, err)

    def popen_agent(self, cgroup=None, before=()):
        command = [*before, sys.executable, AGENT]
        return Agent(self.popen(command, cgroup=cgroup, stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    # the daemon

    def command_line(self, flags=()):
        return [DAEMON, "--config", self.config_file, "--state-dir", self.state_dir, "--run-dir", self.run_dir,
                "--bpffs", self.bpffs, *self.flags, *flags]

    def write_config(self):
        with open(self.config_file, "w", encoding="utf-8") as file:
            json.dump({"servicesDir": self.services_dir, "awsListen": "off", **self.config}, file)

    def launch(self, flags=(), **options):
        """Starts a daemon without waiting for it, as far ahead of others as the unit's Nice= has it."""
        self.write_config()
        options["preexec_fn"] = both(lambda: os.nice(NICE), options.get("preexec_fn"))
        if os.environ.get("SVCTEST_AS_UNIT"):
            sandbox = Sandbox(self.state_dir, [self.run_dir, os.environ["SVCTEST_BPFFS"], os.environ["SVCTEST_REPORTS"]])
            options["preexec_fn"] = both(options.get("preexec_fn"), sandbox)
        log = open(self.log_file, "a", encoding="utf-8")
        with log:
            return self.popen(self.command_line(flags), stdout=log, stderr=log, **options)

    def start(self):
        """Starts the daemon and waits until it answers; returns the seconds that took."""
        began = time.monotonic()
        self.daemon = self.launch()
        while not self.is_up():
            assert self.daemon.poll() is None, f"svcconnectd ended with {self.daemon.returncode} instead of starting"
            assert time.monotonic() < began + START_PATIENCE, "svcconnectd does not answer"
            time.sleep(0.005)
        return time.monotonic() - began

    def is_up(self):
        try:
            status, answer = UnixConnection(self.socket_path, timeout=5).ask("GET", "/v1/status")
        except (OSError, http.client.HTTPException):
            return False
        return status == 200 and answer["pid"] == self.daemon.pid

    def kill(self):
        """As power loss would, if only for the process."""
        self.daemon.kill()
        self.daemon.wait()

    def stop(self, timeout=10):
        self.daemon.terminate()
        return self.daemon.wait(timeout * PATIENCE)

    def restart(self, config=None, gracefully=False):
        if self.daemon.poll() is None:
            if gracefully:
                self.stop()
            else:
                self.kill()
        if config is not None:
            self.config = {"logLevel": "info", **config}
        return self.start()

    # its API

    def connection(self, timeout=30):
        return UnixConnection(self.socket_path, timeout)

    def api(self, method, path, body=None, timeout=30):
        with contextlib.closing(self.connection(timeout)) as connection:
            return connection.ask(method, path, body)

    def change(self, method, path, **body):
        status, answer = self.api(method, path, body)
        assert status == 200, f"{method} {path} {body}: {status} {answer}"
        return answer

    def get(self, path, **query):
        text = "?" + urllib.parse.urlencode(query) if query else ""
        status, answer = self.api("GET", path + text)
        assert status == 200, f"GET {path}{text}: {status} {answer}"
        return answer

    def status(self):
        return self.get("/v1/status")

    def counters(self):
        return self.status()["counters"]

    def register(self, service, address, id=None, **more):
        return self.change("POST", "/v1/instances", service=service, address=address, **({"id": id} if id else {}),
                           **more)

    def update(self, service, id, **what):
        return self.change("PATCH", "/v1/instances", service=service, id=id, **what)

    def route(self, name, targets, port=80, **more):
        return self.change("PUT", "/v1/routes", dnsName=name, port=port, **more,
                           targets=[{"service": service, "weight": weight} for service, weight in targets.items()])

    def batch(self, changes):
        return self.change("POST", "/v1/batch", changes=changes)

    def alias(self, name, port=80, namespace="default"):
        """The alias as GET /v1/aliases has it."""
        found = [item for item in self.get("/v1/aliases", namespace=namespace)["aliases"]
                 if item["dnsName"] == name and item["port"] == port]
        assert len(found) == 1, f"{name}:{port} in {namespace}: {found}"
        return found[0]

    def address_of(self, name, port=80, namespace="default"):
        return self.alias(name, port, namespace)["address"]

    def target(self, name, port=80, namespace="default"):
        """The alias as connector writes it."""
        return f"{self.address_of(name, port, namespace)}:{port}"

    def endpoints(self, namespace="default"):
        """{(service, id): endpoint}"""
        items = self.get("/v1/endpoints", namespace=namespace)["endpoints"]
        return {(item["service"], item["id"]): item for item in items}

    def tasks(self):
        return {item["cgroup"]: item for item in self.get("/v1/tasks")["tasks"]}

    def wanted_state(self):
        """Everything that only a change may change."""
        state = {name: self.get(f"/v1/{name}")[name] for name in ("services", "routes", "aliases", "hosts")}
        passing = ("connections", "open", "ejections", "ejected", "ejectedSeconds", "ejectedUntil", "outcomes", "check",
                   "reason", "reasonCode", "drawn", "since", "firstByte")
        state["endpoints"] = [{key: value for key, value in item.items() if key not in passing}
                              for item in self.get("/v1/endpoints")["endpoints"]]
        state["tasks"] = [{key: value for key, value in item.items() if key not in ("processes", "connects", "nameservers", "nameserversReason")}
                          for item in sorted(self.get("/v1/tasks")["tasks"], key=lambda item: item["cgroup"])]
        state["revision"] = self.status()["registry"]["revision"]
        return state

    def check_state(self, before):
        """Nothing that only a change may change has changed; what has is told."""
        now = self.wanted_state()
        assert now == before, {key: (before[key], now[key]) for key in now if now[key] != before[key]}

    # the CLI

    def cli(self, *words, **options):
        return self.run([CLI, *words], env=self.cli_environment(), **options)

    def cli_ok(self, *words, **options):
        result = self.cli(*words, **options)
        assert result.rc == 0, f"svcconnect {' '.join(words)}: {result}"
        return result

    def cli_environment(self):
        return {**os.environ, "SVCCONNECT_SOCKET": self.socket_path}

    # tasks, servers, services

    def bare_task(self, name="client"):
        """A cgroup that is not attached."""
        task = Task(self, name)
        os.makedirs(task.directory)
        return task

    def attach(self, task, namespace="default", service=None):
        self.change("POST", "/v1/tasks", cgroup=task.path, namespace=namespace,
                    **({"service": service} if service else {}))

    def task(self, namespace="default", service=None, name="client"):
        task = self.bare_task(name)
        self.attach(task, namespace, service)
        return task

    def announce(self, listeners, *options, before=()):
        """Starts a server for {"ADDRESS:PORT": name}; returns the addresses with the ports that port 0 stood for."""
        words = [f"{address}={name}" for address, name in listeners.items()]
        server = self.popen([*before, tool("announce"), *options, *words], stdout=subprocess.PIPE)
        listening = []
        for line in server.stdout:
            if line.startswith("READY"):
                return listening
            listening.append(line.split()[1])
        raise AssertionError(f"announce ended with {server.wait()}")

    def address(self, port=PORT):
        """An address nobody else in this run uses."""
        return f"{next(_free_addresses)}:{port}"

    def service(self, name, weights=(1,), namespace="default", label=None):
        """A service with one announcing instance per weight: ids "0", "1"..., names "LABEL/0"... Returns addresses."""
        addresses = [self.address() for _ in weights]
        self.announce({address: f"{label or name}/{i}" for i, address in enumerate(addresses)})
        self.batch([{"op": "register", "service": name, "address": address, "id": str(i), "weight": weight,
                     "namespace": namespace} for i, (address, weight) in enumerate(zip(addresses, weights))])
        return addresses

    def network_namespace(self, *commands):
        """A network namespace with only `lo`; returns the words that run a command in it."""
        script = "; ".join(["ip link set lo up", *commands, "echo up", "exec sleep 600"])
        holder = self.popen([need_program("unshare"), "-n", "sh", "-ec", script], stdout=subprocess.PIPE)
        assert holder.stdout.readline() == "up\n", "no network namespace"
        return [need_program("nsenter"), "-t", str(holder.pid), "-n"]


def has_ipv6():
    try:
        with contextlib.closing(socket.socket(socket.AF_INET6)) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def is_socket(path):
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
