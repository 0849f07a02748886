/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/list.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/api.h"
#include "cli/command_table.h"
#include "cli/report.h"
#include "cli/width.h"

#define WATCH_SECONDS     2
#define WATCH_SECONDS_MAX 86400
#define LINES_AROUND      4 /* heading, header, footer, and where the cursor stays */

static int out_of_memory(const struct invocation *invocation)
{
    return report_error(invocation, CLI_FAILED, "out of memory");
}

void list_print_word(const char *word)
{
    text_write_word(stdout, word);
}

void list_print_namespace(const struct invocation *invocation, const cJSON *item)
{
    const char *name = text_member(item, "namespace");

    if (invocation->options[OPTION_NAMESPACE] || !*name || strcmp(name, "default") == 0)
        return;
    (void)fputs(" -n ", stdout);
    list_print_word(name);
}

/* ---- one look ---- */

/* What is shown of one answer. */
struct look {
    struct control_response response;
    struct table *table; /* its cells are copies, its items are the response's */
};

static void look_done(struct look *look)
{
    table_free(&look->table);
    control_response_done(&look->response);
}

/* Leaves in the answer only what the table has, in its order. */
static void keep_shown(cJSON *items, const struct table *table)
{
    cJSON kept = {.type = cJSON_Array};
    const void *item;

    for (size_t i = 0; (item = table_item(table, i)); i++)
        (void)cJSON_AddItemToArray(&kept, cJSON_DetachItemViaPointer(items, (cJSON *)item));
    cJSON_Delete(items->child);
    items->child = kept.child;
}

static int list_choose(const struct invocation *invocation, const struct list *list, cJSON *items,
                       struct look *look)
{
    const char *sort = invocation->options[OPTION_SORT];
    struct error error = {0};
    int r = 0;

    look->table = list->fill(invocation, items);
    if (!look->table)
        return out_of_memory(invocation);
    for (size_t i = 0; i < invocation->filter_count && r == 0; i++)
        r = table_filter(look->table, invocation->filters[i], &error);
    if (r == 0 && sort)
        r = table_sort(look->table, sort, &error);
    if (r < 0)
        return report_usage(invocation, "%s", error.message);
    if (sort || invocation->filter_count)
        keep_shown(items, look->table);
    return CLI_DONE;
}

static int look_take(const struct invocation *invocation, const struct list *list, struct look *look)
{
    char path[LIST_QUERY_SIZE + 64], query[LIST_QUERY_SIZE] = "";
    int status = list->make_query ? list->make_query(invocation, query) : CLI_DONE;
    cJSON *items;

    (void)snprintf(path, sizeof(path), "%s%s", list->path, query);
    if (status == CLI_DONE)
        status = api_get(invocation, path, &look->response);
    if (status != CLI_DONE)
        return status;
    items = cJSON_GetObjectItemCaseSensitive(look->response.json, list->member);
    if (!cJSON_IsArray(items))
        return report_error(invocation, CLI_FAILED, "the daemon's answer has no list \"%s\"", list->member);
    if (list->narrow)
        status = list->narrow(invocation, items);
    return status == CLI_DONE ? list_choose(invocation, list, items, look) : status;
}

static void list_print_names(const struct invocation *invocation, const struct list *list, const cJSON *items)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, items) {
        list->print_name(invocation, item);
        list_print_namespace(invocation, item);
        (void)putchar('\n');
    }
}

static int look_print(const struct invocation *invocation, const struct list *list, const struct look *look,
                      const struct table_view *view)
{
    const char *form = invocation->options[OPTION_OUTPUT];
    const cJSON *items = text_child(look->response.json, list->member);
    bool is_whole = !list->narrow && !invocation->options[OPTION_SORT] && !invocation->filter_count;

    if (!items->child) {
        int status = CLI_DONE;

        if (invocation->filter_count)
            report_hint(invocation, "Nothing matches --filter.");
        else
            status = list->tell_empty(invocation);
        if (status != CLI_DONE || !invocation->is_json)
            return status;
    }
    if (invocation->is_json)
        return api_print_json(invocation, look->response.json, is_whole ? look->response.text : NULL);
    if (form && strcmp(form, "name") == 0) {
        list_print_names(invocation, list, items);
        return CLI_DONE;
    }
    if (table_print(look->table, view) < 0)
        return out_of_memory(invocation);
    if (list->print_more)
        list->print_more(items);
    return CLI_DONE;
}

/* ---- again and again ---- */

static void list_on_interrupt(int number)
{
    (void)number;
    _exit(CLI_DONE); /* what was printed has been flushed */
}

/* False: whoever read the output has gone. */
static bool wait_for_next(uint64_t seconds)
{
    struct pollfd output = {.fd = STDOUT_FILENO};

    return poll(&output, 1, (int)(seconds * 1000)) <= 0;
}

static void clear_screen(const struct invocation *invocation, uint64_t seconds)
{
    (void)printf("\033[H\033[J%s%s%s, every %llu s; * has changed; Ctrl-C ends\n", invocation->command->word,
                 invocation->command->second_word ? " " : "",
                 invocation->command->second_word ? invocation->command->second_word : "",
                 (unsigned long long)seconds);
}

static int list_watch(const struct invocation *invocation, const struct list *list, struct table_view *view,
                      uint64_t seconds)
{
    const struct sigaction interrupt = {.sa_handler = list_on_interrupt};
    bool is_terminal = isatty(STDOUT_FILENO) && !invocation->is_json;
    _cleanup_(look_done) struct look past = {0};
    int status;

    (void)sigaction(SIGINT, &interrupt, NULL);
    do {
        _cleanup_(look_done) struct look look = {0};
        size_t lines = width_terminal_lines();

        status = look_take(invocation, list, &look);
        if (status != CLI_DONE)
            return status;
        if (is_terminal)
            clear_screen(invocation, seconds);
        view->width = invocation->options[OPTION_WIDE] ? 0 : width_of_terminal();
        view->rows = is_terminal && lines > LINES_AROUND ? lines - LINES_AROUND : 0;
        view->past = past.table ? past.table : is_terminal ? look.table : NULL;
        status = look_print(invocation, list, &look, view);
        if (status == CLI_DONE && fflush(stdout) != 0)
            status = CLI_FAILED; /* main() says why */
        look_done(&past);
        past = look;
        look = (struct look){0};
    } while (status == CLI_DONE && wait_for_next(seconds));
    return status;
}

int list_check_form(const struct invocation *invocation)
{
    const char *form = invocation->options[OPTION_OUTPUT];

    if (form && strcmp(form, "name") == 0)
        return report_usage(invocation,
                            "-o: nothing here has a name that a command takes; give wide or json");
    return CLI_DONE;
}

int list_print_table(const struct invocation *invocation, const struct table *table)
{
    struct table_view view = {.has_colour = text_wants_colour(), .width = width_of_terminal()};

    if (invocation->options[OPTION_WIDE])
        view.width = 0;
    return table_print(table, &view) < 0 ? out_of_memory(invocation) : CLI_DONE;
}

int list_command(const struct invocation *invocation)
{
    const struct list *list = invocation->command->list;
    const char *watch = invocation->options[OPTION_WATCH];
    struct table_view view = {.has_colour = text_wants_colour()};
    _cleanup_(look_done) struct look look = {0};
    uint64_t seconds = WATCH_SECONDS;
    int status;

    if (watch && *watch && parse_number(watch, 1, WATCH_SECONDS_MAX, &seconds) < 0)
        return report_usage(invocation, "--watch: \"%s\" is not allowed; give whole seconds from 1 to %d",
                            watch, WATCH_SECONDS_MAX);
    if (watch)
        return list_watch(invocation, list, &view, seconds);
    view.width = invocation->options[OPTION_WIDE] ? 0 : width_of_terminal();
    status = look_take(invocation, list, &look);
    return status == CLI_DONE ? look_print(invocation, list, &look, &view) : status;
}
