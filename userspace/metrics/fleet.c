/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Metrics of a registry that hosts share. */
#include "metrics/fleet.h"

void metrics_write_fleet(const struct metrics_text *text, const struct metrics_fleet *fleet)
{
    metrics_text_gauge(text, "svcconnect_registry_lost", "1 while the registry cannot be reached.",
                       fleet->lost_seconds > 0);
    metrics_text_gauge(text, "svcconnect_registry_lost_seconds",
                       "How long it has not been reached: what is known stays in effect meanwhile.",
                       fleet->lost_seconds);
    metrics_text_gauge(text, "svcconnect_registry_hosts", "Hosts that are there.", (double)fleet->hosts);
    metrics_text_gauge(text, "svcconnect_registry_gone_hosts",
                       "Hosts that are away, with instances that are not shown meanwhile.",
                       (double)fleet->gone_hosts);
    metrics_text_gauge(text, "svcconnect_registry_gone_instances", "Their instances.",
                       (double)fleet->gone_instances);
    metrics_text_gauge(text, "svcconnect_registry_doubted_hosts",
                       "Hosts that went together and whose instances stay while they answer.",
                       (double)fleet->doubted_hosts);
    metrics_text_counter(text, "svcconnect_registry_put_back_total",
                         "How often this host had to say again that it is there.", fleet->put_back);
    metrics_text_counter(text, "svcconnect_registry_resyncs_total", "How often all rows had to be compared.",
                         fleet->resyncs);
    metrics_text_counter(text, "svcconnect_registry_audit_differences_total",
                         "Rows that were not what had been told of them, found by an audit and put right.",
                         fleet->differences);
    metrics_text_counter(text, "svcconnect_registry_skipped_rows_total",
                         "Rows of other hosts that this one cannot have.", fleet->skipped_rows);
}
