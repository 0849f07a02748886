/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Noting what a list is to show: piece by piece, all of it and nothing twice, also if that changes meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_ENDPOINTS 64

#include "lists_lab.h"

#define SERVICES 6000
#define ROUTED   "{\"targets\":[{\"service\":\"s1\",\"weight\":1}]}"

static size_t most_noted; /* at once */
static size_t most_asked; /* no more in a piece than this */
static unsigned n_whole;  /* pieces that were to be the whole */

static int note_few(struct list_names *names, const struct model_namespace *parent,
                    const struct list_key *last, size_t most)
{
    size_t before = names->n;
    int r = list_note_services(names, parent, last, most < most_asked ? most : most_asked);

    n_whole += most == SIZE_MAX;
    if (names->n - before > most_noted)
        most_noted = names->n - before;
    return r;
}

static struct list_kind watched_services(size_t most)
{
    struct list_kind kind = service_list;

    most_noted = n_whole = 0;
    most_asked = most;
    kind.note = note_few;
    return kind;
}

/* Service "x00000" and so on, in an order that no sorting gives. */
static int add_services(struct transaction *transaction, void *user, struct error *error)
{
    int r = 0;

    (void)user;
    for (unsigned i = 0; i < SERVICES && r == 0; i++) {
        char key[64];

        (void)snprintf(key, sizeof(key), "services/ns/x%05u", (i * 7919) % SERVICES);
        r = transaction_put(
            transaction, (struct registry_row){.key = strdup(key), .value = strdup("{\"clientAliases\":[]}")},
            error);
    }
    return r;
}

static void begin(struct lists_lab *lab)
{
    const struct job job = {.run = add_services};

    lab_begin(lab, 0);
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
}

/* All of the catalog's, sorted, each once. */
static void check_services(const struct lists_lab *lab, const cJSON *answer)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, "services");
    const cJSON *item;

    assert_int_equal(cJSON_GetArraySize(list),
                     HASH_COUNT(house_service(&lab->house, "s0")->parent->services));
    cJSON_ArrayForEach (item, list) {
        assert_non_null(house_service(&lab->house, lab_text_of(item, "name")));
        if (item->next)
            assert_true(strcmp(lab_text_of(item, "name"), lab_text_of(item->next, "name")) < 0);
    }
}

static void test_pieces_are_small(void **state)
{
    const struct list_kind kind = watched_services(SIZE_MAX);
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_json_ cJSON *answer = NULL;

    (void)state;
    begin(&lab);
    reader = lab_read(&lab, &kind, 65536);
    answer = lab_rest_of_list(&reader);
    check_services(&lab, answer);
    assert_int_equal(most_noted, LIST_NOTE_PIECE);
    assert_int_equal(n_whole, 0);
    assert_true(lab_is_consistent(answer));
    lab_end(&lab);
}

/* Pieces of one name, so that a slice ends long before all are noted. Each change begins it anew: the list is of
 * the last time. */
static void check_with_changes(struct lists_lab *lab, unsigned n_changes, bool is_whole)
{
    const struct list_kind kind = watched_services(1);
    struct lab_reader reader = lab_read(lab, &kind, 65536);
    _cleanup_json_ cJSON *answer = NULL;

    for (unsigned i = 0; i < n_changes; i++) {
        char key[64];

        assert_true(lab_slice(&reader));
        assert_int_equal(evbuffer_get_length(reader.text), 0);
        (void)snprintf(key, sizeof(key), "services/ns/new%u-%u", n_changes, i);
        house_put(&lab->house, key, "{\"clientAliases\":[]}");
        (void)snprintf(key, sizeof(key), "services/ns/x%05u", n_changes * 100 + i);
        house_put(&lab->house, key, NULL);
    }
    answer = lab_rest_of_list(&reader);
    check_services(lab, answer);
    assert_true(lab_is_consistent(answer));
    assert_int_equal(n_whole > 0, is_whole);
}

static void test_changes_while_it_is_noted(void **state)
{
    struct lists_lab lab;

    (void)state;
    begin(&lab);
    check_with_changes(&lab, 0, false);
    check_with_changes(&lab, 1, false);
    check_with_changes(&lab, LIST_NOTE_TRIES - 2, false);
    check_with_changes(&lab, LIST_NOTE_TRIES - 1, true);
    lab_end(&lab);
}

/* A refused change leaves everything registered, and yet in another order: it is no less a reason. */
static int remove_and_refuse(struct transaction *transaction, void *user, struct error *error)
{
    int r = transaction_put(transaction, (struct registry_row){.key = strdup(user)}, error);

    return r < 0 ? r : error_set(error, EINVAL, "not this time");
}

static void test_a_refused_change_while_it_is_noted(void **state)
{
    const struct list_kind kind = watched_services(1);
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_json_ cJSON *answer = NULL;
    char key[64];
    const struct job job = {.run = remove_and_refuse, .user = key};

    (void)state;
    begin(&lab);
    reader = lab_read(&lab, &kind, 65536);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(lab_slice(&reader));
        (void)snprintf(key, sizeof(key), "services/ns/x%05u", i * 7919 * 100 % SERVICES);
        assert_int_equal(engine_submit(lab.house.engine, &job), 0);
        engine_settle(lab.house.engine);
    }
    answer = lab_rest_of_list(&reader);
    check_services(&lab, answer);
    lab_end(&lab);
}

/* Of each kind: however few are noted in a piece, they come to the same. */
static void check_by_pieces(struct lists_lab *lab, const struct list_kind *kind, const char *wanted)
{
    const struct model_namespace *parent = house_service(&lab->house, "s0")->parent;

    for (size_t most = 1; most < 12; most++) {
        struct list_names names = {0};
        char found[1024] = "";
        size_t n = 0;
        int r;

        assert_int_equal(list_names_begin_namespace(&names, "ns"), 0);
        do {
            size_t before = names.n;
            const struct list_key last = before ? list_names_key(&names, before - 1) : (struct list_key){0};

            r = kind->note(&names, parent, before ? &last : NULL, most);
            assert_true(r >= 0);
            assert_in_range(names.n - before, r > 0 ? most : 0, most);
        } while (r > 0);
        while (list_names_sort(&names) > 0)
            ;
        for (size_t i = 0; i < names.n; i++) {
            const struct list_key key = list_names_key(&names, i);

            n += (size_t)snprintf(found + n, sizeof(found) - n, "%s/%s ", key.client, key.name);
        }
        assert_string_equal(found, wanted);
        list_names_done(&names);
    }
}

static void test_each_kind_goes_on_where_it_was(void **state)
{
    struct lists_lab lab;
    struct house *house = &lab.house;

    (void)state;
    lab_begin(&lab, 10);
    check_by_pieces(&lab, &route_list, "");
    check_by_pieces(&lab, &alias_list, "");
    house_put(house, "services/ns/s1",
              "{\"clientAliases\":[{\"dnsName\":\"m\",\"port\":80},{\"dnsName\":\"n\",\"port\":80}]}");
    check_by_pieces(&lab, &alias_list, "/m /n ");
    house_put(house, "services/ns/s0", "{\"clientAliases\":[{\"dnsName\":\"z\",\"port\":80}]}");
    house_put(house, "routes/ns//q:80/tcp", ROUTED);
    house_put(house, "routes/ns//n:80/tcp", ROUTED);
    house_put(house, "routes/ns//b:80/tcp", ROUTED);
    house_put(house, "routes/ns/web/z:80/tcp", ROUTED);
    house_put(house, "routes/ns/app/z:80/tcp", ROUTED);
    house_put(house, "routes/ns/app/m:80/tcp", ROUTED);
    check_by_pieces(&lab, &service_list, "/s0 /s1 /s2 /s3 /s4 /s5 /s6 /s7 /s8 /s9 ");
    check_by_pieces(&lab, &alias_list, "/b /m /n /q /z ");
    check_by_pieces(&lab, &route_list, "/b /n /q app/m app/z web/z ");
    lab_end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_small),
        cmocka_unit_test(test_changes_while_it_is_noted),
        cmocka_unit_test(test_a_refused_change_while_it_is_noted),
        cmocka_unit_test(test_each_kind_goes_on_where_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
