/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "datapath/log_bridge.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static int on_message(enum libbpf_print_level level, const char *format, va_list arguments)
{
    char text[1024];

    (void)level;
    if (log_get_level() < LOG_LEVEL_DEBUG)
        return 0;
    (void)vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_debug("  %s", text);
    return 0;
}

void datapath_bridge_log(void)
{
    (void)libbpf_set_print(on_message);
}
