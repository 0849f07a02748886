# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""How much stack the kernel programs take on kernels that round each frame up to 32 bytes (before 6.7: check_max_stack_depth()
in kernel/bpf/verifier.c); programs that take more than 512 are refused there, and nothing on a newer kernel says so.

From the object file: the frames that clang has made, and who calls whom."""
import functools
import re
import subprocess

ROUNDED_TO = 32
MOST = 512


def read(tool, *words):
    return subprocess.run([tool, *words], capture_output=True, text=True, check=True).stdout


def frames(path):
    """{function: bytes}"""
    return {name: int(size) for size, name in
            re.findall(r"^\s+(\d+)\s+(\w+)$", read("llvm-readelf", "--stack-sizes", path), re.MULTILINE)}


def functions_of_text(path):
    """{offset in .text: function}; programs have sections of their own."""
    numbers = {name: number for number, name in re.findall(r"\[\s*(\d+)\] (\S+)", read("llvm-readelf", "-S", path))}
    found = {}
    for line in read("llvm-readelf", "-s", path).splitlines():
        words = line.split()
        if len(words) == 8 and words[3] == "FUNC" and words[6] == numbers[".text"]:
            found[int(words[1], 16)] = words[7]
    return found


def calls(path):
    """{function: functions that it calls}. A call is relocated by name, by its place in .text, or relative to its own place."""
    text = functions_of_text(path)
    found, caller, waiting = {}, None, None
    for line in read("llvm-objdump", "-d", "-r", path).splitlines() + [""]:
        relocation = re.search(r"R_BPF_64_32\s+(\S+)", line)
        if waiting:
            at, target = waiting
            if relocation and relocation[1] != ".text":
                found[caller].add(relocation[1])
            else:
                found[caller].add(text[8 * (target + 1 if relocation else at + target + 1)])
            waiting = None
        symbol = re.match(r"[0-9a-f]+ <(\w+)>:", line)
        call = re.match(r"\s*(\d+):\s+85 10 00 00 .*call (-?\d+)$", line)  # 85 00 is a call of a helper
        if symbol and not symbol[1].startswith("LBB"):
            caller = symbol[1]
            found.setdefault(caller, set())
        elif call:
            waiting = int(call[1]), int(call[2])
    return found


def depths(path, programs):
    """{program: bytes}"""
    sizes, called = frames(path), calls(path)

    @functools.cache
    def depth(function):
        own = -(-max(sizes[function], 1) // ROUNDED_TO) * ROUNDED_TO
        return own + max((depth(one) for one in called[function]), default=0)

    return {program: depth(program) for program in programs}
