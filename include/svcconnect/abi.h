/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the BPF programs and userspace agree on: keys, values, limits, and how each field is laid out.
 * This header, decision.h, index.h, callers.h, first_byte.h and policy.h are the only ones that both worlds include. It is long because
 * nearly all maps are here (those of who calls whom are in callers.h, of who may in policy.h), so that one look tells what is
 * pinned.
 *
 * Byte order: `port_be` and `address` are in network order everywhere; all other integers are in host order.
 * An address is always 16 bytes; IPv4 is held v4-mapped (::ffff:a.b.c.d), so that connect4, connect6 and
 * v4-mapped sockets share one path.
 *
 * Example: task scope 1 calls backend:80, whose alias address is 127.255.0.1.
 *   aliases[{scope 1, port_be htons(80), TCP, ::ffff:127.255.0.1}].service == 7, for people
 *   alias_index[one of two buckets of that key]: a word with its tag and 7 + 1
 *   services[7].key == that key, services[7].table4 == {first 64, count 2}
 *   slots[64..65]: alias-method outcomes, each with the endpoint's address, port and id
 *
 * SVC_ABI_VERSION changes with any change of these layouts; a daemon that finds another version pinned builds
 * new maps beside the old ones. Three layouts are promised never to change: struct svc_task_scope
 * whole, and struct svc_task up to its end (fields may be appended), because a program swap keeps their
 * memory; struct svc_registry_seen, because it is asked before anything else.
 */
#ifndef SVCCONNECT_ABI_H
#define SVCCONNECT_ABI_H

#include <linux/types.h>

#define SVC_ABI_VERSION         5
#define SVC_ABI_READABLE_BEFORE 4 /* entries of that version read as this one's */

#define SVC_NAMESPACE_SIZE                                                                                   \
    128 /* bytes of text in the maps people read, with the NUL; longer names are cut there */
#define SVC_SERVICE_SIZE  128
#define SVC_INSTANCE_SIZE 66
#define SVC_DNS_NAME_SIZE 128
#define SVC_ADDRESS_SIZE  46 /* INET6_ADDRSTRLEN */
#define SVC_CGROUP_SIZE   256

/* Defaults; each is a setting of the daemon ("maps" in svcconnect.json). */
#define SVC_DEFAULT_ALIASES   65536u  /* entries of `aliases`: two (IPv4, IPv6) per scope and client alias */
#define SVC_DEFAULT_SLOTS     262144u /* entries of `slots` */
#define SVC_DEFAULT_ENDPOINTS 131072u
#define SVC_DEFAULT_TASKS     4096u

enum svc_protocol {
    TCP = 6,
    UDP = 17,
};

enum svc_health {
    UNHEALTHY = 0,
    HEALTHY = 1,
    UNKNOWN = 2,  /* checked, and neither found yet */
    DRAINING = 3, /* on its way out: no new connections */
};

/* Key of `aliases`. No padding: the map compares bytes. */
struct svc_alias_key {
    __u32 scope; /* which tasks see it; 0 is no scope */
    __be16 port_be;
    __u8 protocol; /* enum svc_protocol */
    __u8 zero;
    __u8 address[16];
};

/* Value of `aliases`: for people and for adoption. */
struct svc_alias {
    __u32 service; /* index into `services` */
    enum svc_protocol protocol;
    char dns_name[SVC_DNS_NAME_SIZE];
    char address[SVC_ADDRESS_SIZE];
    __u16 port; /* host order */
    char namespace[SVC_NAMESPACE_SIZE];
    char client[SVC_SERVICE_SIZE]; /* of a scope with overrides: a client service that it is for */
};

/*
 * Value of `alias_index` and of `peer_index`: a bucket of an open table in mapped memory, a cache line. A word is tag << 32 | number:
 * the tag comes from the key (index.h), the number is a place in `services` or in `outliers`, plus one. 0: free. A number of 0: the
 * daemon keeps the place for a key, and nobody finds anything there. Each word is stored whole, so an entry
 * appears and goes at once, and the identity there says whether it is the one that was looked for.
 */
#define SVC_BUCKET_WORDS 8

struct svc_bucket {
    __u64 words[SVC_BUCKET_WORDS];
};

/*
 * Value of `services`: one client alias as one scope sees it. The identity (all but the tables) is written
 * while nothing refers to the index and stays until a grace period after the last reference has gone: a
 * reader that was given this index compares it with what it looked for. So this comparison decides, not the table
 * that led here.
 *
 * table4 and table6 are descriptors: see svc_descriptor() in decision.h. Each is read and written as one
 * aligned 64-bit word. table4 holds the IPv4 endpoints (an AF_INET socket reaches no other); table6 the
 * IPv6 ones, or, where there are none, the same as table4: an AF_INET6 socket may reach those in mapped form.
 */
struct svc_service {
    __u64 table4;
    __u64 table6;
    __u32 scope;
    __be16 port_be;
    __u8 protocol;
    __u8 zero;
    __u8 address4[16];   /* alias address, v4-mapped */
    __u8 address6[16];   /* alias address, IPv6 */
    __u32 stickiness_ms; /* UDP: a socket keeps its endpoint while it sends within this time */
    __u32 flags;         /* SVC_SERVICE_... */
};

#define SVC_SERVICE_PEER_ALIAS 1u /* getpeername() tells the alias, not the endpoint */
/* A hash in the place of the random word of a draw: a client keeps its endpoint (svc_affinity_word()). */
#define SVC_SERVICE_AFFINITY_TASK    2u
#define SVC_SERVICE_AFFINITY_PROCESS 4u
#define SVC_SERVICE_LEAST            8u /* of two outcomes of one group the less loaded */

/*
 * Value of `slots`: one column of an alias-method table and both its outcomes inline, a cache line.
 * A draw in this column gives outcome a when its fraction is below `threshold` (units of 2^-32), else outcome
 * b. A column with a single outcome has it in both places.
 */
struct svc_slot {
    __u32 threshold;
    __be16 port_a_be;
    __be16 port_b_be;
    __u32 endpoint_a; /* key of `endpoints` */
    __u32 endpoint_b;
    __u8 address_a[16];
    __u8 address_b[16];
    __u32 networks_a; /* see svc_is_far(); of both outcomes */
    __u32 networks_b;
    __u32 groups; /* of both outcomes, see svc_groups(); 0: the first draw stands */
    __u32 reserved;
};

/* Key of `endpoints` and `endpoint_stats`. */
struct svc_endpoint_key {
    __u32 endpoint;
};

struct svc_endpoint {
    char namespace[SVC_NAMESPACE_SIZE];
    char service[SVC_SERVICE_SIZE];
    char instance[SVC_INSTANCE_SIZE];
    char address[SVC_ADDRESS_SIZE];
    __u32 port; /* host order */
    enum svc_protocol protocol;
    enum svc_health health;
    __u32 weight;
};

/*
 * Value of `endpoint_stats`, per CPU: sum over CPUs. All but `connections` count what became of TCP connects
 * of tasks to the endpoint's address, through an alias or not; established - closed are open now.
 */
struct svc_endpoint_stats {
    __u64 connections; /* connects sent to this endpoint; TCP: those that have begun, see `attempts` */
    __u64 established;
    __u64 closed;        /* of the established ones */
    __u64 refused;       /* answered by a reset */
    __u64 timed_out;     /* the kernel gave up waiting for an answer */
    __u64 retransmitted; /* a first SYN was not answered in time; counts as a failure at once */
    __u64 gave_up; /* the application closed before an answer: no failure unless a SYN was retransmitted */
    __u64 reset_early; /* established, then reset before a byte came back */
    __u64 unreachable; /* connects sent here that never began: no route, no local port, a policy (seen at the
                          next) */
    __u64 ejections;
};

/*
 * Value of `attempts`: TCP connects sent to an endpoint that no TCP_CONNECT_CB has followed, which a moment
 * later takes them over into `connections`. An array beside the hash that people read, because it costs a
 * connect one line of memory instead of five. Index: (CPU mod shards) * (greatest endpoint number + 1) +
 * endpoint; shards are a power of two, and more CPUs than that share them.
 */
struct svc_attempts {
    __u64 connects;
};

#define SVC_MAX_ATTEMPT_SHARDS 16u

/*
 * Key of `peers`: an endpoint's address as the tasks of one namespace see it. Two namespaces that use one
 * address do not share what is counted or ejected: a task cannot take another namespace's endpoints out.
 */
struct svc_peer_key {
    __u32 namespace_scope; /* number of the namespace's own scope */
    __be16 port_be;
    __u8 protocol; /* enum svc_protocol */
    __u8 zero;
    __u8 address[16];
};

/* Value of `peers`: for people and for adoption; the programs read `peer_index`. */
struct svc_peer {
    __u32 endpoint; /* the first of those with this address; `next` in `outliers` leads to the others */
};

/*
 * Value of `endpoint_networks`: on which networks of this host the endpoint's address is, a bit for each. Endpoints that
 * have no entry can be reached from all. The table's slots say the same to a connect; this is for one that has failed.
 */
struct svc_endpoint_networks {
    __u32 networks;
};

#define SVC_MAX_PEERS 8 /* endpoints at one address and namespace beyond this are not judged */

/*
 * Value of `outliers`, indexed by endpoint number, two cache lines, of which the second is for failures alone:
 * identity, and passive ejection; and for what balances by load, and how long it takes to answer. The program writes the
 * first four members, `open` and the averages, userspace the others (and clears or sets an ejection). Times are CLOCK_MONOTONIC.
 *
 * [0] belongs to no endpoint. While its `ejected_until` is 0 none is ejected, and while its
 * `connect_timeout_ms` is 0 none has a limit of any kind, so that a connect need not look at its endpoint's own line.
 * Whoever ejects sets the former, after the endpoint's; userspace clears it again. Its `next` is 1 as soon as
 * a TCP socket has noted an alias as its peer's name: only then others have to see whether they have one. Its
 * `namespace_scope` is 1 while endpoints of services with a policy have addresses in `policy_addresses` (policy.h).
 */
struct svc_outlier {
    __u64 ejected_until; /* ns; 0: not ejected */
    __u64 history;       /* failures, one byte per eighth of the window, the newest lowest */
    __u32 newest;        /* number of the newest eighth: time / (window / 8) */
    __u32 ejections;     /* in a row: each doubles the time */
    __u32 next;          /* endpoint with the same address; 0: none */
    __u16 failures;      /* that eject when they fall into one window; 0: never */
    __be16 port_be;
    __u32 window_ms;
    __u32 namespace_scope; /* with protocol, port and address: where the endpoint is, as its key in `peers` */
    __u32 protocol;
    __u32 connect_timeout_ms; /* 0: the kernel's own */
    __u8 address[16];
    __u32 base_ms;       /* first ejection */
    __u32 max_ms;        /* longest ejection */
    __u32 load_weight;   /* of the instance, where its service balances by load; 0: `open` is not kept */
    __s32 open;          /* connections of this host's tasks; the programs add, userspace repairs */
    __u32 timed;         /* which connections are measured: see svc_is_timed() in first_byte.h */
    __u32 is_by_time;    /* its service balances by time: what follows decides, with load_weight and open */
    __u32 first_byte_us; /* average time to the first byte of an answer; 0: none was measured */
    __u32 handshake_us;  /* the same of handshakes; kept where is_by_time is set */
    __u32 measured_at;   /* when first_byte_us was last added to, in ticks */
    __u32
        syn_timeout_ms; /* how long the first SYN of a connect by an alias waits for its answer; 0: as the kernel has it */
    __u32 reserved[6];
};

#define SVC_OUTLIER_SIZE_BEFORE 64u /* of versions that had no identity there; their policy is written anew */

/* What became of a connect, as events and counters tell it. */
enum svc_outcome_kind {
    ESTABLISHED = 0,
    REFUSED = 1,
    TIMED_OUT = 2,
    RETRANSMITTED = 3,
    GAVE_UP = 4,
    RESET_EARLY = 5,
    CLOSED = 6,
    UNREACHABLE = 7,
    STARTED = 8, /* told to nobody */
};

/*
 * A connect that fails before a SYN is sent (ENETUNREACH) leaves no TCP event. What it leaves is that no
 * TCP_CONNECT_CB follows on its CPU before the next connect to the endpoint. A few in a row may be
 * threads that were preempted in between, or sockets that send their SYN with the first data
 * (TCP_FASTOPEN_CONNECT); from so many on each counts as a failure.
 */
#define SVC_UNSTARTED_FAILURES 5

enum svc_event_kind {
    CONNECT_FAILED = 1,
    EJECTED = 2,
    RETURNED = 3, /* first connect that may use it again */
    POLICY_TOLD =
        4, /* `endpoint` is a policy's number, `outcome` its verdict, `value` of the task's cgroup id the lower half */
};

/* A record of the ring buffer `events`. */
struct svc_event {
    __u64 time; /* CLOCK_MONOTONIC, ns */
    __u32 endpoint;
    __u32 kind;    /* enum svc_event_kind */
    __u32 outcome; /* enum svc_outcome_kind: why */
    __u32 value;   /* EJECTED: for how long, ms */
};

#define SVC_EVENTS_BYTES (256u << 10)

/* Value of `counters`[0], per CPU: why connects went where they went. */
struct svc_counters {
    __u64 hit;          /* alias found, endpoint drawn */
    __u64 miss;         /* to port 53, and no alias: passed through unchanged; others are not counted */
    __u64 no_endpoint;  /* alias found, no eligible endpoint: refused */
    __u64 retried;      /* of versions before 5, whose lookups could meet an entry in change */
    __u64 inconsistent; /* a table whose slots are not there: refused */
    __u64 redrawn;      /* an ejected endpoint was drawn and another one taken */
    __u64 all_ejected;  /* every endpoint of the table was ejected: one of them was taken */
    __u64 events_lost;  /* the ring buffer was full */
};

/*
 * The addresses that only aliases have, as words in network order: one that is in them and no alias of the task
 * is nobody's, and refused; one outside is passed on. A constant of the programs, in no map. A mask is never 0;
 * without ranges no address is in them.
 */
struct svc_alias_ranges {
    __u32 address4;
    __u32 mask4;
    __u32 address6[4];
    __u32 mask6[4];
    __u32 reserved[6];
};

/* Value of `refusals`[0], per CPU: beside `counters`, whose layout stays. */
struct svc_refusals {
    __u64 no_alias; /* into the alias ranges, and no alias of the task */
    __u64 saved;    /* nobody listened at an endpoint of this host that was drawn: another one was taken */
    __u64 policy;   /* the task may not call that service */
    __u64 audited;  /* it would have been one of those, but the policy only tells */
    __u64 reserved[4];
};

/*
 * Which endpoints are in a network namespace of this host, where a program can ask whether somebody listens
 * (liveness.bpf.h). `local_endpoints` has a bit for each endpoint number, 64 to a word, so that a connect to
 * another endpoint costs no line of memory of its own; `neighbours`, by endpoint number, says where it is. The
 * daemon sets the bit last and clears it first.
 */
#define SVC_ENDPOINTS_PER_WORD 64u

/*
 * Value of `neighbours`. `is_seen`: a program has found a listener there. Until then the look-up may be the
 * wrong question (ports that are forwarded, listeners that are bound to an interface), and is not believed.
 */
struct svc_neighbour {
    __u64 netns_cookie; /* or one of the values below, which no namespace has */
    __u32 is_seen;
    __u32 zero;
};

#define SVC_NETNS_OF_CALLER (~0ull) /* a loopback address is everybody's own */
/* Of a container that has just begun, and where it is not known yet: nobody listens there so far. */
#define SVC_NETNS_NOT_YET (~0ull - 1)

/*
 * Key of `netns_ids`. The kernel knows network namespaces by numbers that each of them gives to the others:
 * the value is the target's as the caller has it, an int of 0 or more.
 */
struct svc_netns_pair {
    __u64 caller; /* cookies */
    __u64 target;
};

#define SVC_MAX_NETNS_PAIRS 65536u /* of what is beyond them a program does not ask */

/*
 * Where the running kernel keeps a field of a socket, from the socket's beginning; a constant of the programs,
 * in no map. A bit field of one bit has `bytes` 1 and where it lies in that byte.
 */
struct svc_kernel_fact {
    __u32 offset;
    __u16 bytes; /* 0: not known */
    __u16 shift;
};

/*
 * Value of `task_scope`, the cgroup storage. FROZEN: after a link update the kernel hands the new program the
 * memory that the old program's map allocated, whatever size the new one declares.
 */
struct svc_task_scope {
    __u32 scope;
    __u32
        networks; /* of this host that the task is on, a bit for each; 0: it is not known to be on any alone */
    __u32 namespace_scope; /* of the namespace itself, which `scope` differs from where there are overrides */
    __u32 resolver;        /* number in `resolvers`; 0: the task's DNS is left alone */
    __u64 cgroup_id;       /* of the task; 0: set by a version that wrote it with a resolver only */
    __u64 reached;         /* SVC_REACHED_...: set by the programs, never cleared */
};

/* Families in which a TCP connect of the task has begun, that is, found a route; ::1 is no sign of IPv6. */
#define SVC_REACHED_IPV4 1ull
#define SVC_REACHED_IPV6 2ull
/* Above the families: how many TCP connects of the task to endpoints have begun, and above that as whom they are
 * counted (callers.h). */
#define SVC_REACHED_ONE_CONNECT  256ull
#define SVC_REACHED_CALLER_SHIFT 48

/*
 * One place that a socket sends to by an alias: what the program calls it, and the endpoint behind it.
 * The program asks `slots` at `column` (or near it) whether the endpoint is still one of the alias's, and
 * takes the address from there; the address here only tells replies.
 */
struct svc_flow {
    __u64 time; /* of the last send, CLOCK_MONOTONIC, ns; 0: not in use */
    __u32 endpoint;
    __u32 column; /* the slot it was drawn from */
    __u8 alias[16];
    __u8 address[16];
    __be16 alias_port_be;
    __be16 port_be;
    __u32 flags; /* SVC_SERVICE_... of the alias */
};

/*
 * Value of `patience`, the storage of a TCP socket whose connect is to have a time limit: noted by connect(),
 * taken when the connect begins, which it may never do. `set_ms` is what the program has set and is to take
 * back; 0: nothing.
 */
struct svc_patience {
    __u8 address[16]; /* of the endpoint that was drawn */
    __be16 port_be;
    __u16 syn_timeout_ms; /* with SVC_SYN_BEGINS once the connect has begun; 0: taken, or none */
    __u32 timeout_ms;     /* 0: taken */
    __u32 set_ms;
};

#define SVC_SYN_BEGINS 0x8000u

#define SVC_FLOWS 4 /* places at a time per socket; a resolver asks up to three name servers from one */

/* Value of `flows`, the storage of a socket: UDP, and where getpeername() is to tell the alias. Threads that
 * send on one socket at once may mix up entries; that can put a reply under another alias of the same socket,
 * never a packet to another service. */
struct svc_flows {
    struct svc_flow flows[SVC_FLOWS];
};

#define SVC_NAMESERVERS    3 /* as many as resolvers look at */
#define SVC_RESOLVER_NETNS 4 /* network namespaces of one task that are answered in */

/*
 * Value of `resolvers`, by number: where a task's queries to its name servers go. [0] belongs to nobody; its
 * `heartbeat` tells that somebody answers. Sockets are where they were made: a task whose sockets are in
 * several network namespaces has an entry for each, `next` leads from one to the other. The daemon writes `n`
 * last.
 */
struct svc_resolver {
    __u64 heartbeat;    /* of [0]: CLOCK_MONOTONIC, ns; 0: the daemon has ended */
    __u64 cgroup_id;    /* of the task it belongs to: a number may have been given away; 0: free */
    __u64 netns_cookie; /* 0: a kernel (before 5.14) that does not tell */
    __u32 n;
    __be16 port_be[SVC_NAMESERVERS]; /* of `stub` */
    __be16 zero;
    __u32 next; /* number of the task's next entry; 0: there is no more */
    __u8 nameserver[SVC_NAMESERVERS][16];
    __u8 stub[SVC_NAMESERVERS][16];
};

#define SVC_HEARTBEAT_STALE_NS 2500000000ull /* name servers are asked directly after so long */

/* Key of `tasks`: the cgroup's id, which is its inode number. */
struct svc_task_key {
    __u64 cgroup_id;
};

/* APPEND ONLY: adoption copies the common beginning from a map of another version. */
struct svc_task {
    __u32 scope;
    __u32 flags;                  /* SVC_TASK_RUN */
    char cgroup[SVC_CGROUP_SIZE]; /* path below the cgroup v2 mount, begins with / */
    char namespace[SVC_NAMESPACE_SIZE];
    char service[SVC_SERVICE_SIZE];
};

#define SVC_TASK_RUN 1u /* made by `svcconnect run`: the daemon removes the cgroup when it stays empty */

/* Value of `layout`[0]. */
struct svc_layout {
    __u32 abi_version;
    __u32 reserved;
};

#define SVC_REGISTRY_ID_SIZE 40 /* bytes with the NUL */

/*
 * Value of `registry_seen`[0]: which registry what is published came from, and how new it was. Only userspace
 * reads it: a daemon that finds less than this at its next start does not take anything away. FROZEN: it is
 * read across versions too. A set of maps from before there was this one is adopted without it.
 */
struct svc_registry_seen {
    char id[SVC_REGISTRY_ID_SIZE]; /* "": nobody has said yet */
    __u64 revision;                /* the newest that was published */
    __u64 published;               /* when that was: wall clock, s */
    __u64 degraded_since; /* the same: since when another registry than this is there; 0: it is not */
    /* The newest, of any registry and counted on over all of them, that clients may know; 0: see revision. */
    __u64 told;
};

_Static_assert(sizeof(struct svc_alias_key) == 24, "svc_alias_key has no padding");
_Static_assert(sizeof(struct svc_peer_key) == 24, "svc_peer_key has no padding");
_Static_assert(sizeof(struct svc_outlier) == 128, "svc_outlier is two cache lines");
_Static_assert(sizeof(struct svc_bucket) == 64, "svc_bucket is one cache line");
_Static_assert(sizeof(struct svc_event) == 24, "svc_event has no padding");
_Static_assert(sizeof(struct svc_service) == 64, "svc_service is one cache line");
_Static_assert(sizeof(struct svc_flow) == 56, "svc_flow has no padding");
_Static_assert(sizeof(struct svc_resolver) == 136, "svc_resolver has no padding");
_Static_assert(sizeof(struct svc_alias_ranges) == 64, "svc_alias_ranges is one cache line");
_Static_assert(sizeof(struct svc_refusals) == 64, "svc_refusals is one cache line");
_Static_assert(sizeof(struct svc_neighbour) == 16, "svc_neighbour has no padding");
_Static_assert(sizeof(struct svc_slot) == 64, "svc_slot is one cache line");
_Static_assert(sizeof(struct svc_registry_seen) == 72, "svc_registry_seen is frozen");
_Static_assert(sizeof(struct svc_task_scope) == 32, "svc_task_scope is frozen");
_Static_assert(sizeof(struct svc_endpoint) % 4 == 0, "svc_endpoint has no tail padding");

#endif
