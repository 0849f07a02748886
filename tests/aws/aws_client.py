# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""AWS's own clients against a daemon of the test: botocore in this process, the `aws` command, requests by hand.

botocore is the one inside Debian's awscli package, so that what is tested is what users of that package have."""
import contextlib
import datetime
import http.client
import json
import os
import socket
import sys

import testbed

DEBIAN = "/usr/lib/python3/dist-packages"
AWS = "/usr/bin/aws"
REGION = "us-east-1"
TARGETS = {"servicediscovery": "Route53AutoNaming_v20170314", "ecs": "AmazonEC2ContainerServiceV20141113"}


def import_botocore():
    """Its own folder is on the path only meanwhile: the modules beside it have names that others have too."""
    if not os.path.isdir(f"{DEBIAN}/awscli/botocore"):
        raise testbed.Skip("Debian's awscli is not installed (scripts/install-deps test)")
    if "botocore" not in sys.modules:
        sys.path[:0] = [f"{DEBIAN}/awscli", DEBIAN]
        try:
            import botocore.auth
            import botocore.awsrequest
            import botocore.config
            import botocore.credentials
            import botocore.session
            import botocore.exceptions
        finally:
            sys.path.remove(f"{DEBIAN}/awscli")
    return sys.modules["botocore"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class AwsBed(testbed.Testbed):
    """A testbed whose daemon serves the AWS API, with the key pair it made."""

    def __init__(self, config=None, **options):
        self.port = free_port()
        self.sessions = None
        super().__init__({"awsListen": f"127.0.0.1:{self.port}", **(config or {})}, **options)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def key(self, name="default"):
        """(access key id, secret)"""
        status, answer = self.connection().ask("GET", f"/v1/credentials?name={name}")
        assert status == 200, answer
        return answer["accessKeyId"], answer["secretAccessKey"]

    def client(self, service, key=None, **config):
        botocore = import_botocore()
        key = key or self.key()
        if not self.sessions:
            os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/dev/null",
                              AWS_SHARED_CREDENTIALS_FILE="/dev/null")
            self.sessions = botocore.session.Session()
        config = botocore.config.Config(**{"inject_host_prefix": False, "retries": {"max_attempts": 1},
                                           "read_timeout": 20, **config})
        client = self.sessions.create_client(service, region_name=REGION, endpoint_url=self.endpoint, config=config,
                                             aws_access_key_id=key[0], aws_secret_access_key=key[1])
        client.meta.events.register("after-call", check_answer)
        return client

    def environment(self, key=None, **more):
        key = key or self.key()
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith("AWS_") and not name.lower().endswith("_proxy")}
        return {**clean, "AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1], "AWS_DEFAULT_REGION": REGION,
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "AWS_CONFIG_FILE": "/dev/null",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "1", "LC_ALL": "C.UTF-8", **more}

    def aws(self, *words, endpoint=None, key=None, env=None, before=(), command=AWS):
        """The command itself; a testbed.Result."""
        if not os.access(command, os.X_OK):
            raise testbed.Skip("Debian's awscli is not installed (scripts/install-deps test)")
        return self.run([*before, command, "--endpoint-url", endpoint or self.endpoint, "--output", "json", *words],
                        env=self.environment(key, **(env or {})), timeout=60)

    def signed(self, operation, body, service="servicediscovery", key=None, time=None, headers=None, host=None,
               region=REGION):
        """(headers, body) of a request as botocore signs it, at `time` (UTC) if given."""
        botocore = import_botocore()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = botocore.awsrequest.AWSRequest(
            "POST", f"http://{host or f'127.0.0.1:{self.port}'}/", data=data,
            headers={"X-Amz-Target": f"{TARGETS[service]}.{operation}",
                     "Content-Type": "application/x-amz-json-1.1", **(headers or {})})
        signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(*(key or self.key())), service, region)
        with at(botocore, time):
            signer.add_auth(request)
        return dict(request.headers.items()), data

    def send(self, headers, data, method="POST", path="/"):
        """(status, answer)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=data, headers=headers)
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    def call(self, operation, body=None, **how):
        """A signed request by hand: for what this version's clients do not know."""
        return self.send(*self.signed(operation, {} if body is None else body, **how))


# Members that AWS has added since Debian's version of the model.
LATER = {"OwnerAccount", "ResourceOwner", "CreatedByAccount", "InstancesRevision", "availabilityZoneRebalancing",
         "timeout"}
# What the model requires and AWS leaves out nevertheless, by the path's end: an HTTP namespace has an empty SOA.
LEFT_OUT = ("SOA.TTL",)
TYPES = {"string": str, "integer": int, "long": int, "boolean": bool, "timestamp": (int, float), "double": (int, float),
         "float": (int, float)}


def check_answer(http_response, model, **_):
    """What came over the wire against the model: botocore itself passes over what it does not know."""
    if http_response.status_code == 200 and model.output_shape is not None:
        check_shape(model.output_shape, json.loads(http_response.content), model.name)


def operations_of(service):
    """The model of an API as this version has it."""
    return import_botocore().session.Session().get_service_model(service)


def check_members(shape, value, path):
    """What the command prints against the model: its members, and that none that is required is missing. It has made
    times into text and leaves out what the model does not have."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name in shape.metadata.get("required", ()):
            assert name in value or f"{path}.{name}".endswith(LEFT_OUT), f"{path}.{name} is missing"
        for name, item in value.items():
            assert name in shape.members or name in ("NextToken", *LATER), f"{path}.{name} is in no model"
            if name in shape.members:
                check_members(shape.members[name], item, f"{path}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, list), f"{path}: {value}"
        for item in value:
            check_members(shape.member, item, f"{path}[]")


def check_shape(shape, value, path):
    if shape.type_name == "structure":
        assert isinstance(value, dict), f"{path}: {value}"
        for name in shape.metadata.get("required", ()):
            assert name in value or f"{path}.{name}".endswith(LEFT_OUT), f"{path}.{name} is missing"
        for name, item in value.items():
            assert name in shape.members or name in LATER, f"{path}.{name} is in no model"
            if name in shape.members:
                check_shape(shape.members[name], item, f"{path}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, list), f"{path}: {value}"
        for item in value:
            check_shape(shape.member, item, f"{path}[]")
    elif shape.type_name == "map":
        assert isinstance(value, dict), f"{path}: {value}"
        for item in value.values():
            check_shape(shape.value, item, f"{path}{{}}")
    else:
        assert isinstance(value, TYPES[shape.type_name]), f"{path}: {value!r} is no {shape.type_name}"
        assert not getattr(shape, "enum", None) or value in shape.enum, f"{path}: {value!r} is not of {shape.enum}"


@contextlib.contextmanager
def at(botocore, time):
    """The signer's clock."""
    if time is None:
        yield
        return

    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return time
    real = botocore.auth.datetime.datetime
    botocore.auth.datetime.datetime = Clock
    try:
        yield
    finally:
        botocore.auth.datetime.datetime = real


def error_of(function, *arguments, **named):
    """The code of the ClientError that it raises; the class must be the typed one where the model has it."""
    botocore = import_botocore()
    try:
        answer = function(*arguments, **named)
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        assert error.response["Error"]["Message"], error.response
        return code
    raise AssertionError(f"no error: {answer}")


