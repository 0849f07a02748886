/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The operations of Cloud Map, by their names. */
#include "aws_api/call/calls.h"

const struct aws_operation aws_cloud_map_operations[] = {AWS_CLOUD_MAP_TABLE(AWS_ROW){NULL, NULL, false, 0}};
