/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Instances whose address is a host name. Such an instance is a record (catalog_aws.h) with a `host`, which
 * is never routed itself; each address that the name has is an instance of the service, which routing,
 * checks, ejection and drains treat like any other. Addresses have the port, protocol, weight, health and
 * drain of their record, and its id, which tells people apart by the address; in the catalog they go by
 * "ID#ADDRESS", which no instance can be called.
 */
#pragma once

#include "model/catalog.h"

#define EXTERNAL_MAX_ADDRESSES 32 /* that are drawn; more may be leaving */
#define EXTERNAL_KEY_SIZE      (64 + 1 + IP_ADDRESS_TEXT_SIZE)

/* One address of a name, as whoever resolves it remembers it. */
struct external_address {
    struct ip_address address;
    int64_t leaves_at; /* it is no longer the name's: end of its drain, wall clock in seconds; 0: it is */
};

/* "ID#ADDRESS": what an address of the instance `id` goes by. */
const char *external_key(const char *id, const struct ip_address *address,
                         char key[static EXTERNAL_KEY_SIZE]);

/* The id that people know: an address has its record's. */
const char *instance_id(const struct instance *instance);

/* The address of the record; NULL. */
struct instance *external_find(const struct instance *external, const struct ip_address *address);

/* Makes the record one of a host name, or none (NULL). Another host than before has no addresses yet.
 * -ENOMEM: nothing has changed. */
int catalog_set_host(struct instance *record, const char *host);

/* The record's addresses are exactly these, those that stay keep what is known of them. -ENOMEM: some may be
 * missing. */
int catalog_set_addresses(struct instance *external, const struct external_address *addresses, size_t n);

/* Gives the addresses what the record says: to be called when that has changed. */
void catalog_share_external(struct instance *external);

/* For catalog.c: the instance is about to be removed. */
void catalog_unlink_address(struct instance *address);
