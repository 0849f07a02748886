/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Made by make_vectors.py: do not edit. */
#pragma once
#define VECTOR_SECRET "wJalrXUtnFEMIexamplesecretkeyforthetests"
static const struct vector {
    const char *service;
    const char *head;
    const char *body;
    unsigned repeat;
} vectors[] = {
    {"servicediscovery",
     "POST / HTTP/1.1\r\n"
     "Host: 127.0.0.1:4599\r\n"
     "X-Amz-Target: Route53AutoNaming_v20170314.GetNamespace\r\n"
     "Content-Type: application/x-amz-json-1.1\r\n"
     "X-Amz-Date: 20260101T000000Z\r\n"
     "Authorization: AWS4-HMAC-SHA256 "
     "Credential=AKIDEXAMPLE/20260101/us-east-1/servicediscovery/aws4_request, "
     "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
     "Signature=0304f5f8cd96ae6d471938b1da8b8201d2343207f6286dba64876443ffb8c73d\r\n"
     "Content-Length: 14\r\n"
     "\r\n",
     "\173\042\111\144\042\072\040\042\156\163\055\061\042\175", 1},
    {"servicediscovery",
     "POST / HTTP/1.1\r\n"
     "Host: data-localhost:4599\r\n"
     "X-Amz-Target: Route53AutoNaming_v20170314.DiscoverInstances\r\n"
     "X-Amz-Date: 20240229T235959Z\r\n"
     "Authorization: AWS4-HMAC-SHA256 "
     "Credential=AKIDEXAMPLE/20240229/eu-central-1/servicediscovery/aws4_request, "
     "SignedHeaders=host;x-amz-date;x-amz-target, "
     "Signature=2a677dab8f4e04ea2a82512581db76f5f51a895724df2928e1fa1b20b6db9dfd\r\n"
     "Content-Length: 2\r\n"
     "\r\n",
     "\173\175", 1},
    {"ecs",
     "POST / HTTP/1.1\r\n"
     "Host: localhost:4599\r\n"
     "X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListServices\r\n"
     "X-Spaces:   a   b  \t c \r\n"
     "X-Amz-Date: 20261231T123001Z\r\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261231/ap-southeast-2/ecs/aws4_request, "
     "SignedHeaders=host;x-amz-date;x-amz-target;x-spaces, "
     "Signature=173654224a399370118e82f7e139d942f057c0439abebaa3f79d619966813a7e\r\n"
     "Content-Length: 0\r\n"
     "\r\n",
     "", 1},
    {"ecs",
     "POST / HTTP/1.1\r\n"
     "Host: host\r\n"
     "amz-sdk-invocation-id: 0a07e56e-bf95-414c-8fbe-d7ba55a0f6f6\r\n"
     "amz-sdk-request: attempt=1\r\n"
     "X-Amz-Security-Token: token/with+signs==\r\n"
     "X-Amz-Date: 20380119T031408Z\r\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20380119/us-gov-west-1/ecs/aws4_request, "
     "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;host;x-amz-date;x-amz-security-token, "
     "Signature=7ed5b6d1c044c0d369d84fd9557feb54123bd5b7e6ec99f9fe8e8890d337873d\r\n"
     "Content-Length: 10000\r\n"
     "\r\n",
     "\303\274\342\202\254", 2000},
};
