# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Real clients, each in the way that has ejected healthy endpoints somewhere: health checks that end in a reset, time limits,
addresses of both families tried one after the other, mapped sockets, pools with Fast Open. Only what the endpoint does may count
against it (docs/architecture.md, "Who has ended it")."""
import os
import sys

from test_blame import TRIES, assert_not_blamed, serve
from test_ejection import FAILURES, blackhole, endpoint
from test_passthrough import need_ipv6
from testbed import PATIENCE, PORT, Skip, Testbed, need_program, wait_until


def registered_hole(bed):
    """`backend`/0 never answers; returns the words that run a command where that is so."""
    hole = blackhole(bed, PORT)
    bed.register("backend", f"127.0.0.1:{PORT}", id="0")
    return hole


def write(bed, name, text):
    path = os.path.join(bed.base, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


# --- HAProxy

HAPROXY = """
defaults
  mode {mode}
  timeout connect 2s
  timeout client 5s
  timeout server {patience}
backend b
  {more}
  server s {where} check inter 10ms fall 1000
frontend f
  bind unix@{bed}/haproxy.sock
  default_backend b
"""


def start_haproxy(bed, task, **how):
    haproxy = need_program("haproxy")
    how = {"mode": "tcp", "patience": "5s", "more": "", "bed": bed.base, **how}
    return task.popen([haproxy, "-db", "-f", write(bed, f"haproxy-{how['mode']}.cfg", HAPROXY.format(**how))])


def test_haproxy_checks_by_resets():
    """Its check of a TCP server is a connect that it resets; by an HTTP check it reads, and resets as well."""
    need_program("haproxy")
    with Testbed() as bed:
        where = bed.address()
        bed.announce({where: "web/0"}, "--http")
        bed.register("backend", where, id="0")
        alias = f"{bed.address_of('backend', PORT)}:{PORT}"
        task = bed.task()
        for more in ("", "option httpchk GET /"):
            before = endpoint(bed, "0")["outcomes"]["established"]
            process = start_haproxy(bed, task, where=alias, more=more)
            wait_until(lambda: endpoint(bed, "0")["outcomes"]["established"] >= before + TRIES, 10, "checks come")
            process.kill()
            process.wait()
        assert_not_blamed(bed, established=None)


def test_haproxy_gives_up_on_a_server():
    """Its time limit for an answer: it resets what is established, as abortonclose does when its client has left."""
    need_program("haproxy")
    with Testbed() as bed:
        serve(bed, "mute")
        start_haproxy(bed, bed.task(), mode="http", patience="50ms", where=f"{bed.address_of('backend', PORT)}:{PORT}",
                      more="option abortonclose")
        ask = [need_program("curl"), "-s", "-o", os.devnull, "-w", "%{http_code}", "-m", "5", "--unix-socket",
               os.path.join(bed.base, "haproxy.sock"), "http://name/"]
        wait_until(lambda: bed.run(ask).out == "504", 5, "HAProxy answers for a server that does not")
        for _ in range(TRIES):
            assert bed.run(ask).out == "504"
        wait_until(lambda: endpoint(bed, "0")["outcomes"]["established"] > TRIES, 5, "all were made")
        assert_not_blamed(bed, established=None)


# --- curl

def curl(bed, task, *words, before=()):
    return task.run([*before, need_program("curl"), "-s", "-o", os.devnull, "-w", "%{http_code} %{exitcode}", "-m", "5", *words]).out


def test_curl_with_a_time_limit():
    with Testbed() as bed:
        hole = registered_hole(bed)
        task, address = bed.task(), bed.address_of("backend", PORT)
        for _ in range(TRIES // 2):
            assert curl(bed, task, "--connect-timeout", "0.1", f"http://{address}:{PORT}/", before=hole) == "000 28"
        assert_not_blamed(bed, gaveUp=TRIES // 2)


def test_curl_with_both_families():
    """Happy eyeballs, on a host with both and in a container that has no IPv6: there the first address fails at once."""
    need_ipv6()
    with Testbed() as bed:
        inside = bed.network_namespace("sysctl -qw net.ipv6.conf.all.disable_ipv6=1")
        where = bed.address()
        bed.announce({where: "web/0"}, "--http")
        bed.announce({where: "web/0"}, "--http", before=inside)
        bed.register("backend", where, id="0")
        alias = bed.alias("backend", PORT)
        both = f"name:{PORT}:[{alias['address6']}],{alias['address']}"
        task = bed.task()
        for before in ((), inside):
            for _ in range(TRIES // 2):
                got = curl(bed, task, "--happy-eyeballs-timeout-ms", "20", "--resolve", both, f"http://name:{PORT}/", before=before)
                assert got == "200 0", (before, got)
        shown = endpoint(bed, "0")
        assert not shown["ejected"] and shown["outcomes"]["unreachable"] == 0, shown


def test_curl_with_fast_open():
    with Testbed() as bed:
        inside = bed.network_namespace("sysctl -qw net.ipv4.tcp_fastopen=3")
        where = bed.address()
        bed.announce({where: "web/0"}, "--http", before=inside)
        bed.register("backend", where, id="0")
        task, address = bed.task(), bed.address_of("backend", PORT)
        for _ in range(TRIES):
            assert curl(bed, task, "--tcp-fastopen", f"http://{address}:{PORT}/", before=inside) == "200 0"
        assert_not_blamed(bed, established=TRIES)


# --- libpq

def test_libpq_with_many_hosts():
    """connect_timeout of a server that says nothing is the client's; the next host refuses, and that is the endpoint's."""
    psql = need_program("psql")
    with Testbed() as bed:
        serve(bed, "mute")
        bed.register("gone", bed.address(), id="0")
        hosts = ",".join(bed.address_of(name, PORT) for name in ("backend", "gone"))
        task = bed.task()
        running = [task.popen([psql, f"host={hosts} port={PORT},{PORT} connect_timeout=2 user=x dbname=x", "-c", ""], stderr=-1)
                   for _ in range(FAILURES + 1)]
        for process in running:
            error = process.communicate(timeout=30 * PATIENCE)[1]
            assert "timeout expired" in error and "refused" in error, error
        assert_not_blamed(bed, established=FAILURES + 1)
        shown = endpoint(bed, "0", "gone")
        assert shown["ejected"] and shown["outcomes"]["refused"] == FAILURES + 1, shown


# --- gRPC

GRPC_SERVER = """
import sys, time, grpc
from concurrent import futures
class Any(grpc.GenericRpcHandler):
    def service(self, details):
        def answer(request, context):
            if details.method == '/x/hang': time.sleep(30)
            return request
        return grpc.unary_unary_rpc_method_handler(answer)
server = grpc.server(futures.ThreadPoolExecutor(64), (Any(),))
assert server.add_insecure_port(sys.argv[1])
server.start(); print('up', flush=True); server.wait_for_termination()
"""

GRPC_CLIENT = """
import os, signal, sys, grpc
options = [('grpc.use_local_subchannel_pool', 1), ('grpc.keepalive_time_ms', 1000), ('grpc.keepalive_timeout_ms', 500)]
def call(method, limit):
    channel = grpc.insecure_channel(sys.argv[1], options)
    try: return channel, channel.unary_unary(method)(b'hello', timeout=limit)
    except grpc.RpcError as e: return channel, e.code().name
for _ in range(int(sys.argv[2])):
    channel, got = call('/x/y', 5)
    assert got == b'hello', got
    channel.close()
for _ in range(int(sys.argv[2])):
    channel, got = call('/x/hang', 0.05)
    assert got == 'DEADLINE_EXCEEDED', got
    channel.close()
kept = [call('/x/y', 5)[0] for _ in range(int(sys.argv[2]))]
print('done', flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def python_with_grpc(bed):
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python) and bed.run([python, "-c", "import grpc"]).rc == 0:
            return python
    raise Skip("python3-grpcio is not installed")


def test_grpc():
    """Channels that are closed, calls that run out of time, and a client that is killed with its channels open."""
    with Testbed() as bed:
        python = python_with_grpc(bed)
        where = bed.address()
        server = bed.popen([python, "-c", GRPC_SERVER, where], stdout=-1)
        assert server.stdout.readline() == "up\n"
        bed.register("backend", where, id="0")
        result = bed.task().run([python, "-c", GRPC_CLIENT, f"{bed.address_of('backend', PORT)}:{PORT}", str(TRIES // 2)], timeout=60)
        assert result.out == "done\n", result
        assert_not_blamed(bed, established=3 * (TRIES // 2))


# --- Java

JAVA = """
import java.net.*;
class Client {
    public static void main(String[] words) throws Exception {
        int port = Integer.parseInt(words[1]), n = Integer.parseInt(words[2]);
        InetAddress address = InetAddress.getByName(words[0]);
        StringBuilder answers = new StringBuilder();
        for (int i = 0; i < n; i++) {
            Socket s = new Socket();
            s.connect(new InetSocketAddress(address, port), 2000);
            s.setSoLinger(true, 0);
            s.close();
        }
        for (int i = 0; i < n; i++) {
            Socket s = new Socket(address, port);
            byte[] got = new byte[100];
            s.getOutputStream().write(10);
            int size = s.getInputStream().read(got);
            answers.append(new String(got, 0, Math.max(size, 0)).trim()).append(' ');
            s.close();
        }
        System.out.println(answers.toString().trim());
    }
}
"""


def test_javas_mapped_sockets():
    """Its sockets are of IPv6 and name IPv4 addresses in their mapped form, in a container without IPv6 too."""
    java = need_program("java")
    need_program("javac")
    need_ipv6()
    with Testbed() as bed:
        inside = bed.network_namespace()
        where = bed.address()
        bed.announce({where: "four/0"}, before=inside)
        bed.register("backend", where, id="0")
        bed.register("six", "[2001:db8::6]:8080", id="0")
        bed.route("both", {"backend": 1, "six": 1})
        words = [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", write(bed, "Client.java", JAVA)]
        result = bed.task().run([*inside, *words, bed.address_of("both"), "80", str(TRIES)], timeout=60)
        assert result.out.split() == ["four/0"] * TRIES, result
        assert not endpoint(bed, "0", "six")["ejected"] and endpoint(bed, "0", "six")["connections"] == 0
        assert_not_blamed(bed, established=2 * TRIES)


# --- Node.js

NODE = """
const net = require('net'), [six, four, port, n, limit] = process.argv.slice(2);
const lookup = (name, options, done) => done(null, [{address: six, family: 6}, {address: four, family: 4}]);
const dial = () => new Promise(end => {
  const s = net.connect({host: 'name', port: +port, lookup, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: +limit});
  s.on('connect', () => { s.resetAndDestroy(); end('connected'); });
  s.on('error', e => end(e.code));
  s.setTimeout(3 * +limit, () => { s.destroy(); end('timeout'); });
});
(async () => { const seen = {}; for (let i = 0; i < +n; i++) { const r = await dial(); seen[r] = (seen[r] || 0) + 1; }
  console.log(JSON.stringify(seen)); })();
"""


def test_nodes_happy_eyeballs():
    """It tries one family for a moment, destroys that socket, and tries the other; at the end it resets."""
    node = need_program("node")
    need_ipv6()
    with Testbed() as bed:
        if bed.run([node, "-e", "process.exit(require('net').Socket.prototype.resetAndDestroy ? 0 : 1)"]).rc:
            raise Skip("node is older than 18.3")
        serve(bed, "mute")
        hole = blackhole(bed, PORT)
        bed.register("slow", f"127.0.0.1:{PORT}", id="0")
        path, task = write(bed, "client.js", NODE), bed.task()
        alias = bed.alias("backend", PORT)
        result = task.run([node, path, alias["address6"], alias["address"], str(PORT), str(TRIES), "250"])
        assert result.out == f'{{"connected":{TRIES}}}\n', result
        assert_not_blamed(bed, established=TRIES)
        alias = bed.alias("slow", PORT)
        result = task.run([*hole, node, path, alias["address6"], alias["address"], str(PORT), "6", "30"])
        assert result.out == '{"timeout":6}\n', result
        shown = endpoint(bed, "0", "slow")
        assert not shown["ejected"] and shown["outcomes"]["retransmitted"] == 0 and shown["outcomes"]["gaveUp"] >= 6, shown


# --- Go

GO = """
package main

import ("context"; "fmt"; "net"; "os"; "time")

func main() {
	n := 0
	for i := 0; i < 20; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", os.Args[1])
		if err == nil { c.(*net.TCPConn).SetLinger(0); c.Close(); n++ }
		cancel()
	}
	fmt.Println(n)
}
"""


def test_go():
    """Deadlines of its dialer, and SetLinger(0)."""
    go = need_program("go")
    with Testbed() as bed:
        serve(bed, "mute")
        hole = blackhole(bed, PORT)
        bed.register("slow", f"127.0.0.1:{PORT}", id="0")
        program = os.path.join(bed.base, "client")
        built = bed.run([go, "build", "-o", program, write(bed, "client.go", GO)], timeout=120,
                        env={**os.environ, "GOCACHE": os.path.join(bed.base, "go"), "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"})
        assert built.rc == 0, built
        task = bed.task()
        assert task.run([program, f"{bed.address_of('backend', PORT)}:{PORT}"]).out == "20\n"
        assert_not_blamed(bed, established=20)
        assert task.run([*hole, program, f"{bed.address_of('slow', PORT)}:{PORT}"]).out == "0\n"
        shown = endpoint(bed, "0", "slow")
        assert not shown["ejected"] and shown["outcomes"]["gaveUp"] == 20, shown
