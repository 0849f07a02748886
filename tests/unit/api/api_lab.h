/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The whole API as the daemon serves it, by a real socket, on a registry that can be told to misbehave: what
 * a client asks, and what is registered before and after. Bodies are written with ' for ", and within a text
 * with ` for ". Included after cmocka.h.
 */
#pragma once

#include <fcntl.h>

#include "base/json.h"
#include "unit/api/api_rooms.h"
#include "unit/api/asker.h"
#include "unit/registry/catalog_text.h"

/* ---- the loop ---- */

static inline void lab_turn(struct lab *lab)
{
    (void)event_base_loop(lab->house.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* The disk is slow: what is begun stays under way until the registry is turned. */
static inline void lab_some_turns(struct lab *lab)
{
    for (unsigned i = 0; i < 50; i++)
        lab_turn(lab);
}

/* Turns until it is so; what takes this long does not come any more. */
#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        uint64_t since_ms = clock_monotonic_ms();                                                            \
                                                                                                             \
        while (!(condition)) {                                                                               \
            lab_turn(lab);                                                                                   \
            if (clock_monotonic_ms() - since_ms > HOUSE_PATIENCE_MS)                                         \
                fail_msg("never came true: %s", #condition);                                                 \
        }                                                                                                    \
    } while (0)
#define REGISTRY_TURN_UNTIL(condition) TURN_UNTIL((fake_registry_turn(lab->house.registry), condition))

#define LAB_SLOW 1000 /* turns of the registry: more than a test takes without waiting for it */

/* So many turns of the registry pass before the next commit ends, and then as the fault says. */
static inline void lab_plan(struct lab *lab, enum fake_fault fault, unsigned turns)
{
    const struct fake_step step = {fault, turns};

    fake_registry_plan(lab->house.registry, &step, 1);
}

/* ---- clients ---- */

static inline struct asker *lab_connect(struct lab *lab)
{
    struct asker *asker = calloc(1, sizeof(*asker));

    assert_non_null(asker);
    asker->base = lab->house.base;
    asker->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(asker->fd, (const struct sockaddr *)&lab->address, sizeof(lab->address)), 0);
    assert_int_equal(fcntl(asker->fd, F_SETFL, O_NONBLOCK), 0);
    return asker;
}

static inline struct asker *lab_send(struct lab *lab, const char *what, const char *body)
{
    struct asker *asker = lab_connect(lab);

    asker_send(asker, what, body);
    return asker;
}

/* The answer in full, with as many turns of loop and registry as it takes. */
static inline cJSON *lab_hear(struct lab *lab, struct asker *asker, int *ret_status)
{
    REGISTRY_TURN_UNTIL(asker_has_answer(asker));
    return asker_take(asker, ret_status);
}

static inline cJSON *lab_ask(struct lab *lab, const char *what, const char *body, int *ret_status)
{
    struct asker *asker = lab_send(lab, what, body);
    cJSON *answer = lab_hear(lab, asker, ret_status);

    asker_leave(asker);
    return answer;
}

/* The answer, which must have this status; the caller's. */
static inline cJSON *lab_get(struct lab *lab, const char *what, const char *body, int wanted)
{
    int status;
    cJSON *answer = lab_ask(lab, what, body, &status);

    if (status != wanted) {
        char *text = cJSON_Print(answer);

        fail_msg("%s %s: status %d: %s", what, body, status, text ? text : "");
    }
    return answer;
}

static inline void lab_do(struct lab *lab, const char *what, const char *body)
{
    cJSON_Delete(lab_get(lab, what, body, 200));
}

/* ---- what is registered ---- */

/* All that a change could have touched: rows and their number, and the catalog. */
static inline char *lab_state(const struct lab *lab)
{
    size_t n;
    const struct fake_row *rows = fake_store_rows(lab->house.store, &n);
    _cleanup_free_ char *catalog = catalog_text(engine_catalog(lab->house.engine));
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(out, "%s %s\n", rows[i].key, rows[i].value);
    (void)fprintf(out, "%s%llu rows written\n", catalog,
                  (unsigned long long)fake_store_counts(lab->house.store).rows);
    (void)fclose(out);
    return text;
}

static inline void lab_expect_state(const struct lab *lab, const char *wanted, const char *what)
{
    _cleanup_free_ char *found = lab_state(lab);

    if (strcmp(found, wanted) != 0)
        fail_msg("%s changed something:\n%s\nbefore:\n%s", what, found, wanted);
}

/* Refused with this status and for this member (NULL: none is to blame), and nothing is another than before. */
static inline void lab_refuse(struct lab *lab, const char *what, const char *body, int status,
                              const char *field, const char *part)
{
    _cleanup_free_ char *before = lab_state(lab);
    _cleanup_json_ cJSON *answer = lab_get(lab, what, body, status);

    json_expect_error(body, answer, field, part);
    lab_expect_state(lab, before, body);
}

/* One request of a table of such. */
struct refusal {
    const char *what;
    const char *body;
    int status;
    const char *field; /* NULL: no member is to blame */
    const char *part;  /* of the message */
};

/* None of them comes as far as the registry or the data path. */
static inline void lab_refuse_all(struct lab *lab, const struct refusal *all, size_t n)
{
    uint64_t writes = datapath_writes(lab->house.datapath);
    uint64_t commits = house_commits_begun(&lab->house);

    for (size_t i = 0; i < n; i++) {
        lab_refuse(lab, all[i].what, all[i].body, all[i].status, all[i].field, all[i].part);
        if (datapath_writes(lab->house.datapath) != writes || house_commits_begun(&lab->house) != commits)
            fail_msg("%s %s was tried", all[i].what, all[i].body);
    }
}

/* The endpoint of this id, as GET /v1/endpoints has it; the caller's. NULL: there is none. */
static inline cJSON *lab_endpoint(struct lab *lab, const char *id)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, "GET /v1/endpoints", "", 200);
    const cJSON *item = json_item(json_at(answer, "endpoints"), "id", id);

    return item ? cJSON_Duplicate(item, true) : NULL;
}

static inline struct instance *lab_instance(const struct lab *lab, const char *service, const char *id)
{
    const struct service *found = catalog_service(engine_catalog(lab->house.engine), "default", service);

    return found ? catalog_instance(found, id) : NULL;
}

/* Two services with an instance each, "v1/a" and "v2/b", on ports that clash with nothing. */
static inline void lab_two_services(struct lab *lab)
{
    lab_do(lab, "POST /v1/instances", "{'service':'v1','id':'a','address':'10.0.0.1:80'}");
    lab_do(lab, "POST /v1/instances", "{'service':'v2','id':'b','address':'10.0.0.2:80'}");
}

/* Is there a service "web"? */
static inline void lab_expect_web(struct lab *lab, bool is_there)
{
    _cleanup_json_ cJSON *answer = lab_get(lab, "GET /v1/services", "", 200);

    assert_int_equal(json_item(json_at(answer, "services"), "name", "web") != NULL, is_there);
}

/* A change that keeps the registry busy, so that those sent from now on share the next commit. */
static inline struct asker *lab_occupy(struct lab *lab)
{
    struct asker *client;
    uint64_t begun = house_commits_begun(&lab->house);

    lab_plan(lab, FAKE_WRITTEN, LAB_SLOW);
    client = lab_send(lab, "POST /v1/instances", "{'service':'first','id':'f','address':'10.0.0.9:80'}");
    TURN_UNTIL(house_commits_begun(&lab->house) == begun + 1);
    return client;
}

/* A document for a list of them: a service of that name which publishes `discovery` as the alias. */
#define DOCUMENT(source, name, discovery, alias)                                                             \
    "{'source':'" source "','text':'{`serviceName`:`" name                                                   \
    "`,`taskDefinition`:{`family`:`f`,`containerDefinitions`:[{`name`:`c`,`portMappings`:[{"                 \
    "`name`:`http`,`containerPort`:8080}]}]},`serviceConnectConfiguration`:{`enabled`:true,"                 \
    "`services`:[{`portName`:`http`,`discoveryName`:`" discovery "`,`clientAliases`:[{`port`:80,"            \
    "`dnsName`:`" alias "`}]}]}}'}"
