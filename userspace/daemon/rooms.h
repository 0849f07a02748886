/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What each room is given of the others: the only place that knows how they fit together. Rooms get plain
 * settings and pointers to what they use, never the daemon.
 */
#pragma once

#include "daemon/daemon.h"

/* Once there is an engine: rooms that follow it. -ENOMEM and what a room's start refuses. */
int rooms_make(struct daemon *daemon, struct error *error);

/* Makes them its followers, in the order in which they are called. -ENOMEM. */
int rooms_follow(struct daemon *daemon);

/* Rooms that need the data path: once it is open for good, and before tasks are adopted. */
void rooms_make_for_tasks(struct daemon *daemon);

/* After them, and before the engine tells of instances. -ENOMEM. */
int rooms_make_liveness(struct daemon *daemon, struct error *error);
int rooms_make_policies(struct daemon *daemon, struct error *error);

/* Once what is pinned is this run's. -ENOMEM. */
int rooms_watch_pins(struct daemon *daemon, struct error *error);

/* At the end of a start: the control socket, with a table of requests by each room that has some, and the AWS
 * API. Negative with the error set if an address cannot be listened on. */
int rooms_listen(struct daemon *daemon, struct error *error);
int rooms_start_aws_api(struct daemon *daemon, struct error *error);
int rooms_serve_observers(struct daemon *daemon, struct error *error);

/* Last: containers are attached and registered from then on. */
int rooms_follow_containers(struct daemon *daemon, struct error *error);
