#!/usr/bin/python3
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Writes sigv4_vectors.h: requests as botocore signs them (Debian's awscli), for test_sigv4.c to sign again.

    /usr/bin/python3 tests/unit/aws/make_vectors.py > tests/unit/aws/sigv4_vectors.h"""
import datetime
import json

import awscli.clidriver  # noqa: F401  makes its botocore importable by that name
from botocore import auth, awsrequest, credentials

SECRET = "wJalrXUtnFEMIexamplesecretkeyforthetests"
CASES = [
    # service, region, host, time, body, further headers
    ("servicediscovery", "us-east-1", "127.0.0.1:4599", (2026, 1, 1, 0, 0, 0), '{"Id": "ns-1"}',
     {"X-Amz-Target": "Route53AutoNaming_v20170314.GetNamespace", "Content-Type": "application/x-amz-json-1.1"}),
    ("servicediscovery", "eu-central-1", "data-localhost:4599", (2024, 2, 29, 23, 59, 59), "{}",
     {"X-Amz-Target": "Route53AutoNaming_v20170314.DiscoverInstances"}),
    ("ecs", "ap-southeast-2", "localhost:4599", (2026, 12, 31, 12, 30, 1), "",
     {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListServices", "X-Spaces": "  a   b  \t c "}),
    ("ecs", "us-gov-west-1", "host", (2038, 1, 19, 3, 14, 8), "\u00fc\u20ac" * 2000,
     {"amz-sdk-invocation-id": "0a07e56e-bf95-414c-8fbe-d7ba55a0f6f6", "amz-sdk-request": "attempt=1",
      "X-Amz-Security-Token": "token/with+signs=="}),
]


def sign(service, region, host, time, body, headers):
    moment = datetime.datetime(*time)

    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return moment
    auth.datetime.datetime = Clock
    # A token of ours goes out as any other header: the signer would put its own in its place.
    request = awsrequest.AWSRequest("POST", f"http://{host}/", headers=headers, data=body.encode())
    auth.SigV4Auth(credentials.Credentials("AKIDEXAMPLE", SECRET), service, region).add_auth(request)
    return {"Host": host, **dict(request.headers.items())}


def main():
    print("/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */")
    print("/* Made by make_vectors.py: do not edit. */")
    print("#pragma once")
    print(f"#define VECTOR_SECRET {json.dumps(SECRET)}")
    print("static const struct vector {")
    print("    const char *service;\n    const char *head;\n    const char *body;\n    unsigned repeat;\n} vectors[] = {")
    for service, region, host, time, body, headers in CASES:
        signed = sign(service, region, host, time, body, headers)
        lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in signed.items()),
                 f"Content-Length: {len(body.encode())}", "", ""]
        repeat = 2000 if len(body) > 1000 else 1
        text = "".join(f"\\{byte:03o}" for byte in body[:len(body) // repeat].encode())
        print(f"    {{{json.dumps(service)},")
        print("".join(f"     {json.dumps(line + chr(13) + chr(10))}\n" for line in lines[:-1]).rstrip() + ",")
        print(f'     "{text}", {repeat}}},')
    print("};")


main()
