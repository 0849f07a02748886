# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A name server for tests: NAME_SERVER ADDRESS LOG [UDP-PORT TCP-PORT]. Writes a line per question into LOG, "udp|tcp NAME TYPE FROM ID PORT".

*.outside.test has 192.0.2.7 (and its AAAA), big.outside.test is cut over UDP, forged.outside.test is answered falsely
three times before it is answered, quiet.outside.test never; other names do not exist."""
import socket
import struct
import sys
import threading


def read_name(message):
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode(errors="replace"))
        at += 1 + message[at]
    return ".".join(labels), at + 1


def answer(message, is_udp):
    name, end = read_name(message)
    kind = struct.unpack("!H", message[end:end + 2])[0]
    question = message[12:end + 4]
    data = {1: bytes([192, 0, 2, 7]), 28: bytes([0x20, 1, 0xd, 0xb8] + [0] * 11 + [7])}.get(kind)
    flags, records = 0x8180, b""
    if not name.lower().endswith("outside.test"):
        flags |= 3
        data = None
    elif name.lower() == "big.outside.test" and is_udp:
        flags, data = flags | 0x0200, None
    if data:
        records = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
    return name, kind, message[:2] + struct.pack("!HHHHH", flags, 1, 1 if data else 0, 0, 0) + question + records


def serve_udp(sock, log):
    while True:
        message, source = sock.recvfrom(65535)
        if len(message) < 17:
            continue
        name, kind, reply = answer(message, True)
        print("udp", name, kind, source[0], message[:2].hex(), source[1], file=log, flush=True)
        if name.startswith("forged"):
            for wrong in (b"\0\0" + reply[2:], bytes([reply[0] ^ 1]) + reply[1:], reply[:13] + b"x" + reply[14:]):
                sock.sendto(wrong, source)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(reply[:-4] + bytes([6, 6, 6, 6]), source)
        if not name.startswith("quiet"):
            sock.sendto(reply, source)


def serve_connection(connection, log):
    with connection, connection.makefile("rb") as file:
        while len(length := file.read(2)) == 2:
            message = file.read(struct.unpack("!H", length)[0])
            name, kind, reply = answer(message, False)
            print("tcp", name, kind, *connection.getpeername()[:1], message[:2].hex(), connection.getpeername()[1], file=log,
                  flush=True)
            connection.sendall(struct.pack("!H", len(reply)) + reply)


def main():
    address, path = sys.argv[1:3]
    udp_port, tcp_port = map(int, sys.argv[3:]) if sys.argv[3:] else (53, 53)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with open(path, "a", encoding="utf-8") as log, socket.socket(family, socket.SOCK_DGRAM) as udp, \
            socket.socket(family) as tcp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.bind(socket.getaddrinfo(address, udp_port, family)[0][4])
        tcp.bind(socket.getaddrinfo(address, tcp_port, family)[0][4])
        tcp.listen(16)
        threading.Thread(target=serve_udp, args=(udp, log), daemon=True).start()
        print("READY", flush=True)
        while True:
            connection, _ = tcp.accept()
            threading.Thread(target=serve_connection, args=(connection, log), daemon=True).start()


main()
