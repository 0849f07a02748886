/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Key pairs of the AWS API: who may do what. Pure but for new ones, which the kernel's random
 * numbers make. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/names.h"

#define AWS_CREDENTIALS_MAX      1000
#define AWS_CREDENTIAL_NAME_SIZE 65
#define AWS_KEY_ID_SIZE          129 /* ours have 20 characters */
#define AWS_SECRET_SIZE          129 /* ours have 40 */
#define AWS_DEFAULT_CREDENTIAL   "default"

struct aws_credential {
    char name[AWS_CREDENTIAL_NAME_SIZE];
    char access_key_id[AWS_KEY_ID_SIZE];
    char secret[AWS_SECRET_SIZE];
    bool is_read_only;
    char namespace_name[MODEL_NAMESPACE_MAX + 1]; /* the only one it may see and change; "" for all */
    /* Of this run, in no file: thousandths of writes that it may do at once, as of a time (monotonic; 0: never). */
    uint64_t writes_left;
    uint64_t filled_ms;
};

struct aws_credentials {
    struct aws_credential *items;
    size_t n;
};

/* As the file in the state directory has them. -EINVAL says what is wrong; -ENOMEM. */
int aws_credentials_parse(const char *what, const char *text, size_t length, struct aws_credentials *ret,
                          struct error *error);
/* The caller frees it; NULL: no memory. */
char *aws_credentials_print(const struct aws_credentials *credentials);
void aws_credentials_done(struct aws_credentials *credentials);

const struct aws_credential *aws_credentials_by_name(const struct aws_credentials *credentials,
                                                     const char *name);
const struct aws_credential *aws_credentials_by_key(const struct aws_credentials *credentials,
                                                    const char *access_key_id);

/* Appends one with a new key pair. -EEXIST: the name is taken; -ENOSPC: too many; -EINVAL; -ENOMEM. */
int aws_credentials_add(struct aws_credentials *credentials, const char *name, bool is_read_only,
                        const char *namespace_name, struct error *error);
/* -ENOENT. */
int aws_credentials_remove(struct aws_credentials *credentials, const char *name, struct error *error);
