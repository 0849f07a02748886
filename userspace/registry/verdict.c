/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "registry/verdict.h"

#include <string.h>

/* Nothing says where what is published came from. */
static enum registry_verdict judge_unnamed(const struct registry_facts *facts)
{
    return facts->has_published && facts->rows == 0 ? REGISTRY_EMPTY : REGISTRY_RIGHT;
}

static enum registry_verdict judge_stranger(const struct registry_facts *facts)
{
    /* The one from before there were ids, brought back. */
    if (strcmp(facts->pinned_id, REGISTRY_ID_UNKNOWN) == 0 && !*facts->id && facts->rows > 0)
        return REGISTRY_RIGHT;
    if (strcmp(facts->copy_of, facts->pinned_id) == 0)
        return REGISTRY_OLDER;
    if (!facts->has_published)
        return REGISTRY_RIGHT;
    return facts->rows == 0 ? REGISTRY_EMPTY : REGISTRY_OTHER;
}

enum registry_verdict registry_judge(const struct registry_facts *facts)
{
    enum registry_verdict verdict;

    if (facts->is_away)
        return REGISTRY_AWAY;
    if (facts->is_damaged)
        return REGISTRY_DAMAGED;
    if (facts->is_restored)
        verdict = REGISTRY_RIGHT;
    else if (!*facts->pinned_id)
        verdict = judge_unnamed(facts);
    else if (strcmp(facts->pinned_id, facts->id) != 0)
        verdict = judge_stranger(facts);
    else /* newer than what is published is what a death between the two leaves */
        verdict = facts->revision < facts->pinned_revision ? REGISTRY_OLDER : REGISTRY_RIGHT;
    return verdict == REGISTRY_RIGHT && facts->unreadable ? REGISTRY_UNREADABLE : verdict;
}

const char *registry_verdict_name(enum registry_verdict verdict)
{
    static const char *const names[] = {
        [REGISTRY_RIGHT] = "ok",    [REGISTRY_EMPTY] = "empty",           [REGISTRY_OTHER] = "other",
        [REGISTRY_OLDER] = "older", [REGISTRY_UNREADABLE] = "unreadable", [REGISTRY_DAMAGED] = "damaged",
        [REGISTRY_AWAY] = "lost",
    };

    return names[verdict];
}

bool registry_verdict_is_own(enum registry_verdict verdict)
{
    return verdict == REGISTRY_RIGHT || verdict == REGISTRY_UNREADABLE;
}
