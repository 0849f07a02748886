# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What svcconnect is compared with: each in a network namespace of its own (a nat hook switches connection tracking on
for a whole one), all in front of the same servers: 127.0.0.2 to .4, and one of them for bulk."""
import os
import subprocess
import time

from lab import Testbed, need_program, pin, start_ready, tool
from testbed import Skip, wait_until

BACKENDS = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
VIP = "127.255.0.1"
CONNECT_PORT, HTTP_PORT, BULK_PORT = 8080, 8081, 5201
UDP_PORT, UDP_FLOWS_PORT = 8082, 8083  # the same servers; a proxy may take them for single requests, and for long flows
SERVED = {("tcp", CONNECT_PORT): BACKENDS, ("tcp", HTTP_PORT): BACKENDS, ("tcp", BULK_PORT): BACKENDS[:1],
          ("udp", UDP_PORT): BACKENDS, ("udp", UDP_FLOWS_PORT): BACKENDS}

NGINX = """pid {name}.pid; error_log {name}.log; daemon off; master_process off; worker_processes 1;
events {{ worker_connections 4096; }}
"""


class Peer:
    """A way to the servers. `cgroup`: where its clients run."""
    threads = 1  # of a proxy
    why_no_udp = None

    def __init__(self, bed, name, cgroup):
        self.bed, self.name, self.cgroup = bed, name, cgroup
        self.inside = bed.network_namespace()
        self.directory = os.path.join(bed.base, name.replace(" ", "-"))
        os.makedirs(self.directory)
        self.helpers = []  # processes whose time counts: servers, and what is in between
        self.start_servers()
        self.start_way()

    def start_way(self):
        """What leads to the servers."""

    def place(self, where):
        """Servers and proxies onto these processors; clients come there by themselves."""
        for pid in self.helpers:
            pin(pid, where)

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, *command):
        with open(os.path.join(self.directory, "output"), "a", encoding="utf-8") as log:
            self.helpers.append(self.bed.popen([*self.inside, *command], stdout=log, stderr=log).pid)

    def run(self, *command, **options):
        result = self.bed.run([*self.inside, *command], **options)
        assert result.rc == 0, f"{command}: {result}"

    def start_servers(self):
        self.helpers.append(start_ready(self.bed, [*self.inside, tool("accept_server"), str(CONNECT_PORT),
                                                *BACKENDS]).pid)
        self.helpers.append(start_ready(self.bed, [*self.inside, tool("udp_echo"),
                                                *(f"{address}:{port}" for address in BACKENDS
                                                  for port in (UDP_PORT, UDP_FLOWS_PORT))]).pid)
        servers = "".join(f"server {{ listen {address}:{HTTP_PORT} backlog=4096; "
                          f"location / {{ return 200 \"{address}\\n\"; }} }}\n" for address in BACKENDS)
        self.start_nginx("backends", f"http {{ access_log off; keepalive_requests 1000000000;\n{servers}}}\n")
        self.start(need_program("iperf3"), "-s", "-B", BACKENDS[0], "-p", str(BULK_PORT))

    def start_nginx(self, name, text):
        path = self.write(f"{name}.conf", NGINX.format(name=name) + text)
        if "stream" in text:
            module = "/usr/lib/nginx/modules/ngx_stream_module.so"
            if not os.path.exists(module):
                raise Skip("nginx's stream module is not installed")
            self.write(f"{name}.conf", f"load_module {module};\n" + NGINX.format(name=name) + text)
        self.start(need_program("nginx"), "-p", self.directory, "-c", path, "-e", f"{name}.log")

    def target(self, port):
        """[ADDRESS:PORT, ...] that clients connect to."""
        return [f"{VIP}:{port}"]


class Direct(Peer):
    def target(self, port):
        return [f"{address}:{port}" for (_, known), addresses in SERVED.items() if known == port
                for address in addresses]


class Svcconnect(Peer):
    def start_way(self):
        for (protocol, port), addresses in SERVED.items():
            for address in addresses:
                self.bed.register(f"port{port}", f"{address}:{port}", protocol=protocol)
        self.targets = {port: [self.bed.target(f"port{port}", port)] for _, port in SERVED}

    def target(self, port):
        return self.targets[port]


class Nftables(Peer):
    def start_way(self):
        rules = ""
        for (protocol, port), addresses in SERVED.items():
            choice = ", ".join(f"{i} : {address} . {port}" for i, address in enumerate(addresses))
            rules += (f"    ip daddr {VIP} {protocol} dport {port} dnat ip to numgen inc mod {len(addresses)} map "
                      f"{{ {choice} }}\n")
        self.run(need_program("nft"), "-f", self.write("numgen.nft", f"""table ip lb {{
  chain out {{
    type nat hook output priority -100; policy accept;
{rules}  }}
}}
"""))


class Iptables(Peer):
    def start_way(self):
        for (protocol, port), addresses in SERVED.items():
            for i, address in enumerate(addresses):
                left = len(addresses) - i
                share = ["-m", "statistic", "--mode", "random", "--probability", f"{1 / left:.5f}"] if left > 1 else []
                self.run(need_program("iptables"), "-w", "-t", "nat", "-A", "OUTPUT", "-d", VIP, "-p", protocol,
                         "--dport", str(port), *share, "-j", "DNAT", "--to-destination", f"{address}:{port}")


class Haproxy(Peer):
    why_no_udp = "HAProxy balances no UDP but for syslog and QUIC"

    def start_way(self):
        text = (f"global\n  nbthread {self.threads}\n  maxconn 4096\ndefaults\n  mode tcp\n  timeout connect 1s\n"
                "  timeout client 30s\n  timeout server 30s\n")
        for (protocol, port), addresses in SERVED.items():
            if protocol != "tcp":
                continue
            servers = "".join(f"  server s{i} {address}:{port}\n" for i, address in enumerate(addresses))
            text += (f"frontend f{port}\n  bind {VIP}:{port}\n  default_backend b{port}\n"
                     f"backend b{port}\n  balance roundrobin\n{servers}")
        self.start(need_program("haproxy"), "-db", "-f", self.write("haproxy.cfg", text))


class NginxStream(Peer):
    def start_way(self):
        text = "stream { access_log off;\n"
        for (protocol, port), addresses in SERVED.items():
            servers = " ".join(f"server {address}:{port};" for address in addresses)
            if protocol == "tcp":
                options = f"backlog=4096{' reuseport' if self.threads > 1 else ''}; proxy_connect_timeout 1s;"
            else:
                # A session ends with the answer, or there would soon be one for each port that a client has had.
                options = "udp; proxy_timeout 2s;" + (" proxy_responses 1;" if port == UDP_PORT else "")
            if protocol == "tcp" or self.threads == 1:
                text += (f"upstream b{port} {{ {servers} }}\n"
                         f"server {{ listen {VIP}:{port} {options} proxy_pass b{port}; }}\n")
        # Each is what a worker process would be.
        for i in range(self.threads):
            self.start_nginx(f"stream{i}", text + "}\n")


class Haproxy2(Haproxy):
    threads = 2


class NginxStream2(NginxStream):
    threads = 2
    why_no_udp = "as with one process"


def start_all(bed):
    """([peers], {name: why it is left out})"""
    task, bare = bed.task(name="task"), bed.bare_task("bare")
    peers, left_out = [], {}
    for name, kind, where in (("direct", Direct, bare), ("direct, in a task", Direct, task),
                              ("svcconnect", Svcconnect, task), ("nftables", Nftables, bare),
                              ("iptables", Iptables, bare), ("HAProxy", Haproxy, bare),
                              ("nginx stream", NginxStream, bare), ("HAProxy, 2 threads", Haproxy2, bare),
                              ("nginx stream, 2 processes", NginxStream2, bare)):
        try:
            peer = kind(bed, name, where.directory)
            wait_until_serving(peer)
            peers.append(peer)
        except (Skip, AssertionError, OSError, subprocess.SubprocessError) as reason:
            left_out[name] = str(reason)
    return peers, left_out


def wait_until_serving(peer):
    """Each of its ports leads to a server."""
    def answers(client, target):
        result = peer.bed.run([*peer.inside, tool(client), "--count", "1", target], cgroup=peer.cgroup)
        return '"failed": 0' in result.out
    for protocol, port in SERVED:
        if protocol == "udp" and peer.why_no_udp:
            continue
        client = "connect_rate" if protocol == "tcp" else "udp_rate"
        for target in peer.target(port):
            wait_until(lambda client=client, target=target: answers(client, target) or time.sleep(0.05), 5,
                       f"{peer.name}: {protocol} {target} answers")


__all__ = ["BULK_PORT", "CONNECT_PORT", "HTTP_PORT", "Testbed", "UDP_FLOWS_PORT", "UDP_PORT", "start_all"]
