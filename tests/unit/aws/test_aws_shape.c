/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests against a table of the test's own, and against those of the APIs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "aws/aws_shape_words.h"
#include "json_text.h"

#define WRONG_JSON "SerializationException"
#define WRONG      "Invalid"

static const struct aws_shape inner[] = {
    TEXT("name", REQUIRED, WITHIN(2, 4)),
    TEXT("mood", ONE_OF("GOOD|GOODISH|BAD")),
    TEXT("mark", MATCHING(aws_pattern_tag)),
    NO_MORE,
};

static const struct aws_shape members[] = {
    WHOLE("whole"),
    WHOLE("small", WITHIN(0, 9)),
    WHOLE("large", WITHIN(1, INT64_C(1) << 40)),
    NUMBER("number", WITHIN(0, 1)),
    TRUTH("truth"),
    OBJECT("object", inner),
    OBJECTS("objects", inner, WITHIN(1, 2)),
    TEXTS("texts"),
    LIST("words", ITEM(TEXT(NULL, ONE_OF("A|B")))),
    MAP("map", ITEM(WHOLE(NULL, WITHIN(1, 5))), .key = ITEM(TEXT(NULL, WITHIN(1, 3))), WITHIN(0, 2)),
    NO_MORE,
};

static const struct aws_input inputs[] = {
    {"One", members, NULL}, {"Two", inner, "Other"}, {NULL, NULL, NULL}};

static int check(const char *text, struct aws_error *error)
{
    _cleanup_json_ cJSON *body = json_from(text);

    *error = (struct aws_error){.invalid = WRONG};
    return aws_shape_check(body, &inputs[0], error);
}

static void test_what_passes(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{'unknown':{'name':1},'whole':null,'object':null}",
        "{'whole':-2147483648,'small':9,'large':1099511627776,'number':0.5,'truth':false}",
        "{'object':{'name':'ab','mood':'GOOD','mark':'a-1_\u00e4'}}",
        "{'object':{'name':'\u00e4\u00f6\u00fc\u00df','mood':'GOODISH'}}",
        "{'objects':[{'name':'ab'},{'name':'abcd','mood':'BAD','more':[]}],'texts':[],'words':['B','A']}",
        "{'map':{'a':1,'abc':5}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        struct aws_error error;

        if (check(bodies[i], &error) != 0)
            fail_msg("%s: %s", bodies[i], error.message);
        assert_null(error.type);
    }
}

static void test_what_does_not(void **state)
{
    static const struct {
        const char *body;
        const char *type;
        const char *words; /* of the sentence: where, and what is allowed */
    } cases[] = {
        {"{'whole':'1'}", WRONG_JSON, "whole: a whole number is wanted."},
        {"{'whole':1.5}", WRONG_JSON, "whole: a whole number"},
        {"{'whole':2147483648}", WRONG_JSON, "whole: a whole number"},
        {"{'whole':1e300}", WRONG_JSON, "whole: a whole number"},
        {"{'large':0.5}", WRONG_JSON, "large: a whole number"},
        {"{'small':10}", WRONG, "small: 10; 0 to 9 are allowed."},
        {"{'small':-1}", WRONG, "small: -1; 0 to 9"},
        {"{'large':1099511627777}", WRONG, "large: 1099511627777; 1 to 1099511627776"},
        {"{'number':'x'}", WRONG_JSON, "number: a number is wanted."},
        {"{'number':1.5}", WRONG, "number: 1.5; 0 to 1"},
        {"{'truth':'true'}", WRONG_JSON, "truth: true or false is wanted."},
        {"{'truth':1}", WRONG_JSON, "truth: true or false"},
        {"{'object':[]}", WRONG_JSON, "object: an object is wanted."},
        {"{'object':{}}", WRONG, "object.name: required, and missing"},
        {"{'object':{'name':null}}", WRONG, "object.name: required, and missing"},
        {"{'object':{'name':1}}", WRONG_JSON, "object.name: a string is wanted."},
        {"{'object':{'name':'a'}}", WRONG, "object.name: 1 characters; 2 to 4"},
        {"{'object':{'name':'abcde'}}", WRONG, "object.name: 5 characters"},
        {"{'object':{'name':'ab','mood':'GOO'}}", WRONG,
         "object.mood: \"GOO\" is not one of GOOD, GOODISH, BAD."},
        {"{'object':{'name':'ab','mood':'GOOD|BAD'}}", WRONG, "object.mood"},
        {"{'object':{'name':'ab','mood':''}}", WRONG, "object.mood"},
        {"{'object':{'name':'ab','mood':'good'}}", WRONG, "object.mood"},
        {"{'object':{'name':'ab','mark':'a<'}}", WRONG, "object.mark: \"a<\": letters, digits"},
        {"{'objects':{}}", WRONG_JSON, "objects: a list is wanted."},
        {"{'objects':[]}", WRONG, "objects: 0 items; 1 to 2"},
        {"{'objects':[{'name':'ab'},{'name':'ab'},{'name':'ab'}]}", WRONG, "objects: 3 items"},
        {"{'objects':[{'name':'ab'},{'mood':'BAD'}]}", WRONG, "objects[1].name: required"},
        {"{'objects':['x']}", WRONG_JSON, "objects[0]: an object"},
        {"{'texts':['a',1]}", WRONG_JSON, "texts[1]: a string"},
        {"{'texts':[null]}", WRONG_JSON, "texts[0]: a string"},
        {"{'words':['A','C']}", WRONG, "words[1]: \"C\" is not one of A, B."},
        {"{'map':[]}", WRONG_JSON, "map: an object"},
        {"{'map':{'a':0}}", WRONG, "map.a: 0; 1 to 5"},
        {"{'map':{'a':'x'}}", WRONG_JSON, "map.a: a whole number"},
        {"{'map':{'abcd':1}}", WRONG, "map: 4 characters"},
        {"{'map':{'a':1,'b':1,'c':1}}", WRONG, "map: 3 members"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct aws_error error;
        int r = check(cases[i].body, &error);

        expect_aws_error(cases[i].body, r, &error, cases[i].type, cases[i].words);
    }
}

/* An operation's own type is for its input alone: what it finds out later has the API's. */
static void test_a_type_of_its_own(void **state)
{
    _cleanup_json_ cJSON *body = cJSON_CreateObject();
    struct aws_error error = {.invalid = WRONG};
    int r = aws_shape_check(body, aws_input_of(inputs, "Two"), &error);

    (void)state;
    assert_string_equal(error.invalid, WRONG);
    expect_aws_error("Two", r, &error, "Other", "name: required");
    assert_null(aws_input_of(inputs, "Tw"));
}

static const struct aws_shape map[] = {MAP("m", ITEM(MAP(NULL, ITEM(MAP(NULL, ITEM(WHOLE(NULL))))))),
                                       NO_MORE};

static void test_long_names_are_cut(void **state)
{
    static const struct aws_input input = {"Map", map, NULL};
    struct aws_error error = {.invalid = WRONG};
    char text[1024];
    cJSON *body;
    int r;

    (void)state;
    (void)snprintf(text, sizeof(text), "{'m':{'%0200d':{'%0200d':{'%0200d':'x'}}}}", 0, 0, 0);
    body = json_from(text);
    r = aws_shape_check(body, &input, &error);
    expect_aws_error("long", r, &error, WRONG_JSON, "m.0000");
    cJSON_Delete(body);
}

static void test_patterns(void **state)
{
    static const struct {
        const struct aws_pattern *pattern;
        const char *text;
        bool is_good;
    } cases[] = {
        {&aws_pattern_printable, "!a/<>~", true},
        {&aws_pattern_printable, "a b", false},
        {&aws_pattern_printable, "\xc3\xa4", false},
        {&aws_pattern_printable, "a\x7f", false},
        {&aws_pattern_value, "", true},
        {&aws_pattern_value, "a \tb", true},
        {&aws_pattern_value, " a", false},
        {&aws_pattern_value, "a ", false},
        {&aws_pattern_value, "a\nb", false},
        {&aws_pattern_service, "a-b.c_d", true},
        {&aws_pattern_service, "-a", false},
        {&aws_pattern_service, "a..b", false},
        {&aws_pattern_service, "arn:aws", false},
        {&aws_pattern_tag, "a b_.:/=+-@\xc3\xa4", true},
        {&aws_pattern_tag, "a;b", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (cases[i].pattern->is_good(cases[i].text) != cases[i].is_good)
            fail_msg("%s: %s", cases[i].pattern->allowed, cases[i].text);
}

/* A table that ends in nothing, or holds nothing to hold, would be read past its end. */
static void check_table(const struct aws_shape *shape, unsigned depth)
{
    assert_true(depth < 16);
    if (shape->kind == AWS_SHAPE_OBJECT || shape->kind == AWS_SHAPE_LIST || shape->kind == AWS_SHAPE_MAP)
        assert_non_null(shape->of);
    else
        assert_null(shape->of);
    assert_true(shape->minimum <= shape->maximum);
    if (shape->kind == AWS_SHAPE_OBJECT)
        for (const struct aws_shape *member = shape->of; member->name; member++)
            check_table(member, depth + 1);
    else if (shape->of)
        check_table(shape->of, depth + 1);
}

static void test_the_tables(void **state)
{
    static const struct aws_input *const lists[] = {cloud_map_inputs, ecs_inputs};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        for (const struct aws_input *input = lists[i]; input->operation; input++) {
            struct aws_shape whole = {.kind = AWS_SHAPE_OBJECT, .of = input->members};

            check_table(&whole, 0);
            assert_ptr_equal(aws_input_of(lists[i], input->operation), input);
        }
}

static void test_a_definition(void **state)
{
    const struct aws_input *input = aws_input_of(ecs_inputs, "RegisterTaskDefinition");
    _cleanup_json_ cJSON *body = json_from(
        "{'family':'f','containerDefinitions':[{'portMappings':[{'protocol':'tcp'},{'protocol':'sctp'}]}]}");
    struct aws_error error = {.invalid = WRONG};
    int r = aws_shape_check(body, input, &error);

    (void)state;
    expect_aws_error("definition", r, &error, "ClientException",
                     "containerDefinitions[0].portMappings[1].protocol: \"sctp\" is not one of tcp, udp.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_passes),       cmocka_unit_test(test_what_does_not),
        cmocka_unit_test(test_a_type_of_its_own), cmocka_unit_test(test_long_names_are_cut),
        cmocka_unit_test(test_the_tables),        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_a_definition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
