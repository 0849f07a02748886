/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * c-ares says which sockets to wait for and for how long, libevent waits, each event goes back to c-ares. A
 * channel is made of the host's settings once; when they change, it is made anew as soon as nothing is on its
 * way in the old one.
 *
 * A query is in one of two lists: those that wait, and those that are on their way or over. c-ares may answer
 * within the call that asks (a name in /etc/hosts), so answers are told from an event of their own.
 *
 * Queries, channel and sockets change each other's state at every step, so they are one file.
 * All that knows c-ares is in this file, which makes it long.
 */
#include "resolver/resolver.h"

#include <ares.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define TIMEOUT_MS    2000 /* of the first try; the second waits twice as long */
#define TRIES         2
#define LOOK_EVERY_MS 1000
#define RESOLV_CONF   "/etc/resolv.conf"

struct resolver_query {
    TAILQ_ENTRY(resolver_query) list;
    struct resolver *resolver;
    resolver_done_fn done; /* NULL: nobody wants to know any more */
    void *user;
    char *host;
    unsigned pending;          /* families that c-ares still owes */
    struct resolved *resolved; /* where answers go; NULL: it waits */
};

TAILQ_HEAD(query_list, resolver_query);

/* A socket of c-ares's. */
struct waited_socket {
    LIST_ENTRY(waited_socket) list;
    struct resolver *resolver;
    ares_socket_t fd;
    struct event event;
};

LIST_HEAD(socket_list, waited_socket);

struct resolver {
    struct event_base *base;
    char *name_servers;
    resolved_refuses_fn refuses;
    void *refuses_user;
    ares_channel channel;
    struct stat settings; /* of RESOLV_CONF, when the channel was made */
    uint64_t looked_ms;
    bool is_stale; /* the host has other settings by now */
    bool is_library_begun;
    bool is_ending;
    bool has_timer;
    bool has_over;
    struct event timer;
    struct event over; /* some queries are */
    struct socket_list sockets;
    struct query_list waiting;
    struct query_list begun;
    unsigned n_waiting;
    unsigned n_begun;
    uint64_t asked;
    struct resolved room[RESOLVER_MAX_IN_FLIGHT];
    bool is_taken[RESOLVER_MAX_IN_FLIGHT];
};

/* ---- c-ares's sockets and time on libevent ---- */

static void set_timer(struct resolver *self)
{
    struct timeval next;

    if (ares_timeout(self->channel, NULL, &next))
        (void)event_add(&self->timer, &next);
    else
        (void)event_del(&self->timer);
}

static void resolver_on_socket_event(evutil_socket_t fd, short what, void *user)
{
    struct waited_socket *socket = user;
    struct resolver *self = socket->resolver;

    ares_process_fd(self->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
                    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
    set_timer(self);
}

static void resolver_on_timer(evutil_socket_t fd, short what, void *user)
{
    struct resolver *self = user;

    (void)fd;
    (void)what;
    ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(self);
}

static struct waited_socket *find_socket(const struct resolver *self, ares_socket_t fd)
{
    struct waited_socket *socket;

    LIST_FOREACH(socket, &self->sockets, list)
    if (socket->fd == fd)
        return socket;
    return NULL;
}

static void forget_socket(struct waited_socket *socket)
{
    LIST_REMOVE(socket, list);
    (void)event_del(&socket->event);
    free(socket);
}

/* Without memory nobody waits for the socket, and the query runs into its timeout. */
static void on_socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct resolver *self = user;
    struct waited_socket *socket = find_socket(self, fd);
    short what = (short)(EV_PERSIST | (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));

    if (!readable && !writable) {
        if (socket)
            forget_socket(socket);
        return;
    }
    if (!socket) {
        socket = calloc(1, sizeof(*socket));
        if (!socket)
            return;
        socket->resolver = self;
        socket->fd = fd;
        LIST_INSERT_HEAD(&self->sockets, socket, list);
    } else {
        (void)event_del(&socket->event);
    }
    if (event_assign(&socket->event, self->base, fd, what, resolver_on_socket_event, socket) == 0)
        (void)event_add(&socket->event, NULL);
}

/* ---- the channel ---- */

static struct stat look_at_settings(void)
{
    struct stat settings;

    if (stat(RESOLV_CONF, &settings) < 0)
        memset(&settings, 0, sizeof(settings));
    return settings;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int make_channel(struct resolver *self, struct error *error)
{
    char lookups[] = "fb"; /* /etc/hosts, then name servers */
    /* c-ares 1.18 appends search domains to host names in spite of ARES_FLAG_NOSEARCH: there are none,
     * and the option says so. */
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .ndomains = 0,
        .timeout = TIMEOUT_MS,
        .tries = TRIES,
        .lookups = lookups,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = self,
    };
    ares_channel channel = NULL;
    int status = ares_init_options(&channel, &options,
                                   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                                       ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB);

    if (status == ARES_SUCCESS && self->name_servers)
        status = ares_set_servers_ports_csv(channel, self->name_servers);
    if (status == ARES_SUCCESS) {
        self->channel = channel;
        return 0;
    }
    if (channel)
        ares_destroy(channel);
    if (status == ARES_ENOMEM)
        return error_errno(error, ENOMEM, "preparing to resolve names");
    return error_set(error, EINVAL, "preparing to resolve names: %s", ares_strerror(status));
}

static void look_for_other_settings(struct resolver *self)
{
    uint64_t now = clock_monotonic_ms();
    struct stat settings;

    if (self->name_servers || now - self->looked_ms < LOOK_EVERY_MS)
        return;
    self->looked_ms = now;
    settings = look_at_settings();
    self->is_stale = !is_same_file(&settings, &self->settings);
}

/* By the host's new settings, once nothing is on its way. */
static void renew_channel(struct resolver *self)
{
    struct stat settings = look_at_settings();
    ares_channel old = self->channel;
    struct error error = {0};

    self->is_stale = false;
    if (make_channel(self, &error) < 0) {
        log_warning("%s; names are resolved by the old settings", error.message);
        return;
    }
    self->settings = settings;
    ares_destroy(old);
    log_info("names are resolved by the new " RESOLV_CONF);
}

/* ---- answers ---- */

static void take_node(struct resolver *self, const struct ares_addrinfo_node *node,
                      struct resolved_list *list)
{
    struct ip_address address;

    if (node->ai_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)node->ai_addr;

        address = ip_address_from_v4(ntohl(v4->sin_addr.s_addr));
    } else {
        memcpy(address.bytes, &((const struct sockaddr_in6 *)(const void *)node->ai_addr)->sin6_addr,
               sizeof(address.bytes));
    }
    resolved_list_add(list, &address, self->refuses, self->refuses_user);
}

static void lower(uint32_t *ttl_s, bool *has_any, int candidate)
{
    uint32_t ttl = candidate > 0 ? (uint32_t)candidate : 0;

    if (!*has_any || ttl < *ttl_s)
        *ttl_s = ttl;
    *has_any = true;
}

static void resolver_take_answer(struct resolver_query *query, const struct ares_addrinfo *answer,
                                 struct resolved_family *family)
{
    const struct ares_addrinfo_node *node;
    const struct ares_addrinfo_cname *cname;
    bool has_any = query->resolved->v4.list.n + query->resolved->v4.list.refused +
                       query->resolved->v6.list.n + query->resolved->v6.list.refused >
                   0;

    for (node = answer->nodes; node; node = node->ai_next) {
        take_node(query->resolver, node, &family->list);
        lower(&query->resolved->ttl_s, &has_any, node->ai_ttl);
    }
    for (cname = answer->cnames; cname && answer->nodes; cname = cname->next)
        lower(&query->resolved->ttl_s, &has_any, cname->ttl);
    resolved_list_sort(&family->list);
    family->how = answer->nodes ? RESOLVED_ADDRESSES : RESOLVED_NONE;
    family->reason = "the name has no such address";
}

/* c-ares goes on to the next server after SERVFAIL and REFUSED, and says ARES_ECONNREFUSED after the last. */
static void take_failure(int status, struct resolved_family *family)
{
    family->how = status == ARES_ENODATA     ? RESOLVED_NONE
                  : status == ARES_ENOTFOUND ? RESOLVED_NO_NAME
                                             : RESOLVED_FAILED;
    family->reason = status == ARES_ENODATA        ? "the name has no address"
                     : status == ARES_ENOTFOUND    ? "no such name (NXDOMAIN)"
                     : status == ARES_ETIMEOUT     ? "no name server answered in time"
                     : status == ARES_ECONNREFUSED ? "no name server said (not reached, SERVFAIL or REFUSED)"
                                                   : ares_strerror(status);
}

static void resolver_on_answer(struct resolver_query *query, struct resolved_family *family, int status,
                               struct ares_addrinfo *answer)
{
    if (status == ARES_SUCCESS && answer)
        resolver_take_answer(query, answer, family);
    else
        take_failure(status, family);
    if (answer)
        ares_freeaddrinfo(answer);
    if (--query->pending == 0 && !query->resolver->is_ending)
        event_active(&query->resolver->over, 0, 0);
}

static void on_v4(void *user, int status, int timeouts, struct ares_addrinfo *answer)
{
    struct resolver_query *query = user;

    (void)timeouts;
    resolver_on_answer(query, &query->resolved->v4, status, answer);
}

static void on_v6(void *user, int status, int timeouts, struct ares_addrinfo *answer)
{
    struct resolver_query *query = user;

    (void)timeouts;
    resolver_on_answer(query, &query->resolved->v6, status, answer);
}

/* ---- queries ---- */

static void free_query(struct resolver_query *query)
{
    struct resolver *self = query->resolver;

    if (query->resolved) {
        self->is_taken[query->resolved - self->room] = false;
        TAILQ_REMOVE(&self->begun, query, list);
        self->n_begun--;
    } else {
        TAILQ_REMOVE(&self->waiting, query, list);
        self->n_waiting--;
    }
    free(query->host);
    free(query);
}

static void begin_query(struct resolver *self, struct resolver_query *query)
{
    struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT, .ai_socktype = SOCK_STREAM};
    size_t place = 0;

    while (self->is_taken[place])
        place++;
    self->is_taken[place] = true;
    query->resolved = &self->room[place];
    *query->resolved = (struct resolved){0};
    TAILQ_REMOVE(&self->waiting, query, list);
    TAILQ_INSERT_TAIL(&self->begun, query, list);
    self->n_waiting--;
    self->n_begun++;
    query->pending = 2;
    self->asked++;
    hints.ai_family = AF_INET;
    ares_getaddrinfo(self->channel, query->host, NULL, &hints, on_v4, query);
    hints.ai_family = AF_INET6;
    ares_getaddrinfo(self->channel, query->host, NULL, &hints, on_v6, query);
}

static void begin_waiting(struct resolver *self)
{
    if (self->n_waiting > 0)
        look_for_other_settings(self);
    if (self->is_stale && self->n_begun == 0)
        renew_channel(self);
    while (self->n_waiting > 0 && self->n_begun < RESOLVER_MAX_IN_FLIGHT && !self->is_stale)
        begin_query(self, TAILQ_FIRST(&self->waiting));
    set_timer(self);
}

/* It is gone before it is told, so that whoever hears of it may ask again, or cancel others. */
static void resolver_tell(struct resolver_query *query)
{
    const struct resolved resolved = *query->resolved;
    resolver_done_fn done = query->done;
    void *user = query->user;

    free_query(query);
    if (done)
        done(&resolved, user);
}

static struct resolver_query *find_over(const struct resolver *self)
{
    struct resolver_query *query;

    TAILQ_FOREACH(query, &self->begun, list)
    if (query->pending == 0)
        return query;
    return NULL;
}

static void on_over(evutil_socket_t fd, short what, void *user)
{
    struct resolver *self = user;
    struct resolver_query *query;
    unsigned told = 0;

    (void)fd;
    (void)what;
    /* Names in /etc/hosts are over as soon as they are asked: the loop has other things to do in between. */
    while (told++ < RESOLVER_MAX_IN_FLIGHT && (query = find_over(self)))
        resolver_tell(query);
    if (find_over(self))
        event_active(&self->over, 0, 0);
    begin_waiting(self);
}

int resolver_ask(struct resolver *self, const char *host, resolver_done_fn done, void *user,
                 struct resolver_query **ret_query)
{
    struct resolver_query *query = calloc(1, sizeof(*query));

    if (query)
        query->host = strdup(host);
    if (!query || !query->host) {
        free(query);
        return -ENOMEM;
    }
    query->resolver = self;
    query->done = done;
    query->user = user;
    TAILQ_INSERT_TAIL(&self->waiting, query, list);
    self->n_waiting++;
    *ret_query = query;
    begin_waiting(self);
    return 0;
}

void resolver_cancel(struct resolver_query **query)
{
    if (!*query)
        return;
    if ((*query)->resolved)
        (*query)->done = NULL; /* c-ares has its address */
    else
        free_query(*query);
    *query = NULL;
}

struct resolver_figures resolver_figures(const struct resolver *self)
{
    return (struct resolver_figures){
        .waiting = self->n_waiting, .in_flight = self->n_begun, .asked = self->asked};
}

/* ---- the whole ---- */

int resolver_new(struct event_base *base, const char *name_servers, resolved_refuses_fn refuses,
                 void *refuses_user, struct resolver **ret_resolver, struct error *error)
{
    struct resolver *self = calloc(1, sizeof(*self));
    int r;

    if (!self)
        return error_errno(error, ENOMEM, "preparing to resolve names");
    self->base = base;
    self->refuses = refuses;
    self->refuses_user = refuses_user;
    TAILQ_INIT(&self->waiting);
    TAILQ_INIT(&self->begun);
    LIST_INIT(&self->sockets);
    self->is_library_begun = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    self->has_timer = event_assign(&self->timer, base, -1, 0, resolver_on_timer, self) == 0;
    self->has_over = event_assign(&self->over, base, -1, 0, on_over, self) == 0;
    if (name_servers)
        self->name_servers = strdup(name_servers);
    self->settings = look_at_settings();
    if (!self->is_library_begun || !self->has_timer || !self->has_over ||
        (name_servers && !self->name_servers))
        r = error_errno(error, ENOMEM, "preparing to resolve names");
    else
        r = make_channel(self, error);
    if (r < 0) {
        resolver_free(&self);
        return r;
    }
    *ret_resolver = self;
    return 0;
}

void resolver_free(struct resolver **resolver)
{
    struct resolver *self = *resolver;

    if (!self)
        return;
    self->is_ending = true;
    if (self->channel)
        ares_destroy(self->channel); /* ends every query, and forgets the sockets */
    while (!LIST_EMPTY(&self->sockets))
        forget_socket(LIST_FIRST(&self->sockets));
    while (!TAILQ_EMPTY(&self->waiting))
        free_query(TAILQ_FIRST(&self->waiting));
    while (!TAILQ_EMPTY(&self->begun))
        free_query(TAILQ_FIRST(&self->begun));
    if (self->has_timer)
        (void)event_del(&self->timer);
    if (self->has_over)
        (void)event_del(&self->over);
    if (self->is_library_begun)
        ares_library_cleanup();
    free(self->name_servers);
    free(self);
    *resolver = NULL;
}
