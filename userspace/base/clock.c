/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#define BOOT_ID      "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE 37
#define MOST_MS      (INT64_C(1) << 52) /* of a clock that anybody's JSON can write */

static int64_t ahead_ms; /* of CLOCK_BOOTTIME, written once */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void clock_begin_run(void)
{
    ahead_ms = clock_wall_ms() - clock_boot_ms();
}

int64_t clock_run_ms(void)
{
    (void)pthread_once(&once, clock_begin_run);
    return ahead_ms + clock_boot_ms();
}

static void clock_go_on(void)
{
    /* Has been set. */
}

int clock_run_read(const char *text, const char *boot_id, int64_t *ret_ahead_ms)
{
    char theirs[BOOT_ID_SIZE];
    int64_t ahead;
    int end = 0;

    if (sscanf(text, "%36s %" SCNd64 " %n", theirs, &ahead, &end) != 2 || text[end] || ahead > MOST_MS ||
        ahead < -MOST_MS)
        return -EINVAL;
    if (strcmp(theirs, boot_id) != 0)
        return -ESTALE;
    *ret_ahead_ms = ahead;
    return 0;
}

int clock_run_continue(const char *path)
{
    _cleanup_free_ char *boot_id = NULL;
    _cleanup_free_ char *text = NULL;
    char ours[BOOT_ID_SIZE + 32];
    int r = file_read(BOOT_ID, BOOT_ID_SIZE, &boot_id, NULL);

    if (r < 0)
        return r;
    boot_id[strcspn(boot_id, "\n")] = '\0';
    if (file_read(path, sizeof(ours), &text, NULL) == 0 && clock_run_read(text, boot_id, &ahead_ms) == 0) {
        (void)pthread_once(&once, clock_go_on);
        return 0;
    }
    (void)clock_run_ms();
    (void)snprintf(ours, sizeof(ours), "%s %" PRId64 "\n", boot_id, ahead_ms);
    return file_replace(path, 0600, ours, strlen(ours));
}
