/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An error with the sentence a person needs, carried up to whoever answers that person. Functions return the
 * negative errno and, where they can say more, fill the struct. Library code does not log errors: it returns
 * them.
 */
#pragma once

#include <stddef.h>

#include "base/error_code.h"

struct error {
    int number;           /* positive errno; 0: nothing has gone wrong */
    enum error_code code; /* ERROR_CODE_BY_NUMBER, or a finer one */
    char field[128];      /* path of the offending member ("targets[0].weight"), or empty */
    char value[128];      /* what was given, shortened, or empty */
    char allowed[256];    /* what would have been accepted, or empty */
    char meant[64];       /* what `value`, or an unknown member, was probably meant to be, or empty */
    char message[640];    /* the whole sentence */
};

/*
 * A general failure: stores number and message. `number` is a negative or positive errno. An `error` of NULL
 * is allowed. Returns the negative errno, so that `return error_set(...)` forwards it.
 */
int error_set(struct error *error, int number, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set, with ": <text of number>" appended. */
int error_errno(struct error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What stands for the value of a member that is not there. */
#define ERROR_MISSING "(missing)"

/* Bad input: names the field, the value (ERROR_MISSING: there is none) and what is allowed. Returns -EINVAL. */
int error_input(struct error *error, const char *field, const char *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * As error_input, of input that is well formed but refused for what there is already or is not (ENOENT,
 * EEXIST, EBUSY). Returns the negative of `number`.
 */
int error_refused(struct error *error, int number, const char *field, const char *value, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));

/* A member that is none of `allowed`. Returns -EINVAL. */
int error_unknown_member(struct error *error, const char *field, const char *allowed);

/* Of an error that names a value or a member: asks whether `meant` (NULL: nothing is known) was meant. Returns
 * the negative of its number. */
int error_meant(struct error *error, const char *meant);

/*
 * Puts `prefix.` before the field of an input error that came from an inner document (one without a field is
 * about that document itself); no effect on other errors.
 */
void error_prefix_field(struct error *error, const char *prefix);
