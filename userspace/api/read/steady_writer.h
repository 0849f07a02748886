/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A writer that is asked for a slice only while the catalog is steady, and then is, also where one change
 * follows the other: whoever comes for a slice while it is not gets one that is written ahead as soon as the
 * catalog may be read, from within the engine's turn. Those who wait share the room of one slice, so that
 * they take no longer together than one does.
 */
#pragma once

#include "http/streams.h"

struct api;

/* `writer` is taken over, also by a failure, which calls its done(). -ENOMEM. */
int steady_writer_new(struct api *api, const struct http_writer *writer, struct http_writer *ret_writer);
