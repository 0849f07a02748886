/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How an etcd is reached, and as whom. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define ETCD_MOST_MEMBERS  16
#define ETCD_PREFIX_MAX    128
#define ETCD_PREFIX_USUAL  "svcconnect"
#define ETCD_TXN_OPS_USUAL 128     /* etcd's --max-txn-ops */
#define ETCD_BYTES_USUAL   1572864 /* etcd's --max-request-bytes: 1.5 MiB */
#define ETCD_HOST_SIZE     65
#define ETCD_LEASE_USUAL_S 15
#define ETCD_MASS_USUAL    30
#define ETCD_AUDIT_USUAL_S 60

struct etcd_settings {
    char *location; /* as a person wrote it: "etcd:https://a:2379,b:2379" */
    char **members; /* "https://a:2379" */
    size_t n_members;
    const char *prefix;        /* of all keys, without a slash at its end */
    const char *host;          /* which host's own rows are whose: letters, digits, '-', '_', '.' */
    const char *ca_file;       /* "": those the system trusts */
    const char *cert_file;     /* "": none */
    const char *key_file;      /* "": it is in cert_file */
    const char *user;          /* "": etcd asks for none */
    const char *password_file; /* its first line; read each time a token is wanted */
    uint32_t max_txn_ops;
    uint32_t max_bytes;   /* of a request */
    uint32_t patience_ms; /* for one request, with all that it is tried again */
    uint32_t lease_s;     /* so long after a host has died its instances go on all others; 0: they stay */
    uint32_t
        mass_percent; /* of the others' instances: more that go within one lease are not believed at once */
    uint32_t audit_s; /* what is known is compared with what etcd has so often; 0: never */
};

/*
 * "etcd:URL[,URL...]" into location and members; a scheme that is left out is the first one's (http where that has
 * none either), a port 2379. -EINVAL names what is wrong.
 */
int etcd_settings_read(const char *text, struct etcd_settings *settings, struct error *error);

/* Location and members; the other texts are the caller's. */
void etcd_settings_done(struct etcd_settings *settings);

/* 1 to 128 letters, digits, '-', '_', '.', '/' without a slash at either end. -EINVAL names `field`. */
int etcd_prefix_check(const char *field, const char *prefix, struct error *error);
