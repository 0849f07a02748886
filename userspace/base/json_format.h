/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a text is that was taken for JSON: people paste what their other tools read. */
#pragma once

#include <stddef.h>

/*
 * A clause that says what the text looks like and what to do ("this looks like YAML; ..."), static; NULL:
 * nothing is known of it. Also of a text that is JSON, if that is a CloudFormation template.
 */
const char *json_other_format(const char *text, size_t length);
