/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What `top` shows and what keys do, without a terminal. Long because every view and key is tried on one answer of a daemon. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/text.h"
#include "cli/top/model.h"
#include "cli/top/rates.h"
#include "cli/top/times.h"
#include "cli/width.h"

#define LINES 10

/* ---- rates ---- */

static struct top_rate rate_after(const struct top_sample *samples, size_t n)
{
    struct top_endpoint endpoint = {0};

    for (size_t i = 0; i < n; i++)
        rates_add(&endpoint, &samples[i], 1);
    return rates_of(&endpoint, TOP_WINDOW_MS);
}

static void test_rates(void **state)
{
    const struct top_sample samples[] = {{1000, 50, 1}, {2000, 60, 1}, {5000, 90, 9}};
    struct top_rate rate = rate_after(samples, 3);

    (void)state;
    assert_true(rate.is_known);
    assert_true(rate.connections == 10);
    assert_true(rate.failures == 2);
    assert_int_equal(rate.n, 40);
    assert_false(rate_after(samples, 1).is_known);
}

/* Only ten seconds count, and only as many looks as are kept. */
static void test_the_window(void **state)
{
    const struct top_sample samples[] = {{0, 0, 0}, {1000, 1000, 0}, {11000, 1100, 0}};
    struct top_endpoint endpoint = {0};

    (void)state;
    assert_true(rate_after(samples, 3).connections == 10);
    for (uint64_t i = 0; i < 100; i++)
        rates_add(&endpoint, &(struct top_sample){i * 100, i * 5, 0}, 1);
    assert_true(rates_of(&endpoint, TOP_WINDOW_MS).connections == 50);
    assert_int_equal(rates_of(&endpoint, TOP_WINDOW_MS).n, 5 * (RATES_SAMPLES - 1));
}

static void test_counters_that_begin_again(void **state)
{
    const struct top_sample samples[] = {{1000, 50, 1}, {2000, 3, 0}, {3000, 5, 0}};

    (void)state;
    assert_false(rate_after(samples, 2).is_known);
    assert_true(rate_after(samples, 3).connections == 2);
}

/* ---- views ---- */

#define ENDPOINT(service, id, weight, connections, refused, more)                                            \
    "{\"namespace\":\"ns\",\"service\":\"" service "\",\"id\":\"" id                                         \
    "\",\"address\":\"10.0.0.1\",\"port\":80,\"weight\":" #weight                                            \
    ",\"open\":1,\"connections\":" #connections ",\"outcomes\":{\"refused\":" #refused "}," more "}"
#define DRAWN                                                                                                \
    "\"firstByte\":{\"p50Milliseconds\":24.11,\"p99Milliseconds\":32.4,\"buckets\":[0,98,0,2]},\"drawn\":"   \
    "true,\"health\":"                                                                                       \
    "\"HEALTHY\",\"reason\":\"status 200\""
#define EJECTED  "\"drawn\":false,\"ejected\":true,\"health\":\"HEALTHY\",\"reason\":\"ejected for 9 s\""
#define SERVICES "[{\"namespace\":\"ns\",\"name\":\"web\"},{\"namespace\":\"ns\",\"name\":\"none\"}]"
#define ALIASES                                                                                              \
    "[{\"namespace\":\"ns\",\"dnsName\":\"front\",\"port\":80,\"protocol\":\"tcp\",\"targets\":["            \
    "{\"service\":\"web\",\"wantedPercent\":75,\"effectivePercent\":70},"                                    \
    "{\"service\":\"db\",\"wantedPercent\":25,\"effectivePercent\":30}]}]"

static void feed(struct top *top, const char *endpoints, const char *list, uint64_t now_ms)
{
    _cleanup_json_ cJSON *items = cJSON_Parse(endpoints);
    _cleanup_json_ cJSON *other = cJSON_Parse(list);
    const struct top_answers answers = {
        .endpoints = items, .services = other, .callers = other, .aliases = other, .tasks = other};

    assert_true(items && other);
    assert_int_equal(top_feed(top, &answers, now_ms), 0);
}

static void feed_twice(struct top *top, const char *list)
{
    feed(top, "[" ENDPOINT("web", "a", 1, 100, 0, DRAWN) "," ENDPOINT("web", "b", 3, 100, 0, EJECTED) "]",
         list, 1000);
    feed(top, "[" ENDPOINT("web", "a", 1, 190, 0, DRAWN) "," ENDPOINT("web", "b", 3, 110, 20, EJECTED) "]",
         list, 11000);
}

static void expect_row(const struct top *top, size_t row, const char *const parts[])
{
    _cleanup_free_ char *line = top_row_line(top, row, 250);

    assert_non_null(line);
    for (size_t i = 0; parts[i]; i++)
        if (!strstr(line, parts[i]))
            fail_msg("no %s in: %s", parts[i], line);
}

#define EXPECT(top, row, ...) expect_row(top, row, (const char *const[]){__VA_ARGS__, NULL})

static void test_services(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_SERVICES);
    feed_twice(&top, SERVICES);
    assert_int_equal(top.n_shown, 2);
    EXPECT(&top, 0, " web ", " 10.0 ", " 2.0 ", " 2 ", " PARTLY ", "ejected for 9 s");
    EXPECT(&top, 1, " none ", " EMPTY ");
    assert_int_equal(top_row_mood(&top, 0), TOP_WARNING);
    assert_int_equal(top_row_mood(&top, 1), TOP_BAD);
    top_done(&top);
}

/* What endpoints tell of first bytes, and callers of round trips, is one for each service. */
static void test_times_of_services(void **state)
{
    static const char list[] =
        "[{\"namespace\":\"ns\",\"name\":\"web\",\"service\":\"web\",\"roundTrips\":[1,0,0,0,0,0,0,0]},"
        "{\"namespace\":\"ns\",\"name\":\"none\",\"service\":\"web\",\"roundTrips\":[0,3]},"
        "{\"namespace\":\"ns\",\"name\":\"more\",\"service\":\"else\",\"roundTrips\":[9,9]}]";
    struct top top;

    (void)state;
    top_begin(&top, TOP_SERVICES);
    feed_twice(&top, list);
    /* Of 1 and 3 the half is a third of the way from 64 to 256 us; of 98 and 2 at 64 to 128 and 256 to 512 us. */
    EXPECT(&top, 0, " web ", " 0.13ms ", " 0.1ms ", " 0.4ms ");
    EXPECT(&top, 1, " more ", " -          -        - EMPTY ");
    top_done(&top);
}

static void test_quantiles(void **state)
{
    const struct times none = {{0}}, one = {.buckets = {[1] = 4}};
    const struct times late = {.buckets = {[TIMES_BUCKETS - 1] = 1}};

    (void)state;
    assert_true(times_quantile(&none, 2, TIMES_BUCKETS, 0.5) < 0);
    assert_float_equal(times_quantile(&one, 2, TIMES_BUCKETS, 0.5), 0.096, 1e-9);
    assert_float_equal(times_quantile(&one, 4, 8, 0.5), 0.160, 1e-9);
    assert_float_equal(times_quantile(&one, 4, 8, 1), 0.256, 1e-9);
    assert_float_equal(times_quantile(&late, 2, TIMES_BUCKETS, 0.5), 0.064 * (1 << 18), 1e-6);
}

static void test_endpoints(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_ENDPOINTS);
    feed_twice(&top, "[]");
    EXPECT(&top, 0, " b ", " 75.0 ", " 10.0 ", " 1.0 ", " 2.0 ", "EJECTED", "10.0.0.1:80");
    EXPECT(&top, 1, " a ", " 25.0 ", " 90.0 ", " 9.0 ", " 24.1ms", " 32.4ms", "HEALTHY", "status 200");
    assert_int_equal(top_row_mood(&top, 0), TOP_BAD);
    assert_int_equal(top_row_mood(&top, 1), TOP_FINE);
    top_done(&top);
}

static void test_aliases(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_ALIASES);
    feed_twice(&top, ALIASES);
    EXPECT(&top, 0, " front:80 ", " web ", " 75.0 ", " 70.0 ", " 100.0 ", " 10.0 ");
    EXPECT(&top, 1, " front:80 ", " db ", " 25.0 ", " 30.0 ", " 0.0 ", "EMPTY");
    top_done(&top);
}

#define CALLER(cgroup, alias, connections, refused)                                                          \
    "{\"namespace\":\"ns\",\"client\":\"shop\",\"cgroup\":\"" cgroup "\"," alias                             \
    ",\"service\":\"web\",\"instance\":\"a\",\"address\":\"fd00::1\",\"port\":8080,"                         \
    "\"connections\":" #connections                                                                          \
    ",\"open\":3,\"bytesSent\":2048,\"bytesReceived\":100,\"roundTripMicroseconds50\":250,"                  \
    "\"firstByte\":{\"p50Milliseconds\":7.5,\"p99Milliseconds\":81},\"outcomes\":{"                          \
    "\"refused\":" #refused "}}"
#define BY_NAME "\"alias\":\"web\",\"aliasPort\":80"

static void test_callers(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_CALLERS);
    feed(&top, "[]", "[" CALLER("", BY_NAME, 100, 0) "," CALLER("", "\"x\":0", 7, 0) "]", 1000);
    feed(&top, "[]", "[" CALLER("", BY_NAME, 190, 0) "," CALLER("", "\"x\":0", 7, 20) "]", 11000);
    EXPECT(&top, 0, " shop ", " - ", " [fd00::1]:8080 ", " 0.0 ", " 2.0 ", " 3 ", " 2.0K ", " 100 ",
           " 0.25ms ", " 7.5ms ", " 81.0ms ", "web");
    EXPECT(&top, 1, " shop ", " web:80 ", " 9.0 ", " 0.0 ");
    assert_int_equal(top_row_mood(&top, 0), TOP_WARNING);
    assert_int_equal(top_row_mood(&top, 1), TOP_FINE);
    assert_int_equal(top_press(&top, TOP_KEY_ENTER, LINES), TOP_READ);
    assert_int_equal(top.view, TOP_ENDPOINTS);
    assert_string_equal(top.within_service, "web");
    top_done(&top);
}

static void test_bytes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {{0, "0"},       {1023, "1023"},         {1024, "1.0K"},
                {1536, "1.5K"}, {20ull << 30, "20.0G"}, {UINT64_MAX, "16.0E"}};
    char text[TEXT_BYTES_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_string_equal(text_bytes(rows[i].bytes, text), rows[i].text);
}

static void test_tasks(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_TASKS);
    feed(&top, "[]",
         "[{\"namespace\":\"ns\",\"service\":\"web\",\"cgroup\":\"/a/"
         "b\",\"processes\":7,\"state\":\"attached\"},"
         "{\"namespace\":\"ns\",\"cgroup\":\"/a/c\",\"processes\":9,\"state\":\"incomplete\"}]",
         1);
    EXPECT(&top, 0, " 9 incomplete ", "/a/c");
    EXPECT(&top, 1, " web ", " 7 attached ", "/a/b");
    assert_int_equal(top_row_mood(&top, 0), TOP_BAD);
    top_done(&top);
}

/* ---- many rows and keys ---- */

static void feed_many(struct top *top, unsigned n)
{
    cJSON *items = cJSON_CreateArray();
    const struct top_answers answers = {.endpoints = items};

    for (unsigned i = 0; i < n; i++) {
        char text[512];

        (void)snprintf(
            text, sizeof(text),
            "{\"namespace\":\"ns\",\"service\":\"s%u\",\"id\":\"i%05u\",\"address\":\"10.0.0.1\",\"port\":80,"
            "\"weight\":1,\"connections\":%u,\"drawn\":true,\"health\":\"HEALTHY\",\"reason\":\"\"}",
            i % 10, i, i);
        (void)cJSON_AddItemToArray(items, cJSON_Parse(text));
    }
    assert_int_equal(top_feed(top, &answers, 1000), 0);
    cJSON_Delete(items);
}

static void press(struct top *top, const char *keys)
{
    for (; *keys; keys++)
        (void)top_press(top, *keys, LINES);
}

static void expect_selected(const struct top *top, const char *text)
{
    expect_row(top, top->selected, (const char *const[]){text, NULL});
    assert_true(top->selected >= top->first && top->selected < top->first + LINES);
}

static void test_the_cursor(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_ENDPOINTS);
    feed_many(&top, 100);
    expect_selected(&top, "i00000");
    (void)top_press(&top, TOP_KEY_END, LINES);
    expect_selected(&top, "i00099");
    assert_int_equal(top.first, 90);
    (void)top_press(&top, TOP_KEY_DOWN, LINES);
    expect_selected(&top, "i00099");
    (void)top_press(&top, TOP_KEY_PAGE_UP, LINES);
    (void)top_press(&top, TOP_KEY_UP, LINES);
    assert_int_equal(top.selected, 88);
    (void)top_press(&top, TOP_KEY_HOME, LINES);
    (void)top_press(&top, TOP_KEY_UP, LINES);
    assert_int_equal(top.selected, 0);
    (void)top_press(&top, TOP_KEY_PAGE_DOWN, LINES);
    assert_int_equal(top.selected, LINES);
    top_done(&top);
}

/* New figures leave it on the same row, wherever that is now. */
static void test_the_cursor_stays_with_its_row(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_ENDPOINTS);
    feed_many(&top, 50);
    press(&top, "/i00031");
    (void)top_press(&top, TOP_KEY_ENTER, LINES);
    expect_selected(&top, "i00031");
    press(&top, "I");
    expect_selected(&top, "i00031");
    feed_many(&top, 100);
    expect_selected(&top, "i00031");
    top_done(&top);
}

static void test_filter_and_search(void **state)
{
    struct top top;
    _cleanup_free_ char *line = NULL;

    (void)state;
    top_begin(&top, TOP_ENDPOINTS);
    feed_many(&top, 100);
    press(&top, "\\I0003x");
    (void)top_press(&top, TOP_KEY_BACKSPACE, LINES);
    assert_int_equal(top.n_shown, 10);
    assert_int_equal(top.input, TOP_FILTERING);
    line = top_status_line(&top, 80);
    assert_non_null(strstr(line, "10 of 100  filter: I0003_"));
    (void)top_press(&top, TOP_KEY_ENTER, LINES);
    assert_int_equal(top.input, TOP_BROWSING);
    press(&top, "/5");
    (void)top_press(&top, TOP_KEY_ENTER, LINES);
    expect_selected(&top, "i00035");
    (void)top_press(&top, TOP_KEY_ESCAPE, LINES);
    assert_int_equal(top.n_shown, 100);
    press(&top, "/00007");
    (void)top_press(&top, TOP_KEY_ENTER, LINES);
    press(&top, "n");
    expect_selected(&top, "i00007");
    top_done(&top);
}

static void test_what_is_typed_has_an_end(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_ENDPOINTS);
    feed_many(&top, 3);
    press(&top, "\\");
    for (unsigned i = 0; i < 300; i++)
        (void)top_press(&top, 'x', LINES);
    assert_int_equal(strlen(top.filter), TOP_TEXT - 1);
    assert_int_equal(top.n_shown, 0);
    (void)top_press(&top, TOP_KEY_DOWN, LINES);
    (void)top_press(&top, TOP_KEY_ENTER, LINES);
    (void)top_press(&top, TOP_KEY_ENTER, LINES); /* on no row */
    assert_int_equal(top.view, TOP_ENDPOINTS);
    top_done(&top);
}

static void test_sorting(void **state)
{
    struct top top;
    _cleanup_free_ char *header = NULL;

    (void)state;
    top_begin(&top, TOP_ENDPOINTS);
    feed_many(&top, 30);
    top.sort[TOP_ENDPOINTS] = 1;
    press(&top, ">");
    header = top_header_line(&top, 250);
    assert_non_null(strstr(header, " ID\u25be"));
    press(&top, "I");
    EXPECT(&top, 0, "i00029");
    press(&top, "<<<");
    assert_int_equal(top.sort[TOP_ENDPOINTS], 14);
    press(&top, ">C");
    assert_int_equal(top.sort[TOP_ENDPOINTS], 7);
    press(&top, "F");
    assert_int_equal(top.sort[TOP_ENDPOINTS], 8);
    top_done(&top);
}

static void test_drill_down_and_back(void **state)
{
    struct top top;
    _cleanup_free_ char *line = NULL;

    (void)state;
    top_begin(&top, TOP_SERVICES);
    feed_twice(&top, SERVICES);
    assert_int_equal(top_press(&top, TOP_KEY_ENTER, LINES), TOP_READ);
    assert_int_equal(top.view, TOP_ENDPOINTS);
    assert_int_equal(top.n_shown, 0);
    feed_many(&top, 20);
    assert_int_equal(top.n_shown, 0); /* none of web */
    feed_twice(&top, "[]");
    assert_int_equal(top.n_shown, 2);
    line = top_status_line(&top, 80);
    assert_non_null(strstr(line, "endpoints of web: 2 of 2"));
    assert_int_equal(top_press(&top, TOP_KEY_ESCAPE, LINES), TOP_READ);
    assert_int_equal(top.view, TOP_SERVICES);
    assert_int_equal(top_press(&top, TOP_KEY_ESCAPE, LINES), TOP_NOTHING);
    top_done(&top);
}

static void test_views_pause_help_and_end(void **state)
{
    struct top top;

    (void)state;
    top_begin(&top, TOP_SERVICES);
    assert_int_equal(top_press(&top, '5', LINES), TOP_READ);
    assert_int_equal(top.view, TOP_TASKS);
    assert_int_equal(top_press(&top, '\t', LINES), TOP_READ);
    assert_int_equal(top.view, TOP_SERVICES);
    assert_int_equal(top_press(&top, '6', LINES), TOP_NOTHING);
    assert_int_equal(top_press(&top, ' ', LINES), TOP_NOTHING);
    assert_true(top.is_paused);
    assert_int_equal(top_press(&top, 'Z', LINES), TOP_READ);
    assert_int_equal(top_press(&top, '?', LINES), TOP_NOTHING);
    assert_true(top.is_helping);
    assert_int_equal(top_press(&top, 'q', LINES), TOP_NOTHING); /* leaves the help */
    assert_false(top.is_helping);
    assert_int_equal(top_press(&top, 'q', LINES), TOP_QUIT);
    assert_int_equal(top_press(&top, TOP_KEY_F10, LINES), TOP_QUIT);
    top_done(&top);
}

/* ---- lines ---- */

/* Of any width, no line is wider, and titles stand above their columns. */
static void test_lines_fit(void **state)
{
    (void)state;
    for (unsigned view = 0; view < TOP_VIEWS; view++) {
        struct top top;

        top_begin(&top, (enum top_view)view);
        feed_twice(&top, view == TOP_ALIASES ? ALIASES : SERVICES);
        for (size_t width = TOP_LEAST_WIDTH; width <= 250; width++) {
            _cleanup_free_ char *header = top_header_line(&top, width);
            _cleanup_free_ char *row = top.n_shown ? top_row_line(&top, 0, width) : NULL;
            _cleanup_free_ char *status = top_status_line(&top, width);

            assert_true(width_of(header) <= width && width_of(status) <= width);
            assert_true(!row || width_of(row) == width_of(header));
        }
        top_done(&top);
    }
    for (size_t i = 0; top_help_line(i); i++)
        assert_true(width_of(top_help_line(i)) <= 90);
}

static void test_what_a_terminal_would_obey(void **state)
{
    struct top top;
    _cleanup_free_ char *line = NULL;

    (void)state;
    top_begin(&top, TOP_SERVICES);
    feed(&top, "[]", "[{\"namespace\":\"ns\",\"name\":\"a\\u001b[2Jb\"}]", 1);
    line = top_row_line(&top, 0, 120);
    assert_null(strchr(line, '\x1b'));
    top_done(&top);
}

static void test_json(void **state)
{
    struct top top;
    _cleanup_json_ cJSON *json = NULL;
    const cJSON *row;

    (void)state;
    top_begin(&top, TOP_ENDPOINTS);
    feed_twice(&top, "[]");
    json = top_json(&top);
    assert_string_equal(cJSON_GetObjectItem(json, "view")->valuestring, "endpoints");
    row = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "rows"), 0);
    assert_string_equal(cJSON_GetObjectItem(row, "id")->valuestring, "b");
    assert_true(cJSON_GetObjectItem(row, "gotPercent")->valuedouble == 10);
    assert_true(cJSON_GetObjectItem(row, "failuresPerSecond")->valuedouble == 2);
    top_done(&top);
}

static void test_json_of_what_is_not_known(void **state)
{
    struct top top;
    _cleanup_json_ cJSON *json = NULL;

    (void)state;
    top_begin(&top, TOP_ENDPOINTS);
    feed_many(&top, 1);
    json = top_json(&top);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(json, "rows"), 0),
                                                 "connectionsPerSecond")));
    top_done(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_the_window),
        cmocka_unit_test(test_counters_that_begin_again),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_times_of_services),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_callers),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_the_cursor),
        cmocka_unit_test(test_the_cursor_stays_with_its_row),
        cmocka_unit_test(test_filter_and_search),
        cmocka_unit_test(test_what_is_typed_has_an_end),
        cmocka_unit_test(test_sorting),
        cmocka_unit_test(test_drill_down_and_back),
        cmocka_unit_test(test_views_pause_help_and_end),
        cmocka_unit_test(test_lines_fit),
        cmocka_unit_test(test_what_a_terminal_would_obey),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_of_what_is_not_known),
    };

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
