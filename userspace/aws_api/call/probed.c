/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Health checks that come by these APIs, and addresses that come to such a check: where they may go. */
#include "aws_api/call/probed.h"

#include "aws/aws_error.h"
#include "engine/engine.h"
#include "model/catalog_aws.h"

/* More are not asked about on the loop; a check that is not refused here is when it is to be made. */
#define MOST_ASKED 1000

static bool is_probed(const struct service *service)
{
    return catalog_is_check_of_aws(service) && service_get_settings(service)->check.type != HEALTH_CHECK_NONE;
}

int aws_check_probed_address(struct aws_call *call, const struct service *service, const char *id,
                             const struct ip_address *address)
{
    const char *why =
        is_probed(service) ? check_ranges_why_not(engine_aws_checks(call->engine), address) : NULL;
    char text[IP_ADDRESS_TEXT_SIZE];

    return why ? aws_invalid(
                     call->error,
                     "The instance %.64s has the address %s, %s: health checks made over this API do not go "
                     "there (" CHECK_RANGES_SETTING " of svcconnectd says where they may).",
                     id, ip_address_format(address, text), why)
               : 0;
}

int aws_check_probed(struct aws_call *call, const struct service *service)
{
    unsigned n = 0;
    int r = 0;

    if (!service || !is_probed(service))
        return 0;
    for (const struct instance *instance = service->instances; instance && r == 0 && n++ < MOST_ASKED;
         instance = instance->hh.next)
        r = aws_check_probed_address(call, service, instance->id, &instance->address);
    return r;
}
