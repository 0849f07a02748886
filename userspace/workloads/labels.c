/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Labels, from texts of strangers to a wish: one function per label, in a table. */
#include "workloads/labels.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"

static int label_read_service(struct container_wish *wish, const char *field, const char *value,
                              struct error *error)
{
    wish->service = value;
    return model_check_service(field, value, error);
}

static int label_read_namespace(struct container_wish *wish, const char *field, const char *value,
                                struct error *error)
{
    wish->namespace_name = value;
    wish->is_namespace_said = true;
    return model_check_namespace(field, value, error);
}

static int label_read_weight(struct container_wish *wish, const char *field, const char *value,
                             struct error *error)
{
    uint64_t weight;

    if (parse_number(value, 0, LABELS_WEIGHT_MAX, &weight) < 0)
        return error_input(error, field, value, "a whole number from 0 to %u", LABELS_WEIGHT_MAX);
    wish->weight = (uint32_t)weight;
    return 0;
}

static int label_read_zone(struct container_wish *wish, const char *field, const char *value,
                           struct error *error)
{
    if (!*value || strlen(value) > 63)
        return error_input(error, field, value, "a zone's name of 1 to 63 characters");
    wish->zone = value;
    return 0;
}

static int label_read_network(struct container_wish *wish, const char *field, const char *value,
                              struct error *error)
{
    if (!*value)
        return error_input(error, field, value, "the name of a network that the container is on");
    wish->network = value;
    return 0;
}

static int label_read_bool(const char *field, const char *value, bool *ret_value, struct error *error)
{
    bool is_true = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

    if (!is_true && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
        return error_input(error, field, value, "true or false");
    *ret_value = is_true;
    return 0;
}

static int label_read_enable(struct container_wish *wish, const char *field, const char *value,
                             struct error *error)
{
    bool is_enabled = true;
    int r = label_read_bool(field, value, &is_enabled, error);

    wish->is_refused = r == 0 && !is_enabled;
    return r;
}

static int label_read_starting(struct container_wish *wish, const char *field, const char *value,
                               struct error *error)
{
    return label_read_bool(field, value, &wish->serves_while_starting, error);
}

/* "8080", "8080/tcp", "8080/udp". */
static int label_read_port_number(const char *value, uint16_t *ret_port, enum svc_protocol *ret_protocol)
{
    char digits[8];
    const char *slash = strchr(value, '/');
    size_t length = slash ? (size_t)(slash - value) : strlen(value);
    enum svc_protocol protocol = TCP;
    uint64_t port;

    if (length >= sizeof(digits))
        return -EINVAL;
    memcpy(digits, value, length);
    digits[length] = '\0';
    if (slash && strcmp(slash, "/udp") == 0)
        protocol = UDP;
    else if (slash && strcmp(slash, "/tcp") != 0)
        return -EINVAL;
    if (parse_number(digits, 1, 65535, &port) < 0)
        return -EINVAL;
    *ret_port = (uint16_t)port;
    *ret_protocol = protocol;
    return 0;
}

/* svcconnect.port, svcconnect.port.NAME: the unnamed one comes first, as it is what the service's name means. */
static int label_read_port(struct container_wish *wish, const char *field, const char *value,
                           struct error *error)
{
    struct label_port port = {.name = field + strlen("svcconnect.port")};
    int r;

    if (*port.name == '.')
        port.name++;
    if (*port.name) {
        r = model_check_service(field, port.name, error);
        if (r < 0)
            return r;
    }
    if (label_read_port_number(value, &port.port, &port.protocol) < 0)
        return error_input(error, field, value, "a port from 1 to 65535, with /udp behind it for UDP");
    if (wish->n_ports == LABELS_PORTS_MAX)
        return error_input(error, field, value, "at most %d ports", LABELS_PORTS_MAX);
    wish->ports[wish->n_ports++] = port;
    if (!*port.name) {
        wish->ports[wish->n_ports - 1] = wish->ports[0];
        wish->ports[0] = port;
    }
    return 0;
}

/* NAME or NAME:PORT, of `length` characters. */
static int label_parse_alias(const char *field, const char *text, size_t length,
                             struct label_alias *ret_alias, struct error *error)
{
    struct label_alias alias = {0};
    char copy[SVC_DNS_NAME_SIZE + 8];
    uint64_t port = 0;
    char *colon;

    if (length >= sizeof(copy))
        return error_input(error, field, text, "names of at most %d characters", DNS_NAME_MAX);
    memcpy(copy, text, length);
    copy[length] = '\0';
    colon = strchr(copy, ':');
    if (colon) {
        *colon = '\0';
        if (parse_number(colon + 1, 1, 65535, &port) < 0)
            return error_input(error, field, text, "NAME or NAME:PORT, separated by commas");
    }
    if (strlen(copy) >= sizeof(alias.dns_name))
        return error_input(error, field, text, "names of at most %d characters", DNS_NAME_MAX);
    memcpy(alias.dns_name, copy, strlen(copy) + 1);
    alias.port = (uint16_t)port;
    if (model_check_dns_name(field, alias.dns_name, error) < 0)
        return -EINVAL;
    *ret_alias = alias;
    return 0;
}

static int label_read_aliases(struct container_wish *wish, const char *field, const char *value,
                              struct error *error)
{
    const char *rest = value;
    size_t n = 0;

    for (;;) {
        struct label_alias alias;
        size_t length = strcspn(rest, ",");
        int r = label_parse_alias(field, rest, length, &alias, error);

        if (r < 0)
            return r;
        if (++n > LABELS_ALIASES_MAX)
            return error_input(error, field, value, "at most %d names", LABELS_ALIASES_MAX);
        if (!rest[length])
            break;
        rest += length + 1;
    }
    wish->aliases = value;
    return 0;
}

bool labels_next_alias(const char **cursor, struct label_alias *ret_alias)
{
    const char *text = *cursor;
    size_t length = strcspn(text, ",");

    if (!*text || label_parse_alias("", text, length, ret_alias, NULL) < 0)
        return false;
    *cursor = text + length + (text[length] == ',');
    return true;
}

struct label_reader {
    const char *name;
    bool may_be_named; /* also NAME.SOMETHING */
    int (*read)(struct container_wish *wish, const char *field, const char *value, struct error *error);
};

static const struct label_reader readers[] = {
    {"svcconnect.service", false, label_read_service},
    {"svcconnect.namespace", false, label_read_namespace},
    {"svcconnect.port", true, label_read_port},
    {"svcconnect.weight", false, label_read_weight},
    {"svcconnect.zone", false, label_read_zone},
    {"svcconnect.network", false, label_read_network},
    {"svcconnect.alias", false, label_read_aliases},
    {"svcconnect.enable", false, label_read_enable},
    {"svcconnect.serve-while-starting", false, label_read_starting},
};

static const struct label_reader *reader_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
        size_t length = strlen(readers[i].name);

        if (strncmp(name, readers[i].name, length) == 0 &&
            (!name[length] || (readers[i].may_be_named && name[length] == '.')))
            return &readers[i];
    }
    return NULL;
}

/* The cluster's name, of a name or an ARN. */
static const char *cluster_name(const char *cluster)
{
    const char *slash = strrchr(cluster, '/');

    return slash ? slash + 1 : cluster;
}

/* What others have said of the container, where its own labels say nothing. */
static void label_read_surroundings(const struct container *container, struct container_wish *wish)
{
    const char *cluster = container_label(container, "com.amazonaws.ecs.cluster");
    const char *otherwise = NULL;

    wish->task = container_label(container, "com.amazonaws.ecs.task-arn");
    wish->document = container_label(container, "com.amazonaws.ecs.task-definition-family");
    wish->task_container = container_label(container, "com.amazonaws.ecs.container-name");
    wish->is_wanted = wish->is_wanted || wish->task || wish->document;
    wish->project = container_label(container, "com.docker.compose.project");
    if (cluster && *cluster)
        otherwise = wish->cluster = cluster_name(cluster);
    else if (wish->project && *wish->project)
        otherwise = wish->project;
    /* A cluster or a project may have a name that no namespace can have: then it is the default one. */
    if (!*wish->namespace_name && otherwise && model_check_namespace("", otherwise, NULL) == 0)
        wish->namespace_name = otherwise;
}

int labels_read(const struct container *container, struct container_wish *ret_wish, struct error *error)
{
    struct container_wish wish = {.namespace_name = "", .weight = 1};

    for (size_t i = 0; i < container->n_labels; i++) {
        const struct container_label *label = &container->labels[i];
        const struct label_reader *reader;
        int r;

        if (strncmp(label->name, "svcconnect.", 11) != 0)
            continue;
        reader = reader_of(label->name);
        if (!reader) {
            wish.unknown = label->name;
            continue;
        }
        r = reader->read(&wish, label->name, label->value, error);
        if (r < 0)
            return r;
        wish.is_wanted = true;
    }
    label_read_surroundings(container, &wish);
    wish.is_wanted = wish.is_wanted && !wish.is_refused;
    *ret_wish = wish;
    return 0;
}
