/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Aliases that a group's jobs leave without an endpoint: kept until the change is on disk, then told. */
#include <stdlib.h>
#include <string.h>

#include "engine/change/jobs.h"
#include "engine/change/losses.h"

static void losses_keep(const struct alias_loss *loss, void *user)
{
    struct kept_loss **list = user;
    struct kept_loss *kept = calloc(1, sizeof(*kept));
    char text[ALIAS_LOSS_TEXT_SIZE];

    if (!kept)
        return;
    kept->namespace_name = strdup(loss->namespace_name);
    kept->text = strdup(alias_loss_text(loss, text));
    kept->next = *list;
    *list = kept;
    if (!kept->namespace_name || !kept->text) {
        *list = kept->next;
        kept->next = NULL;
        kept_losses_free(&kept);
    }
}

void transaction_keep_losses(const struct transaction *transaction, struct kept_loss **losses)
{
    transaction_tell_losses(transaction, losses_keep, losses);
}

void kept_losses_free(struct kept_loss **losses)
{
    while (*losses) {
        struct kept_loss *next = (*losses)->next;

        free((*losses)->namespace_name);
        free((*losses)->text);
        free(*losses);
        *losses = next;
    }
}

void jobs_tell_losses(struct engine *engine)
{
    for (const struct waiting_job *waiting = engine->jobs->group.first; waiting; waiting = waiting->next)
        for (const struct kept_loss *loss = waiting->losses; loss; loss = loss->next)
            followers_lost(engine, loss->namespace_name, loss->text, &waiting->job.by);
}
