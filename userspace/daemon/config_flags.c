/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "daemon/config_flags.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/config_table.h"

enum flag {
    FLAG_CONFIG,
    FLAG_PRINT,
    FLAG_FOREGROUND,
    FLAG_HELP,
    FLAG_VERSION,
    FLAG_LATER,
};

/* Those that are no settings. */
static const struct {
    const char *name;
    const char *value; /* NULL: takes none */
    enum flag flag;
    const char *help; /* NULL: not listed by itself */
} other_flags[] = {
    {"config", "FILE", FLAG_CONFIG, "settings as JSON (default " CONFIG_DEFAULT_FILE ", if it is there)"},
    {"print-config", NULL, FLAG_PRINT, "print the effective settings and exit"},
    {"foreground", NULL, FLAG_FOREGROUND, "the default: svcconnectd never forks"},
    {"help", NULL, FLAG_HELP, NULL},
    {"version", NULL, FLAG_VERSION, NULL},
    {"container-runtime", "KIND", FLAG_LATER, NULL},
};

#define FIRST_VALUE 256 /* what getopt_long() returns for row 0; below are characters */

/* All flags as getopt_long() wants them. The caller frees them. */
static struct option *make_options(void)
{
    struct option *options = calloc(config_setting_count + ARRAY_SIZE(other_flags) + 1, sizeof(*options));
    size_t n = 0;

    for (size_t i = 0; options && i < config_setting_count; i++)
        if (config_settings[i].flag)
            options[n++] = (struct option){config_settings[i].flag,
                                           config_settings[i].implied ? optional_argument : required_argument,
                                           NULL, FIRST_VALUE + (int)i};
    for (size_t i = 0; options && i < ARRAY_SIZE(other_flags); i++)
        options[n++] =
            (struct option){other_flags[i].name, other_flags[i].value ? required_argument : no_argument, NULL,
                            FIRST_VALUE + (int)(config_setting_count + i)};
    return options;
}

static int config_flags_take_file(struct config *config, const char *path)
{
    free(config->file);
    config->file = strdup(path);
    return config->file ? 0 : -ENOMEM;
}

static int take_setting(struct config *config, const struct config_setting *setting, struct error *error)
{
    char field[SETTING_PATH_SIZE];

    (void)snprintf(field, sizeof(field), "--%s", setting->flag);
    return setting_take_text(config, setting, field, optarg ? optarg : setting->implied, error);
}

static void take_other(size_t index, enum config_action *action)
{
    switch (other_flags[index].flag) {
    case FLAG_PRINT:
        *action = CONFIG_PRINT;
        break;
    case FLAG_HELP:
        *action = CONFIG_HELP;
        break;
    case FLAG_VERSION:
        *action = CONFIG_VERSION;
        break;
    case FLAG_LATER:
        /* What is off asks for nothing; anything else is said, so that nobody waits for it. */
        if (strcmp(optarg, "off") != 0 && strcmp(optarg, "none") != 0)
            log_warning("--%s %s: not in this version, ignoring", other_flags[index].name, optarg);
        break;
    case FLAG_CONFIG:
    case FLAG_FOREGROUND:
        break;
    }
}

int config_read_flags(int argc, char **argv, enum config_flags which, struct config *config,
                      enum config_action *action, struct error *error)
{
    _cleanup_free_ struct option *options = make_options();
    int value;
    int r = 0;

    if (!options)
        return -ENOMEM;
    optind = 1;
    opterr = 0;
    while (r == 0 && (value = getopt_long(argc, argv, "", options, NULL)) != -1) {
        size_t row = (size_t)(value - FIRST_VALUE);

        if (value < FIRST_VALUE)
            return error_set(error, EINVAL, "%s: unknown option or missing value; see svcconnectd --help",
                             argv[optind - 1]);
        if (row < config_setting_count) {
            if (which == CONFIG_FLAGS_REST)
                r = take_setting(config, &config_settings[row], error);
            continue;
        }
        row -= config_setting_count;
        if (which == CONFIG_FLAGS_REST)
            take_other(row, action);
        else if (other_flags[row].flag == FLAG_CONFIG)
            r = config_flags_take_file(config, optarg);
    }
    if (r == 0 && optind < argc)
        return error_set(error, EINVAL, "%s: no such argument; see svcconnectd --help", argv[optind]);
    return r;
}

/* ---- help ---- */

#define HELP_COLUMN 27

/* `help` with {} replaced by `fallback`, further lines below the first. */
static void print_flag(const char *name, const char *value, const char *help, const char *fallback)
{
    char words[64];

    (void)snprintf(words, sizeof(words), "--%s%s%s", name, value ? " " : "", value ? value : "");
    (void)printf("  %-*s%s", HELP_COLUMN - 3, words, strlen(words) > HELP_COLUMN - 3 ? "  " : " ");
    for (; *help; help++) {
        if (help[0] == '{' && help[1] == '}') {
            (void)fputs(fallback, stdout);
            help++;
        } else if (*help == '\n') {
            (void)printf("\n%*s", HELP_COLUMN, "");
        } else {
            (void)putchar(*help);
        }
    }
    (void)putchar('\n');
}

static void print_setting(const struct config_setting *setting)
{
    char number[16];

    (void)snprintf(number, sizeof(number), "%u", setting->number);
    print_flag(setting->flag, setting->value, setting->help, setting->fallback ? setting->fallback : number);
}

void config_print_help(void)
{
    puts("svcconnectd: routes the connections of task cgroups to weighted healthy endpoints\n");
    for (size_t i = 0; i < ARRAY_SIZE(other_flags); i++) {
        if (other_flags[i].help)
            print_flag(other_flags[i].name, other_flags[i].value, other_flags[i].help, "");
        for (size_t j = 0; other_flags[i].flag == FLAG_CONFIG && j < config_setting_count; j++)
            if (config_settings[j].flag)
                print_setting(&config_settings[j]);
    }
    puts("  --help, --version\n"
         "\n"
         "SIGHUP re-reads the log level, SIGTERM ends the daemon; running tasks keep their routing either "
         "way.\n"
         "Exit status: 0 ended as asked, 1 could not start or failed, 2 bad usage.");
}
