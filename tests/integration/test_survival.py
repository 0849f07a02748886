# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Faults of the host around the daemon: no descriptors left, its port in other hands, the clock set, pins removed."""
import contextlib
import os
import resource
import socket
import time

from testbed import Testbed, processor_seconds, wait_until, yardstick


def log_of(bed):
    with open(bed.log_file, encoding="utf-8") as file:
        return file.read()


def test_descriptors_at_their_limit():
    """Those at the door wait; neither the processor nor the log pays for it, and all is well again by itself."""
    with Testbed() as bed:
        bed.service("web")
        soft, hard = resource.prlimit(bed.daemon.pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{bed.daemon.pid}/fd"))
        resource.prlimit(bed.daemon.pid, resource.RLIMIT_NOFILE, (used + 8, hard))
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                client = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    client.connect(bed.socket_path)
            wait_until(lambda: "nobody can connect" in log_of(bed), 10, "it is at its limit")
            before, size = processor_seconds(bed.daemon.pid), os.path.getsize(bed.log_file)
            time.sleep(1)
            spent, grown = processor_seconds(bed.daemon.pid) - before, os.path.getsize(bed.log_file) - size
            assert spent < yardstick(), f"{spent:.2f} s of processor"
            assert grown < 2000, f"{grown} bytes of log"
        resource.prlimit(bed.daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
        wait_until(bed.is_up, 10, "it answers again")


def test_port_of_the_aws_api_is_taken():
    with contextlib.closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with Testbed({"awsListen": f"127.0.0.1:{port}"}) as bed:
            status = bed.status()
            assert status["state"] == "degraded" and f"127.0.0.1:{port}" in str(status["degraded"]), status["degraded"]
            doctor = bed.cli("doctor")
            assert f"127.0.0.1:{port}" in doctor.out, doctor
            assert "svcconnect_degraded 1\n" in bed.get("/metrics")
            assert bed.get("/v1/credentials")["endpoint"] == ""
            bed.service("web")
            other.close()
            wait_until(lambda: bed.status()["state"] == "ok", 10, "it has its port")
            assert bed.get("/v1/credentials")["endpoint"] == f"http://127.0.0.1:{port}"
            assert "svcconnect_degraded 0\n" in bed.get("/metrics")
            with contextlib.closing(socket.create_connection(("127.0.0.1", port))) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert client.recv(12).startswith(b"HTTP/1."), "the API answers"
