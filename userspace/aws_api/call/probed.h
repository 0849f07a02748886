/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where health checks made over these APIs may go (settings/check_ranges.h). What is refused here is told to
 * whoever asks for it; what gets past it (an address that a host name turns out to have, or that the control
 * socket registers) is not probed (upkeep/probes). -EINVAL with the call's error.
 */
#pragma once

#include "aws_api/call/scope.h"
#include "model/catalog.h"

/* An instance of the service is about to have this address. */
int aws_check_probed_address(struct aws_call *call, const struct service *service, const char *id,
                             const struct ip_address *address);

/* The service, as the call's transaction has it by now; NULL: none. */
int aws_check_probed(struct aws_call *call, const struct service *service);
