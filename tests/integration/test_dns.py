# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Names by DNS: real resolvers in a network namespace of the test's own, whose name server is one of the test's own."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import time

from testbed import PATIENCE, Skip, Testbed, need_program, note, processor_seconds, tool, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = "198.51.100.53"
MUSL_CLIENT = r"""
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET}, *found;
    char text[64];
    (void)argc;
    int r = getaddrinfo(argv[1], NULL, &hints, &found);
    if (r != 0)
        return printf("error %s\n", gai_strerror(r)), 1;
    inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, text, sizeof(text));
    puts(text);
    return 0;
}
"""


ARES_CLIENT = r"""
#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/select.h>
static void done(void *user, int status, int timeouts, struct ares_addrinfo *found)
{
    char text[64] = "";
    (void)user, (void)timeouts;
    if (status != ARES_SUCCESS)
        puts(ares_strerror(status));
    else
        puts(inet_ntop(AF_INET, &((struct sockaddr_in *)found->nodes->ai_addr)->sin_addr, text, sizeof(text)));
}
int main(int argc, char **argv)
{
    struct ares_addrinfo_hints hints = {.ai_family = AF_INET, .ai_flags = ARES_AI_NOSORT};
    ares_channel channel;
    (void)argc;
    ares_library_init(ARES_LIB_INIT_ALL);
    if (ares_init(&channel) != ARES_SUCCESS)
        return 1;
    ares_getaddrinfo(channel, argv[1], NULL, &hints, done, NULL);
    for (;;) {
        fd_set readers, writers;
        struct timeval most = {1, 0};
        FD_ZERO(&readers);
        FD_ZERO(&writers);
        int n = ares_fds(channel, &readers, &writers);
        if (n == 0)
            return 0;
        select(n, &readers, &writers, NULL, &most);
        ares_process(channel, &readers, &writers);
    }
}
"""


class Place:
    """A network namespace with a name server, and a task whose processes are in it."""
    def __init__(self, bed, conf=f"nameserver {SERVER}\n", servers=(SERVER,), intercepted=1, ports=(), setup=(), **task):
        self.bed = bed
        self.log = os.path.join(bed.base, "questions")
        self.conf = os.path.join(bed.base, "resolv.conf")
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(conf)
        self.servers = [line.split()[1] for line in conf.splitlines() if line.startswith("nameserver")]
        self.inside = bed.network_namespace(*[f"ip addr add {server} dev lo" for server in servers], *setup)
        for server in servers:
            process = bed.popen([*self.inside, sys.executable, os.path.join(HERE, "name_server.py"), server, self.log,
                                 *map(str, ports)],
                                stdout=subprocess.PIPE)
            assert process.stdout.readline() == "READY\n"
        self.task = bed.task(**task)
        self.before = [*self.inside, "unshare", "-m", "sh", "-c",
                       'mount --bind "$0" /etc/resolv.conf && exec "$@"', self.conf]
        self.agent = self.task.agent(before=self.before)
        self.wait(intercepted)

    def wait(self, intercepted=1):
        """Not for what a process had before its own resolv.conf was mounted."""
        def is_so():
            found = self.bed.tasks()[self.task.path]["nameservers"]
            return len(found) == intercepted and set(found) <= set(self.servers)
        wait_until(is_so, 10, f"{intercepted} name servers are stood in for")

    def run(self, *words, **options):
        return self.task.run([*self.before, *words], **options)

    def dig(self, *words):
        return self.run(need_program("dig"), "+time=2", "+tries=1", *words).out

    def short(self, *words):
        return self.dig("+short", *words).split()

    def questions(self):
        """Names that the name server was asked for."""
        with open(self.log, encoding="utf-8") as file:
            return [line.split()[1] for line in file]


@contextlib.contextmanager
def place(config=None, **options):
    with Testbed(config) as bed:
        bed.register("backend", "127.0.0.1:9", id="0")
        yield bed, Place(bed, **options)


def test_dig():
    with place() as (bed, here):
        address = bed.address_of("backend", 9)
        assert here.short("backend") == [address]
        assert here.short("BACKEND") == [address]
        assert here.short("+tcp", "backend") == [address]
        assert here.short("backend", "AAAA") == [bed.alias("backend", 9)["address6"]]
        assert here.short("backend", "SRV") == ["0", "1", "9", "backend."]
        assert here.short("_9._tcp.backend", "SRV") == ["0", "1", "9", "backend."]
        assert here.short("-x", address) == ["backend."]
        assert "status: NOERROR" in (text := here.dig("backend", "MX")) and "ANSWER: 0" in text
        assert "status: NXDOMAIN" in here.dig("_x._udp.backend", "SRV")
        both = [address, bed.alias("backend", 9)["address6"]]
        assert here.short("backend", "ANY", "+notcp") == both and here.short("backend", "ANY", "+tcp") == both
        assert here.short("_9._tcp.backend", "ANY") == ["0", "1", "9", "backend."]
        assert here.short("-x", address, "ANY") == ["backend."]
        assert "status: NXDOMAIN" in here.dig("_x._udp.backend", "ANY")
        text = here.dig("backend")
        assert f"SERVER: {SERVER}#53" in text, text
        assert "\t5\tIN" in text or " 5 IN" in text.replace("\t", " "), text
        assert here.questions() == []


def names_of(service, namespace, region="us-east-1"):
    return [service, f"{service}.{namespace}", f"{service}.{namespace}.svc.cluster.local",
            f"{service}.default.svc.cluster.local", f"{service}.{namespace}.{region}.ecs.amazonaws.com"]


def document_of(name, alias, namespace="default"):
    return json.dumps({"serviceName": name, "taskDefinition": {"containerDefinitions": [{"portMappings": [
        {"name": "http", "containerPort": 8080}]}]}, "serviceConnectConfiguration": {
            "enabled": True, "namespace": namespace,
            "services": [{"portName": "http", "discoveryName": name, **({"clientAliases": [alias]} if alias else {})}]}})


def test_names_of_every_service():
    """However it came to be; nobody else is ever asked for one of them."""
    with place() as (bed, here):
        for name, alias in (("plain", None), ("ported", {"port": 80}), ("named", {"port": 80, "dnsName": "elsewhere.corp"})):
            status, answer = bed.api("POST", "/v1/documents", {"documents": [{"source": name, "text": document_of(name, alias)}]})
            assert status == 200, answer
        want = {"backend": ("backend", 9), "plain": ("plain", 8080), "ported": ("ported", 80), "named": ("elsewhere.corp", 80)}
        for service, (alias, port) in want.items():
            for name in names_of(service, "default"):
                found = here.short(name)
                assert len(found) == 1 and found[0] in {item["address"] for item in bed.get("/v1/aliases")["aliases"]}, name
                assert service in ("plain", "ported") or found == [bed.address_of(alias, port)], (name, found)
                assert here.short(name.upper()) == found and here.short("+tcp", name) == found
                assert len(here.short(name, "AAAA")) == 1
        status, answer = bed.api("POST", "/v1/documents", {"documents": [
            {"source": "x", "text": document_of("taker", {"port": 80, "dnsName": "named.default"})}]})
        assert status == 200, answer
        wait_until(lambda: here.short("named.default") == [bed.address_of("named.default", 80)], 5, "a client alias goes before")
        assert here.short("named") == [bed.address_of("elsewhere.corp", 80)]
        bed.cli_ok("delete", "service", "named")
        assert here.questions() == []
        wait_until(lambda: "named.default.svc.cluster.local" in
                   (here.dig("named.default.svc.cluster.local"), here.questions())[1], 5, "it is gone")
    with place({"nameSuffixes": "NAMESPACE.example.org,REGION.x", "region": "eu-west-1"}) as (bed, here):
        for name in ("backend", "backend.default.example.org", "backend.eu-west-1.x"):
            assert here.short(name) == [bed.address_of("backend", 9)], name
        assert here.questions() == []
        here.dig("backend.default")
        assert here.questions()


def test_everything_else_goes_to_the_name_server():
    with place() as (_, here):
        assert here.short("www.outside.test") == ["192.0.2.7"]
        assert here.short("+tcp", "www.outside.test") == ["192.0.2.7"]
        assert here.short("big.outside.test") == ["192.0.2.7"], "cut over UDP, and so asked by TCP"
        assert "status: NXDOMAIN" in here.dig("nowhere.test")
        assert here.short("forged.outside.test") == ["192.0.2.7"], "wrong ids, questions and sources are not heard"
        ids = [line.split()[4] for line in open(here.log, encoding="utf-8") if line.startswith("udp")]
        assert len(set(ids)) == len(ids)


def test_each_question_goes_on_from_a_port_of_its_own():
    with place() as (_, here):
        here.run("sh", "-c", 'for i in $(seq 40); do dig +short +time=2 +tries=1 "n$i.outside.test"; done')
        with open(here.log, encoding="utf-8") as file:
            ports = [line.split()[5] for line in file if line.startswith("udp")]
        assert len(ports) == 40 and len(set(ports)) > 36, ports


def count_of_sockets(pid):
    found = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
    return found


def test_many_questions_at_once_share_few_sockets():
    with place() as (bed, here):
        before = count_of_sockets(bed.daemon.pid)
        code = ("import socket,struct,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
                "for i in range(200):\n"
                "    s.sendto(struct.pack('!HHHHHH',i,256,1,0,0,0)+b'\\x05quiet\\x07outside\\x04test\\0\\0\\1\\0\\1',"
                f"('{SERVER}',53))\n")
        assert here.run(sys.executable, "-c", code).rc == 0
        wait_until(lambda: here.questions().count("quiet.outside.test") == 200, 5, "all have been passed on")
        with open(here.log, encoding="utf-8") as file:
            ports = {line.split()[5] for line in file if line.startswith("udp quiet")}
        assert len(ports) == 8, ports
        assert count_of_sockets(bed.daemon.pid) - before <= 8, "bounded"
        assert here.short("www.outside.test") == ["192.0.2.7"], "while all of them wait"
        wait_until(lambda: count_of_sockets(bed.daemon.pid) <= before, 25, "those that are not needed are closed")


test_many_questions_at_once_share_few_sockets.timeout = 90


def test_glibc():
    with place() as (bed, here):
        address = bed.address_of("backend", 9)
        assert here.agent.call("resolve", name="backend")["addresses"][0] == address
        assert "192.0.2.7" in here.agent.call("resolve", name="www.outside.test")["addresses"]
        assert here.run("getent", "hosts", "backend").out.split()[0] in (address, bed.alias("backend", 9)["address6"])
        assert here.agent.call("resolve", name="nowhere.test")["addresses"] == []


def test_a_name_that_appears_while_a_process_runs():
    with place() as (bed, here):
        assert here.agent.call("resolve", name="later")["addresses"] == []
        bed.register("later", "127.0.0.1:9")
        assert bed.address_of("later", 9) in here.agent.call("resolve", name="later")["addresses"]
        bed.cli_ok("delete", "service", "later")
        assert here.agent.call("resolve", name="later")["addresses"] == []


def test_musl():
    compiler = need_program("musl-gcc")
    with place() as (bed, here):
        source, program = os.path.join(bed.base, "client.c"), os.path.join(bed.base, "client")
        with open(source, "w", encoding="utf-8") as file:
            file.write(MUSL_CLIENT)
        assert bed.run([compiler, "-static", "-o", program, source]).rc == 0
        assert here.run(program, "backend").out.strip() == bed.address_of("backend", 9)
        assert here.run(program, "www.outside.test").out.strip() == "192.0.2.7"


def test_c_ares():
    compiler = need_program("gcc")
    with place() as (bed, here):
        source, program = os.path.join(bed.base, "client.c"), os.path.join(bed.base, "client")
        with open(source, "w", encoding="utf-8") as file:
            file.write(ARES_CLIENT)
        result = bed.run([compiler, "-o", program, source, "-lcares"])
        if result.rc != 0:
            raise Skip("c-ares is not here: " + result.err.strip().splitlines()[-1])
        assert here.run(program, "backend").out.strip() == bed.address_of("backend", 9)
        assert here.run(program, "www.outside.test").out.strip() == "192.0.2.7"


def test_busybox():
    busybox = need_program("busybox")
    with place() as (bed, here):
        text = here.run(busybox, "nslookup", "backend").out
        assert SERVER in text and bed.address_of("backend", 9) in text, text


def test_search_domains_leak_nothing():
    with place(conf=f"search example.com corp.test\nnameserver {SERVER}\n") as (bed, here):
        address = bed.address_of("backend", 9)
        assert address in here.agent.call("resolve", name="backend")["addresses"]
        assert here.short("backend.example.com") == [address]
        assert here.short("+search", "backend") == [address]
        assert here.questions() == [], "nobody outside hears of our names"
        here.agent.call("resolve", name="www")
        assert "www.example.com" in here.questions()


def test_several_name_servers():
    other = "198.51.100.54"
    conf = f"nameserver {SERVER}\nnameserver {other}\n"
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:9", id="0")
        here = Place(bed, conf, (SERVER, other), intercepted=2)
        for server in (SERVER, other):
            assert here.short(f"@{server}", "backend") == [bed.address_of("backend", 9)]
            assert here.short(f"@{server}", "www.outside.test") == ["192.0.2.7"]


def test_a_name_server_that_nobody_is():
    with place(conf="nameserver 198.51.100.99\n") as (bed, here):
        assert here.short("backend") == [bed.address_of("backend", 9)]
        assert here.short("www.outside.test") != ["192.0.2.7"]
        assert here.short("backend") == [bed.address_of("backend", 9)], "what is ours does not wait for what nobody answers"


def test_isolation():
    with place() as (bed, here):
        bed.register("secret", "127.0.0.1:9", namespace="elsewhere")
        assert here.agent.call("resolve", name="secret")["addresses"] == []
        outside = bed.popen_agent(before=here.before)
        assert outside.call("resolve", name="backend")["addresses"] == [], "not in the task"
        assert "backend" in here.questions()


JOIN = ('import os,subprocess,sys\n'
        'open(sys.argv[1]+"/cgroup.procs","w").write("0")\n'
        'for number in range(1,1000):\n'
        '    out=subprocess.run(["dig","+short","+time=1","+tries=1","backend"],capture_output=True,text=True).stdout.split()\n'
        '    if out==[sys.argv[2]]: break\n'
        'print(number)\n')


def join(bed, here, task):
    """How many questions, each by a `dig` of its own, it takes from joining the cgroup to the right answer."""
    assert bed.tasks()[task.path]["nameservers"] == []
    command = [*here.before, sys.executable, "-c", JOIN, task.directory, bed.address_of("backend", 9)]
    asked = int(bed.run(command, timeout=60).out)
    wait_until(lambda: bed.tasks()[task.path]["nameservers"] == [], 10, "gives them back when it has ended")
    return asked


def test_the_first_process_of_an_empty_cgroup_has_its_names_at_once():
    """Who looks every half a second does not answer the first question five times in a row; who shares two processors does
    not always."""
    with place() as (bed, here):
        task = bed.task(name="empty")
        for _ in range(6):
            asked = [join(bed, here, task) for i in range(5) if not time.sleep(0.3 + i * 0.11)]
            note("questions from joining to the right answer: " + " ".join(map(str, asked)))
            if max(asked) == 1:
                return
        assert False, "not once in time"


def test_who_makes_cgroups_without_end_does_not_keep_the_daemon_busy():
    with place() as (bed, here):
        task = bed.task(name="empty")
        child, made = os.path.join(here.task.directory, "child"), 0
        before, began = processor_seconds(bed.daemon.pid), time.monotonic()
        end, asked = began + 3, None
        while time.monotonic() < end:
            os.mkdir(child)
            os.rmdir(child)
            made += 1
            if asked is None and time.monotonic() > end - 1.5:
                asked = join(bed, here, task)
        share = (processor_seconds(bed.daemon.pid) - before) / (time.monotonic() - began)
        note(f"{made} cgroups, {share * 100:.0f} % of a core, another task's first process asked {asked} times")
        assert made > 500 and share < 0.2 and asked <= 20, (made, share, asked)


def test_a_container_that_enters_its_namespaces_after_its_cgroup():
    with place() as (bed, here):
        task = bed.task(name="late")
        child = os.path.join(task.directory, "container")
        os.mkdir(child)
        script = (f'echo 0 > {child}/cgroup.procs; sleep .15; exec "$@"')
        try:
            process = bed.popen(["sh", "-c", script, "sh", *here.before, sys.executable, "-c", JOIN, child,
                                 bed.address_of("backend", 9)], stdout=subprocess.PIPE)
            asked = int(process.communicate(timeout=60 * PATIENCE)[0])
        finally:
            os.rmdir(child)
        assert asked <= 40, asked


def test_several_network_namespaces_of_one_task():
    with place() as (bed, here):
        address = bed.address_of("backend", 9)
        others, before = [], []
        for i in range(4):
            inside = bed.network_namespace(f"ip addr add {SERVER} dev lo")
            log = os.path.join(bed.base, f"questions{i}")
            process = bed.popen([*inside, sys.executable, os.path.join(HERE, "name_server.py"), SERVER, log],
                                stdout=subprocess.PIPE)
            assert process.stdout.readline() == "READY\n"
            before.append([*inside, *here.before[len(here.inside):]])
            others.append(here.task.agent(before=before[-1]))
            if i < 3:
                here.wait(2 + i)
        dig = [need_program("dig"), "+short", "+time=2", "+tries=1"]
        for number in range(3):
            for name, found in (("backend", [address]), ("www.outside.test", ["192.0.2.7"])):
                assert here.task.run([*before[number], *dig, name]).out.split() == found, (number, name)
                assert here.short(name) == found
            with open(os.path.join(bed.base, f"questions{number}"), encoding="utf-8") as file:
                asked = [line.split()[1] for line in file]
            assert "backend" not in asked and "www.outside.test" in asked, "by the name server of that namespace"
        assert here.task.run([*before[3], *dig, "www.outside.test"]).out.split() == ["192.0.2.7"], "one more than four"
        assert here.task.run([*before[3], *dig, "backend"]).out.split() == []
        here.agent.end()
        wait_until(lambda: here.task.run([*before[3], *dig, "backend"]).out.split() == [address], 12,
                   "there is room for it now")
        assert here.task.run([*before[1], *dig, "backend"]).out.split() == [address]
        bed.kill()
        bed.start()
        here.wait(4)
        for number in range(4):
            assert here.task.run([*before[number], *dig, "backend"]).out.split() == [address], number


def test_two_tasks_of_one_network_namespace():
    with place() as (bed, here):
        bed.register("secret", "127.0.0.1:9", namespace="elsewhere")
        other = bed.task("elsewhere", name="other")
        agent = other.agent(before=here.before)
        wait_until(lambda: bed.tasks()[other.path]["nameservers"] == [SERVER], 10, "the other task has its stub")
        assert bed.address_of("secret", 9, "elsewhere") in agent.call("resolve", name="secret")["addresses"]
        assert agent.call("resolve", name="backend")["addresses"] == []
        assert here.agent.call("resolve", name="secret")["addresses"] == []


def test_a_stopped_daemon_leaves_the_name_server():
    with place() as (bed, here):
        for how in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM):
            assert here.short("backend") == [bed.address_of("backend", 9)]
            os.kill(bed.daemon.pid, how)
            if how == signal.SIGTERM:
                bed.daemon.wait()
                assert here.short("www.outside.test") == ["192.0.2.7"], "at once"
            else:
                time.sleep(2.6)
                # The first question already: one that went to the daemon would not be asked again.
                result = here.run("env", "RES_OPTIONS=attempts:1 timeout:8", "getent", "hosts", "www.outside.test",
                                  timeout=60)
                assert result.rc == 0, (how, result)
            if how == signal.SIGSTOP:
                os.kill(bed.daemon.pid, signal.SIGCONT)
                time.sleep(1)
                assert here.short("backend") == [bed.address_of("backend", 9)]
            else:
                if how == signal.SIGKILL:
                    bed.daemon.wait()
                bed.start()
                here.wait()


def test_off():
    with Testbed(flags=["--dns", "off"]) as bed:
        bed.register("backend", "127.0.0.1:9")
        here = Place(bed, intercepted=0)
        time.sleep(1.2)
        assert bed.tasks()[here.task.path]["nameservers"] == []
        assert here.short("backend") == []
        assert "backend" in here.questions()


def test_on_and_off_at_a_restart():
    with place() as (bed, here):
        bed.restart({"dns": "off"})
        assert here.short("backend") == []
        bed.restart({"dns": "on", "dnsTtlSeconds": 77})
        here.wait()
        assert "77" in here.dig("backend")


def test_rubbish():
    with place() as (bed, here):
        code = ("import random,socket,sys\nrandom.seed(int(sys.argv[1]))\n"
                "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
                "good=bytes.fromhex('000101000001000000000000076261636b656e640000010001')\n"
                "loop=bytes.fromhex('0001010000010000000000' '00c00c00010001')\n"
                "for i in range(10000):\n"
                "    k=i%4\n"
                "    m=random.randbytes(random.randrange(1,600)) if k==0 else good[:random.randrange(1,len(good))] if k==1"
                " else loop if k==2 else bytes(b^(1<<random.randrange(8)) if random.random()<.1 else b for b in good)\n"
                f"    s.sendto(m,('{SERVER}',53))\n")
        assert here.run(sys.executable, "-c", code, "1", timeout=60).rc == 0
        assert here.short("backend") == [bed.address_of("backend", 9)]
        assert bed.status()["dns"]["malformed"] > 1000


def test_too_many_at_a_time():
    with place() as (bed, here):
        code = ("import socket,struct\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.settimeout(1)\n"
                "s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1<<20)\n"
                "tail=b'\\x05quiet\\x07outside\\x04test\\0\\0\\1\\0\\1'\n"
                "import time\n"
                f"for i in range(600):\n    s.sendto(struct.pack('!HHHHHH',i,256,1,0,0,0)+tail,('{SERVER}',53))\n    time.sleep(.0005)\n"
                "n=0\ntry:\n    while True:\n        n+=s.recv(600)[3]&15==2\nexcept OSError:\n    pass\nprint(n)\n")
        out = here.run(sys.executable, "-c", code, timeout=20).out
        assert int(out) == 600 - 512, out
        assert here.short("backend") == [bed.address_of("backend", 9)], "ours are answered none the less"


def test_rate():
    with place() as (bed, here):
        count, ticks = 40000, os.sysconf("SC_CLK_TCK")
        before = processor_seconds(bed.daemon.pid)
        result = here.run(tool("dns_rate"), SERVER, str(count), "backend", timeout=40)
        spent = processor_seconds(bed.daemon.pid) - before
        answered, milliseconds = map(int, result.out.split())
        rate = answered / max(spent, 1 / ticks)
        note(f"{answered / milliseconds * 1000:.0f} answers/s beside others; {rate:.0f} for a second of one core")
        assert answered == count and rate > 20000, (result, spent)


def test_ipv6_name_server():
    with place(conf="nameserver fd00:5::53\n", servers=("fd00:5::53",)) as (bed, here):
        address = bed.address_of("backend", 9)
        assert here.short("backend") == [address]
        assert address in here.agent.call("resolve", name="backend")["addresses"]
        assert here.short("www.outside.test") == ["192.0.2.7"]


DOCKER_RULES = """table ip nat {
  chain output { type nat hook output priority -100; policy accept;
    ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:37211
    ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:43977
  }
  chain postrouting { type nat hook postrouting priority 100; policy accept;
    ip saddr 127.0.0.11 tcp sport 37211 snat to :53
    ip saddr 127.0.0.11 udp sport 43977 snat to :53
  }
}"""


def test_the_rules_of_dockers_name_server():
    """127.0.0.11 is answered at ports of its own, where rules of the container's namespace lead questions to port 53."""
    need_program("nft")
    server = "127.0.0.11"
    with place(conf=f"search corp.test\nnameserver {server}\noptions ndots:0\n", servers=(server,), ports=(43977, 37211),
               setup=[f"printf %s '{DOCKER_RULES}' | nft -f -"]) as (bed, here):
        address = bed.address_of("backend", 9)
        for how in ((), ("+tcp",)):
            assert here.short(*how, "backend") == [address]
            assert here.short(*how, "www.outside.test") == ["192.0.2.7"]
        assert here.short("big.outside.test") == ["192.0.2.7"], "cut over UDP, and so asked by TCP"
        assert here.agent.call("resolve", name="backend")["addresses"][0] == address
        assert "192.0.2.7" in here.agent.call("resolve", name="www.outside.test")["addresses"]
        assert "backend" not in here.questions() and "www.outside.test" in here.questions()
        bed.kill()
        time.sleep(2.6)
        assert here.short("www.outside.test") == ["192.0.2.7"], "by itself, within 3 s"
        assert here.short("backend") == []
        bed.start()
        here.wait()
        assert here.short("backend") == [address]


def test_run():
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:9")
        # Not by /etc/hosts, which dig does not read; the host's own name server is in no need to answer.
        out = bed.cli("run", "--", need_program("dig"), "+short", "+time=2", "+tries=1", "backend").out
        assert out.split() == [bed.address_of("backend", 9)], out


def test_nginx():
    nginx = need_program("nginx")
    with place() as (bed, here):
        where = bed.address()
        bed.announce({where: "web/0"}, "--http", before=here.inside)
        bed.register("web", where)
        port = int(where.split(":")[1])
        conf = os.path.join(bed.base, "nginx.conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(f"""daemon off; master_process off; pid {bed.base}/nginx.pid; error_log {bed.base}/nginx.log;
events {{ worker_connections 64; }}
http {{ access_log off; resolver {SERVER} ipv6=off; client_body_temp_path {bed.base}/t1; proxy_temp_path {bed.base}/t2;
fastcgi_temp_path {bed.base}/t3; uwsgi_temp_path {bed.base}/t4; scgi_temp_path {bed.base}/t5;
server {{ listen 127.0.0.1:8888; location / {{ set $to "web:{port}"; proxy_pass http://$to; }} }} }}""")
        process = here.task.popen([*here.before, nginx, "-p", bed.base, "-c", conf])
        end = time.monotonic() + 10
        while True:
            result = here.task.run([*here.inside, need_program("curl"), "-sS", "-m", "5", "http://127.0.0.1:8888/"])
            if result.rc == 0 or time.monotonic() > end:
                break
            time.sleep(0.1)
        assert result.out.strip() == "web/0", result
        process.terminate()
        process.wait()


def test_listening_for_others():
    with Testbed(flags=["--dns-listen", "127.0.0.1:5399"]) as bed:
        def ask(*words):
            return bed.run([need_program("dig"), "@127.0.0.1", "-p", "5399", "+time=2", "+tries=1", *words]).out

        def mark(health, *ids):
            for id in ids:
                bed.update("web", id, namespace="shop.local", health=health)
        ids = [f"i{i}" for i in range(12)]
        for i, id in enumerate(ids):
            bed.register("web", f"10.0.0.{i + 1}:80", id=id, namespace="shop.local")
        bed.register("web", "[fd00::5]:80", id="six:1", namespace="shop.local")
        found = ask("+short", "web.shop.local").split()
        assert len(found) == 8 and len(set(found)) == 8, found
        assert len({ask("+short", "web.shop.local") for _ in range(20)}) > 1, "others at other times"
        assert ask("+short", "WEB.shop.local", "AAAA").split() == ["fd00::5"]
        assert ask("+short", "i3.web.shop.local").split() == ["10.0.0.4"]
        assert ask("+short", "fd00--5-80.web.shop.local", "AAAA").split() == ["fd00::5"]
        lines = ask("+short", "+tcp", "web.shop.local", "SRV").splitlines()
        assert len(lines) == 8 and all(line.endswith(".web.shop.local.") for line in lines), lines
        mark("UNHEALTHY", "six:1", *ids[1:])
        assert ask("+short", "web.shop.local").split() == ["10.0.0.1"]
        mark("UNHEALTHY", ids[0])
        assert len(ask("+short", "+tcp", "web.shop.local").split()) == 8, "all if none is healthy"
        assert "NXDOMAIN" in ask("nobody.shop.local")
        assert "status: NOERROR" in ask("shop.local") and "ANSWER: 0" in ask("web.shop.local", "TXT")
        assert "REFUSED" in ask("www.example.com") and "REFUSED" in ask("+tcp", "www.example.com")
        assert set(ask("+short", "+notcp", "i3.web.shop.local", "ANY").split()) == {"10.0.0.4"}
        any_of = ask("+short", "+tcp", "web.shop.local", "ANY").split()
        assert len(any_of) == 8 and all(one.startswith("10.0.0.") for one in any_of), any_of
        assert "status: NOERROR" in ask("shop.local", "ANY") and "NXDOMAIN" in ask("nobody.shop.local", "ANY")
        assert "REFUSED" in ask("www.example.com", "ANY")
