/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Texts that strangers have chosen, before a person or a parser reads them. */
#pragma once

/* What is not printable ASCII becomes '?', in place. */
void text_make_legible(char *text);
