# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Runs inside a task: reads one JSON request per line, does it with real sockets, answers with one JSON line.

Sockets are kept under a number, so that a test can do several things with one of them."""
import ctypes
import errno
import json
import os
import select
import socket
import struct
import sys

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6, "mapped": socket.AF_INET6}
TYPES = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "mptcp": (socket.SOCK_STREAM, 262)}

sockets = {}


def errno_name(number):
    return errno.errorcode.get(number, str(number)) if number else None


def open_socket(family=4, type="tcp", nonblocking=False, v6only=False, bind=None, device=None):
    number = max(sockets, default=0) + 1
    kind, protocol = TYPES[type]
    sock = socket.socket(FAMILIES[family], kind, protocol)
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if v6only:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if device:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    if bind:
        sock.bind((bind, 0))
    # Kernel timeouts keep the socket blocking; settimeout() would make it non-blocking behind our back.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 5, 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
    sock.setblocking(not nonblocking)
    sockets[number] = sock
    return {"socket": number}


def connect(socket, address, port, mapped=False):
    sock = sockets[socket]
    result = sock.connect_ex((f"::ffff:{address}" if mapped else address, port))
    if result == errno.EINPROGRESS and not sock.getblocking():
        in_progress = True
        select.select([], [sock], [], 5)
        result = sock.getsockopt(1, 4)  # SOL_SOCKET, SO_ERROR
    else:
        in_progress = False
    return {"errno": errno_name(result), "inProgress": in_progress}


def start(socket, address, port):
    """As connect(), without waiting for its end."""
    return {"errno": errno_name(sockets[socket].connect_ex((address, port)))}


def read(socket):
    """The line that an announcing server sends."""
    sock, text = sockets[socket], b""
    try:
        while not text.endswith(b"\n"):
            select.select([sock], [], [], 5)
            more = sock.recv(4096)
            if not more:
                break
            text += more
    except OSError as error:
        return {"name": None, "errno": errno_name(error.errno)}
    return {"name": text.decode().strip(), "errno": None}


def peer(socket):
    try:
        address = sockets[socket].getpeername()
    except OSError as error:
        return {"address": None, "port": None, "errno": errno_name(error.errno)}
    return {"address": address[0], "port": address[1], "errno": None}


def unspec(socket):
    """connect(AF_UNSPEC): takes the peer away again; Python's own connect() cannot say that."""
    nothing = struct.pack("H14x", 0)
    result = ctypes.CDLL(None, use_errno=True).connect(sockets[socket].fileno(), nothing, len(nothing))
    return {"errno": errno_name(ctypes.get_errno()) if result < 0 else None}


def send(socket, text):
    try:
        return {"sent": sockets[socket].send(text.encode()), "errno": None}
    except OSError as error:
        return {"sent": 0, "errno": errno_name(error.errno)}


def read_some(socket):
    return {"size": len(sockets[socket].recv(4096))}


def sendto(socket, address, port, text="who"):
    try:
        return {"sent": sockets[socket].sendto(text.encode(), (address, port)), "errno": None}
    except OSError as error:
        return {"sent": 0, "errno": errno_name(error.errno)}


def recvfrom(socket, seconds=5):
    """The next datagram and where the kernel says that it comes from."""
    sock = sockets[socket]
    if not select.select([sock], [], [], seconds)[0]:
        return {"text": None, "address": None, "port": None, "errno": "ETIMEDOUT"}
    try:
        text, source = sock.recvfrom(4096)
    except OSError as error:
        return {"text": None, "address": None, "port": None, "errno": errno_name(error.errno)}
    return {"text": text.decode(), "address": source[0], "port": source[1], "errno": None}


def echo(socket, address, port, text="who"):
    """One question over UDP, as a program does that does not connect."""
    sent = sendto(socket, address, port, text)
    return recvfrom(socket) if sent["errno"] is None else {"text": None, "address": None, "port": None, **sent}


def echo_many(address, port, count):
    """{answer: how often}, each question from a socket of its own."""
    answers = {}
    for _ in range(count):
        number = open_socket(type="udp")["socket"]
        text = echo(number, address, port)["text"]
        answers[text] = answers.get(text, 0) + 1
        close(number)
    return {"answers": answers}


def close(socket):
    sockets.pop(socket).close()
    return {}


def ask(address, port, family=4, type="tcp", nonblocking=False, **how):
    """One whole connection: who answered, or why nobody did."""
    number = open_socket(family, type, nonblocking, **how)["socket"]
    try:
        answer = connect(number, address, port, mapped=family == "mapped")
        if answer["errno"]:
            return {"name": None, "peer": None, **answer}
        there = peer(number)
        return {**answer, **read(number), "peer": there["address"], "peerPort": there["port"]}
    finally:
        close(number)


def resolve(name):
    try:
        return {"addresses": sorted({item[4][0] for item in socket.getaddrinfo(name, None)})}
    except OSError:
        return {"addresses": []}


OPERATIONS = {"open": open_socket, "connect": connect, "start": start, "read": read, "peer": peer, "unspec": unspec, "send": send,
              "sendto": sendto, "recvfrom": recvfrom, "echo": echo, "echo_many": echo_many,
              "read_some": read_some, "close": close, "ask": ask, "resolve": resolve, "pid": lambda: {"pid": os.getpid()}}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = OPERATIONS[request.pop("op")](**request)
        except OSError as error:
            answer = {"failed": str(error), "errno": errno_name(error.errno)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
