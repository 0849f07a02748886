/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Small numbers given to names: scopes, alias addresses, indexes into kernel arrays, endpoint keys. A name
 * keeps its number as long as it is held; a number that programs in flight may still use is retired first and
 * reused later.
 */
#pragma once

#include <stdint.h>

struct name_numbers;

/* Numbers first..last, all free. -ENOMEM; -EINVAL if last < first. */
int name_numbers_new(struct name_numbers **ret_numbers, uint32_t first, uint32_t last);

/* NULL-safe; sets *numbers to NULL. */
void name_numbers_free(struct name_numbers **numbers);

/* The number of a name that holds one. -ENOENT. */
int name_numbers_find(const struct name_numbers *numbers, const char *name, uint32_t *ret_number);

/* The name that holds the number, until it is retired; NULL: none does. */
const char *name_numbers_name(const struct name_numbers *numbers, uint32_t number);

/* The name's number, or a free one for a new name: the lowest never given or reusable. -ENOSPC, -ENOMEM. */
int name_numbers_take(struct name_numbers *numbers, const char *name, uint32_t *ret_number);

/* Gives a name the number it had in an earlier run. -EBUSY: either is taken otherwise; -ERANGE; 0 if already
 * so. */
int name_numbers_adopt(struct name_numbers *numbers, const char *name, uint32_t number);

/* The name is forgotten; its number stays out of use until name_numbers_reuse(). -ENOENT. */
int name_numbers_retire(struct name_numbers *numbers, const char *name, uint32_t *ret_number);
void name_numbers_reuse(struct name_numbers *numbers, uint32_t number);

/* Names that hold a number; numbers in all. */
uint32_t name_numbers_used(const struct name_numbers *numbers);
uint32_t name_numbers_capacity(const struct name_numbers *numbers);
