/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#include "runtimes/docker_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/number.h"

static const cJSON *docker_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* "": it is not said. */
static const char *docker_text(const cJSON *object, const char *name)
{
    const cJSON *item = docker_member(object, name);

    return cJSON_IsString(item) ? item->valuestring : "";
}

static bool docker_is_id(const char *id)
{
    size_t length = strlen(id);

    return length > 0 && length <= DOCKER_ID_MAX && strspn(id, "0123456789abcdef") == length;
}

/* An object to walk through; what should be one and is none has nothing in it. */
static const cJSON *docker_object(const cJSON *object, const char *name)
{
    const cJSON *item = docker_member(object, name);

    return cJSON_IsObject(item) ? item : NULL;
}

static int docker_copy(char **target, const char *text)
{
    free(*target);
    *target = strdup(text);
    return *target ? 0 : -ENOMEM;
}

static int docker_read_labels(struct container *container, const cJSON *labels)
{
    const cJSON *label;

    cJSON_ArrayForEach (label, labels) {
        if (cJSON_IsString(label) && container_add_label(container, label->string, label->valuestring) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* "8080/tcp" */
static bool docker_read_port(const char *text, struct container_port *ret_port)
{
    const char *slash = strchr(text, '/');
    char digits[8];
    uint64_t number;
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    bool is_udp = slash && strcmp(slash, "/udp") == 0;

    if (length >= sizeof(digits) || (slash && !is_udp && strcmp(slash, "/tcp") != 0))
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    if (parse_number(digits, 1, 65535, &number) < 0)
        return false;
    *ret_port = (struct container_port){.port = (uint16_t)number, .protocol = is_udp ? UDP : TCP};
    return true;
}

static int docker_read_exposed(struct container *container, const cJSON *ports)
{
    struct container_port port;
    const cJSON *item;

    cJSON_ArrayForEach (item, ports) {
        if (docker_read_port(item->string, &port) &&
            container_add_port(container, port.port, port.protocol) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}], "9000/tcp": null}: those of the host, while it runs. */
static int docker_read_published(struct container *container, const cJSON *ports)
{
    struct container_port port;
    const cJSON *item;
    const cJSON *host;

    cJSON_ArrayForEach (item, ports) {
        if (!docker_read_port(item->string, &port))
            continue;
        cJSON_ArrayForEach (host, item) {
            uint64_t number;

            if (parse_number(docker_text(host, "HostPort"), 1, 65535, &number) < 0)
                continue;
            port.published_port = (uint16_t)number;
            port.published = (struct ip_address){0};
            (void)ip_address_parse(docker_text(host, "HostIp"), &port.published);
            if (container_publish_port(container, &port) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

static int docker_read_networks(struct container *container, const cJSON *networks)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, networks) {
        struct container_network network = {.name = item->string};

        network.has_v4 = ip_address_parse(docker_text(item, "IPAddress"), &network.v4) == 0;
        network.has_v6 = ip_address_parse(docker_text(item, "GlobalIPv6Address"), &network.v6) == 0;
        if (container_add_network(container, &network) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int docker_read_network_mode(struct container *container, const char *mode)
{
    static const char shared[] = "container:";

    if (strcmp(mode, "host") == 0)
        container->network_mode = CONTAINER_HOST_NETWORK;
    else if (strcmp(mode, "none") == 0)
        container->network_mode = CONTAINER_NO_NETWORK;
    else if (strncmp(mode, shared, strlen(shared)) == 0) {
        container->network_mode = CONTAINER_SHARED_NETWORK;
        return docker_copy(&container->shares_with, mode + strlen(shared));
    }
    return 0;
}

static enum container_state state_of(const char *status)
{
    if (strcmp(status, "running") == 0)
        return CONTAINER_RUNNING;
    if (strcmp(status, "paused") == 0)
        return CONTAINER_PAUSED;
    if (strcmp(status, "stopping") == 0)
        return CONTAINER_ENDING;
    /* podman's words before a start: configured, initialized */
    if (strcmp(status, "created") == 0 || strcmp(status, "configured") == 0 ||
        strcmp(status, "initialized") == 0)
        return CONTAINER_CREATED;
    return CONTAINER_ENDED;
}

static enum container_health health_of(const char *status)
{
    if (strcmp(status, "starting") == 0)
        return CONTAINER_STARTING;
    if (strcmp(status, "healthy") == 0)
        return CONTAINER_HEALTHY;
    return strcmp(status, "unhealthy") == 0 ? CONTAINER_UNHEALTHY : CONTAINER_UNCHECKED;
}

/* "2026-11-28T20:57:01.123456789Z", or with an offset as podman writes it; 0: never. */
static int64_t docker_time(const char *text)
{
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    int hours;
    int minutes;
    char sign;
    time_t seconds;

    if (!rest)
        return 0;
    seconds = timegm(&parts);
    rest += strspn(rest, ".0123456789");
    if (sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) == 3 && (sign == '+' || sign == '-'))
        seconds -= (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
    return seconds > 0 ? (int64_t)seconds : 0;
}

static void docker_read_state(struct container *container, const cJSON *state)
{
    const cJSON *pid = docker_member(state, "Pid");
    const cJSON *health = docker_member(state, "Health");

    container->state = state_of(docker_text(state, "Status"));
    container->health = health_of(docker_text(health, "Status"));
    container->started_at = docker_time(docker_text(state, "StartedAt"));
    if (cJSON_IsNumber(pid) && pid->valuedouble > 0 && pid->valuedouble < 1 << 30)
        container->pid = (pid_t)pid->valuedouble;
}

/* In seconds; podman may say that it waits for ever. */
static void docker_read_stop(struct container *container, const cJSON *timeout)
{
    if (cJSON_IsNumber(timeout) && timeout->valuedouble >= 0)
        container->stop_timeout_s =
            timeout->valuedouble < DOCKER_STOP_MAX ? (uint32_t)timeout->valuedouble : DOCKER_STOP_MAX;
}

static const char *without_slash(const char *name)
{
    return *name == '/' ? name + 1 : name;
}

int docker_read_inspect(const char *runtime, const char *text, size_t length,
                        struct container **ret_container, struct error *error)
{
    _cleanup_container_ struct container *container = NULL;
    _cleanup_json_ cJSON *json = NULL;
    const cJSON *config;
    int r = json_parse("a container", text, length, &json, error);

    if (r < 0)
        return r;
    if (!docker_is_id(docker_text(json, "Id")))
        return error_set(error, -EINVAL, "a container without an id");
    config = docker_member(json, "Config");
    container = container_new(runtime, docker_text(json, "Id"), without_slash(docker_text(json, "Name")));
    if (!container || docker_copy(&container->image, docker_text(config, "Image")) < 0 ||
        docker_read_labels(container, docker_object(config, "Labels")) < 0 ||
        docker_read_exposed(container, docker_object(config, "ExposedPorts")) < 0 ||
        docker_read_published(container, docker_object(docker_member(json, "NetworkSettings"), "Ports")) <
            0 ||
        docker_read_networks(container, docker_object(docker_member(json, "NetworkSettings"), "Networks")) <
            0 ||
        docker_read_network_mode(container, docker_text(docker_member(json, "HostConfig"), "NetworkMode")) <
            0)
        return error_errno(error, -ENOMEM, "a container");
    docker_read_state(container, docker_member(json, "State"));
    docker_read_stop(container, docker_member(config, "StopTimeout"));
    *ret_container = TAKE_PTR(container);
    return 0;
}

int docker_read_list(const char *text, size_t length, char (**ret_ids)[DOCKER_ID_MAX + 1], size_t *ret_n,
                     struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    char(*ids)[DOCKER_ID_MAX + 1];
    const cJSON *item;
    size_t n = 0;
    int r = json_parse("the list of containers", text, length, &json, error);

    if (r < 0)
        return r;
    ids = calloc((size_t)cJSON_GetArraySize(json) + 1, sizeof(*ids));
    if (!ids)
        return error_errno(error, -ENOMEM, "the list of containers");
    cJSON_ArrayForEach (item, json) {
        if (docker_is_id(docker_text(item, "Id")))
            (void)snprintf(ids[n++], sizeof(*ids), "%s", docker_text(item, "Id"));
    }
    *ret_ids = ids;
    *ret_n = n;
    return 0;
}

static struct container *docker_listed_one(const char *runtime, const char *id, const cJSON *item)
{
    _cleanup_container_ struct container *container = NULL;
    const cJSON *name = cJSON_GetArrayItem(docker_member(item, "Names"), 0);

    container = container_new(runtime, id, cJSON_IsString(name) ? without_slash(name->valuestring) : NULL);
    if (!container || docker_copy(&container->image, docker_text(item, "Image")) < 0 ||
        docker_read_labels(container, docker_object(item, "Labels")) < 0 ||
        docker_read_network_mode(container, docker_text(docker_member(item, "HostConfig"), "NetworkMode")) <
            0)
        return NULL;
    return TAKE_PTR(container);
}

int docker_read_listed(const char *runtime, const char *text, size_t length, const char *id,
                       struct container **ret_container, struct error *error)
{
    _cleanup_json_ cJSON *json = NULL;
    struct container *found = NULL;
    const cJSON *item;
    int r = json_parse("the list of containers", text, length, &json, error);

    if (r < 0)
        return r;
    cJSON_ArrayForEach (item, json) {
        if (strcmp(docker_text(item, "Id"), id) != 0)
            continue;
        found = docker_listed_one(runtime, id, item);
        if (!found)
            return error_errno(error, -ENOMEM, "the list of containers");
        break;
    }
    *ret_container = found;
    return 0;
}

/* Those that end a program which does not ask for them; others are words between friends (SIGHUP, SIGUSR1). */
static bool is_ending_signal(const char *signal)
{
    static const char *const ending[] = {"15",      "9",      "2",       "3",    "SIGTERM",
                                         "SIGKILL", "SIGINT", "SIGQUIT", "TERM", "KILL"};

    for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
        if (strcmp(signal, ending[i]) == 0)
            return true;
    return false;
}

static enum docker_action docker_action_of(const char *type, const char *action, const cJSON *attributes)
{
    static const char *const changes[] = {"start",   "die",    "died",    "stop",   "pause",
                                          "unpause", "rename", "restart", "update", "health_status"};

    if (strcmp(type, "network") == 0)
        return strcmp(action, "connect") == 0 || strcmp(action, "disconnect") == 0 ? DOCKER_CHANGED
                                                                                   : DOCKER_OTHER;
    if (strcmp(type, "container") != 0)
        return DOCKER_OTHER;
    if (strcmp(action, "create") == 0)
        return DOCKER_CREATED;
    if (strcmp(action, "destroy") == 0 || strcmp(action, "remove") == 0)
        return DOCKER_DESTROYED;
    if (strcmp(action, "kill") == 0)
        return is_ending_signal(docker_text(attributes, "signal")) ? DOCKER_ENDING : DOCKER_OTHER;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        size_t n = strlen(changes[i]);

        if (strncmp(action, changes[i], n) == 0 &&
            (!action[n] || action[n] == ':')) /* "health_status: healthy" */
            return DOCKER_CHANGED;
    }
    return DOCKER_OTHER;
}

/* Labels are attributes beside name and image. */
static int docker_read_created(const char *runtime, const char *id, const cJSON *attributes,
                               struct container **ret_container)
{
    _cleanup_container_ struct container *container =
        container_new(runtime, id, docker_text(attributes, "name"));

    if (!container || docker_copy(&container->image, docker_text(attributes, "image")) < 0 ||
        docker_read_labels(container, attributes) < 0)
        return -ENOMEM;
    container->state = CONTAINER_CREATED;
    *ret_container = TAKE_PTR(container);
    return 0;
}

/* Docker tells what happens to a network of the network, with its container; podman of the container. */
static const char *container_of_event(const char *type, const cJSON *actor, const cJSON *attributes)
{
    const char *container = strcmp(type, "network") == 0 ? docker_text(attributes, "container") : "";

    return *container ? container : docker_text(actor, "ID");
}

int docker_read_event(const char *runtime, const char *text, size_t length, struct docker_event *ret_event,
                      struct error *error)
{
    struct docker_event event = {.action = DOCKER_OTHER};
    _cleanup_json_ cJSON *json = NULL;
    const cJSON *actor;
    const cJSON *attributes;
    const char *type;
    const char *id;
    int r = json_parse("an event", text, length, &json, error);

    if (r < 0)
        return r;
    actor = docker_member(json, "Actor");
    attributes = docker_object(actor, "Attributes");
    type = docker_text(json, "Type");
    id = container_of_event(type, actor, attributes);
    if (docker_is_id(id)) {
        event.action = docker_action_of(type, docker_text(json, "Action"), attributes);
        (void)snprintf(event.id, sizeof(event.id), "%s", id);
    }
    if (event.action == DOCKER_CREATED && docker_read_created(runtime, id, attributes, &event.container) < 0)
        return error_errno(error, -ENOMEM, "an event");
    *ret_event = event;
    return 0;
}
