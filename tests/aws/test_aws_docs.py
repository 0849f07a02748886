# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""The blocks of docs/aws.md as they stand there, with the daemon's address instead of the usual one."""
import os
import re
import tempfile

from aws_client import AWS, AwsBed
from test_aws_waiters import find_sdk
from testbed import Skip, TOP, need_program, note


def blocks(language):
    with open(f"{TOP}/docs/aws.md", encoding="utf-8") as file:
        found = re.findall(rf"^```{language}\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    assert found, f"no block of {language}"
    return found


class DocsBed(AwsBed):
    def __enter__(self):
        super().__enter__()
        assert self.call("CreateHttpNamespace", {"Name": "shop"})[0] == 200
        self.register("web", "127.9.8.1:8080", "i", namespace="shop")
        return self

    def run_block(self, text, words, suffix, folder=None, **env):
        with tempfile.NamedTemporaryFile("w", dir=folder or self.base, suffix=suffix) as file:
            file.write(text.replace("http://127.0.0.1:4599", self.endpoint))
            file.flush()
            result = self.run([*words, file.name], env=self.environment(**env), timeout=60)
        assert result.rc == 0 and "127.9.8.1" in result.out, result


def test_cli():
    if not os.access(AWS, os.X_OK):
        raise Skip("Debian's awscli is not installed (scripts/install-deps test)")
    with DocsBed() as bed:
        for text in blocks("sh cli"):
            bed.run_block(text, ["sh", "-e"], ".sh", PATH=f"{os.path.dirname(AWS)}:/usr/bin:/bin")


def test_libraries():
    python, done = need_program("python3"), []
    with DocsBed() as bed:
        if bed.run([python, "-c", "import boto3"]).rc == 0:
            for text in blocks("python"):
                bed.run_block(text, [python], ".py")
            done.append("boto3")
        else:
            note("boto3 is not installed: its block was not run")
        try:
            folder, node = find_sdk(), need_program("node")
            for text in blocks("js"):
                bed.run_block(text, [node], ".mjs", folder=folder)
            done.append("JavaScript")
        except Skip as why:
            note(f"JavaScript's block was not run: {why}")
    if not done:
        raise Skip("neither boto3 nor the SDK for JavaScript is installed")


def test_credentials():
    """What the first block sets is what the text says."""
    with DocsBed() as bed:
        out = bed.cli_ok("credentials").out
        for name in re.findall(r"\bAWS_[A-Z_]+\b", blocks("sh")[0]):
            assert f"export {name}=" in out or f"{name}=" in out, (name, out)
        assert "AWS_DISABLE_HOST_PREFIX_INJECTION=" in out, out
