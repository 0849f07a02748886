/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* apply: ECS documents in, one request that is done whole or not at all, a summary out, and
 * with -v a line per change. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/document_files.h"
#include "cli/report.h"
#include "cli/text.h"

/* Array elements, with what they are sorted by beside their names. */
struct change {
    const cJSON *item;
    const char *done; /* "created" */
    enum text_colour colour;
    size_t kind_order;
};

static const struct {
    const char *action;
    const char *done;
    const char *planned;
    enum text_colour colour;
} actions[] = {
    {"create", "created", "would create", TEXT_GREEN},
    {"update", "updated", "would update", TEXT_YELLOW},
    {"delete", "deleted", "would delete", TEXT_RED},
};

static const char *const kinds[] = {"document", "service", "route"};

/* An action or kind that this version does not know is shown by its name, after the others. */
static struct change classify(const cJSON *item, bool is_planned)
{
    struct change change = {item, text_member(item, "action"), TEXT_PLAIN, ARRAY_SIZE(kinds)};

    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        if (strcmp(change.done, actions[i].action) == 0) {
            change.done = is_planned ? actions[i].planned : actions[i].done;
            change.colour = actions[i].colour;
            break;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(text_member(item, "kind"), kinds[i]) == 0)
            change.kind_order = i;
    return change;
}

/* By namespace, in it by kind, in that by name. */
static int apply_compare(const void *a, const void *b)
{
    const struct change *left = a;
    const struct change *right = b;
    int order = strcmp(text_member(left->item, "namespace"), text_member(right->item, "namespace"));

    if (!order)
        order = (left->kind_order > right->kind_order) - (left->kind_order < right->kind_order);
    if (!order)
        order = strcmp(text_member(left->item, "name"), text_member(right->item, "name"));
    return order ? order : strcmp(left->done, right->done);
}

static int widest(int width, const char *text)
{
    int length = (int)strlen(text);

    return length > width ? length : width;
}

static void print_changes(const struct change *changes, size_t count)
{
    bool has_colour = text_wants_colour();
    int done = 0;
    int kind = 0;
    int name = 0;

    for (size_t i = 0; i < count; i++) {
        done = widest(done, changes[i].done);
        kind = widest(kind, text_member(changes[i].item, "kind"));
        name = widest(name, text_member(changes[i].item, "name"));
    }
    for (size_t i = 0; i < count; i++) {
        const cJSON *item = changes[i].item;

        (void)printf("%s%-*s%s %-*s %-*s in %s\n", has_colour ? text_colour_code(changes[i].colour) : "",
                     done, changes[i].done, has_colour ? text_colour_code(TEXT_PLAIN) : "", kind,
                     text_member(item, "kind"), name, text_member(item, "name"),
                     text_member(item, "namespace"));
    }
}

/* "3 services created, 1 changed, 1996 unchanged" of one kind; nothing where there is nothing to say of it. */
static bool apply_print_counts(const cJSON *counts, const char *kind, bool is_first)
{
    static const struct {
        const char *member;
        const char *word;
    } all[] = {
        {"created", "created"}, {"updated", "changed"}, {"deleted", "removed"}, {"unchanged", "unchanged"}};
    bool has_said = false;

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        unsigned long long n = (unsigned long long)text_number(counts, all[i].member);

        if (n == 0)
            continue;
        if (has_said)
            (void)printf(", %llu %s", n, all[i].word);
        else
            (void)printf("%s%llu %s%s %s", is_first ? "" : "; ", n, kind, n > 1 ? "s" : "", all[i].word);
        has_said = true;
    }
    return has_said;
}

/* One line of what came of all; a document that publishes no service, a client's, counts as itself. */
static void print_summary(const struct invocation *invocation, const cJSON *answer)
{
    static const struct {
        const char *member;
        const char *word;
    } by_kind[] = {{"services", "service"}, {"routes", "route"}, {"documents", "document"}};
    const cJSON *summary = text_child(answer, "summary");
    uint64_t warnings = text_number(answer, "warningCount");
    bool has_said = false;

    if (cJSON_GetArraySize(text_child(answer, "changes")) == 0)
        (void)printf("nothing to change: ");
    else if (invocation->options[OPTION_DRY_RUN])
        (void)printf("would come of it: ");
    for (size_t i = 0; i < ARRAY_SIZE(by_kind); i++)
        has_said = apply_print_counts(text_child(summary, by_kind[i].member), by_kind[i].word, !has_said) ||
                   has_said;
    if (warnings)
        (void)printf("%s%llu warning%s", has_said ? "; " : "", (unsigned long long)warnings,
                     warnings > 1 ? "s" : "");
    (void)putchar('\n');
}

static int print_each(const struct invocation *invocation, const cJSON *list)
{
    _cleanup_free_ struct change *changes = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*changes));
    size_t count = 0;
    const cJSON *item;

    if (!changes)
        return report_error(invocation, CLI_FAILED, "out of memory");
    cJSON_ArrayForEach (item, list) {
        changes[count++] = classify(item, invocation->options[OPTION_DRY_RUN] != NULL);
    }
    qsort(changes, count, sizeof(*changes), apply_compare);
    print_changes(changes, count);
    return CLI_DONE;
}

static int print_answer(const struct invocation *invocation, const cJSON *answer)
{
    bool wants_each = invocation->options[OPTION_VERBOSE] || invocation->options[OPTION_DRY_RUN];
    int status = wants_each ? print_each(invocation, text_child(answer, "changes")) : CLI_DONE;

    if (status == CLI_DONE)
        print_summary(invocation, answer);
    return status;
}

int command_apply(const struct invocation *invocation)
{
    _cleanup_control_response_ struct control_response response = {0};
    cJSON *documents = NULL;
    cJSON *body;
    int status = document_files_read(invocation, &documents);

    if (status != CLI_DONE)
        return status;
    body = api_body_new(invocation);
    api_add_item(&body, "documents", documents);
    if (invocation->options[OPTION_DRY_RUN])
        api_add_true(&body, "dryRun");
    status = api_change(invocation, "POST", "/v1/documents", body, &response);
    if (status != CLI_DONE || invocation->is_json)
        return status;
    return print_answer(invocation, response.json);
}
