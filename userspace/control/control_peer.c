/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who is at the other end of the control socket. */
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "control/control_internal.h"

/* procfs answers at once. A process that has gone, or whose number another one has by now, has no name. */
static void name_of_process(pid_t pid, char *ret_name, size_t size)
{
    char path[32];
    ssize_t n;
    _cleanup_close_ int fd = -1;

    ret_name[0] = '\0';
    if (pid <= 0)
        return;
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    n = fd >= 0 ? read(fd, ret_name, size - 1) : 0;
    if (n > 0 && ret_name[n - 1] == '\n')
        n--;
    ret_name[n > 0 ? n : 0] = '\0';
}

struct actor control_call_actor(const struct control_call *call)
{
    struct evhttp_connection *connection = evhttp_request_get_connection((*call->reply)->http);
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);
    char name[ACTOR_NAME_SIZE];
    struct actor actor;

    if (!connection || getsockopt(bufferevent_getfd(evhttp_connection_get_bufferevent(connection)),
                                  SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        peer = (struct ucred){.uid = (uid_t)-1};
    name_of_process(peer.pid, name, sizeof(name));
    actor = actor_make(ACTOR_SOCKET, name);
    actor.uid = peer.uid;
    actor.pid = peer.pid;
    return actor;
}
