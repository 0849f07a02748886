# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""STS on the same port: whose a key is, as the command, botocore and a bare Terraform provider ask it."""
import http.client
import json

from aws_client import AwsBed, error_of, import_botocore

ACTION = b"Action=GetCallerIdentity&Version=2011-06-15"


def by_hand(bed, data, service="sts", key=None, headers=None):
    """(status, content type, body) of a signed form."""
    botocore = import_botocore()
    request = botocore.awsrequest.AWSRequest(
        "POST", f"{bed.endpoint}/", data=data,
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", **(headers or {})})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*(key or bed.key())), service, "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", bed.port, timeout=20)
    connection.request("POST", "/", body=data, headers=dict(request.headers.items()))
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, response.headers["Content-Type"], text


def test_who_am_i():
    with AwsBed() as bed:
        result = bed.aws("sts", "get-caller-identity")
        assert result.rc == 0, result
        key = bed.key()
        assert json.loads(result.out) == {"UserId": key[0], "Account": "123456789012",
                                          "Arn": "arn:aws:iam::123456789012:user/default"}, result
        bed.call("CreateHttpNamespace", {"Name": "shop"})
        bed.cli_ok("credentials", "add", "--name", "ci.reader", "--read-only", "-n", "shop")
        # botocore itself, without the check of answers against the JSON protocol
        status, kind, text = by_hand(bed, ACTION, key=bed.key("ci.reader"))
        assert status == 200 and kind == "text/xml" and ":user/ci.reader</Arn>" in text, (status, kind, text)
        for data, code in ((b"Action=AssumeRole&Version=2011-06-15", "InvalidAction"), (b"Version=1", "MissingAction"),
                           (b"Action=%zz", "MalformedQueryString"), (b"A=" + b"x" * 5000, "MalformedQueryString")):
            status, _, text = by_hand(bed, data)
            assert status == 400 and f"<Code>{code}</Code>" in text, (data[:40], status, text)
        for key_pair, service, code in ((("SVCNOBODY", key[1]), "sts", "UnrecognizedClientException"),
                                        ((key[0], "wrong"), "sts", "InvalidSignatureException"),
                                        (key, "ecs", "InvalidSignatureException")):
            status, _, text = by_hand(bed, ACTION, service, key_pair)
            assert status == 400 and f"<Code>{code}</Code>" in text, (code, status, text)
        # A form is no way round: what X-Amz-Target names is asked in JSON, with its own scope.
        status, _, text = by_hand(bed, ACTION, headers={"X-Amz-Target": "AWSSecurityTokenServiceV20110615.GetCallerIdentity"})
        assert status == 400 and "UnknownOperationException" in text, text


def test_clients_read_the_errors():
    with AwsBed() as bed:
        result = bed.aws("sts", "get-session-token")
        assert result.rc == 254 and "(InvalidAction)" in result.err, result
        client = bed.client("sts", ("SVCNOBODY", "x"))
        assert error_of(client.get_caller_identity) == "UnrecognizedClientException"
