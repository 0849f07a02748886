/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One text of EC2's instance metadata service, by its second version: a token is asked for, and with it the text.
 * Blocks, so it is for a start only. No proxy, no redirect, no name to resolve.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define FETCH_METADATA_USUAL "http://169.254.169.254"

/*
 * `endpoint`: FETCH_METADATA_USUAL or another URL of an address; `path` begins with "/latest/". Waits for
 * `timeout_ms` in all. -EINVAL: the endpoint is no http URL of an address; -ETIMEDOUT, -EIO: no good answer came, which
 * has fewer than `size` bytes. *ret_text is untouched on failure and else ends with a NUL.
 */
int fetch_metadata(const char *endpoint, const char *path, long timeout_ms, char *ret_text, size_t size,
                   struct error *error);
