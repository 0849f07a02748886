/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The text of a resolv.conf: name servers and search domains, as the resolvers of C libraries read them. */
#pragma once

#include "base/address.h"
#include "names/dns_message.h"
#include <svcconnect/abi.h>

#define RESOLV_CONF_DOMAINS   8
#define RESOLV_CONF_ZONE_SIZE 16 /* as long as an interface's name can be */

struct resolv_conf {
    struct ip_address nameservers[SVC_NAMESERVERS];
    char zones[SVC_NAMESERVERS][RESOLV_CONF_ZONE_SIZE]; /* of link-local ones, after the %; else "" */
    unsigned n_nameservers;
    char domains[RESOLV_CONF_DOMAINS][DNS_NAME_SIZE]; /* lower case, no dot at the end */
    unsigned n_domains;
};

/* Never fails: what cannot be read is left out. Without a name server there is one, 127.0.0.1. */
void resolv_conf_read(const char *text, struct resolv_conf *ret_conf);
