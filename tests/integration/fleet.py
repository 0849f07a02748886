# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""An etcd of the test's own on loopback, of one or more members, and daemons that share it."""
import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.request

from testbed import Testbed, need_program, wait_until


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


class Etcd:
    """Members 0.., each a process; `with` ends them and takes their files away."""

    def __init__(self, members=1, tls=False, more=()):
        self.program = need_program("etcd")
        self.scheme = "https" if tls else "http"
        self.more = list(more)
        ports = free_ports(2 * members)
        self.clients, self.peers = ports[:members], ports[members:]
        self.base = os.path.join(os.environ["SVCTEST_SCRATCH"], f"etcd-{os.getpid()}-{self.clients[0]}")
        self.processes = [None] * members

    def __enter__(self):
        os.makedirs(self.base)
        try:
            if self.scheme == "https":
                self.make_certificates()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, error, trace):
        for i in range(len(self.processes)):
            self.kill(i)
        shutil.rmtree(self.base, ignore_errors=True)

    def url(self, i):
        return f"{self.scheme}://127.0.0.1:{self.clients[i]}"

    @property
    def setting(self):
        return "etcd:" + ",".join(self.url(i) for i in range(len(self.processes)))

    def launch(self, i):
        peer = f"http://127.0.0.1:{self.peers[i]}"
        cluster = ",".join(f"m{n}=http://127.0.0.1:{port}" for n, port in enumerate(self.peers))
        with open(os.path.join(self.base, f"m{i}.log"), "a", encoding="utf-8") as log:
            self.processes[i] = subprocess.Popen(
                [self.program, "--name", f"m{i}", "--data-dir", os.path.join(self.base, f"m{i}"),
                 "--listen-client-urls", self.url(i), "--advertise-client-urls", self.url(i), "--listen-peer-urls", peer,
                 "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster, *self.more], stdout=log, stderr=log)

    def start(self):
        for i, process in enumerate(self.processes):
            if not process:
                self.launch(i)
        wait_until(lambda: all(self.is_healthy(i) for i in range(len(self.processes))), 60, "etcd is healthy")

    def is_healthy(self, i):
        try:
            with urllib.request.urlopen(self.url(i) + "/health", timeout=5, context=self.context()) as answer:
                return json.load(answer)["health"] == "true"
        except (OSError, ValueError):
            return False

    def file(self, name):
        return os.path.join(self.base, name)

    def make_certificates(self):
        """An authority, one that nobody trusts, and certificates of etcd and of a host by the first."""
        def openssl(*words):
            subprocess.run([need_program("openssl"), *words], check=True, capture_output=True)
        for ca in ("ca", "other"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={ca}", "-keyout", self.file(f"{ca}.key"), "-out", self.file(f"{ca}.pem"))
        with open(self.file("names"), "w", encoding="utf-8") as file:
            file.write("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        for who in ("etcd", "host"):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={who}",
                    "-keyout", self.file(f"{who}.key"), "-out", self.file(f"{who}.csr"))
            openssl("x509", "-req", "-in", self.file(f"{who}.csr"), "-CA", self.file("ca.pem"), "-CAkey", self.file("ca.key"),
                    "-CAcreateserial", "-days", "2", "-extfile", self.file("names"), "-out", self.file(f"{who}.pem"))
        self.more += ["--cert-file", self.file("etcd.pem"), "--key-file", self.file("etcd.key"), "--client-cert-auth",
                      "--trusted-ca-file", self.file("ca.pem")]

    def context(self):
        if self.scheme == "http":
            return None
        context = ssl.create_default_context(cafile=self.file("ca.pem"))
        context.load_cert_chain(self.file("host.pem"), self.file("host.key"))
        return context

    def ask(self, path, token=None, member=0, **body):
        request = urllib.request.Request(self.url(member) + path, json.dumps(body).encode(),
                                         {"Authorization": token} if token else {})
        with urllib.request.urlopen(request, timeout=10, context=self.context()) as answer:
            return json.load(answer)

    def leader(self):
        for i in range(len(self.processes)):
            status = self.ask("/v3/maintenance/status", member=i)
            if status["leader"] == status["header"]["member_id"]:
                return i
        raise AssertionError("no member leads")

    def compact(self):
        now = self.ask("/v3/kv/range", key="AA==")["header"]["revision"]
        self.ask("/v3/kv/compaction", revision=now, physical=True)

    def kill(self, i):
        if self.processes[i]:
            self.processes[i].kill()
            self.processes[i].wait()
            self.processes[i] = None

    def kill_all(self):
        for i in range(len(self.processes)):
            self.kill(i)


class Proxy:
    """Stands between a host and one etcd member. While `is_cut` nobody gets through; `edit` makes of each message of a watch
    (a line of JSON) those that the host is to hear."""

    def __init__(self, etcd):
        self.port = etcd.clients[0]
        self.is_cut = False
        self.edit = lambda line: [line]
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def setting(self):
        return f"etcd:http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.cut()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def cut(self):
        self.is_cut = True
        for sock in list(self.sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def heal(self):
        self.is_cut = False

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        with contextlib.suppress(OSError, ValueError), near:
            if self.is_cut:
                return
            with socket.create_connection(("127.0.0.1", self.port)) as far:
                self.sockets |= {near, far}
                first = near.recv(65536)
                far.sendall(first)
                threading.Thread(target=self.pump, args=(near, far), daemon=True).start()
                if first.startswith(b"POST /v3/watch"):
                    self.tell(far, near)
                else:
                    self.pump(far, near)
                self.sockets -= {near, far}

    @staticmethod
    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def tell(self, far, near):
        """The endless answer, message by message; its pieces are made anew."""
        file = far.makefile("rb")
        while (line := file.readline()) != b"\r\n":
            near.sendall(line)
        near.sendall(line)
        message = b""
        while size := int(file.readline(), 16):
            message += file.read(size)
            file.readline()
            while b"\n" in message:
                line, message = message.split(b"\n", 1)
                for told in self.edit(line):
                    near.sendall(b"%x\r\n%s\n\r\n" % (len(told) + 1, told))
        near.sendall(b"0\r\n\r\n")


def without_deletions(line):
    """As an etcd that loses them tells it."""
    message = json.loads(line)
    result = message.get("result", {})
    result["events"] = [event for event in result.get("events", []) if event.get("type") != "DELETE"]
    return [json.dumps(message).encode()]


@contextlib.contextmanager
def fleet(etcd, n, proxies=(), **settings):
    """Daemons on that etcd, the last ones each by a proxy."""
    ways = [etcd] * (n - len(proxies)) + list(proxies)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Testbed(config={"registry": way.setting, "etcd": settings})) for way in ways]


def revision(bed):
    return bed.status()["registry"]["revision"]


def wait_for_same(beds):
    """All hosts know the same revision; returns it."""
    return wait_until(lambda: (lambda all_: all_.pop() if len(all_) == 1 else 0)({revision(bed) for bed in beds}), 30,
                      "all hosts have the same revision")


def rows(bed):
    """What is the fleet's: no alias addresses, which are each host's own."""
    state = bed.wanted_state()
    return {"services": state["services"], "routes": state["routes"],
            "endpoints": sorted((e["service"], e["id"], e["address"], e["weight"]) for e in state["endpoints"])}
