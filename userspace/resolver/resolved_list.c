/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "resolver/resolved_list.h"

#include <stdlib.h>
#include <string.h>

static int resolved_list_by_address(const void *left, const void *right)
{
    const struct ip_address *a = left;
    const struct ip_address *b = right;
    bool is_a_v4 = ip_address_is_v4(a);

    if (is_a_v4 != ip_address_is_v4(b))
        return is_a_v4 ? -1 : 1;
    return memcmp(a, b, sizeof(*a));
}

/* In the place of the highest, if that is higher. */
static void replace_highest(struct resolved_list *list, const struct ip_address *address)
{
    struct ip_address *highest = &list->addresses[0];

    for (size_t i = 1; i < list->n; i++)
        if (resolved_list_by_address(&list->addresses[i], highest) > 0)
            highest = &list->addresses[i];
    if (resolved_list_by_address(address, highest) < 0)
        *highest = *address;
}

void resolved_list_add(struct resolved_list *list, const struct ip_address *address,
                       resolved_refuses_fn refuses, void *user)
{
    if (ip_address_why_no_endpoint(address) || (refuses && refuses(address, user))) {
        list->refused++;
        return;
    }
    for (size_t i = 0; i < list->n; i++)
        if (ip_address_equal(&list->addresses[i], address))
            return;
    if (list->n < RESOLVED_MAX)
        list->addresses[list->n++] = *address;
    else
        replace_highest(list, address);
}

void resolved_list_sort(struct resolved_list *list)
{
    if (list->n)
        qsort(list->addresses, list->n, sizeof(list->addresses[0]), resolved_list_by_address);
}
