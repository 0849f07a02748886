/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/utf8.h"

#include "base/cleanup.h"

size_t utf8_length(const char *bytes, size_t left)
{
    const unsigned char *text = (const unsigned char *)bytes;
    static const struct {
        unsigned char mask, lead, first_low, first_high;
        size_t length;
    } forms[] = {
        {0x80, 0x00, 0, 0, 1},       {0xe0, 0xc0, 0x80, 0xbf, 2}, {0xff, 0xe0, 0xa0, 0xbf, 3},
        {0xff, 0xed, 0x80, 0x9f, 3}, {0xf0, 0xe0, 0x80, 0xbf, 3}, {0xff, 0xf0, 0x90, 0xbf, 4},
        {0xff, 0xf4, 0x80, 0x8f, 4}, {0xf8, 0xf0, 0x80, 0xbf, 4},
    };
    size_t f = 0;

    while (f < ARRAY_SIZE(forms) && (text[0] & forms[f].mask) != forms[f].lead)
        f++;
    if (f == ARRAY_SIZE(forms) || forms[f].length > left || text[0] == 0xc0 || text[0] == 0xc1 ||
        text[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < forms[f].length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if (forms[f].length > 1 && (text[1] < forms[f].first_low || text[1] > forms[f].first_high))
        return 0;
    return forms[f].length;
}
