# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""`make image`: an image that is the same each time, whole by its digests, small, and that says what is in it."""
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile

from testbed import PROGRAMS, TOP, need_plain_programs

LARGEST = 20_000_000  # bytes of the file, which is what a registry keeps and a host pulls


def image_at(path):
    made = subprocess.run([os.path.join(TOP, "scripts", "image"), "--programs", PROGRAMS, "--output", path], capture_output=True, text=True,
                          timeout=300, check=False)
    assert made.returncode == 0, made.stderr
    with open(path, "rb") as file:
        return file.read()


def members_of(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {info.name: tar.extractfile(info).read() if info.isreg() else info.linkname for info in tar}


def test_what_is_in_it():
    need_plain_programs("with a sanitizer they are larger than an image may be")
    with tempfile.TemporaryDirectory() as scratch:
        data, again = (image_at(os.path.join(scratch, name)) for name in ("a.tar", "b.tar"))
    assert data == again, "two runs make two images"
    assert len(data) < LARGEST, len(data)
    layout = members_of(data)
    for name, blob in layout.items():
        if name.startswith("blobs/sha256/"):
            assert hashlib.sha256(blob).hexdigest() == name.rpartition("/")[2], name

    def blob(descriptor):
        found = layout["blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")]
        assert len(found) == descriptor["size"], descriptor
        return found
    manifest = json.loads(blob(json.loads(layout["index.json"])["manifests"][0]))
    assert json.loads(blob(manifest["config"]))["config"]["Cmd"] == ["/bin/svcconnectd"]
    files = members_of(blob(manifest["layers"][0]))
    assert {"bin/svcconnectd", "bin/svcconnect", "bin/busybox", "var/lib"} <= files.keys()
    names = {package["name"] for package in json.loads(files["usr/share/doc/svcconnect/sbom.spdx.json"])["packages"]}
    assert {"svcconnect", "libbpf1", "libsqlite3-0", "libc6", "busybox-static"} <= names, names


def test_what_it_lacks():
    refused = subprocess.run([os.path.join(TOP, "scripts", "image"), "--programs", os.environ["SVCTEST_SCRATCH"], "--output", "/dev/null"],
                             capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1 and "svcconnectd is missing: make all" in refused.stderr, refused
