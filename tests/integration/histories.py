# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What was written and read, by whom and when, and whether one order of all of it explains what everybody saw.

Each key is a register. A write has taken effect at one moment between its call and its answer; one whose answer was lost, at
one moment after its call or never; a read that asks etcd sees what was in effect at one moment in between (linearizable). A
read of what a host knows may be behind, but not ahead, never goes back, and knows what was acknowledged by that host: it has
its moment anywhere before its answer and after what the same host has answered before.
"""
import itertools
import threading
import time

NEVER = float("inf")


class History:
    """Filled by any number of threads; times are of one monotonic clock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.operations = {}  # by key
        self.answers = {}     # of each host and key: when, and which operation

    def __len__(self):
        return self.count("read") + self.count("write")

    def count(self, kind, is_acknowledged=False):
        with self.lock:
            return sum(operation["kind"] == kind and (operation["end"] != NEVER or not is_acknowledged)
                       for of_key in self.operations.values() for operation in of_key)

    def add(self, key, kind, value, begin, end, host=None):
        """`host`: whose knowledge it is; None: etcd's, or nobody's (an answer that was lost)."""
        with self.lock:
            of_key = self.operations.setdefault(key, [])
            answers = self.answers.setdefault((host, key), [])
            # What the host had answered when this was asked: more than one may have been under way.
            after = [i for answered, i in answers[-16:] if answered <= begin] if host is not None else []
            is_of_host = kind == "read" and host is not None
            of_key.append({"kind": kind, "value": value, "begin": -NEVER if is_of_host else begin, "end": end, "after": after})
            if host is not None:
                answers.append((end, len(of_key) - 1))

    def write(self, keys, value, host, do):
        """`do` writes that value under all keys at once and returns True, False if it was refused for sure, None if nobody knows."""
        begin = time.monotonic()
        result = do()
        end = time.monotonic()
        for key in keys if result is not False else ():
            self.add(key, "write", value, begin, end if result else NEVER, host if result else None)
        return result

    def read(self, keys, host, do):
        """`do` returns the values of all keys at one moment. Without a host it has asked etcd."""
        begin = time.monotonic()
        values = do()
        end = time.monotonic()
        for key, value in zip(keys, values):
            self.add(key, "read", value, begin, end, host)
        return values

    def check(self):
        """The keys that no order explains."""
        return [key for key, operations in self.operations.items() if not explains(operations)]


def explains(operations, initial=None):
    """Is there an order? Reads that can be next are taken at once, since they change nothing; of the writes that can be next each
    is tried (Wing and Gong), and what was tried is not tried again (Lowe)."""
    n = len(operations)
    by_end = sorted(range(n), key=lambda i: operations[i]["end"])
    by_begin = sorted(range(n), key=lambda i: operations[i]["begin"])
    writes = [i for i in by_begin if operations[i]["kind"] == "write"]
    reads_of = {}
    for i, operation in enumerate(operations):
        if operation["kind"] == "read":
            reads_of.setdefault(operation["value"], []).append(i)

    def can_be_next(i, done, first_end):
        operation = operations[i]
        return not done[i] and operation["begin"] <= first_end and all(done[other] for other in operation["after"])

    def first_end_of(done, at):
        while at < n and done[by_end[at]]:
            at += 1
        return at

    def take_reads(value, done, at):
        is_changing = True
        while is_changing:
            is_changing = False
            at = first_end_of(done, at)
            limit = operations[by_end[at]]["end"] if at < n else NEVER
            for i in reads_of.get(value, ()):
                if can_be_next(i, done, limit):
                    done[i] = is_changing = True
        return at

    tried = set()
    done = bytearray(n)
    stack = [(initial, done, take_reads(initial, done, 0))]
    while stack:
        value, done, at = stack.pop()
        at = first_end_of(done, at)
        # What nobody has acknowledged need not have been.
        if all(done[i] or operations[i]["end"] == NEVER for i in itertools.islice(by_end, at, None)):
            return True
        state = (value, bytes(done))
        if state in tried:
            continue
        tried.add(state)
        limit = operations[by_end[at]]["end"]
        for i in writes:
            if operations[i]["begin"] > limit:
                break
            if can_be_next(i, done, limit):
                after = bytearray(done)
                after[i] = True
                stack.append((operations[i]["value"], after, take_reads(operations[i]["value"], after, at)))
    return False


def self_test():
    def is_explained(*operations):
        history = History()
        for operation in operations:
            history.add("key", *operation)
        return history.check() == []

    w, r = "write", "read"
    assert is_explained((w, 1, 0, 1, "a"), (w, 2, 2, 3, "b"), (r, 2, 4, 5))
    # Etcd has forgotten an acknowledged write, or tells of one that was overwritten before the read began.
    assert not is_explained((w, 1, 0, 1, "a"), (r, None, 2, 3))
    assert not is_explained((w, 1, 0, 1, "a"), (w, 2, 2, 3, "b"), (r, 1, 4, 5))
    # Who wrote at the same time may have been first or second, for all readers the same.
    assert is_explained((w, 1, 0, 3, "a"), (w, 2, 1, 4, "b"), (r, 1, 5, 6))
    assert not is_explained((w, 1, 0, 3, "a"), (w, 2, 1, 4, "b"), (r, 1, 5, 6), (r, 2, 7, 8))
    # A lost answer: written or not, but not both, and not before it was asked for.
    assert is_explained((w, 1, 0, 1, "a"), (w, 2, 2, NEVER), (r, 1, 3, 4))
    assert is_explained((w, 1, 0, 1, "a"), (w, 2, 2, NEVER), (r, 1, 3, 4), (r, 2, 5, 6))
    assert not is_explained((w, 1, 0, 1, "a"), (w, 2, 2, NEVER), (r, 2, 3, 4), (r, 1, 5, 6))
    assert not is_explained((w, 2, 5, NEVER), (r, 2, 3, 4))
    # A host may be behind, and neither ahead nor back, and it knows what it has acknowledged.
    assert is_explained((w, 1, 0, 1, "a"), (w, 2, 2, 3, "a"), (r, 1, 4, 5, "b"), (r, 2, 5, 6, "b"))
    assert not is_explained((w, 1, 0, 1, "a"), (w, 2, 2, 3, "a"), (r, 2, 4, 5, "b"), (r, 1, 5, 6, "b"))
    assert not is_explained((w, 1, 0, 1, "a"), (w, 2, 2, 3, "a"), (r, 1, 4, 5, "a"))
    assert is_explained((w, 1, 0, 1, "a"), (w, 2, 2, 3, "a"), (r, 1, 2, 5, "a"))  # asked before the answer
    assert not is_explained((w, 1, 5, 6, "a"), (r, 1, 3, 4, "b"))
    # A value that nobody wrote.
    assert not is_explained((w, 1, 0, 1, "a"), (r, 3, 4, 5, "b"))
