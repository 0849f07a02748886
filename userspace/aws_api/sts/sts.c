/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What of STS whoever begins with a key asks: whose it is. Terraform's provider does, and many scripts. */
#include <stdio.h>

#include "aws_api/call/calls.h"

const struct aws_operation aws_sts_operations[] = {AWS_STS_TABLE(AWS_ROW){NULL, NULL, false, 0}};

/* Key pairs are shown as IAM users: each has a name. */
int aws_GetCallerIdentity(struct aws_call *call)
{
    char arn[128];

    call->entered |= AWS_OF_CALLER;
    (void)snprintf(arn, sizeof(arn), "arn:aws:iam::" CLOUD_MAP_ACCOUNT ":user/%s", call->who->name);
    (void)cJSON_AddStringToObject(call->answer, "Arn", arn);
    (void)cJSON_AddStringToObject(call->answer, "UserId", call->who->access_key_id);
    (void)cJSON_AddStringToObject(call->answer, "Account", CLOUD_MAP_ACCOUNT);
    return 0;
}
