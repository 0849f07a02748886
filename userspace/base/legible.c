/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/legible.h"

void text_make_legible(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            *text = '?';
}
