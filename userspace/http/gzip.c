/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "http/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* zlib: the usual window, with gzip's head */
#define GZIP_MEMORY 8

struct gzip_writer {
    struct http_writer inner;
    struct evbuffer *plain;
    z_stream packer;
};

/* ---- who wants it ---- */

/* `item` is one of the list, as far as its comma: "gzip", "gzip;q=0.5", " x-gzip ; q=0". */
static bool takes_gzip(const char *item, size_t length)
{
    const char *parameters = memchr(item, ';', length);
    size_t name = parameters ? (size_t)(parameters - item) : length;

    while (name > 0 && (item[name - 1] == ' ' || item[name - 1] == '\t'))
        name--;
    if (name != 4 || strncasecmp(item, "gzip", 4) != 0)
        return false;
    if (!parameters)
        return true;
    parameters++;
    parameters += strspn(parameters, " \t");
    return strncasecmp(parameters, "q=", 2) != 0 || strtod(parameters + 2, NULL) > 0;
}

bool gzip_is_wanted(const struct http_request *request)
{
    const char *item = http_request_header(request, "Accept-Encoding");

    while (item && *item) {
        size_t length;

        item += strspn(item, " \t,");
        length = strcspn(item, ",");
        if (takes_gzip(item, length))
            return true;
        item += length;
    }
    return false;
}

/* ---- packing ---- */

/* All that the packer has for the bytes it was given, or with `flush` Z_FINISH all there will be. */
static int pack(struct gzip_writer *self, unsigned char *bytes, size_t length, int flush,
                struct evbuffer *out)
{
    unsigned char packed[16384];

    self->packer.next_in = bytes;
    self->packer.avail_in = (uInt)length;
    do {
        self->packer.next_out = packed;
        self->packer.avail_out = sizeof(packed);
        if (deflate(&self->packer, flush) == Z_STREAM_ERROR ||
            evbuffer_add(out, packed, sizeof(packed) - self->packer.avail_out) < 0)
            return -ENOMEM;
    } while (self->packer.avail_out == 0);
    return 0;
}

static int gzip_write(void *user, struct evbuffer *out, size_t room)
{
    struct gzip_writer *self = user;
    int goes_on = self->inner.write(self->inner.user, self->plain, room > 1 ? room / 2 : room);
    int r = 0;

    if (goes_on < 0)
        return goes_on;
    while (r == 0 && evbuffer_get_length(self->plain) > 0) {
        size_t length = evbuffer_get_contiguous_space(self->plain);

        r = pack(self, evbuffer_pullup(self->plain, (ev_ssize_t)length), length, Z_NO_FLUSH, out);
        (void)evbuffer_drain(self->plain, length);
    }
    if (r == 0 && goes_on == 0)
        r = pack(self, NULL, 0, Z_FINISH, out);
    return r < 0 ? r : goes_on;
}

static void gzip_done(void *user)
{
    struct gzip_writer *self = user;

    if (self->inner.done)
        self->inner.done(self->inner.user);
    (void)deflateEnd(&self->packer);
    if (self->plain)
        evbuffer_free(self->plain);
    free(self);
}

int gzip_writer_new(const struct http_writer *writer, struct http_writer *ret_writer)
{
    struct gzip_writer *self = calloc(1, sizeof(*self));

    if (!self) {
        if (writer->done)
            writer->done(writer->user);
        return -ENOMEM;
    }
    *self = (struct gzip_writer){.inner = *writer, .plain = evbuffer_new()};
    if (!self->plain || deflateInit2(&self->packer, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                                     Z_DEFAULT_STRATEGY) != Z_OK) {
        gzip_done(self);
        return -ENOMEM;
    }
    *ret_writer = (struct http_writer){.write = gzip_write, .done = gzip_done, .user = self};
    return 0;
}
