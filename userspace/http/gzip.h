/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* An answer that is written slice by slice, packed for a client that asks for it (RFC 9110, 8.4.1.3). */
#pragma once

#include <stdbool.h>

#include "http/request.h"
#include "http/streams.h"

#define GZIP_HEADERS "Content-Encoding: gzip\r\n"

/* Does its Accept-Encoding take gzip? Nothing said, or `gzip;q=0`: no. */
bool gzip_is_wanted(const struct http_request *request);

/*
 * What `writer` writes, packed. It is asked for half of the room, because packing takes about the time of
 * writing. Taken over, also by a failure, which calls its done(). -ENOMEM.
 */
int gzip_writer_new(const struct http_writer *writer, struct http_writer *ret_writer);
