# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""A name server for tests that says what a file says: ZONE_SERVER ADDRESS:PORT ZONE LOG.

ZONE is JSON, read again for every question: {"NAME": {"A": ["IP", ...], "AAAA": [...], "ttl": SECONDS,
"rcode": {"A": 2, ...} or a number, "silent": true}}; names that are not in it do not exist. Answers that do not fit a
datagram are cut, and whole over TCP. Writes "udp|tcp NAME TYPE" per question into LOG."""
import ipaddress
import json
import socket
import struct
import sys
import threading

TYPES = {1: "A", 28: "AAAA"}


def read_question(message):
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode(errors="replace"))
        at += 1 + message[at]
    return ".".join(labels).lower(), struct.unpack("!H", message[at + 1:at + 3])[0], message[12:at + 5]


def answer(message, zone_path, transport, log):
    name, kind, question = read_question(message)
    print(transport, name, TYPES.get(kind, kind), file=log, flush=True)
    with open(zone_path, encoding="utf-8") as file:
        entry = json.load(file).get(name)
    if entry and entry.get("silent"):
        return None
    rcode = 3 if entry is None else entry.get("rcode", 0)
    if isinstance(rcode, dict):
        rcode = rcode.get(TYPES.get(kind), 0)
    addresses = entry.get(TYPES.get(kind), []) if entry and not rcode else []
    records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, entry.get("ttl", 1), len(data)) + data
                       for data in (ipaddress.ip_address(text).packed for text in addresses))
    flags = 0x8180 | rcode
    if transport == "udp" and len(records) + len(question) + 12 > 512:
        flags, records, addresses = flags | 0x0200, b"", []
    return message[:2] + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0) + question + records


def serve_connection(connection, zone_path, log):
    with connection, connection.makefile("rb") as file:
        while len(length := file.read(2)) == 2:
            reply = answer(file.read(struct.unpack("!H", length)[0]), zone_path, "tcp", log)
            if reply:
                connection.sendall(struct.pack("!H", len(reply)) + reply)


def serve_tcp(listener, zone_path, log):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_connection, args=(connection, zone_path, log), daemon=True).start()


def main():
    where, zone_path, log_path = sys.argv[1:]
    address, port = where.rsplit(":", 1)
    with open(log_path, "a", encoding="utf-8") as log, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
            socket.socket() as tcp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.bind((address, int(port)))
        tcp.bind((address, int(port)))
        tcp.listen(16)
        threading.Thread(target=serve_tcp, args=(tcp, zone_path, log), daemon=True).start()
        print("READY", flush=True)
        while True:
            message, source = udp.recvfrom(65535)
            reply = answer(message, zone_path, "udp", log)
            if reply:
                udp.sendto(reply, source)


main()
