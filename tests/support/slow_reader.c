/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * slow_reader: reads the published tables as the programs do, but slowly: takes a descriptor, waits, and only
 * then reads the slots it names. A region that is rewritten before a grace period has passed shows up here
 * within seconds; the programs themselves, 20 ns from one read to the other, would meet it once in a year.
 *
 *   slow_reader --maps DIRECTORY --scope N [--seconds S] [--window MICROSECONDS] < WORDS
 *
 * WORDS: lines "alias ADDRESS PORT NAME" and "endpoint ADDRESS PORT NAME", IPv4. A table of alias NAME may
 * lead to endpoints of that NAME only. A look that took more than one and a half windows is thrown away: the
 * scheduler was in between, and a grace period may have passed. Prints one JSON object; "wrong" counts slots
 * that led elsewhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <svcconnect/abi.h>
#include <svcconnect/decision.h>

#define MAX_WORDS 4096
#define NAME_SIZE 64

struct known {
    uint8_t address[16];
    __be16 port_be;
    char name[NAME_SIZE];
};

struct array {
    const void *memory;
    uint32_t n;
};

static struct known aliases[MAX_WORDS], endpoints[MAX_WORDS];
static size_t n_aliases, n_endpoints;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "slow_reader: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A pinned array map, mapped for reading. */
static struct array open_array(const char *directory, const char *name, size_t value_size)
{
    char path[4096];
    struct bpf_map_info info = {0};
    union bpf_attr get = {0};
    union bpf_attr ask = {0};
    struct array array;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    get.pathname = (uint64_t)(uintptr_t)path;
    fd = (int)syscall(SYS_bpf, BPF_OBJ_GET, &get, sizeof(get));
    if (fd < 0)
        die(path);
    ask.info.bpf_fd = (uint32_t)fd;
    ask.info.info_len = sizeof(info);
    ask.info.info = (uint64_t)(uintptr_t)&info;
    if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &ask, sizeof(ask)) < 0 || info.value_size != value_size)
        die(path);
    array.n = info.max_entries;
    array.memory = mmap(NULL, (size_t)info.max_entries * value_size, PROT_READ, MAP_SHARED, fd, 0);
    if (array.memory == MAP_FAILED)
        die(path);
    close(fd);
    return array;
}

static void add_known(struct known *list, size_t *n, const char *address, unsigned port, const char *name)
{
    struct known *known = &list[*n];

    if (*n == MAX_WORDS || strlen(name) >= NAME_SIZE)
        die("too many words");
    memset(known->address + 10, 0xff, 2);
    if (inet_pton(AF_INET, address, known->address + 12) != 1)
        die(address);
    known->port_be = htons((uint16_t)port);
    strcpy(known->name, name);
    (*n)++;
}

static void read_words(void)
{
    char line[256], kind[16], address[64], name[NAME_SIZE];
    unsigned port;

    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "%15s %63s %u %63s", kind, address, &port, name) != 4)
            die("a line is no word");
        if (strcmp(kind, "alias") == 0)
            add_known(aliases, &n_aliases, address, port, name);
        else
            add_known(endpoints, &n_endpoints, address, port, name);
    }
}

static const char *find_name(const struct known *list, size_t n, const uint8_t address[16], __be16 port_be)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].port_be == port_be && memcmp(list[i].address, address, 16) == 0)
            return list[i].name;
    return "stranger";
}

/* What is looked at: the entries of `services` that belong to the scope, by index. */
struct view {
    uint32_t index;
    const char *name;
    uint64_t descriptor;
};

static size_t find_views(const struct svc_service *services, uint32_t n, uint32_t scope,
                         struct view views[MAX_WORDS])
{
    size_t count = 0;

    for (uint32_t i = 0; i < n && count < MAX_WORDS; i++)
        if (services[i].scope == scope)
            views[count++] = (struct view){
                .index = i,
                .name = find_name(aliases, n_aliases, services[i].address4, services[i].port_be),
            };
    return count;
}

static uint64_t load_descriptor(const struct svc_service *service)
{
    return __atomic_load_n(&service->table4, __ATOMIC_ACQUIRE);
}

static unsigned count_wrong(const struct view *view, const struct array *slots)
{
    uint32_t first = svc_descriptor_first(view->descriptor);
    uint32_t count = svc_descriptor_count(view->descriptor);
    unsigned wrong = 0;

    if (first + count > slots->n)
        return 1;
    for (uint32_t i = 0; i < count; i++) {
        struct svc_slot slot = ((const struct svc_slot *)slots->memory)[first + i];

        wrong += strcmp(find_name(endpoints, n_endpoints, slot.address_a, slot.port_a_be), view->name) != 0;
        wrong += strcmp(find_name(endpoints, n_endpoints, slot.address_b, slot.port_b_be), view->name) != 0;
    }
    return wrong;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"maps", required_argument, NULL, 'm'},
        {"scope", required_argument, NULL, 's'},
        {"seconds", required_argument, NULL, 't'},
        {"window", required_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    static struct view views[MAX_WORDS];
    const char *maps = NULL;
    uint32_t scope = 0;
    double seconds = 3;
    uint64_t window = 1000000;
    uint64_t looks = 0, late = 0, replaced = 0, wrong = 0, end;
    struct array services, slots;
    size_t n_views;
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'm')
            maps = optarg;
        else if (option == 's')
            scope = (uint32_t)atoi(optarg);
        else if (option == 't')
            seconds = strtod(optarg, NULL);
        else if (option == 'w')
            window = strtoull(optarg, NULL, 10) * 1000;
        else
            maps = "";
    }
    if (!maps || !*maps || !scope) {
        fprintf(
            stderr,
            "usage: slow_reader --maps DIRECTORY --scope N [--seconds S] [--window MICROSECONDS] < WORDS\n");
        return 2;
    }
    read_words();
    services = open_array(maps, "services", sizeof(struct svc_service));
    slots = open_array(maps, "slots", sizeof(struct svc_slot));
    n_views = find_views(services.memory, services.n, scope, views);
    end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end) {
        const struct svc_service *entries = services.memory;
        uint64_t began = now_ns();
        unsigned wrong_here = 0, replaced_here = 0;

        for (size_t i = 0; i < n_views; i++)
            views[i].descriptor = load_descriptor(&entries[views[i].index]);
        while (now_ns() - began < window)
            ;
        for (size_t i = 0; i < n_views; i++) {
            wrong_here += count_wrong(&views[i], &slots);
            replaced_here += load_descriptor(&entries[views[i].index]) != views[i].descriptor;
        }
        if (now_ns() - began > window * 3 / 2) {
            late++;
            continue;
        }
        looks++;
        wrong += wrong_here;
        replaced += replaced_here;
    }
    printf("{\"views\": %zu, \"looks\": %llu, \"late\": %llu, \"replaced\": %llu, \"wrong\": %llu}\n",
           n_views, (unsigned long long)looks, (unsigned long long)late, (unsigned long long)replaced,
           (unsigned long long)wrong);
    return 0;
}
