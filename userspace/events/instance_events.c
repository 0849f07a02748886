/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "events/instance_events.h"

#include <stdarg.h>
#include <stdio.h>

#include "model/catalog_external.h"

void instance_event(struct event_log *log, enum event_kind kind, const struct instance *instance,
                    const char *format, ...)
{
    char message[EVENT_MESSAGE_SIZE];
    char address[IP_ADDRESS_TEXT_SIZE] = "";
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (instance->external)
        (void)ip_address_format(&instance->address, address);
    event_log_add(log, kind, instance->service->parent->name, instance->service->name, instance_id(instance),
                  "%s%s%s", address, *address ? ": " : "", message);
}
