/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A task's entries in `resolvers`, one for each network namespace that it is answered in: the first is found
 * by its number in `task_scope`, each leads to the next. They outlive the daemon, so that the next one finds
 * the ports that sockets of the task still know.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <svcconnect/abi.h>

struct dns;
struct dns_stub;
struct dns_task;

struct dns_entries {
    uint32_t numbers[SVC_RESOLVER_NETNS];
    unsigned n;
};

/* Claims for the task the entries it had before, or a free one. -ENOSPC; or what telling the programs says. */
int dns_resolvers_claim(struct dns *dns, struct dns_task *task);
/* Is this one of the task's? */
bool dns_resolvers_has(const struct dns_task *task, uint32_t number);
/* The entry for this network namespace, with no stub in it yet; 0: there is no room for one more. */
uint32_t dns_resolvers_take(struct dns *dns, struct dns_task *task, uint64_t netns_cookie);
/* Of entries without a stub all but the first go. */
void dns_resolvers_trim(struct dns *dns, struct dns_task *task);
/* All of them; the task is taken off. */
void dns_resolvers_free(struct dns *dns, struct dns_task *task);

/* From now on the programs send questions to the stub; from now on they do not. */
void dns_resolvers_publish(struct dns *dns, const struct dns_stub *stub);
void dns_resolvers_withdraw(struct dns *dns, const struct dns_stub *stub);

/* At start: nobody answers yet where no stub was taken over, and tasks may have gone while no daemon ran. */
void dns_resolvers_reset(struct dns *dns);
