/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Everything that is registered, as plain data: namespaces with their services, instances and routes, and the
 * two questions that routing asks: what does a client alias lead to, and which aliases does a service stand
 * behind. No I/O, no time. The catalog owns what it holds; pointers into it stay good until the thing is
 * removed.
 *
 * A service that is only mentioned (a route targets it, an instance arrived before its service) is held
 * undeclared.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svcconnect/abi.h>

#include "base/hash.h"
#include "base/address.h"
#include "model/canary.h"
#include "model/catalog_zones.h"
#include "model/dns_records.h"
#include "settings/service_settings.h"

/* "dnsName:port/tcp" of a client alias: its name within a namespace. */
#define ALIAS_IDENTITY_SIZE (SVC_DNS_NAME_SIZE + 16)

/* Ids of the AWS API, with their NUL. */
#define CATALOG_ID_SIZE 65

struct client_alias {
    char dns_name[SVC_DNS_NAME_SIZE];
    uint16_t port; /* host order */
    enum svc_protocol protocol;
};

#define INSTANCE_RAMP_PARTS 16u

/* How the creator of an instance begins that a container's runtime answers for: "container:RUNTIME:ID". */
#define INSTANCE_OF_CONTAINER "container:"

enum instance_word {
    WORD_NONE,
    WORD_HEALTHY,
    WORD_UNHEALTHY
};

struct instance {
    char *id;
    struct service *service;
    struct ip_address address;
    uint16_t port; /* host order */
    enum svc_protocol protocol;
    enum svc_health health; /* what its owner reports: HEALTHY or UNHEALTHY */
    uint32_t weight;
    int64_t drain_until;   /* clock_run_s(); 0: not draining */
    uint32_t drain_for_s;  /* how long it was to take when it began, at most; 0: as the service says */
    bool is_drain_kill;    /* what is open then is closed */
    bool is_drain_by_hand; /* of a container's: somebody wants it so, whatever its runtime says */
    enum instance_word health_by_hand; /* of a container's, the same */
    bool is_record; /* without an address: discovered by the AWS API, never routed (catalog_aws.h) */
    char *host;     /* of a record: its addresses are endpoints (catalog_external.h); else NULL */
    struct instance **addresses; /* of such a record, `n_addresses` */
    size_t n_addresses;
    struct instance *external; /* the record that this is an address of, or NULL */
    bool is_leaving;           /* an address that the name has no more; it has a drain of its own */
    char *attributes;          /* Cloud Map's: a JSON object of texts, or NULL */
    char *creator;             /* Cloud Map's CreatorRequestId, or NULL */
    struct catalog_zone *zone; /* where it is, by its attributes; NULL: nobody knows */
    /* What this host has found, set by the daemon and kept over replacements: */
    enum svc_health observed; /* by checks; HEALTHY where there are none */
    bool is_held_back;        /* by checks */
    bool is_told;             /* among what has happened to its ECS service */
    bool was_eligible;
    bool is_drained; /* what was open has ended, or its time has */
    bool is_ejected; /* the programs skip it: its zone has that much less to give */
    uint32_t
        networks; /* of this host that its address is on, a bit for each; 0: it can be reached from all */
    uint8_t ramp; /* slow start: so many INSTANCE_RAMP_PARTS of its weight are held back; 0: none */
    uint64_t ramp_since_ms; /* monotonic */
    uint32_t
        endpoint; /* its number in the data path; 0: none yet. Set by the daemon, kept over replacements */
    UT_hash_handle hh;
};

struct service {
    char *name;
    char id[CATALOG_ID_SIZE]; /* "srv-...", in the AWS API */
    char *aws;                /* what the AWS API keeps of it, a JSON object; NULL: made by other means */
    struct dns_records dns;   /* of `aws` */
    uint64_t instances_revision;
    uint32_t number; /* of this run, no other has it */
    struct model_namespace *parent;
    bool is_declared;
    char *document; /* name of the document that defines it; NULL: made by a register */
    struct client_alias *aliases;
    size_t n_aliases;
    struct instance *instances; /* by id */
    struct instance *records;   /* by id: those without an address; no id is in both */
    struct route **routes;      /* those that target it */
    size_t n_routes;
    struct service_settings *settings; /* NULL: the defaults; see service_get_settings() */
    UT_hash_handle hh;
    UT_hash_handle hh_id;
};

struct route_target {
    struct service *service;
    uint32_t weight;
};

/* A target that is only named: whoever writes a route down needs no service of the catalog for it. */
struct named_target {
    const char *service;
    uint32_t weight;
};

struct route {
    char identity[ALIAS_IDENTITY_SIZE];
    struct client_alias alias;
    struct route_target *targets;
    size_t n_targets;
    bool is_unhealthy_on_empty; /* with no healthy endpoint: the unhealthy ones instead of a refusal */
    UT_hash_handle hh;
};

/* A client service with routes of its own, which go before the namespace's for its tasks. */
struct client {
    char *name;
    struct route *routes; /* by identity */
    uint32_t scope;       /* number of the scope its tasks see; 0: none yet. Set by the daemon */
    UT_hash_handle hh;
};

/* Which service a client alias belongs to by the service's own definition. */
struct alias_owner {
    char identity[ALIAS_IDENTITY_SIZE];
    struct client_alias alias;
    struct service *service;
    UT_hash_handle hh;
};

/* What the source of a document begins with that came by the AWS API. */
#define CATALOG_SOURCE_OF_ECS "ecs:"

/* An ECS document as it was applied. */
struct stored_document {
    char *name;
    struct document_record *record;
    const char *source; /* the record's */
    const char *text;
    UT_hash_handle hh;
};

#define CATALOG_CLIENT_SIZE     256
#define CATALOG_CANARY_KEY_SIZE (CATALOG_CLIENT_SIZE + ALIAS_IDENTITY_SIZE)

/* A canary of the alias, for the tasks of `client` or, with "", for everybody; kept when it has ended. */
struct catalog_canary {
    char key[CATALOG_CANARY_KEY_SIZE]; /* "CLIENT/ALIAS" */
    char client[CATALOG_CLIENT_SIZE];
    char identity[ALIAS_IDENTITY_SIZE];
    struct client_alias alias;
    struct canary canary;
    bool is_stuck; /* its last step failed, which has been said. Set by the daemon */
    UT_hash_handle hh;
};

struct model_namespace {
    char *name;
    char id[CATALOG_ID_SIZE]; /* "ns-...", in the AWS API */
    char *aws;                /* as a service's */
    bool is_api_only;         /* of `aws`: an HTTP namespace, whose names are in no DNS zone */
    struct catalog *catalog;
    bool is_declared;
    struct service *services;          /* by name */
    struct route *routes;              /* by identity */
    struct client *clients;            /* by name; only those with routes */
    struct alias_owner *owners;        /* by identity */
    struct stored_document *documents; /* by name */
    struct catalog_canary *canaries;   /* by client and identity */
    UT_hash_handle hh;
    UT_hash_handle hh_id;
};

/* What the AWS API keeps beside namespaces, services and instances; texts are JSON objects. */
enum aws_record_kind {
    AWS_OPERATIONS,       /* by operation id, which sorts by time */
    AWS_CLUSTERS,         /* by name */
    AWS_TASK_DEFINITIONS, /* by "FAMILY:REVISION" */
    AWS_ENDED_SERVICES,   /* of ECS, by "CLUSTER:NAME" */
    AWS_HISTORIES,        /* deployments of ECS's services, by the same */
    AWS_LEFT_OUT,         /* containers' instances that were deregistered by hand, by "NS/SERVICE/ID" */
    AWS_RECORD_KINDS,
};

struct aws_record {
    char *name;
    char *text;
    UT_hash_handle hh;
};

struct catalog {
    struct model_namespace *namespaces; /* by name */
    struct model_namespace *namespaces_by_id;
    struct service *services_by_id;
    struct aws_record *aws_records[AWS_RECORD_KINDS];
    uint64_t instances_revision; /* that the services get whose set of instances changes now */
    size_t n_services;           /* declared ones */
    size_t n_instances;
    size_t n_externals; /* host names; their addresses are among the instances */
    size_t n_documents;
    uint64_t n_address_changes; /* how often an address of a host name has come or gone: no row tells that */
    uint32_t last_service_number;
    /* Of services without such settings of their own. */
    struct ejection_policy ejection;
    uint32_t connect_timeout_ms;
    struct catalog_zone *zones;     /* by name; see catalog_zones.h */
    struct catalog_zone *host_zone; /* NULL: nobody knows, and then no service minds */
};

const char *protocol_name(enum svc_protocol protocol); /* "tcp", "udp" */
const char *health_name(enum svc_health health);       /* "HEALTHY", "UNHEALTHY", "UNKNOWN", "DRAINING" */
const char *alias_identity(const struct client_alias *alias, char identity[static ALIAS_IDENTITY_SIZE]);

/* Taken together: DRAINING, else what the owner says where that is bad news, else what checks have found; of
 * a host name the best of its addresses. */
enum svc_health instance_health(const struct instance *instance);

/* Somebody's word on the health; of a container's instance it goes before what the runtime says. */
void instance_say_health(struct instance *instance, enum svc_health health);
bool instance_is_of_container(const struct instance *instance);

struct catalog *catalog_new(void);           /* NULL: no memory */
void catalog_free(struct catalog **catalog); /* NULL-safe; sets to NULL */

struct model_namespace *catalog_namespace(const struct catalog *catalog, const char *name);
struct service *catalog_service(const struct catalog *catalog, const char *namespace_name, const char *name);
struct instance *catalog_instance(const struct service *service, const char *id);

struct client *catalog_client(const struct model_namespace *parent, const char *name);
/* The route set for this client itself (NULL: for everybody), without falling back. */
struct route *catalog_route(const struct model_namespace *parent, const struct client *client,
                            const char *identity);
struct alias_owner *catalog_alias_owner(const struct model_namespace *parent, const char *identity);

/* Finds or makes. NULL: no memory. */
struct model_namespace *catalog_make_namespace(struct catalog *catalog, const char *name);
struct service *catalog_make_service(struct catalog *catalog, const char *namespace_name, const char *name);
struct instance *catalog_make_instance(struct catalog *catalog, struct service *service, const char *id);

/* Declares the service with these client aliases (copied), replacing those it had. `document` may be NULL.
 * -ENOMEM. */
int catalog_declare_service(struct catalog *catalog, struct service *service,
                            const struct client_alias *aliases, size_t n_aliases, const char *document);

/*
 * Takes `targets` over (malloc'd), also on failure. Replaces the route of the same alias; `client` "" is the
 * namespace's own. -ENOMEM leaves the old one.
 */
int catalog_set_route(struct model_namespace *parent, const char *client, const struct client_alias *alias,
                      struct route_target *targets, size_t n_targets);

/* Stores or replaces; texts are copied. -ENOMEM. */
int catalog_set_document(struct catalog *catalog, struct model_namespace *parent, const char *name,
                         const char *source, const char *text);
/* The same with a reference to the record instead of copies. */
int catalog_set_document_record(struct catalog *catalog, struct model_namespace *parent, const char *name,
                                struct document_record *record);
struct stored_document *catalog_document(const struct model_namespace *parent, const char *name);
void catalog_remove_document(struct catalog *catalog, struct model_namespace *parent,
                             struct stored_document *document);
void catalog_free_documents(struct model_namespace *parent); /* for catalog_free() */

/* ---- settings (catalog_settings.c) ---- */

const struct service_settings *service_get_settings(const struct service *service); /* never NULL */
/* The service's own, or the catalog's. */
const struct ejection_policy *service_ejection(const struct catalog *catalog, const struct service *service);
uint32_t service_connect_timeout_ms(const struct catalog *catalog, const struct service *service);

/* Copies them. -ENOMEM leaves the old ones. */
int catalog_set_settings(struct service *service, const struct service_settings *settings);
void catalog_forget_settings(struct service *service);
bool catalog_has_global_settings(const struct catalog *catalog); /* other than the defaults */
void catalog_reset_global_settings(struct catalog *catalog);

/*
 * The canary of an alias and client ("": everybody). Setting one that is there changes it in its place, so a
 * walk over all may do so. -ENOMEM; -EINVAL: the client's name is too long.
 */
struct catalog_canary *catalog_canary(const struct model_namespace *parent, const char *client,
                                      const char *identity);
int catalog_set_canary(struct model_namespace *parent, const char *client, const struct client_alias *alias,
                       const struct canary *canary);
void catalog_remove_canary(struct model_namespace *parent, struct catalog_canary *entry);
void catalog_free_canaries(struct model_namespace *parent); /* for catalog_free() */

/* Removals. Removing a service that is still mentioned leaves it undeclared. */
void catalog_remove_instance(struct catalog *catalog, struct instance *instance);
void catalog_undeclare_service(struct catalog *catalog, struct service *service);
void catalog_remove_route(struct model_namespace *parent, const char *client, struct route *route);

/*
 * What a client alias leads to, for the tasks of `client` (NULL: of services without routes of their own):
 * the route's targets if there is one, else the owning service with weight 1 (stored in *single, which the
 * result then points to). *ret_n_targets 0 and NULL: no such alias.
 */
const struct route_target *catalog_alias_targets(const struct model_namespace *parent,
                                                 const struct client *client, const char *identity,
                                                 struct route_target *single, size_t *ret_n_targets);
