/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * /etc/nsswitch.conf for a task. The task's names are in its /etc/hosts and answered to its questions by DNS.
 * A name service that asks another process (nss-resolve, nss-mymachines, sssd ...) asks one outside the task.
 */
#pragma once

/*
 * The text with another line of `hosts:`: files first, and DNS asked whatever another service has said; `dns`
 * in the place of services that ask it by somebody else. *ret_text is the caller's; NULL: the text will do as it
 * is. -ENOMEM.
 */
int nsswitch_for_task(const char *text, char **ret_text);
