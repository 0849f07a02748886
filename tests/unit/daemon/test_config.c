/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mounts.h"
#include "daemon/config.h"
#include <svcconnect/abi.h>

static char file[64];

static int setup(void **state)
{
    int fd;

    (void)state;
    (void)snprintf(file, sizeof(file), "%s/svc-config-XXXXXX", P_tmpdir);
    fd = mkstemp(file);
    log_set_level(LOG_LEVEL_ERROR); /* settings of a later version are warned about */
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(file);
}

static void write_file(const char *text)
{
    _cleanup_fclose_ FILE *out = fopen(file, "we");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
}

/* Loads `text` as the file (a host's own file must not be read here) with these flags after it,
 * up to a NULL. */
static int load(const char *text, const char *const flags[], struct config *config,
                enum config_action *action, struct error *error)
{
    char *argv[16] = {"svcconnectd", "--config", file};
    int argc = 3;

    write_file(text);
    for (; flags && *flags; flags++)
        argv[argc++] = (char *)*flags;
    return config_load(argc, argv, config, action, error);
}

#define FLAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void load_good(const char *text, const char *const flags[], struct config *config)
{
    enum config_action action = CONFIG_HELP;
    struct error error = {0};

    if (load(text, flags, config, &action, &error) != 0)
        fail_msg("%s: %s", text, error.message);
    assert_int_equal(action, CONFIG_RUN);
}

static void test_defaults(void **state)
{
    _cleanup_(config_done) struct config config;
    char address[IP_ADDRESS_TEXT_SIZE];

    (void)state;
    load_good("{\"cgroupRoot\":\"/c\"}", NULL, &config);
    assert_string_equal(config.file, file);
    assert_string_equal(config.state_dir, "/var/lib/svcconnect");
    assert_string_equal(config.run_dir, "/run/svcconnect");
    assert_string_equal(config.bpffs, "/sys/fs/bpf/svcconnect");
    assert_string_equal(config.registry, "sqlite");
    assert_string_equal(config.alias_range_text, "127.255.0.0/16");
    assert_string_equal(ip_address_format(&config.alias_range.first, address), "127.255.0.0");
    assert_string_equal(ip_address_format(&config.alias_range.first6, address), "fd7f:ff53:7663::");
    assert_int_equal(config.alias_range.addresses, 65534);
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
    assert_int_equal(config.max_aliases, SVC_DEFAULT_ALIASES);
    assert_int_equal(config.max_slots, SVC_DEFAULT_SLOTS);
    assert_int_equal(config.max_endpoints, SVC_DEFAULT_ENDPOINTS);
    assert_int_equal(config.max_tasks, SVC_DEFAULT_TASKS);
}

static void test_cgroup_root_is_found(void **state)
{
    _cleanup_(config_done) struct config config;
    _cleanup_free_ char *found = NULL;
    enum config_action action;
    struct error error = {0};

    (void)state;
    if (mounts_find_cgroup2(&found) == 0) {
        load_good("{}", NULL, &config);
        assert_string_equal(config.cgroup_root, found);
    } else {
        assert_int_equal(load("{}", NULL, &config, &action, &error), -ENODEV);
        assert_non_null(strstr(error.message, "--cgroup-root"));
    }
}

static const char whole_file[] =
    "{\"stateDir\":\"/s\",\"runDir\":\"/r\",\"bpffs\":\"/b\",\"cgroupRoot\":\"/"
    "c\",\"aliasRange\":\"10.64.0.0/12\","
    "\"aliasRange6\":\"fd00:1::/64\",\"registry\":\"sqlite\",\"logLevel\":\"debug\","
    "\"maps\":{\"aliases\":2,\"slots\":1,\"endpoints\":4194304,\"tasks\":65536}}";

static void test_file_over_defaults(void **state)
{
    _cleanup_(config_done) struct config config;

    (void)state;
    load_good(whole_file, NULL, &config);
    assert_string_equal(config.state_dir, "/s");
    assert_string_equal(config.run_dir, "/r");
    assert_string_equal(config.bpffs, "/b");
    assert_string_equal(config.cgroup_root, "/c");
    assert_string_equal(config.alias_range_text, "10.64.0.0/12");
    assert_string_equal(config.alias_range6_text, "fd00:1::/64");
    assert_int_equal(config.alias_range.addresses, (1 << 20) - 2);
    assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(config.max_aliases, 2);
    assert_int_equal(config.max_slots, 1);
    assert_int_equal(config.max_endpoints, 4194304);
    assert_int_equal(config.max_tasks, 65536);
}

/* Whatever the order: the file is named by a flag and still comes before all of them. */
static void test_flags_over_file(void **state)
{
    _cleanup_(config_done) struct config config;
    char *argv[] = {"svcconnectd",
                    "--state-dir",
                    "/fs",
                    "--log-level=error",
                    "--config",
                    file,
                    "--run-dir=/fr",
                    "--bpffs",
                    "/fb",
                    "--cgroup-root",
                    "/fc",
                    "--foreground",
                    "--alias-range",
                    "10.0.0.0/8",
                    "--alias-range6",
                    "fd00:2::/32",
                    "--registry",
                    "sqlite",
                    "--run-dir",
                    "/last",
                    "--dns",
                    "off",
                    "--aws-listen",
                    "127.0.0.1:4599"};
    enum config_action action = CONFIG_HELP;

    (void)state;
    write_file(whole_file);
    assert_int_equal(config_load(ARRAY_SIZE(argv), argv, &config, &action, NULL), 0);
    assert_int_equal(action, CONFIG_RUN);
    assert_string_equal(config.state_dir, "/fs");
    assert_string_equal(config.run_dir, "/last");
    assert_string_equal(config.bpffs, "/fb");
    assert_string_equal(config.cgroup_root, "/fc");
    assert_string_equal(config.alias_range_text, "10.0.0.0/8");
    assert_string_equal(config.alias_range6_text, "fd00:2::/32");
    assert_int_equal(config.log_level, LOG_LEVEL_ERROR);
    assert_int_equal(config.max_aliases, 2); /* no flag, so the file's */
}

static void test_actions(void **state)
{
    static const struct {
        const char *flag;
        enum config_action action;
    } cases[] = {{"--print-config", CONFIG_PRINT}, {"--help", CONFIG_HELP}, {"--version", CONFIG_VERSION}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(config_done) struct config config;
        enum config_action action = CONFIG_RUN;

        assert_int_equal(load("{\"cgroupRoot\":\"/c\"}", FLAGS(cases[i].flag), &config, &action, NULL), 0);
        assert_int_equal(action, cases[i].action);
    }
}

/* ---- bad values ---- */

static void expect_bad(const char *text, const char *const flags[], const char *field, const char *value)
{
    _cleanup_(config_done) struct config config;
    enum config_action action = CONFIG_HELP;
    struct error error = {0};
    int r = load(text, flags, &config, &action, &error);

    if (r != -EINVAL || strcmp(error.field, field) != 0 || strcmp(error.value, value) != 0 ||
        !error.allowed[0])
        fail_msg("%s %s: returned %d, field \"%s\", value \"%s\", message \"%s\"", text,
                 flags ? flags[0] : "", r, error.field, error.value, error.message);
    assert_int_equal(action, CONFIG_HELP); /* untouched */
}

static void test_bad_members(void **state)
{
    static const struct {
        const char *text, *field, *value;
    } cases[] = {
        {"{\"stateDir\":5}", "stateDir", "5"},
        {"{\"runDir\":null}", "runDir", "null"},
        {"{\"bpffs\":[\"/b\"]}", "bpffs", "[\"/b\"]"},
        {"{\"cgroupRoot\":true}", "cgroupRoot", "true"},
        {"{\"registry\":\"mysql\"}", "registry", "mysql"},
        {"{\"registry\":\"\"}", "registry", ""},
        {"{\"logLevel\":\"loud\"}", "logLevel", "loud"},
        {"{\"logLevel\":3}", "logLevel", "3"},
        {"{\"stateDIR\":\"/s\"}", "stateDIR", "(unknown member)"},
        {"{\"otlp\":{\"endpoint\":\"http://collector:4318\"}}", "otlp.endpoint", "http://collector:4318"},
        {"{\"otlp\":{\"endpoint\":\"127.0.0.1:4318\"}}", "otlp.endpoint", "127.0.0.1:4318"},
        {"{\"otlp\":{\"intervalSeconds\":0}}", "otlp.intervalSeconds", "0"},
        {"{\"maps\":5}", "maps", "5"},
        {"{\"maps\":{\"services\":5}}", "maps.services", "(unknown member)"},
        {"{\"maps\":{\"aliases\":1}}", "maps.aliases", "1"},
        {"{\"maps\":{\"aliases\":4194305}}", "maps.aliases", "4194305"},
        {"{\"maps\":{\"slots\":0}}", "maps.slots", "0"},
        {"{\"maps\":{\"slots\":16777217}}", "maps.slots", "16777217"},
        {"{\"maps\":{\"endpoints\":-1}}", "maps.endpoints", "-1"},
        {"{\"maps\":{\"endpoints\":1.5}}", "maps.endpoints", "1.5"},
        {"{\"maps\":{\"tasks\":\"9\"}}", "maps.tasks", "9"},
        {"{\"maps\":{\"tasks\":65537}}", "maps.tasks", "65537"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_bad(cases[i].text, NULL, cases[i].field, cases[i].value);
}

static void test_bad_ranges(void **state)
{
    static const char *const bad4[] = {"",
                                       "127.255.0.0",
                                       "127.255.0.0/7",
                                       "127.255.0.0/30",
                                       "127.255.0.1/16",
                                       "10.0.0.0/33",
                                       "10.0.0.0/ 16",
                                       "fd00::/64",
                                       "x/16",
                                       "10.0.0.0/16/2"};
    static const char *const bad6[] = {"",           "fd00::",      "fd00::/15",  "fd00::1/112",
                                       "fd00::/129", "10.0.0.0/16", "fd00::/113", "::ffff:10.0.0.0/112"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad4); i++)
        expect_bad("{\"cgroupRoot\":\"/c\"}", FLAGS("--alias-range", bad4[i]), "aliasRange", bad4[i]);
    /* /113 has room for fewer than the default /16 does. */
    for (size_t i = 0; i < ARRAY_SIZE(bad6); i++)
        expect_bad("{\"cgroupRoot\":\"/c\"}", FLAGS("--alias-range6", bad6[i]), "aliasRange6", bad6[i]);
    expect_bad("{\"aliasRange\":\"10.1.1.1/8\"}", NULL, "aliasRange", "10.1.1.1/8");
    expect_bad("{\"aliasRange6\":\"fd00::/113\"}", NULL, "aliasRange6", "fd00::/113");
    expect_bad("{}", FLAGS("--log-level", "INFO"), "--log-level", "INFO");
    expect_bad("{}", FLAGS("--registry", "consul:http://localhost"), "registry", "consul:http://localhost");
    expect_bad("{}", FLAGS("--registry", "etcd:http://localhost/v3"), "registry", "etcd:http://localhost/v3");
    expect_bad("{}", FLAGS("--registry", "etcd:a", "--container-runtime", "docker:/run/docker.sock"),
               "containerRuntime", "docker:/run/docker.sock");
    expect_bad("{\"registry\": \"etcd:a\", \"etcd\": {\"user\": \"u\"}}", NULL, "etcd.passwordFile", "off");
    expect_bad("{\"registry\": \"etcd:a\", \"etcd\": {\"keyFile\": \"/k\"}}", NULL, "etcd.certFile", "off");
    expect_bad("{\"etcd\": {\"prefix\": \"/a\"}}", NULL, "etcd.prefix", "/a");
}

/* An empty directory would be made and locked as whatever the daemon happens to stand in. */
static void test_empty_directories(void **state)
{
    (void)state;
    expect_bad("{\"cgroupRoot\":\"/c\",\"stateDir\":\"\"}", NULL, "stateDir", "");
    expect_bad("{\"cgroupRoot\":\"/c\",\"runDir\":\"\"}", NULL, "runDir", "");
    expect_bad("{\"cgroupRoot\":\"/c\",\"bpffs\":\"\"}", NULL, "bpffs", "");
    expect_bad("{\"cgroupRoot\":\"\"}", NULL, "cgroupRoot", "");
    expect_bad("{\"cgroupRoot\":\"/c\"}", FLAGS("--state-dir", ""), "stateDir", "");
}

/* No field to name: the message must say what it is about. */
static void expect_message(const char *text, const char *const flags[], const char *part)
{
    _cleanup_(config_done) struct config config;
    enum config_action action;
    struct error error = {0};

    assert_int_equal(load(text, flags, &config, &action, &error), -EINVAL);
    if (!strstr(error.message, part))
        fail_msg("%s is not in: %s", part, error.message);
}

static void test_messages_without_a_field(void **state)
{
    _cleanup_(config_done) struct config config;
    char *argv[] = {"svcconnectd", "--config", "/nonexistent/svcconnect.json"};
    enum config_action action;
    struct error error = {0};

    (void)state;
    expect_message("{", NULL, file);
    expect_message("", NULL, file);
    expect_message("{} {}", NULL, file);
    expect_message("[]", NULL, "an object");
    expect_message("{}", FLAGS("--nonsense"), "--nonsense");
    expect_message("{}", FLAGS("extra"), "extra");
    expect_message("{}", FLAGS("--run-dir"), "--run-dir");
    assert_int_equal(config_load(ARRAY_SIZE(argv), argv, &config, &action, &error), -ENOENT);
    assert_non_null(strstr(error.message, argv[2]));
}

/* ---- printing ---- */

static void test_print_config_round_trips(void **state)
{
    static const char *const texts[] = {
        "{\"cgroupRoot\":\"/c\"}", whole_file,
        "{\"cgroupRoot\":\"/a \\\"b\\\" \\\\ \\u00e9\",\"logLevel\":\"warning\"}",
        "{\"cgroupRoot\":\"/c\",\"execChecks\":[\"/a\",\"/b/\"]}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_(config_done) struct config first;
        _cleanup_(config_done) struct config second;
        _cleanup_free_ char *printed = NULL;
        _cleanup_free_ char *again = NULL;

        load_good(texts[i], NULL, &first);
        printed = config_print(&first);
        assert_non_null(printed);
        load_good(printed, NULL, &second);
        again = config_print(&second);
        assert_string_equal(again, printed);
        assert_string_equal(second.cgroup_root, first.cgroup_root);
        assert_string_equal(second.state_dir, first.state_dir);
        assert_int_equal(second.log_level, first.log_level);
        assert_int_equal(second.max_aliases, first.max_aliases);
        assert_int_equal(second.max_tasks, first.max_tasks);
        assert_int_equal(second.alias_range.addresses, first.alias_range.addresses);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_cgroup_root_is_found),
        cmocka_unit_test(test_file_over_defaults),
        cmocka_unit_test(test_flags_over_file),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_bad_members),
        cmocka_unit_test(test_bad_ranges),
        cmocka_unit_test(test_empty_directories),
        cmocka_unit_test(test_messages_without_a_field),
        cmocka_unit_test(test_print_config_round_trips),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
