/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/host_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/fetch_metadata.h"
#include "model/catalog_zones.h"

#define METADATA_PATH       "/latest/meta-data/placement/availability-zone"
#define METADATA_VARIABLE   "AWS_EC2_METADATA_SERVICE_ENDPOINT" /* as AWS's own programs have it */
#define METADATA_TIMEOUT_MS 2000
#define METADATA_TRIES      3

static int host_zone_of_environment(struct host_zone *zone, struct error *error)
{
    const char *text = getenv(HOST_ZONE_VARIABLE);

    zone->from = "nobody has said";
    if (!text || !*text)
        return 0;
    zone->from = "environment " HOST_ZONE_VARIABLE;
    (void)snprintf(zone->name, sizeof(zone->name), "%s", text);
    return catalog_check_zone_name(HOST_ZONE_VARIABLE, text, error);
}

static void host_zone_of_ec2(struct host_zone *zone)
{
    const char *endpoint = getenv(METADATA_VARIABLE);
    struct error error = {0};
    int r = -1;

    zone->from = "EC2's metadata service";
    for (unsigned i = 0; i < METADATA_TRIES && r < 0; i++)
        r = fetch_metadata(endpoint && *endpoint ? endpoint : FETCH_METADATA_USUAL, METADATA_PATH,
                           METADATA_TIMEOUT_MS, zone->name, sizeof(zone->name), &error);
    if (r == 0)
        r = catalog_check_zone_name("placement/availability-zone", zone->name, &error);
    if (r < 0) {
        zone->name[0] = '\0';
        log_warning("the zone of this host is not known, and no service minds zones until the next start: %s",
                    error.message);
    }
}

int host_zone_find(const char *text, struct host_zone *ret_zone, struct error *error)
{
    *ret_zone = (struct host_zone){.from = "setting zone"};
    if (strcmp(text, HOST_ZONE_AUTO) == 0)
        return host_zone_of_environment(ret_zone, error);
    if (strcmp(text, HOST_ZONE_EC2) == 0)
        host_zone_of_ec2(ret_zone);
    else if (strcmp(text, HOST_ZONE_OFF) != 0)
        (void)snprintf(ret_zone->name, sizeof(ret_zone->name), "%s", text);
    return 0;
}
