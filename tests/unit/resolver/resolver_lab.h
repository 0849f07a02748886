/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A resolver on a loop of its own, which asks a fake name server. Included after cmocka.h. */
#pragma once

#include <arpa/inet.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fakes/fake_name_server.h"
#include "resolver/resolver.h"

#define TYPE_A        1
#define TYPE_CNAME    5
#define TYPE_AAAA     28
#define RCODE_FAIL    2
#define RCODE_NO_NAME 3
#define RCODE_REFUSED 5

/* What must happen happens within this time. */
#define PATIENCE_MS 30000

struct resolver_lab {
    struct event_base *base;
    struct fake_name_server *server;
    struct resolver *resolver;
};

/* One question's end. */
struct told {
    struct resolver_query *query;
    struct resolved resolved;
    unsigned n;
};

static inline void lab_resolve_with(struct resolver_lab *lab, const char *servers,
                                    resolved_refuses_fn refuses, void *user)
{
    struct error error = {0};

    resolver_free(&lab->resolver);
    if (resolver_new(lab->base, servers, refuses, user, &lab->resolver, &error) < 0)
        fail_msg("%s", error.message);
}

static inline int setup(void **state)
{
    struct resolver_lab *lab = calloc(1, sizeof(*lab));
    char servers[64];

    lab->base = event_base_new();
    lab->server = fake_name_server_new(lab->base, "127.0.0.1", 0);
    assert_non_null(lab->server);
    (void)snprintf(servers, sizeof(servers), "127.0.0.1:%u", fake_name_server_port(lab->server));
    lab_resolve_with(lab, servers, NULL, NULL);
    *state = lab;
    return 0;
}

static inline int teardown(void **state)
{
    struct resolver_lab *lab = *state;

    resolver_free(&lab->resolver);
    fake_name_server_free(&lab->server);
    event_base_free(lab->base);
    free(lab);
    return 0;
}

static inline void on_told(const struct resolved *resolved, void *user)
{
    struct told *told = user;

    told->resolved = *resolved;
    told->query = NULL;
    told->n++;
}

static inline void lab_ask(struct resolver_lab *lab, const char *host, struct told *told)
{
    unsigned before = told->n;

    assert_int_equal(resolver_ask(lab->resolver, host, on_told, told, &told->query), 0);
    assert_non_null(told->query);
    assert_int_equal(told->n, before); /* never before the call has returned */
}

/* Turns the loop until so many ends have been told. */
static inline void lab_hear(struct resolver_lab *lab, const struct told *told, unsigned n)
{
    uint64_t end = clock_monotonic_ms() + PATIENCE_MS;

    while (told->n < n) {
        const struct timeval pause = {.tv_usec = 10000};

        if (clock_monotonic_ms() >= end)
            fail_msg("%u of %u answers came", told->n, n);
        (void)event_base_loopexit(lab->base, &pause);
        (void)event_base_dispatch(lab->base);
    }
    assert_int_equal(told->n, n);
}

static inline void lab_resolve(struct resolver_lab *lab, const char *host, struct told *told)
{
    *told = (struct told){0};
    lab_ask(lab, host, told);
    lab_hear(lab, told, 1);
}

/* Turns the loop until the name server has heard so many questions. */
static inline void lab_until_asked(struct resolver_lab *lab, size_t n)
{
    uint64_t end = clock_monotonic_ms() + PATIENCE_MS;

    while (fake_name_server_count(lab->server) < n) {
        if (clock_monotonic_ms() >= end)
            fail_msg("%zu of %zu questions came", fake_name_server_count(lab->server), n);
        (void)event_base_loop(lab->base, EVLOOP_ONCE);
    }
}

/* ---- what a name server says ---- */

static inline void answer_v4(struct fake_answer *answer, const char *owner, uint32_t ttl, const char *text)
{
    uint8_t bytes[4];

    assert_int_equal(inet_pton(AF_INET, text, bytes), 1);
    fake_answer_add(answer, owner, TYPE_A, ttl, bytes, sizeof(bytes));
}

static inline void answer_v6(struct fake_answer *answer, const char *owner, uint32_t ttl, const char *text)
{
    uint8_t bytes[16];

    assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
    fake_answer_add(answer, owner, TYPE_AAAA, ttl, bytes, sizeof(bytes));
}

static inline void answer_canonical(struct fake_answer *answer, const char *owner, uint32_t ttl,
                                    const char *name)
{
    uint8_t bytes[256];

    fake_answer_add(answer, owner, TYPE_CNAME, ttl, bytes, fake_name_to_wire(name, bytes));
}

/* ---- what came of it ---- */

static inline void expect_family(const struct resolved_family *family, enum resolved_how how,
                                 const char *addresses)
{
    char text[1024] = "";
    char one[IP_ADDRESS_TEXT_SIZE];

    for (size_t i = 0; i < family->list.n; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
                       ip_address_format(&family->list.addresses[i], one));
    assert_int_equal(family->how, how);
    assert_string_equal(text, addresses);
    if (how != RESOLVED_ADDRESSES)
        assert_non_null(family->reason);
}
