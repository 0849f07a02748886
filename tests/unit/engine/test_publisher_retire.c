/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is no longer published waits for a grace period; what an earlier run published is taken over. */
#include "publisher_lab.h"

#include <errno.h>
#include <poll.h>

/* ---- removal ---- */

static void test_removal_retires_until_a_grace_period_is_over(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 2), want(lab, "b", 2)};
    struct pollfd grace = {.fd = datapath_grace_fd(lab->datapath), .events = POLLIN};

    publish(lab, wanted, 1);
    memory_datapath_forget_record(lab->datapath);
    withdraw(lab, wanted[0]);
    expect_record(lab, "delete aliases 1\ndelete aliases 1\ngrace begins\n");
    assert_int_equal(publisher_aliases(lab->publisher), 0);
    assert_int_equal(publisher_slots_used(lab->publisher), 2);
    assert_int_equal(poll(&grace, 1, 0), 0);
    /* Who comes meanwhile gets another index and another region. */
    publish(lab, wanted + 1, 1);
    expect_record(lab, "identity 1\nslots 2+2\ntables 1\nput aliases 1\nput aliases 1\n");
    /* Who goes meanwhile waits for the next one: this one may have begun too early for it. */
    withdraw(lab, wanted[1]);
    expect_record(lab, "delete aliases 1\ndelete aliases 1\n");
    memory_datapath_end_grace(lab->datapath);
    assert_int_equal(poll(&grace, 1, 0), 1);
    publisher_end_grace(lab->publisher);
    expect_record(lab, "grace begins\n");
    assert_int_equal(publisher_slots_used(lab->publisher), 2);
    publish(lab, wanted, 1);
    expect_record(lab, "identity 0\nslots 0+2\ntables 0\nput aliases 1\nput aliases 1\n");
    end_grace(lab);
    assert_int_equal(publisher_slots_used(lab->publisher), 2);
    expect_record(lab, ""); /* nothing waits any more */
}

static void test_numbers_of_others_wait_as_well(void **state)
{
    struct lab *lab = *state;
    uint32_t endpoint, scope;

    assert_int_equal(name_numbers_take(lab->endpoints, "e", &endpoint), 0);
    assert_int_equal(name_numbers_take(lab->scopes, "s", &scope), 0);
    assert_int_equal(name_numbers_retire(lab->endpoints, "e", &endpoint), 0);
    assert_int_equal(name_numbers_retire(lab->scopes, "s", &scope), 0);
    publisher_retire_endpoint(lab->publisher, endpoint);
    publisher_retire_scope(lab->publisher, scope);
    publisher_begin_grace(lab->publisher);
    publisher_begin_grace(lab->publisher); /* one at a time */
    expect_record(lab, "grace begins\n");
    assert_int_equal(name_numbers_take(lab->endpoints, "f", &endpoint), -ENOSPC);
    end_grace(lab);
    assert_int_equal(name_numbers_take(lab->endpoints, "f", &endpoint), 0);
    assert_int_equal(name_numbers_take(lab->scopes, "t", &scope), 0);
}

static void test_everything_takes_out_what_is_not_wanted(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 1), want(lab, "b", 1)};
    struct publication *publication = NULL;
    struct client_alias *aliases;
    size_t n;

    publish(lab, wanted, 2);
    publish(lab, wanted + 1, 1);
    assert_int_equal(publisher_aliases(lab->publisher), 2);
    assert_int_equal(publisher_prepare(lab->publisher, wanted + 1, 1, true, &publication, NULL), 0);
    assert_int_equal(publisher_commit(lab->publisher, &publication), 0);
    assert_int_equal(publisher_list_scope(lab->publisher, 1, &aliases, &n), 0);
    assert_int_equal(n, 1);
    assert_string_equal(aliases[0].dns_name, "b");
    free(aliases);
}

/* ---- adoption ---- */

static bool is_wanted(const char *dns_name, const struct ip_address *address, void *user)
{
    assert_int_equal(address->bytes[15], dns_name[0]);
    return dns_name[0] != *(const char *)user;
}

/* The next run: its publisher knows what the data path holds, but for a name of `unwanted`. */
static unsigned restart(struct lab *lab, char unwanted)
{
    unsigned adopted = 0;

    publisher_free(&lab->publisher);
    assert_int_equal(memory_datapath_restart(lab->datapath, DATAPATH_ADOPTED), 0);
    assert_int_equal(
        publisher_new(lab->datapath, N_SERVICES, N_SLOTS, lab->endpoints, lab->scopes, &lab->publisher), 0);
    assert_int_equal(publisher_adopt(lab->publisher, is_wanted, &unwanted, &adopted, &lab->error), 0);
    return adopted;
}

static void test_adoption_of_what_is_right_writes_nothing(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 2), want(lab, "b", 2), want(lab, "c", 1)};

    wanted[1].slots6 = lab->slots + 1;
    publish(lab, wanted, 2);
    assert_int_equal(restart(lab, 0), 2);
    publish(lab, wanted, 2);
    expect_record(lab, "");
    assert_int_equal(publisher_slots_used(lab->publisher), 6);
    /* What an earlier run retired may still be read: the first write waits, the second does not. */
    publish(lab, wanted + 2, 1);
    expect_record(lab, "grace waited for\nidentity 2\nslots 6+1\ntables 2\nput aliases 1\nput aliases 1\n");
    wanted[2].count4 = wanted[2].count6 = 2;
    publish(lab, wanted + 2, 1);
    expect_record(lab, "slots 8+2\ntables 2\ngrace begins\n");
}

static void test_adoption_removes_other_addresses(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted[] = {want(lab, "a", 2), want(lab, "b", 2)};

    publish(lab, wanted, 2);
    assert_int_equal(restart(lab, 'a'), 1);
    expect_record(lab, "delete aliases 1\ndelete aliases 1\n");
    assert_int_equal(publisher_slots_used(lab->publisher), 4);
    publisher_begin_grace(lab->publisher);
    end_grace(lab);
    assert_int_equal(publisher_slots_used(lab->publisher), 2);
}

static int keep_v6(const struct svc_alias_key *key, const struct svc_alias *alias, void *user)
{
    (void)alias;
    return key->address[0] == 0xfd ? 0 : datapath_delete_alias(((struct lab *)user)->datapath, key);
}

static void test_adoption_completes_and_clears(void **state)
{
    struct lab *lab = *state;
    struct wanted_alias wanted = want(lab, "a", 2);
    struct svc_alias_key nobodys = {.scope = 9, .port_be = 1, .protocol = TCP};
    struct svc_alias value = {.service = 0, .dns_name = "x", .port = 80, .protocol = TCP};

    publish(lab, &wanted, 1);
    assert_int_equal(datapath_each_alias(lab->datapath, keep_v6, lab), 0);
    assert_int_equal(datapath_put_alias(lab->datapath, &nobodys, &value), 0);
    assert_int_equal(restart(lab, 0), 1);
    expect_record(lab, "delete aliases 9\nput aliases 1\n");
    assert_int_equal(count_entries(lab), 2);
    withdraw(lab, wanted);
    assert_int_equal(count_entries(lab), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_removal_retires_until_a_grace_period_is_over),
        TEST(test_numbers_of_others_wait_as_well),
        TEST(test_everything_takes_out_what_is_not_wanted),
        TEST(test_adoption_of_what_is_right_writes_nothing),
        TEST(test_adoption_removes_other_addresses),
        TEST(test_adoption_completes_and_clears),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
