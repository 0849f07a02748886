# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""An etcd of the test's own on loopback, of one or more members, and daemons that share it."""
import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
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

    def ask(self, path, token=None, **body):
        request = urllib.request.Request(self.url(0) + path, json.dumps(body).encode(),
                                         {"Authorization": token} if token else {})
        with urllib.request.urlopen(request, timeout=10, context=self.context()) as answer:
            return json.load(answer)

    def kill(self, i):
        if self.processes[i]:
            self.processes[i].kill()
            self.processes[i].wait()
            self.processes[i] = None

    def kill_all(self):
        for i in range(len(self.processes)):
            self.kill(i)


@contextlib.contextmanager
def fleet(etcd, n, **settings):
    """Daemons on that etcd."""
    config = {"registry": etcd.setting, "etcd": settings}
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Testbed(config=config)) for _ in range(n)]


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
