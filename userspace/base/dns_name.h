/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* DNS names as texts: what one may look like. Who resolves or answers them is not known here. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define DNS_NAME_MAX 127 /* ECS ServiceConnectClientAlias.dnsName */

/* Of `allowed` below, to be joined with others. */
#define DNS_NAME_LETTERS_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* Labels of 1..63 `allowed` characters, none beginning with -, joined by dots. */
bool dns_name_is_labels(const char *name, const char *allowed, bool may_dash_stand_last);

/* To lower case, in place. */
void dns_name_fold(char *name);

/*
 * Folds to lower case in place, then: labels of 1..63 lower-case letters, digits, _ and -, joined by dots;
 * none beginning with -. An IPv4 address is refused: nobody looks one up. -EINVAL with an input error about
 * `field`.
 */
int dns_name_check(const char *field, char *name, struct error *error);
