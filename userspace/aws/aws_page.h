/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Lists in pages. Items come in the order of their keys; the token of the next page is the last key of this
 * one, sealed: it is good for the key pair and the operation it was given to, and nobody makes one himself.
 * It stays good over a restart, and when the item has gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "aws/aws_error.h"

#define AWS_SEAL_SIZE 32

/* Whose a token is. */
struct aws_seal {
    unsigned char key[AWS_SEAL_SIZE]; /* of the key pair: aws_seal_key() */
    const char *service, *operation;
};

/* 0, or -ENOMEM. */
int aws_seal_key(const char *secret, unsigned char ret_key[static AWS_SEAL_SIZE]);

struct aws_page {
    const struct aws_seal *seal;
    size_t size;
    bool is_descending;
    char after[1200]; /* "": from the beginning */
};

/* The page that the members of a request ask for; the seal must stay. */
int aws_get_page(const cJSON *object, const char *token_member, const char *size_member, size_t maximum,
                 size_t usual, const struct aws_seal *seal, struct aws_page *ret_page,
                 struct aws_error *error);

/*
 * The page of the keys, which are sorted for it: [*ret_begin, *ret_end). `next_member` goes into the answer
 * if there is more.
 */
void aws_page_cut(const struct aws_page *page, const char **keys, size_t n, size_t *ret_begin,
                  size_t *ret_end, cJSON *answer, const char *next_member);
