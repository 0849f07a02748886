/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "aws/aws_shape.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "aws/aws_fields.h"

#define PATH_SIZE 256
#define SHOWN     100 /* bytes of a value, and of a name that the client chose */

/* Where the walk is: the end of the text is cut back when a member is left. What does not fit is left out. */
struct place {
    char path[PATH_SIZE];
    struct aws_error *error;
};

static int shape_check_value(struct place *place, const struct aws_shape *shape, const cJSON *item);

/* UTF-8: bytes that begin a character. */
static int64_t count_characters(const char *text)
{
    int64_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static bool is_of_32_bits(double number)
{
    return number == floor(number) && number >= INT32_MIN && number <= INT32_MAX;
}

static bool shape_is_limited(const struct aws_shape *shape)
{
    return shape->minimum != 0 || shape->maximum != 0;
}

static bool shape_is_within(const struct aws_shape *shape, double n)
{
    return !shape_is_limited(shape) || (n >= (double)shape->minimum && n <= (double)shape->maximum);
}

static int shape_check_amount(const struct place *place, const struct aws_shape *shape, double n,
                              const char *what)
{
    if (shape_is_within(shape, n))
        return 0;
    return aws_invalid(place->error, "%s: %.15g%s; %lld to %lld are allowed.", place->path, n, what,
                       (long long)shape->minimum, (long long)shape->maximum);
}

static bool shape_is_word(const char *words, const char *text)
{
    size_t length = strlen(text);

    for (const char *at = words; (at = strchr(at, '|')) && at[1];)
        if (strncmp(++at, text, length) == 0 && at[length] == '|')
            return true;
    return false;
}

static int shape_check_words(const struct place *place, const char *words, const char *text)
{
    char list[512];
    size_t n = 0;

    if (shape_is_word(words, text))
        return 0;
    for (const char *at = words + 1; *at && n + 3 < sizeof(list); at++) {
        if (*at != '|')
            list[n++] = *at;
        else if (at[1])
            n += (size_t)snprintf(list + n, sizeof(list) - n, ", ");
    }
    list[n] = '\0';
    return aws_invalid(place->error, "%s: \"%.*s\" is not one of %s.", place->path, SHOWN, text, list);
}

static int shape_check_text(struct place *place, const struct aws_shape *shape, const char *text)
{
    int r = shape_check_amount(place, shape, (double)count_characters(text), " characters");

    if (r == 0 && shape->words)
        r = shape_check_words(place, shape->words, text);
    if (r == 0 && shape->pattern && !shape->pattern->is_good(text))
        r = aws_invalid(place->error, "%s: \"%.*s\": %s are allowed.", place->path, SHOWN, text,
                        shape->pattern->allowed);
    return r;
}

/* One member, which must be of the kind that its shape says. */
static int shape_check_member(struct place *place, const struct aws_shape *shape, const cJSON *item,
                              const char *dot, const char *name)
{
    size_t length = strlen(place->path);
    int r;

    (void)snprintf(place->path + length, PATH_SIZE - length, "%s%.*s", dot, SHOWN, name);
    r = shape_check_value(place, shape, item);
    place->path[length] = '\0';
    return r;
}

static int shape_check_object(struct place *place, const struct aws_shape *members, const cJSON *object)
{
    const char *dot = place->path[0] ? "." : "";

    for (const struct aws_shape *shape = members; shape->name; shape++) {
        const cJSON *item = aws_member(object, shape->name);
        int r = 0;

        if (item)
            r = shape_check_member(place, shape, item, dot, shape->name);
        else if (shape->is_required)
            r = aws_invalid(place->error, "%s%s%s: required, and missing in the request.", place->path, dot,
                            shape->name);
        if (r < 0)
            return r;
    }
    return 0;
}

static int shape_check_items(struct place *place, const struct aws_shape *shape, const cJSON *list)
{
    const cJSON *item;
    unsigned n = 0;
    int r = shape_check_amount(place, shape, cJSON_GetArraySize(list), " items");

    cJSON_ArrayForEach (item, list) {
        char number[16];

        (void)snprintf(number, sizeof(number), "[%u]", n++);
        if (r == 0)
            r = shape_check_member(place, shape->of, item, "", number);
    }
    return r;
}

static int shape_check_map(struct place *place, const struct aws_shape *shape, const cJSON *map)
{
    const cJSON *item;
    int r = shape_check_amount(place, shape, cJSON_GetArraySize(map), " members");

    cJSON_ArrayForEach (item, map) {
        if (r == 0 && shape->key)
            r = shape_check_text(place, shape->key, item->string);
        if (r == 0)
            r = shape_check_member(place, shape->of, item, ".", item->string);
    }
    return r;
}

static int shape_check_value(struct place *place, const struct aws_shape *shape, const cJSON *item)
{
    static const char *const wanted[] = {
        [AWS_SHAPE_TEXT] = "a string",    [AWS_SHAPE_WHOLE] = "a whole number",
        [AWS_SHAPE_NUMBER] = "a number",  [AWS_SHAPE_BOOL] = "true or false",
        [AWS_SHAPE_OBJECT] = "an object", [AWS_SHAPE_LIST] = "a list",
        [AWS_SHAPE_MAP] = "an object",
    };

    switch (shape->kind) {
    case AWS_SHAPE_TEXT:
        if (cJSON_IsString(item))
            return shape_check_text(place, shape, item->valuestring);
        break;
    case AWS_SHAPE_WHOLE:
        if (cJSON_IsNumber(item) && (shape_is_limited(shape) ? item->valuedouble == floor(item->valuedouble)
                                                             : is_of_32_bits(item->valuedouble)))
            return shape_check_amount(place, shape, item->valuedouble, "");
        break;
    case AWS_SHAPE_NUMBER:
        if (cJSON_IsNumber(item))
            return shape_check_amount(place, shape, item->valuedouble, "");
        break;
    case AWS_SHAPE_BOOL:
        if (cJSON_IsBool(item))
            return 0;
        break;
    case AWS_SHAPE_OBJECT:
        if (cJSON_IsObject(item))
            return shape_check_object(place, shape->of, item);
        break;
    case AWS_SHAPE_LIST:
        if (cJSON_IsArray(item))
            return shape_check_items(place, shape, item);
        break;
    case AWS_SHAPE_MAP:
        if (cJSON_IsObject(item))
            return shape_check_map(place, shape, item);
        break;
    }
    return aws_fail(place->error, "SerializationException", "%s: %s is wanted.", place->path,
                    wanted[shape->kind]);
}

const struct aws_input *aws_input_of(const struct aws_input *inputs, const char *operation)
{
    for (; inputs->operation; inputs++)
        if (strcmp(inputs->operation, operation) == 0)
            return inputs;
    return NULL;
}

int aws_shape_check(const cJSON *body, const struct aws_input *input, struct aws_error *error)
{
    struct place place = {.error = error};
    const char *usual = error->invalid;
    int r;

    if (input->invalid)
        error->invalid = input->invalid;
    r = shape_check_object(&place, input->members, body);
    error->invalid = usual;
    return r;
}

static cJSON *shape_copy_value(const cJSON *item, const struct aws_shape *shape)
{
    cJSON *copy;
    const cJSON *one;

    if (shape->kind == AWS_SHAPE_OBJECT && cJSON_IsObject(item))
        return aws_shape_copy(item, shape->of);
    if (shape->kind != AWS_SHAPE_LIST || shape->of->kind != AWS_SHAPE_OBJECT || !cJSON_IsArray(item))
        return cJSON_Duplicate(item, true);
    copy = cJSON_CreateArray();
    cJSON_ArrayForEach (one, item)
        (void)cJSON_AddItemToArray(copy, shape_copy_value(one, shape->of));
    return copy;
}

cJSON *aws_shape_copy(const cJSON *object, const struct aws_shape *members)
{
    cJSON *copy = cJSON_CreateObject();

    for (const struct aws_shape *shape = members; shape->name; shape++) {
        const cJSON *item = aws_member(object, shape->name);

        if (item)
            (void)cJSON_AddItemToObject(copy, shape->name, shape_copy_value(item, shape));
    }
    return copy;
}
