/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a host tells the fleet of endpoints: only what it has found itself, and against them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "model/catalog_aws.h"
#include "model/catalog_external.h"
#define HOUSE_ENDPOINTS 300
#include "unit/house.h"
#include "upkeep/outliers.h"
#include "upkeep/probes.h"
#include "upkeep/sights.h"

struct lab {
    struct house house;
    struct outliers outliers;
    struct probes probes;
    struct sights sights;
};

#define SERVICE "services/ns/web"
#define CHECKED                                                                                              \
    "{\"clientAliases\":[{\"dnsName\":\"web\",\"port\":80,\"protocol\":\"tcp\"}],\"settings\":{"             \
    "\"healthCheck\":{\"type\":\"tcp\",\"interval\":300,\"timeout\":1}}}"
#define INSTANCE(last, health)                                                                               \
    "{\"address\":\"127.0.0." last "\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"" health    \
    "\"}"

static const struct exec_policy no_commands;

static int setup(void **state)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct house *house = &lab->house;
    struct error error = {0};

    *state = lab;
    house_make(house);
    assert_int_equal(outliers_init(&lab->outliers, house->engine, HOUSE_ENDPOINTS), 0);
    assert_int_equal(probes_init(&lab->probes, house->base, house->engine, &lab->outliers, &no_commands,
                                 &house->events, &error),
                     0);
    lab->outliers.datapath = house->datapath;
    sights_init(&lab->sights, house->engine, &lab->outliers, &lab->probes);
    assert_int_equal(engine_follow(house->engine, &probes_follower, &lab->probes), 0);
    assert_int_equal(engine_follow(house->engine, &outliers_follower, &lab->outliers), 0);
    house_begin(house);
    house_put(house, SERVICE, CHECKED);
    house_put(house, "instances/ns/web/a", INSTANCE("1", "HEALTHY"));
    house_put(house, "instances/ns/web/b", INSTANCE("2", "HEALTHY"));
    house_put(house, "instances/ns/web/c", INSTANCE("3", "UNHEALTHY"));
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;

    house_stop(&lab->house);
    sights_done(&lab->sights);
    probes_done(&lab->probes);
    outliers_done(&lab->outliers);
    house_end(&lab->house);
    free(lab);
    return 0;
}

/* What is told when all have been looked at, as "service/id sees;". */
static void expect_told(struct lab *lab, const char *wanted, int more)
{
    _cleanup_json_ cJSON *json = NULL;
    const cJSON *item;
    char text[200 * 24] = "";

    sights_sweep(&lab->sights);
    json = cJSON_Parse(fake_registry_reported(lab->house.registry));
    assert_non_null(json);
    assert_true(cJSON_IsString(cJSON_GetObjectItem(json, "name")));
    cJSON_ArrayForEach (item, cJSON_GetObjectItem(json, "endpoints")) {
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(item, "namespace")), "ns");
        assert_true(*cJSON_GetStringValue(cJSON_GetObjectItem(item, "reason")));
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s/%s %s;",
                       cJSON_GetStringValue(cJSON_GetObjectItem(item, "service")),
                       cJSON_GetStringValue(cJSON_GetObjectItem(item, "id")),
                       cJSON_GetStringValue(cJSON_GetObjectItem(item, "sees")));
    }
    assert_string_equal(text, wanted);
    assert_int_equal(cJSON_GetObjectItem(json, "more")->valueint, more);
}

/* As the checks' findings leave an instance. */
static void found(struct lab *lab, const char *id, enum svc_health health)
{
    struct instance *instance = house_instance(&lab->house, "web", id);

    instance->observed = health;
    instance->is_held_back = health != HEALTHY;
}

static void test_what_this_host_has_found(void **state)
{
    struct lab *lab = *state;
    uint32_t b = house_instance(&lab->house, "web", "b")->endpoint;

    /* Not checked yet, and what the owner says, is nothing that this host has found. */
    expect_told(lab, "", 0);
    found(lab, "a", HEALTHY);
    found(lab, "b", HEALTHY);
    expect_told(lab, "", 0);
    assert_int_equal(outliers_eject(&lab->outliers, b, 60000), 0);
    expect_told(lab, "web/b ejected;", 0);
    found(lab, "a", UNHEALTHY);
    found(lab, "b", UNHEALTHY);
    expect_told(lab, "web/a unhealthy;web/b ejected;", 0);
    assert_int_equal(outliers_clear(&lab->outliers, b), 0);
    found(lab, "a", HEALTHY);
    expect_told(lab, "web/b unhealthy;", 0);
}

static int run_address(struct transaction *transaction, void *user, struct error *error)
{
    struct lab *lab = user;
    struct instance *record = catalog_record(house_service(&lab->house, "web"), "n");
    const struct external_address address = {.address = ip_address_from_v4(0x0a000007u)};

    (void)error;
    assert_int_equal(catalog_set_addresses(record, &address, 1), 0);
    return transaction_touch_instance(transaction, record->addresses[0]);
}

/* By the id that people know. */
static void test_addresses_of_names(void **state)
{
    struct lab *lab = *state;
    const struct job job = {.run = run_address, .user = lab};
    _cleanup_json_ cJSON *json = NULL;
    const cJSON *names;
    uint32_t number;

    house_put(&lab->house, "instances/ns/web/n",
              "{\"host\":\"h.example\",\"port\":1,\"protocol\":\"tcp\",\"weight\":1,\"health\":\"HEALTHY\"}");
    assert_int_equal(engine_submit_finding(lab->house.engine, &job), 0);
    engine_settle(lab->house.engine);
    expect_told(lab, "", 0);
    json = cJSON_Parse(fake_registry_reported(lab->house.registry));
    names = cJSON_GetObjectItem(json, "names");
    assert_int_equal(cJSON_GetArraySize(names), 1);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(names->child, "id")), "n");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(names->child, "address")), "10.0.0.7");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(names->child, "reason")), "h.example");
    number = catalog_record(house_service(&lab->house, "web"), "n")->addresses[0]->endpoint;
    assert_int_equal(outliers_eject(&lab->outliers, number, 60000), 0);
    expect_told(lab, "web/n ejected;", 0);
}

/* A host that is cut off has something against all: the first are told, and how many more there are. */
static void test_so_many_are_told(void **state)
{
    struct lab *lab = *state;
    char text[200 * 24] = "";

    for (unsigned n = 0; n < 205; n++) {
        char key[64], id[16];

        (void)snprintf(id, sizeof(id), "x%03u", n);
        (void)snprintf(key, sizeof(key), "instances/ns/web/%s", id);
        house_put(&lab->house, key, INSTANCE("9", "HEALTHY"));
        found(lab, id, UNHEALTHY);
        if (n < 200)
            (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "web/%s unhealthy;", id);
    }
    expect_told(lab, text, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_this_host_has_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_addresses_of_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_so_many_are_told, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
