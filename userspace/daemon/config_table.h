/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The table of settings. Flags, members of the file, --help, --print-config, defaults and checks all come
 * from its rows. A new setting is a row of config_table.c, a member of struct config, and its documentation
 * (docs/svcconnect.json.example, docs/man/svcconnectd.8); nothing else knows them all.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stddef.h>

#include "daemon/config.h"

struct config_setting;

/* How values of a kind are read and written. They live at setting->offset in struct config. */
struct config_type {
    /* `field` names where the text comes from. */
    int (*from_text)(struct config *config, const struct config_setting *setting, const char *field,
                     const char *text, struct error *error);
    /* The member setting->member of `object`, which is there. */
    int (*from_json)(struct config *config, const struct config_setting *setting, const cJSON *object,
                     struct error *error);
    cJSON *(*to_json)(const struct config *config, const struct config_setting *setting);
    void (*done)(struct config *config, const struct config_setting *setting); /* NULL: nothing to free */
};

struct config_setting {
    const char *group;   /* the object of the file that it is in; NULL: the outermost */
    const char *member;  /* its name there */
    const char *flag;    /* without dashes; NULL: in the file only */
    const char *value;   /* what --help calls the flag's value */
    const char *implied; /* what the flag says without a value; NULL: it has to have one */
    const char *help;    /* {} stands for the default */
    const struct config_type *type;
    size_t offset;
    const char *fallback; /* NULL: it is a number */
    uint32_t number;      /* the default and the limits of a number */
    uint32_t minimum;
    uint32_t maximum;
    /* When all are read; may also fill in what follows from the value. Rows before it are checked. */
    int (*check)(struct config *config, const struct config_setting *setting, struct error *error);
    const char *example; /* another good value, where `check` or the type leave not every one */
};

/* In the order of --help, --print-config and docs/svcconnect.json.example. */
extern const struct config_setting config_settings[];
extern const size_t config_setting_count;

extern const struct config_type config_type_text;
extern const struct config_type config_type_number;
extern const struct config_type config_type_log_level;
extern const struct config_type config_type_name_servers;

#define SETTING_PATH_SIZE 64

/* "maps.aliases"; returns `path`. */
const char *setting_path(const struct config_setting *setting, char path[SETTING_PATH_SIZE]);

char *setting_text_of(const struct config *config, const struct config_setting *setting);
uint32_t setting_number_of(const struct config *config, const struct config_setting *setting);

/* Takes the value of a flag, or a default. */
int setting_take_text(struct config *config, const struct config_setting *setting, const char *field,
                      const char *text, struct error *error);
