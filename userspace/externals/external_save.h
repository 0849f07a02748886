/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Rows of what host names were found to be: several at a time, a moment after they count. Nobody was promised
 * them, so a disk that refuses stops nothing.
 */
#pragma once

struct daemon;
struct external;

int external_save_begin(struct daemon *daemon); /* -ENOMEM */
void external_save_end(struct daemon *daemon);  /* writes what is left */

void external_save_later(struct external *external);
void external_forget_later(struct external *external);
