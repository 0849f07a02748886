/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Lists that are written slice by slice: bounded, whole, in order, and honest about what changes meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUSE_ENDPOINTS 6000

#include "externals/externals.h"
#include "lists_lab.h"
#include "model/catalog_aws.h"

#define INSTANCES 5500 /* 550 of a service: more than one run of their sorting */
#define ROOM      4096
#define MOST      2048 /* an item's text; so much may a slice go beyond its room */

/* As one that has all the time of the world would list them. */
static cJSON *reference(struct lists_lab *lab, unsigned n)
{
    cJSON *list = cJSON_CreateArray();

    for (unsigned s = 0; s < LAB_SERVICES; s++)
        for (unsigned number = s; number < n; number += LAB_SERVICES) {
            char service[16], id[16];
            const struct instance *instance;

            (void)snprintf(service, sizeof(service), "s%u", s);
            (void)snprintf(id, sizeof(id), "i%05u", number);
            instance = house_instance(&lab->house, service, id);
            assert_non_null(instance);
            (void)cJSON_AddItemToArray(list, read_endpoint(&lab->api, instance, false));
        }
    return list;
}

static int n_endpoints(const cJSON *answer)
{
    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "endpoints"));
}

static void test_slices_come_to_the_whole(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_json_ cJSON *answer = NULL;
    _cleanup_json_ cJSON *wanted = NULL;
    const cJSON *revision;

    (void)state;
    lab_begin(&lab, INSTANCES);
    reader = lab_read(&lab, &endpoint_list, ROOM);
    answer = lab_rest_of_list(&reader);
    wanted = reference(&lab, INSTANCES);
    assert_int_equal(cJSON_GetArraySize(wanted), INSTANCES);
    assert_true(cJSON_Compare(cJSON_GetObjectItemCaseSensitive(answer, "endpoints"), wanted, true));
    assert_true(reader.most < ROOM + MOST);
    assert_true(lab_is_consistent(answer));
    revision = cJSON_GetObjectItemCaseSensitive(answer, "revision");
    assert_true(cJSON_GetNumberValue(revision) == (double)engine_figures(lab.house.engine).revision);
    lab_end(&lab);
}

/* However much room there is, and however fast the machine. */
static void test_a_slice_has_so_many_pieces(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    bool goes_on = true;

    (void)state;
    lab_begin(&lab, INSTANCES);
    reader = lab_read(&lab, &endpoint_list, SIZE_MAX);
    while (goes_on) {
        unsigned items = 0;
        const char *text;

        (void)evbuffer_drain(reader.text, evbuffer_get_length(reader.text));
        goes_on = lab_slice(&reader);
        assert_int_equal(evbuffer_add(reader.text, "", 1), 0);
        text = (const char *)evbuffer_pullup(reader.text, -1);
        while ((text = strstr(text, "{\"id\":"))) {
            items++;
            text++;
        }
        assert_true(items <= LIST_SLICE_PIECES);
    }
    assert_true(reader.slices >= INSTANCES / LIST_SLICE_PIECES);
    lab_leave(&reader);
    lab_end(&lab);
}

/* Until the first item is there. */
static void read_first(struct lab_reader *reader)
{
    while (evbuffer_get_length(reader->text) < 100)
        assert_true(lab_slice(reader));
}

/* Between two slices one instance goes, and a service with what it had. */
static void test_a_change_meanwhile_is_told(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader;
    _cleanup_json_ cJSON *answer = NULL;
    uint64_t revision;

    (void)state;
    lab_begin(&lab, 200);
    revision = engine_figures(lab.house.engine).revision;
    reader = lab_read(&lab, &endpoint_list, 1);
    read_first(&reader);
    house_put(&lab.house, "instances/ns/s0/i00190", NULL);
    for (unsigned number = 9; number < 200; number += LAB_SERVICES) {
        char key[64];

        (void)snprintf(key, sizeof(key), "instances/ns/s9/i%05u", number);
        house_put(&lab.house, key, NULL);
    }
    house_put(&lab.house, "services/ns/s9", NULL);
    answer = lab_rest_of_list(&reader);
    assert_int_equal(n_endpoints(answer), 179);
    assert_false(lab_is_consistent(answer));
    assert_true(cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(answer, "revision")) ==
                (double)revision);
    lab_end(&lab);
}

/* At whatever piece the service goes and comes again: nothing is shown twice, and it is told. */
static void test_a_service_that_is_made_anew_meanwhile(void **state)
{
    struct lists_lab lab;

    (void)state;
    lab_begin(&lab, 20);
    for (unsigned slices = 1; slices < 12; slices++) {
        struct lab_reader reader = lab_read(&lab, &endpoint_list, 1);
        _cleanup_json_ cJSON *answer = NULL;
        char value[256];

        for (unsigned i = 0; i < slices; i++)
            assert_true(lab_slice(&reader));
        house_put(&lab.house, "instances/ns/s0/i00010", NULL);
        house_put(&lab.house, "instances/ns/s0/i00000", NULL);
        house_put(&lab.house, "services/ns/s0", NULL);
        house_put(&lab.house, "services/ns/s0", "{\"clientAliases\":[]}");
        (void)snprintf(value, sizeof(value), LAB_INSTANCE, 0u, 1u);
        house_put(&lab.house, "instances/ns/s0/i00000", value);
        (void)snprintf(value, sizeof(value), LAB_INSTANCE, 0u, 11u);
        house_put(&lab.house, "instances/ns/s0/i00010", value);
        answer = lab_rest_of_list(&reader);
        assert_int_equal(n_endpoints(answer), 20);
        assert_false(lab_is_consistent(answer));
    }
    lab_end(&lab);
}

static void test_a_reader_leaves(void **state)
{
    struct lists_lab lab;

    (void)state;
    lab_begin(&lab, 200);
    for (unsigned slices = 0; slices < 30; slices++) {
        struct lab_reader reader = lab_read(&lab, &endpoint_list, 1);

        for (unsigned i = 0; i < slices; i++)
            assert_true(lab_slice(&reader));
        lab_leave(&reader);
    }
    lab_end(&lab);
}

/* ---- while the catalog is not steady ---- */

/* A job that goes on for ever so many pieces: the catalog is nobody's to read meanwhile. */
static int go_on(struct transaction *transaction, void *user, struct error *error)
{
    unsigned *pieces = user;

    (void)transaction;
    (void)error;
    return ++*pieces < 1000000 ? JOB_GO_ON : JOB_TAKE_BACK;
}

static bool is_unsteady(void *user)
{
    return !engine_is_steady(((struct lists_lab *)user)->house.engine);
}

/* `n_before` slices, then nothing more while a change is put together, whatever is asked for. */
static void check_waits(struct lists_lab *lab, struct lab_reader *reader, unsigned n_before)
{
    unsigned pieces = 0;
    const struct job job = {.run = go_on, .user = &pieces};
    size_t length;

    for (unsigned i = 0; i < n_before; i++)
        assert_true(lab_slice(reader));
    length = evbuffer_get_length(reader->text);
    assert_int_equal(engine_submit(lab->house.engine, &job), 0);
    house_until(&lab->house, is_unsteady, lab, "the change to begin");
    for (unsigned i = 0; i < 100; i++)
        assert_true(lab_slice(reader));
    assert_int_equal(evbuffer_get_length(reader->text), length);
    pieces = 1000000;
    engine_settle(lab->house.engine);
}

static void test_nothing_is_read_of_a_change_under_way(void **state)
{
    struct lists_lab lab;

    (void)state;
    lab_begin(&lab, 200);
    for (unsigned n_before = 0; n_before < 40; n_before++) {
        struct lab_reader reader = lab_read(&lab, &endpoint_list, 1);
        _cleanup_json_ cJSON *answer = NULL;

        check_waits(&lab, &reader, n_before);
        answer = lab_rest_of_list(&reader);
        assert_int_equal(n_endpoints(answer), 200);
        assert_true(lab_is_consistent(answer)); /* it was taken back */
    }
    lab_end(&lab);
}

/* Whenever it comes a change is under way; yet between two of them there is a moment for it. */
static void test_a_list_gets_on_between_changes(void **state)
{
    struct lists_lab lab;
    struct lab_reader reader, other;
    bool goes_on = true;

    (void)state;
    lab_begin(&lab, 200);
    reader = lab_read(&lab, &endpoint_list, ROOM);
    other = lab_read(&lab, &endpoint_list, ROOM); /* one that waits and leaves */
    for (unsigned i = 0; i < 100 && goes_on; i++) {
        unsigned pieces = 0;
        const struct job job = {.run = go_on, .user = &pieces};

        assert_int_equal(engine_submit(lab.house.engine, &job), 0);
        house_until(&lab.house, is_unsteady, &lab, "the change to begin");
        goes_on = lab_slice(&reader);
        if (goes_on)
            (void)lab_slice(&reader);
        if (i == 0) {
            (void)lab_slice(&other);
            assert_int_equal(lab.api.n_waiting_readers, 2);
            lab_leave(&other);
            assert_int_equal(lab.api.n_waiting_readers, 1);
        }
        pieces = 1000000;
        engine_settle(lab.house.engine);
    }
    assert_false(goes_on);
    assert_int_equal(lab.api.n_waiting_readers, 0);
    assert_true(reader.most <= HTTP_SLICE + MOST);
    lab_leave(&reader);
    lab_end(&lab);
}

/* ---- host names ---- */

struct addresses {
    struct lists_lab *lab;
    unsigned n;
};

static int found_addresses(struct transaction *transaction, void *user, struct error *error)
{
    const struct addresses *found = user;
    struct external_address some[2] = {0};
    struct instance *record = catalog_record(house_service(&found->lab->house, "s0"), "zdb");
    int r;

    (void)error;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(ip_address_parse(i ? "10.9.9.2" : "10.9.9.1", &some[i].address), 0);
    r = catalog_set_addresses(record, some, found->n);
    for (size_t i = 0; i < record->n_addresses && r == 0; i++)
        r = transaction_touch_instance(transaction, record->addresses[i]);
    return r;
}

static void find_addresses(struct lists_lab *lab, unsigned n)
{
    struct addresses found = {lab, n};
    const struct job job = {.run = found_addresses, .user = &found};

    assert_int_equal(engine_submit_finding(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
}

/* No row says that a name has other addresses, and yet the list is another: a name that was noted without any
 * is not shown as one that has none, and an address that came is not there yet. */
static void test_addresses_that_come_meanwhile_are_told(void **state)
{
    static const int shown[] = {20, 21, 21, 22};
    struct lists_lab lab;
    struct externals externals = {0};
    uint64_t revision;

    (void)state;
    lab_begin(&lab, 20);
    lab.api.externals = &externals;
    house_put(
        &lab.house, "instances/ns/s0/zdb",
        "{\"host\":\"db.example\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}");
    revision = engine_figures(lab.house.engine).revision;
    for (unsigned n = 0; n < 4; n++) {
        struct lab_reader reader = lab_read(&lab, &endpoint_list, 1);
        _cleanup_json_ cJSON *answer = NULL;

        read_first(&reader);
        find_addresses(&lab, n / 2 + 1); /* 1, 1, 2, 2: every other time nothing is new */
        answer = lab_rest_of_list(&reader);
        assert_int_equal(lab_is_consistent(answer), n % 2);
        assert_int_equal(n_endpoints(answer), shown[n]);
    }
    assert_int_equal(engine_figures(lab.house.engine).revision, revision);
    lab_end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices_come_to_the_whole),
        cmocka_unit_test(test_a_slice_has_so_many_pieces),
        cmocka_unit_test(test_a_change_meanwhile_is_told),
        cmocka_unit_test(test_a_service_that_is_made_anew_meanwhile),
        cmocka_unit_test(test_a_reader_leaves),
        cmocka_unit_test(test_nothing_is_read_of_a_change_under_way),
        cmocka_unit_test(test_a_list_gets_on_between_changes),
        cmocka_unit_test(test_addresses_that_come_meanwhile_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
