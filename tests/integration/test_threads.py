# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Threaded cgroups: the kernel lists no processes there, only threads, and sockets belong to where their thread was."""
import sys

from testbed import PATIENCE, Testbed, wait_until

# A thread in DIR joins THREADED by itself, then asks; the first thread does not.
ASK = r"""
import os, socket, sys, threading
domain, threaded, name, port = sys.argv[1:4] + [int(sys.argv[4])]
open(domain + "/cgroup.procs", "w").write("0")
def ask():
    open(threaded + "/cgroup.threads", "w").write(str(threading.get_native_id()))
    print("joined", flush=True)
    sys.stdin.readline()
    for _ in range(2):
        try:
            with socket.create_connection((socket.gethostbyname(name), port), 5) as sock:
                print(sock.recv(100).decode().strip(), flush=True)
        except OSError as error:
            print(error, flush=True)
thread = threading.Thread(target=ask)
thread.start()
thread.join()
"""


def make_threaded(task):
    with open(f"{task.directory}/cgroup.type", "w", encoding="utf-8") as file:
        file.write("threaded")


def talk(bed, domain, threaded, before=lambda: None):
    process = bed.popen([sys.executable, "-c", ASK, domain.directory, threaded.directory, "backend", "8080"], stdin=-1, stdout=-1)
    assert process.stdout.readline() == "joined\n"
    before()
    out, _ = process.communicate("go\n", timeout=30 * PATIENCE)
    return out.split()


def wait_for_names(bed, task):
    wait_until(lambda: bed.tasks()[task.path]["nameservers"], 10, "its name servers are stood in for")
    assert bed.tasks()[task.path]["processes"] >= 1


def test_a_threaded_cgroup_has_its_names():
    with Testbed() as bed:
        bed.service("backend")
        domain = bed.bare_task("domain")
        threaded = domain.child("threads")
        make_threaded(threaded)
        answer = bed.change("POST", "/v1/tasks", cgroup=threaded.path)
        assert len(answer["warnings"]) == 1 and "threaded" in answer["warnings"][0], answer
        assert "threaded" in bed.cli_ok("attach", "--cgroup", threaded.path).err
        assert talk(bed, domain, threaded, lambda: wait_for_names(bed, threaded)) == ["backend/0"] * 2
        plain = bed.bare_task("plain")
        assert bed.change("POST", "/v1/tasks", cgroup=plain.path)["warnings"] == []


def test_the_cgroup_above_threaded_ones():
    with Testbed() as bed:
        bed.service("backend")
        domain = bed.task(name="domain")
        threaded = domain.child("threads")
        make_threaded(threaded)
        assert talk(bed, domain, threaded, lambda: wait_for_names(bed, domain)) == ["backend/0"] * 2


def test_a_cgroup_that_becomes_threaded_later():
    with Testbed() as bed:
        bed.service("backend")
        domain = bed.bare_task("domain")
        threaded = domain.child("threads")
        bed.attach(threaded)
        make_threaded(threaded)
        assert talk(bed, domain, threaded, lambda: wait_for_names(bed, threaded)) == ["backend/0"] * 2
        bed.restart()
        assert talk(bed, domain, threaded, lambda: wait_for_names(bed, threaded)) == ["backend/0"] * 2
