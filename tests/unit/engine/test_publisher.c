/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Prepare, commit and abort of tables, and what a full data path says. */
#include "publisher_lab.h"

#include <errno.h>

#include <svcconnect/decision.h>

/* ---- prepare and commit ---- */

static void test_prepare_writes_nothing_visible(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted = want(lab, "a", 2);
    struct publication *publication;
    uint64_t before4, before6;

    publication = prepare(lab, &wanted, 1);
    assert_true(publication_changes_names(publication));
    expect_record(lab, "identity 0\nslots 0+2\n");
    assert_int_equal(count_entries(lab), 0);
    assert_true(datapath_service(lab->datapath, 0)->table4 == 0);
    assert_int_equal(publisher_commit(lab->publisher, &publication), 0);
    expect_record(lab, "tables 0\nput aliases 1\nput aliases 1\n");

    /* Another table for it: the old one serves until the commit, in slots of its own. */
    before4 = datapath_service(lab->datapath, 0)->table4;
    before6 = datapath_service(lab->datapath, 0)->table6;
    wanted.count4 = wanted.count6 = 3;
    publication = prepare(lab, &wanted, 1);
    assert_false(publication_changes_names(publication));
    expect_record(lab, "slots 4+3\n");
    assert_true(datapath_service(lab->datapath, 0)->table4 == before4);
    assert_true(datapath_service(lab->datapath, 0)->table6 == before6);
    assert_memory_equal(datapath_slots(lab->datapath, 0), lab->slots, 2 * sizeof(lab->slots[0]));
    assert_int_equal(publisher_commit(lab->publisher, &publication), 0);
    expect_record(lab, "tables 0\ngrace begins\n");
    end_grace(lab);
}

static void test_commit_stores_each_descriptor_once(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 1), want(lab, "b", 2)};
    const struct svc_service *service;

    publish(lab, wanted, 2);
    expect_record(lab, "identity 0\nslots 0+1\nidentity 1\nslots 2+2\n"
                       "tables 0\nput aliases 1\nput aliases 1\ntables 1\nput aliases 1\nput aliases 1\n");
    service = datapath_service(lab->datapath, 1);
    assert_int_equal(svc_descriptor_first(service->table4), 2);
    assert_int_equal(svc_descriptor_count(service->table4), 2);
    assert_int_equal(svc_descriptor_generation(service->table4), 1);
    assert_int_equal(publisher_aliases(lab->publisher), 2);
    /* The same again is no change. */
    publish(lab, wanted, 2);
    expect_record(lab, "");
    wanted[1].stickiness_ms = 7;
    publish(lab, wanted, 2);
    assert_int_equal(service->stickiness_ms, 7);
    assert_int_equal(svc_descriptor_generation(service->table4), 2);
}

static void test_families_share_a_region_of_equal_tables(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted = want(lab, "a", 4);
    const struct svc_service *service = datapath_service(lab->datapath, 0);

    publish(lab, &wanted, 1);
    assert_true(service->table4 == service->table6);
    assert_int_equal(publisher_slots_used(lab->publisher), 4);
    wanted.slots6 = lab->slots + 1;
    publish(lab, &wanted, 1);
    assert_int_not_equal(svc_descriptor_first(service->table4), svc_descriptor_first(service->table6));
    assert_int_equal(publisher_slots_used(lab->publisher), 12); /* with the one that waits */
    end_grace(lab);
    assert_int_equal(publisher_slots_used(lab->publisher), 8);
    wanted.slots4 = NULL; /* no IPv4 endpoint */
    wanted.count4 = 0;
    publish(lab, &wanted, 1);
    assert_int_equal(svc_descriptor_count(service->table4), 0);
    end_grace(lab);
    assert_int_equal(publisher_slots_used(lab->publisher), 4);
    withdraw(lab, wanted);
    end_grace(lab);
    assert_int_equal(publisher_slots_used(lab->publisher), 0); /* each given back once */
}

static void test_abort_gives_everything_back(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 3), want(lab, "b", 3), want(lab, "c", 2)};
    struct publication *publication = NULL;

    wanted[1].slots6 = lab->slots + 1; /* two regions */
    publish(lab, wanted, 1);
    wanted[0].count4 = 2;
    for (int i = 0; i < 10000; i++) {
        memory_datapath_forget_record(lab->datapath);
        publication = prepare(lab, &wanted[i % 2 ? 0 : 1], 2);
        publisher_abort(lab->publisher, &publication);
        assert_null(publication);
        assert_int_equal(publisher_slots_used(lab->publisher), 4);
        assert_int_equal(publisher_aliases(lab->publisher), 1);
    }
    publisher_abort(lab->publisher, &publication); /* nothing */
    assert_int_equal(count_entries(lab), 2);
    for (char name = 'b'; name < 'b' + N_SERVICES - 1; name++) {
        wanted[0] = want(lab, (char[]){name, '\0'}, 1);
        publish(lab, wanted, 1); /* no index has been lost */
    }
}

static void test_an_entry_that_does_not_fit_leaves_the_others(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 1), want(lab, "b", 1)};
    struct publication *publication = prepare(lab, wanted, 2);

    memory_datapath_fail_puts(lab->datapath, "aliases", 3, ENOMEM);
    assert_int_equal(publisher_commit(lab->publisher, &publication), -ENOMEM);
    assert_null(publication);
    assert_int_equal(count_entries(lab), 3);
    assert_int_equal(publisher_aliases(lab->publisher), 2);
    withdraw(lab, wanted[0]);
    withdraw(lab, wanted[1]); /* half of it was never there */
    assert_int_equal(count_entries(lab), 0);
}

/* ---- limits ---- */

static void expect_full(struct lab *lab, const struct wanted_alias *wanted, size_t n, const char *setting)
{
    struct publication *publication = NULL;
    uint32_t slots = publisher_slots_used(lab->publisher);
    uint32_t aliases = publisher_aliases(lab->publisher);
    unsigned entries = count_entries(lab);

    assert_int_equal(publisher_prepare(lab->publisher, wanted, n, false, &publication, &lab->error), -ENOSPC);
    assert_null(publication);
    assert_int_equal(lab->error.number, ENOSPC);
    assert_non_null(strstr(lab->error.message, setting));
    assert_int_equal(publisher_slots_used(lab->publisher), slots);
    assert_int_equal(publisher_aliases(lab->publisher), aliases);
    assert_int_equal(count_entries(lab), entries);
    for (uint32_t i = 0; i < aliases; i++)
        assert_int_equal(svc_descriptor_generation(datapath_service(lab->datapath, i)->table4), 1);
}

static void test_no_slots_left(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 8), want(lab, "b", 4), want(lab, "c", 8)};

    publish(lab, wanted, 1);
    expect_full(lab, wanted + 1, 2, "(16): raise maps.slots ");
    wanted[1].slots6 = lab->slots + 1;
    wanted[1].count6 = 8; /* the second of its tables */
    expect_full(lab, wanted + 1, 1, "maps.slots");
    wanted[1] = want(lab, "b", 8);
    publish(lab, wanted + 1, 1); /* what was refused has left nothing in the way */
}

static void test_no_indexes_left(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[N_SERVICES + 1];

    for (int i = 0; i <= N_SERVICES; i++)
        wanted[i] = want(lab, (char[]){(char)('a' + i), '\0'}, 1);
    publish(lab, wanted, 2);
    expect_full(lab, wanted + 2, N_SERVICES - 1, "(8): raise maps.aliases ");
    publish(lab, wanted + 2, N_SERVICES - 2);
    expect_full(lab, wanted + N_SERVICES, 1, "maps.aliases");
}

/* Rather than refuse, it waits for what has been retired. */
static void test_what_waits_is_reclaimed_when_needed(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 16), want(lab, "b", 16)};

    publish(lab, wanted, 1);
    withdraw(lab, wanted[0]);
    memory_datapath_forget_record(lab->datapath);
    publish(lab, wanted + 1, 1);
    expect_record(lab, "identity 1\ngrace waited for\nslots 0+16\ntables 1\nput aliases 1\nput aliases 1\n");
    assert_int_equal(publisher_slots_used(lab->publisher), 16);
    end_grace(lab); /* is over already, and gives nothing back twice */
    assert_int_equal(publisher_slots_used(lab->publisher), 16);
}

/* It is asked of every endpoint that goes, so it is known without a look at all aliases. */
static void test_the_kept_are_counted(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 2), want(lab, "b", 3)};
    struct client_alias *aliases = NULL;
    size_t n = 0;

    publish(lab, wanted, 2);
    assert_int_equal(publisher_kept_aliases(lab->publisher), 0);
    assert_false(publisher_keeps_endpoint(lab->publisher, 3));
    assert_int_equal(publisher_keep(lab->publisher, wanted, &n), 0);
    assert_int_equal(publisher_kept_aliases(lab->publisher), 2);
    assert_true(publisher_keeps_endpoint(lab->publisher, 3));
    assert_false(publisher_keeps_endpoint(lab->publisher, 4));
    assert_int_equal(publisher_list_kept(lab->publisher, 1, &aliases, &n), 0);
    assert_int_equal(n, 2);
    free(aliases);
    /* One is published as the registry has it, the other one goes. */
    wanted[0].count4 = wanted[0].count6 = 1;
    publish(lab, wanted, 1);
    assert_int_equal(publisher_kept_aliases(lab->publisher), 1);
    assert_true(publisher_keeps_endpoint(lab->publisher, 1)); /* by the other one */
    withdraw(lab, wanted[1]);
    assert_int_equal(publisher_kept_aliases(lab->publisher), 0);
    assert_false(publisher_keeps_endpoint(lab->publisher, 1));
    publisher_forget_kept(lab->publisher);
    assert_int_equal(publisher_kept_aliases(lab->publisher), 0);
}

/* "80 443": the ports of a name in a scope, ascending; "": it is not there. */
static void expect_ports(struct lab *lab, uint32_t scope, const char *name, const char *wanted)
{
    struct published_name found;
    const struct client_alias *alias;
    bool is_seen[1000] = {false};
    char text[64] = "";
    size_t size = 0;

    if (publisher_find_name(lab->publisher, scope, name, strlen(name), &found) == 0) {
        assert_string_equal(found.name, name);
        assert_int_equal(found.address.bytes[15], (uint8_t)name[0]);
        assert_int_equal(found.address6.bytes[15], (uint8_t)name[0]);
        while ((alias = publisher_next_of_name(&found.next)))
            is_seen[alias->port] = true;
    }
    for (unsigned port = 0; port < 1000; port++)
        if (is_seen[port])
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%u", size ? " " : "", port);
    assert_string_equal(text, wanted);
}

static void test_a_name_is_there_while_one_of_its_aliases_is(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 1), want(lab, "a", 1), want(lab, "a", 1),
                                    want(lab, "a", 1)};
    static const uint16_t ports[] = {443, 80, 81};
    struct publication *publication;

    for (size_t i = 0; i < 3; i++)
        wanted[i].alias.port = ports[i];
    wanted[3].scope = 11;
    publication = prepare(lab, wanted, 4);
    expect_ports(lab, 1, "a", ""); /* not before it is published */
    assert_int_equal(publisher_commit(lab->publisher, &publication), 0);
    expect_ports(lab, 1, "a", "80 81 443");
    expect_ports(lab, 11, "a", "80");
    expect_ports(lab, 2, "a", "");
    expect_ports(lab, 1, "ab", "");
    expect_ports(lab, 1, "a:80/tcp", "");
    expect_ports(lab, 1, "1 a", "");
    withdraw(lab, wanted[0]); /* in any order */
    expect_ports(lab, 1, "a", "80 81");
    withdraw(lab, wanted[2]);
    expect_ports(lab, 1, "a", "80");
    withdraw(lab, wanted[1]);
    expect_ports(lab, 1, "a", "");
    expect_ports(lab, 11, "a", "80");
    end_grace(lab);
    end_grace(lab);
    publish(lab, wanted + 1, 2);
    expect_ports(lab, 1, "a", "80 81");
    withdraw(lab, wanted[2]);
    expect_ports(lab, 1, "a", "80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_prepare_writes_nothing_visible),
        TEST(test_commit_stores_each_descriptor_once),
        TEST(test_families_share_a_region_of_equal_tables),
        TEST(test_abort_gives_everything_back),
        TEST(test_an_entry_that_does_not_fit_leaves_the_others),
        TEST(test_no_slots_left),
        TEST(test_no_indexes_left),
        TEST(test_what_waits_is_reclaimed_when_needed),
        TEST(test_the_kept_are_counted),
        TEST(test_a_name_is_there_while_one_of_its_aliases_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
