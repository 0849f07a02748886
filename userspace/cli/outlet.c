/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "cli/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "cli/report.h"

#define JOURNAL_SOCKET                                                                                       \
    "/run/systemd/journal/socket" /* systemd.journal-fields(7), "Native Journal Protocol" */
#define ROTATE_SIZE  (10u << 20)
#define ROTATE_LEAST 4096
#define KEEP         5
#define KEEP_MOST    1000

static int outlet_open_file(struct outlet *outlet)
{
    int fd = open(outlet->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

    if (fd < 0)
        return report_error(outlet->invocation, CLI_FAILED, "%s: %s", outlet->path, strerror(errno));
    if (outlet->fd >= 0)
        (void)close(outlet->fd);
    outlet->fd = fd;
    return CLI_DONE;
}

int outlet_open_journal(const struct invocation *invocation, const char *socket_path,
                        struct outlet *ret_outlet)
{
    _cleanup_outlet_ struct outlet outlet = {
        .invocation = invocation, .kind = OUTLET_JOURNAL, .path = socket_path};

    outlet.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (outlet.fd < 0)
        return report_error(invocation, CLI_FAILED, "a socket for the journal: %s", strerror(errno));
    if (access(socket_path, W_OK) < 0)
        return report_error(invocation, CLI_FAILED, "--journal: no journal takes lines at %s: %s",
                            socket_path, strerror(errno));
    *ret_outlet = outlet;
    outlet.fd = -1;
    return CLI_DONE;
}

static int outlet_check_options(const struct invocation *invocation, struct outlet *outlet)
{
    const char *rotate = invocation->options[OPTION_ROTATE], *keep = invocation->options[OPTION_KEEP];

    if (!outlet->path && (rotate || keep))
        return report_usage(invocation, "--rotate and --keep are of --log-file FILE");
    if (outlet->path && invocation->options[OPTION_JOURNAL])
        return report_usage(invocation, "--log-file and --journal: give one of them");
    if (rotate && (argument_size(rotate, &outlet->rotate_size) < 0 || outlet->rotate_size < ROTATE_LEAST))
        return report_usage(invocation, "--rotate: \"%s\" is no size of at least 4K, as 500K, 10M or 2G",
                            rotate);
    if (keep && (argument_number(keep, &outlet->keep) < 0 || outlet->keep > KEEP_MOST))
        return report_usage(invocation, "--keep: \"%s\" is no number from 0 to %d", keep, KEEP_MOST);
    return CLI_DONE;
}

int outlet_open(const struct invocation *invocation, struct outlet *ret_outlet)
{
    _cleanup_outlet_ struct outlet outlet = {.invocation = invocation,
                                             .fd = -1,
                                             .path = invocation->options[OPTION_LOG_FILE],
                                             .rotate_size = ROTATE_SIZE,
                                             .keep = KEEP};
    int status = outlet_check_options(invocation, &outlet);

    if (status == CLI_DONE && invocation->options[OPTION_JOURNAL])
        return outlet_open_journal(invocation, JOURNAL_SOCKET, ret_outlet);
    if (status == CLI_DONE && outlet.path) {
        outlet.kind = OUTLET_FILE;
        status = outlet_open_file(&outlet);
    }
    if (status == CLI_DONE) {
        *ret_outlet = outlet;
        outlet.fd = -1;
    }
    return status;
}

void outlet_close(struct outlet *outlet)
{
    if (outlet->kind != OUTLET_STDOUT && outlet->fd >= 0)
        (void)close(outlet->fd);
}

/* PATH.2 becomes PATH.3 and so on; the oldest one goes. Without any to keep PATH itself goes. */
static int outlet_rotate(struct outlet *outlet)
{
    for (uint64_t i = outlet->keep; i > 0; i--) {
        _cleanup_free_ char *from = NULL, *to = NULL;
        int r = i > 1 ? asprintf(&from, "%s.%llu", outlet->path, (unsigned long long)i - 1)
                      : asprintf(&from, "%s", outlet->path);

        if (r < 0 || asprintf(&to, "%s.%llu", outlet->path, (unsigned long long)i) < 0)
            return report_error(outlet->invocation, CLI_FAILED, "out of memory");
        if (rename(from, to) < 0 && errno != ENOENT)
            return report_error(outlet->invocation, CLI_FAILED, "%s: cannot become %s: %s", from, to,
                                strerror(errno));
    }
    if (outlet->keep == 0 && unlink(outlet->path) < 0 && errno != ENOENT)
        return report_error(outlet->invocation, CLI_FAILED, "%s: %s", outlet->path, strerror(errno));
    return outlet_open_file(outlet);
}

/* Also where somebody else has put the file aside (logrotate), a new one begins. */
static int outlet_make_room(struct outlet *outlet, size_t length)
{
    struct stat open_one, at_path;

    if (fstat(outlet->fd, &open_one) < 0)
        return report_error(outlet->invocation, CLI_FAILED, "%s: %s", outlet->path, strerror(errno));
    if (stat(outlet->path, &at_path) < 0 || at_path.st_ino != open_one.st_ino ||
        at_path.st_dev != open_one.st_dev)
        return outlet_open_file(outlet);
    if (!S_ISREG(open_one.st_mode) || open_one.st_size == 0 ||
        (uint64_t)open_one.st_size + length <= outlet->rotate_size)
        return CLI_DONE;
    return outlet_rotate(outlet);
}

/* The line and its end by one call, so that two who write to one file do not mix theirs. */
static int outlet_put_file(struct outlet *outlet, const char *line)
{
    size_t length = strlen(line);
    struct iovec parts[] = {{(char *)line, length}, {(char *)"\n", 1}};
    int status = outlet_make_room(outlet, length + 1);
    ssize_t n;

    if (status != CLI_DONE)
        return status;
    n = writev(outlet->fd, parts, 2);
    if (n != (ssize_t)length + 1)
        return report_error(outlet->invocation, CLI_FAILED, "%s: %s", outlet->path,
                            n < 0 ? strerror(errno) : "no room for a whole line");
    return CLI_DONE;
}

/* Not a connected socket: a journal that was started anew gets the next line. */
static int outlet_put_journal(struct outlet *outlet, const char *line, bool is_failure)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *head = is_failure ? "SYSLOG_IDENTIFIER=svcconnect\nPRIORITY=4\nMESSAGE="
                                  : "SYSLOG_IDENTIFIER=svcconnect\nPRIORITY=6\nMESSAGE=";
    struct iovec parts[] = {{(char *)head, strlen(head)}, {(char *)line, strlen(line)}, {(char *)"\n", 1}};
    const struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = parts, .msg_iovlen = 3};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", outlet->path);
    if (sendmsg(outlet->fd, &message, MSG_NOSIGNAL) < 0)
        return report_error(outlet->invocation, CLI_FAILED, "the journal at %s: %s", outlet->path,
                            strerror(errno));
    return CLI_DONE;
}

int outlet_put(struct outlet *outlet, const char *line, bool is_failure)
{
    return outlet->kind == OUTLET_FILE ? outlet_put_file(outlet, line)
                                       : outlet_put_journal(outlet, line, is_failure);
}

int outlet_put_json(struct outlet *outlet, const cJSON *item, bool is_failure)
{
    char *text = cJSON_PrintUnformatted(item);
    int status = CLI_DONE;

    if (!text)
        return report_error(outlet->invocation, CLI_FAILED, "out of memory");
    if (outlet->kind != OUTLET_STDOUT)
        status = outlet_put(outlet, text, is_failure);
    else
        (void)puts(text);
    cJSON_free(text);
    return status;
}
