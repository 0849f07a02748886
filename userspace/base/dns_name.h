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
 * Is every label of the folded name a number, decimal or hexadecimal? Resolvers take such a text for an IPv4
 * address (inet_aton(3): "10", "127.1", "0x7f.1") or for a bad one, and look up nothing.
 */
bool dns_name_is_number(const char *name);

/*
 * Folds to lower case in place. Names that are stored were checked by the rules of their time, which did not
 * know dns_name_is_number(): such a one is read on, or what runs with it would end.
 */
bool dns_name_is_stored_form(char *name);

/*
 * Folds to lower case in place, then: labels of 1..63 lower-case letters, digits, _ and -, joined by dots;
 * none beginning with -. What is an IPv4 address in any form is refused: nobody looks one up. -EINVAL with an input error about
 * `field`.
 */
int dns_name_check(const char *field, char *name, struct error *error);
