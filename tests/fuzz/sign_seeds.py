#!/usr/bin/env python3
# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""Writes the seeds of fuzz_aws: requests of AWS's clients with signatures that verify at the fuzzer's time and with its
secret. Usage: sign_seeds.py DIRECTORY"""
import hashlib
import hmac
import json
import os
import sys

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TARGETS = {"servicediscovery": "Route53AutoNaming_v20170314", "ecs": "AmazonEC2ContainerServiceV20141113"}
ID = "ns-abcdefghijklmnop"
SERVICE = "srv-abcdefghijklmnop"
DNS = {"NamespaceId": ID, "RoutingPolicy": "WEIGHTED", "DnsRecords": [{"Type": "A", "TTL": 60}, {"Type": "SRV", "TTL": 5}]}
TAGS = [{"Key": "team", "Value": "shop"}, {"Key": "stage", "Value": ""}]
REQUESTS = [
    ("servicediscovery", "CreateHttpNamespace", {"Name": "shop", "Description": "d", "Tags": TAGS, "CreatorRequestId": "c"}),
    ("servicediscovery", "CreatePrivateDnsNamespace", {"Name": "shop.internal", "Vpc": "vpc-1", "Properties": {
        "DnsProperties": {"SOA": {"TTL": 60}}}}),
    ("servicediscovery", "CreateService", {"Name": "web", "NamespaceId": ID, "DnsConfig": DNS,
                                           "HealthCheckCustomConfig": {"FailureThreshold": 1}, "Tags": TAGS}),
    ("servicediscovery", "CreateService", {"Name": "_web._tcp", "DnsConfig": {**DNS, "DnsRecords": [{"Type": "CNAME", "TTL": 1}]},
                                           "HealthCheckConfig": {"Type": "HTTP", "ResourcePath": "/up", "FailureThreshold": 3}}),
    ("servicediscovery", "UpdateService", {"Id": SERVICE, "Service": {"DnsConfig": {"DnsRecords": DNS["DnsRecords"]}},
                                           "DnsConfig": {"DnsRecords": DNS["DnsRecords"]}}),
    ("servicediscovery", "RegisterInstance", {"ServiceId": SERVICE, "InstanceId": "i-1", "Attributes": {
        "AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "8080", "SVCCONNECT_WEIGHT": "3", "zone": "a"}}),
    ("servicediscovery", "RegisterInstance", {"ServiceId": SERVICE, "InstanceId": "i-2", "Attributes": {
        "AWS_INSTANCE_IPV6": "fd00::1", "AWS_INSTANCE_PORT": "65535", "AWS_INIT_HEALTH_STATUS": "UNHEALTHY"}}),
    ("servicediscovery", "RegisterInstance", {"ServiceId": SERVICE, "InstanceId": "i-3", "Attributes": {
        "AWS_INSTANCE_CNAME": "db.example.net", "AWS_INSTANCE_PORT": "5432"}}),
    ("servicediscovery", "RegisterInstance", {"ServiceId": SERVICE, "InstanceId": "i-4", "Attributes": {
        "AWS_ALIAS_DNS_NAME": "lb.example.net", "AWS_EC2_INSTANCE_ID": "i-0123456789abcdef0"}}),
    ("servicediscovery", "DiscoverInstances", {"NamespaceName": "shop", "ServiceName": "web", "MaxResults": 10,
                                               "QueryParameters": {"zone": "a"}, "OptionalParameters": {"v": "2"},
                                               "HealthStatus": "HEALTHY_OR_ELSE_ALL"}),
    ("servicediscovery", "ListNamespaces", {"MaxResults": 1, "NextToken": "eyJhIjoiYiJ9", "Filters": [
        {"Name": "NAME", "Values": ["shop"], "Condition": "BEGINS_WITH"}, {"Name": "TYPE", "Values": ["HTTP"]}]}),
    ("servicediscovery", "ListServices", {"Name": "web", "Filters": [{"Name": "TYPE", "Values": ["a", "b"], "Condition": "IN"}]}),
    ("servicediscovery", "TagResource", {"ResourceARN": f"arn:aws:servicediscovery:us-east-1:123456789012:service/{SERVICE}",
                                         "Id": f"arn:aws:servicediscovery:us-east-1:123456789012:namespace/{ID}", "Tags": TAGS}),
    ("servicediscovery", "UpdateServiceAttributes", {"ServiceId": SERVICE, "Attributes": {"k": "v", "l": ""}}),
    ("servicediscovery", "GetInstancesHealthStatus", {"ServiceId": SERVICE, "Instances": ["i-1"], "MaxResults": 100}),
    ("ecs", "CreateCluster", {"clusterName": "c", "tags": [{"key": "a", "value": "b"}]}),
    ("ecs", "CreateService", {"cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/c", "serviceName": "web", "Name": "family:7"}),
    ("ecs", "ListServices", {"cluster": "default", "maxResults": 10, "Name": "a.b.c"}),
]


def signature(key, service, region, day, text):
    key = ("AWS4" + key).encode()
    for part in (day, region, service, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def signed(number, service, operation, body):
    data = json.dumps(body, separators=(",", ":")).encode() if number % 2 else json.dumps(body).encode()
    date = f"20260101T0000{number:02}Z"
    headers = {"Host": "127.0.0.1:4599", "Content-Type": "application/x-amz-json-1.1", "X-Amz-Date": date,
               "X-Amz-Target": f"{TARGETS[service]}.{operation}"}
    if number % 3 == 0:
        headers["X-Amz-Security-Token"] = "a  token   with spaces"
    if number % 4 == 0:
        headers["X-Amz-Content-Sha256"] = hashlib.sha256(data).hexdigest()
    path = "/?b=2&a=1" if number == 9 else "/"
    region = "eu-central-1" if number % 5 == 0 else "us-east-1"
    names = sorted(headers, key=str.lower)
    canonical = "\n".join([
        "POST", "/", path[2:], *(f"{name.lower()}:{' '.join(headers[name].split())}" for name in names), "",
        ";".join(name.lower() for name in names), hashlib.sha256(data).hexdigest()])
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/{scope}, SignedHeaders="
                                f"{';'.join(name.lower() for name in names)}, "
                                f"Signature={signature(SECRET, service, region, date[:8], text)}")
    headers["Content-Length"] = str(len(data))
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    return head.encode() + data


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    for number, (service, operation, body) in enumerate(REQUESTS):
        with open(os.path.join(sys.argv[1], f"signed-{number:02}"), "wb") as file:
            file.write(signed(number, service, operation, body))


if __name__ == "__main__":
    main()
