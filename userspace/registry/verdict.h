/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Is this the registry that what runs came from? The pins say which one that was and how new; a registry that
 * is less than that must not take away what runs. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGISTRY_ID_SIZE 40 /* with the NUL: 32 hexadecimal digits, and room */

/* Pinned in place of an id where what is published came from a registry that had none yet. No registry has
 * it. */
#define REGISTRY_ID_UNKNOWN "unknown"

enum registry_verdict {
    REGISTRY_RIGHT,      /* it, as new as what is published or newer */
    REGISTRY_EMPTY,      /* nothing in it, beside something published */
    REGISTRY_OTHER,      /* another one than what is published came from */
    REGISTRY_OLDER,      /* it, or a copy of it, from before something that was published */
    REGISTRY_UNREADABLE, /* it, but rows of it cannot be read */
    REGISTRY_AWAY,       /* it cannot be reached, and nothing of it is known */
    REGISTRY_DAMAGED,    /* its file was damaged: what could be read of it, or nothing, is in a new one */
};

struct registry_facts {
    const char *pinned_id; /* "": the pins are new, or of a version that wrote none */
    uint64_t pinned_revision;
    bool has_published;  /* something is in the pinned tables */
    const char *id;      /* "": it has none yet */
    const char *copy_of; /* the id it had before a daemon changed it without the right to; "" */
    uint64_t revision;
    uint64_t rows; /* of the model: not this host's, not about the registry itself */
    uint64_t unreadable;
    bool is_restored; /* a person put it in place and nothing of it is published yet */
    bool is_damaged;  /* since it was set aside nobody has accepted that */
    bool is_away;     /* it could not be reached */
};

enum registry_verdict registry_judge(const struct registry_facts *facts);

/* "ok", "empty", "other", "older", "unreadable", "lost", "damaged". */
const char *registry_verdict_name(enum registry_verdict verdict);

/* May what is published be told to be this registry's? Else the pins go on naming the one that is missed. */
bool registry_verdict_is_own(enum registry_verdict verdict);
